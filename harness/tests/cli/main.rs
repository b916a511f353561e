//! The command as people and scripts meet it: arguments, files, exit codes, reports.

mod bench;
mod image;
mod npy;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

struct Run {
    code: i32,
    out: String,
    err: String,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn digits(file: &str) -> String {
    repository().join("models/digits").join(file).display().to_string()
}

/// Runs the command in `folder`, as installed: nothing of the repository is near.
fn run(folder: &Path, arguments: &[&str]) -> Run {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_hilbench"))
        .current_dir(folder)
        .env("HILBENCH_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
        .args(arguments)
        .output()
        .expect("the command can be run");
    Run {
        code: status.code().expect("it ends by itself"),
        out: String::from_utf8(stdout).expect("text"),
        err: String::from_utf8(stderr).expect("text"),
    }
}

/// Runs the command in an empty folder.
fn hilbench(arguments: &[&str]) -> Run {
    run(TempDir::new().expect("a folder").path(), arguments)
}

/// Bad input: exit code 2, one error, which says all of `parts`; nothing on standard output.
#[track_caller]
fn refused(arguments: &[&str], parts: &[&str]) {
    let run = hilbench(arguments);
    assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
    assert_eq!(run.err.matches("error: ").count(), 1, "{}", run.err);
    for part in parts {
        assert!(run.err.contains(part), "{part:?} is missing: {}", run.err);
    }
}

/// A copy of a carried board with something else in it.
fn board(folder: &Path, name: &str, from: &str, to: &str) -> String {
    let text = fs::read_to_string(repository().join(format!("targets/boards/{name}.toml"))).expect("a board");
    assert!(text.contains(from), "{from}");
    let path = folder.join("board.toml");
    fs::write(&path, text.replace(from, to)).expect("a folder that can be written");
    path.display().to_string()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a report")).expect("JSON")
}

#[test]
fn the_shipped_model_matches_and_every_report_says_so() {
    let folder = TempDir::new().expect("a folder");
    let run = run(
        folder.path(),
        &[
            "validate",
            &digits("digits_int8.tflite"),
            "--board",
            "virtual-m4",
            "--input",
            &digits("digits_test.npz"),
            "--output",
            "results",
            "--json",
            "report.json",
            "--junit",
            "report.xml",
            "--per-layer",
            "-v",
        ],
    );
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{}", run.out);
    let said = [
        "Match     3,600 elements of 360 samples equal, bit for bit",
        "instructions, counted in emulation",
        "350 of 360 (97.22 %)",
        "#4 CONV_2D",
        "confusion matrix of virtual-m4",
        "(high water)",
        "never on an FPGA board",
    ];
    for part in said {
        assert!(run.out.contains(part), "{part:?} is missing: {}", run.out);
    }
    let report = json(&folder.path().join("report.json"));
    assert_eq!((&report["schema_version"], &report["exit_code"]), (&1.into(), &0.into()));
    let board = &report["boards"][0];
    assert_eq!(board["verdict"], "Match");
    assert_eq!(board["latency"]["unit"], "instructions");
    assert_eq!(board["labels"]["right"], 350);
    assert_eq!(board["layers"].as_array().map(Vec::len), Some(7));
    assert_eq!(board["outputs"][0]["mismatches"], 0);
    assert_eq!(report["metrics"].as_array().map(Vec::len), Some(3));
    let code = |name: &str| board["memory"][name].as_u64().expect("bytes");
    assert!((500..code("code_bytes") / 2).contains(&code("network_code_bytes")), "a part is the network's");
    assert!(board["memory"]["stack_high_water_bytes"].as_u64().is_some_and(|n| n > 0 && n < 16 * 1024));
    let xml = fs::read_to_string(folder.path().join("report.xml")).expect("a report");
    assert!(xml.contains(r#"tests="1" errors="0" failures="0""#), "{xml}");
    assert!(xml.contains(r#"name="digits_int8 on virtual-m4""#), "{xml}");
    // What was saved is what the recorded oracle says.
    let saved = hilbench::npz::read(&folder.path().join("results/digits_int8_val_io.npz")).expect("saved");
    let golden = hilbench::npz::read(Path::new(&digits("digits_test.npz"))).expect("recorded");
    let array = |arrays: &[(String, hilbench::npz::Array)], name: &str| {
        arrays.iter().find(|(n, _)| n == name).map(|(_, a)| a.clone()).expect("an array of this name")
    };
    assert_eq!(array(&saved, "m_inputs_1"), array(&golden, "m_inputs_1"));
    assert_eq!(array(&saved, "m_outputs_1"), array(&golden, "m_outputs_1"));
    assert_eq!(array(&saved, "c_outputs_1"), array(&golden, "m_outputs_1"));
}

/// A bit of the image's weights falls over while it waits in the cache.
#[test]
fn a_difference_ends_with_1_and_names_the_layer() {
    let folder = TempDir::new().expect("a folder");
    fs::copy(digits("digits_int8.tflite"), folder.path().join("fallen.tflite")).expect("a copy");
    let arguments = ["validate", "fallen.tflite", "-b", "virtual-m4", "-n", "20", "--json", "r.json"];
    let sound = run(folder.path(), &arguments);
    assert_eq!(sound.code, 0, "{}{}", sound.out, sound.err);
    let elf = json(&folder.path().join("r.json"))["boards"][0]["firmware"]["elf"].clone();
    let elf = Path::new(elf.as_str().expect("a path"));
    image::flip_first_weight_bit(elf);
    let run = run(folder.path(), &[&arguments[..], &["--junit", "r.xml", "--output", "results"]].concat());
    fs::remove_file(elf).expect("the image goes, for the next run of this test");
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    // Which layer that is depends on where the linker put its weights.
    assert!(run.out.contains("Differs") && run.out.contains("first wrong layer: "), "{}", run.out);
    assert!(run.out.contains("the plan computes it right on this host"), "{}", run.out);
    let report = json(&folder.path().join("r.json"));
    let board = &report["boards"][0];
    assert_eq!((&board["verdict"], &report["exit_code"]), (&"Differs".into(), &1.into()));
    assert!(board["first_wrong_layer"]["operator"].is_string(), "{board}");
    assert_eq!(board["first_wrong_layer"]["plan_agrees"], false);
    assert!(board["outputs"][0]["mismatches"].as_u64().is_some_and(|n| n > 0));
    let xml = fs::read_to_string(folder.path().join("r.xml")).expect("a report");
    assert!(xml.contains(r#"failures="1""#) && xml.contains("<failure type=\"Differs\""), "{xml}");
    assert!(folder.path().join("results/fallen_val_io.npz").is_file());
}

#[test]
fn a_model_that_does_not_fit_ends_with_3() {
    let folder = TempDir::new().expect("a folder");
    let model = digits("digits_int8.tflite");
    let rows = [
        (
            "length = \"4M\"\n\n[placement]",
            "length = \"17K\"\n\n[placement]",
            "the activations need 1504 bytes, ssram23 has 1024",
        ),
        ("origin = 0x0000_0000\nlength = \"4M\"", "origin = 0x0000_0000\nlength = \"8K\"", "weights and code need"),
    ];
    for (from, to, says) in rows {
        let small = board(folder.path(), "virtual-m4", from, to);
        let run =
            run(folder.path(), &["validate", &model, "-b", &small, "-n", "1", "--json", "r.json", "--junit", "r.xml"]);
        assert_eq!(run.code, 3, "{}{}", run.out, run.err);
        assert!(run.out.contains("DoesNotFit") && run.out.contains(says), "{}", run.out);
        let refused = &json(&folder.path().join("r.json"))["boards"][0]["does_not_fit"];
        assert!(refused["need_bytes"].as_u64() > refused["have_bytes"].as_u64(), "{refused}");
        assert!(fs::read_to_string(folder.path().join("r.xml")).expect("a report").contains(r#"errors="1""#));
    }
}

#[test]
fn a_board_that_is_not_there_is_skipped_and_ends_with_4() {
    let folder = TempDir::new().expect("a folder");
    let absent = board(folder.path(), "virtual-m4", "\"qemu-system-arm\"", "\"no-such-emulator\"");
    let model = digits("digits_int8.tflite");
    let run = run(folder.path(), &["validate", &model, "-b", &absent, "-n", "1", "--junit", "r.xml"]);
    assert_eq!(run.code, 4, "{}{}", run.out, run.err);
    assert!(run.out.contains("Skipped") && run.out.contains("`no-such-emulator` is not installed"), "{}", run.out);
    let xml = fs::read_to_string(folder.path().join("r.xml")).expect("a report");
    assert!(xml.contains("<skipped"), "{xml}");
}

#[test]
fn a_dead_board_ends_with_4_and_says_how() {
    let folder = TempDir::new().expect("a folder");
    // The port is not where the firmware thinks it is.
    let deaf = board(folder.path(), "virtual-m4", "base = 0x4000_4000", "base = 0x4000_5000");
    let model = digits("digits_int8.tflite");
    let run = run(folder.path(), &["validate", &model, "-b", &deaf, "-n", "1", "-q", "--link", "serial"]);
    assert_eq!(run.code, 4, "{}{}", run.out, run.err);
    assert!(run.out.starts_with("Unreachable digits_int8 on virtual-m4: hello: no answer within"), "{}", run.out);
}

#[test]
fn usage_is_checked() {
    let model = digits("digits_int8.tflite");
    assert_eq!(hilbench(&["--help"]).code, 0);
    assert!(hilbench(&["--help"]).out.contains("Exit codes"));
    assert_eq!(hilbench(&["--version"]).code, 0);
    refused(&["validate"], &["required"]);
    refused(&["validate", &model], &["--board"]);
    refused(&["validate", &model, "-b", "virtual-m9"], &["virtual-m9", "virtual-m33"]);
    refused(&["validate", &model, "-b", "no.toml"], &["no.toml"]);
    refused(&["validate", &model, "-b", "virtual-m4", "-n", "0"], &["'0'", "1..=1000000"]);
    refused(&["validate", &model, "-b", "virtual-m4", "--range", "2", "1"], &["--range", "[2.0, 1.0]"]);
    refused(&["validate", &model, "-b", "virtual-m4", "--range", "0", "inf"], &["inf"]);
    refused(&["validate", "gone.tflite", "-b", "virtual-m4"], &["gone.tflite"]);
    refused(&["validate", &model, "-b", "virtual-m4", "--input", "gone.npz"], &["gone.npz"]);
    refused(&["show", &digits("digits_test.npz")], &["digits_test.npz", "TFL3"]);
    refused(&["show", &model, "--stage", "silicon"], &["silicon", "qgraph"]);
}

#[test]
fn sizes_that_a_file_leaves_open_are_given_by_name_or_by_input() {
    let cases = repository().join("models/onnx_cases/pitfalls/symbolic_batch");
    let model = cases.join("model.onnx").display().to_string();
    let shown = |sizes: &str| hilbench(&["show", &model, "--stage", "qgraph", "--fix-shape", sizes]);
    for sizes in ["N=2", "x0=2x3x5x5"] {
        let run = shown(sizes);
        assert!(run.code == 0 && run.out.contains("[2, 3, 5, 5]"), "{sizes}: {}{}", run.out, run.err);
    }
    refused(&["show", &model, "--fix-shape", "M=2"], &["\"M\"", "[\"N\"]", "[\"x0\"]"]);
    refused(&["show", &model, "--fix-shape", "x0=2x3x5x6"], &["x0", "[2, 3, 5, 6]", "[2, 3, 5, 5]"]);
    refused(&["show", &model, "--fix-shape", "N=0"], &["NAME=NxNxN", "65535"]);
    refused(&["show", &digits("digits_int8.tflite"), "--fix-shape", "N=2"], &["digits_int8.tflite", "ONNX"]);
}

#[test]
fn results_that_cannot_be_written_are_named_before_the_work() {
    let model = digits("digits_int8.tflite");
    refused(&["validate", &model, "-b", "virtual-m4", "--json", "no/such/r.json"], &["no/such/r.json", "written"]);
    refused(&["validate", &model, "-b", "virtual-m4", "--junit", "/"], &["/: cannot be written"]);
    refused(&["validate", &model, "-b", "virtual-m4", "--output", "/dev/null/x"], &["/dev/null/x"]);
}

/// Nothing is written over: neither one board's outputs by another's, nor one report by the other.
#[test]
fn results_that_would_replace_each_other_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let model = digits("digits_int8.tflite");
    let namesake = board(folder.path(), "virtual-m4", "16K", "32K");
    refused(&["validate", &model, "-b", "virtual-m4", "-b", "virtual-m4"], &["virtual-m4", "twice"]);
    refused(&["validate", &model, "-b", "virtual-m4", "-b", &namesake], &["virtual-m4", "twice"]);
    refused(&["validate", &model, "-b", "virtual-m4", "--json", "r", "--junit", "r"], &["--json", "--junit", "r"]);
}

#[test]
fn lists_are_printed() {
    let boards = hilbench(&["boards"]);
    assert_eq!((boards.code, boards.out.lines().count()), (0, 20), "{}", boards.out);
    let operators = hilbench(&["supported-ops"]);
    assert!(operators.code == 0 && operators.out.contains("DEPTHWISE_CONV_2D"), "{}", operators.out);
    for stage in ["graph", "qgraph", "plan", "source"] {
        let shown = hilbench(&["show", &digits("digits_int8.tflite"), "--stage", stage]);
        assert!(shown.code == 0 && shown.out.contains("CONV_2D"), "{stage}: {}", shown.out);
    }
}

/// The table in the README is the compiler's own.
#[test]
fn the_readme_lists_the_operators_that_there_are() {
    let readme = fs::read_to_string(repository().join("README.md")).expect("a README");
    let table = hilbench(&["supported-ops", "--markdown"]).out;
    assert!(readme.contains(&table), "README.md should hold:\n{table}");
}

/// Data that does not fit the model: the file, the array, what it is and what it should be.
#[test]
fn data_is_checked() {
    let folder = TempDir::new().expect("a folder");
    let model = digits("digits_int8.tflite");
    let rows: [(&str, &[npy::Row<'_>], &[&str]); 11] = [
        ("other key", &[("x", "|i1", &[2, 8, 8, 1])], &["`m_inputs_1` is missing", "x"]),
        ("no array", &[], &["`m_inputs_1` is missing", "none"]),
        ("other type", &[("m_inputs_1", "<i8", &[2, 8, 8, 1])], &["int64", "int8 or float32"]),
        ("text", &[("m_inputs_1", "<U1", &[2, 8, 8, 1])], &["<U1"]),
        ("channel first", &[("m_inputs_1", "|i1", &[2, 8, 4, 2])], &["[2, 8, 4, 2]", "[samples, 8, 8, 1]"]),
        ("no samples", &[("m_inputs_1", "|i1", &[0, 8, 8, 1])], &["no samples"]),
        ("infinite", &[("m_inputs_1", "inf", &[2, 64])], &["inf in sample 0"]),
        ("short", &[("m_inputs_1", "short", &[2, 64])], &["damaged", "[2, 64]"]),
        ("labels", &[("m_inputs_1", "|i1", &[2, 64]), ("labels", "<i8", &[3])], &["`labels`", "[3]", "[2]"]),
        ("label", &[("m_inputs_1", "|i1", &[2, 64]), ("labels", "99", &[2])], &["99 for sample 0", "0 to 9"]),
        ("outputs", &[("m_inputs_1", "|i1", &[2, 64]), ("m_outputs_1", "|i1", &[2, 9])], &["`m_outputs_1`", "[2, 9]"]),
    ];
    for (name, arrays, says) in rows {
        let path = folder.path().join(format!("{name}.npz"));
        npy::write(&path, arrays);
        let path = path.display().to_string();
        refused(&["validate", &model, "-b", "virtual-m4", "--input", &path], &[says, &[path.as_str()]].concat());
    }
}

/// Floats are quantized, a flat or a big-endian or a column-major array is taken for what it is.
#[test]
fn data_of_other_forms_is_taken() {
    let folder = TempDir::new().expect("a folder");
    let model = digits("digits_int8.tflite");
    let rows: [npy::Row<'_>; 4] = [
        ("m_inputs", "<f4", &[3, 8, 8, 1]),
        ("m_inputs_1", "<f8", &[3, 64]),
        ("m_inputs_1", "|i1", &[3, 1, 8, 8]),
        ("m_inputs_1", "column-major", &[3, 8, 8, 1]),
    ];
    for (n, row) in rows.into_iter().enumerate() {
        let path = folder.path().join(format!("{n}.npz"));
        npy::write(&path, &[row]);
        let path = path.display().to_string();
        let run = hilbench(&["validate", &model, "-b", "virtual-m4", "-q", "--input", &path]);
        assert_eq!(
            (run.code, run.out.as_str()),
            (0, "Match       digits_int8 on virtual-m4\n"),
            "{row:?}: {}",
            run.err
        );
    }
}
