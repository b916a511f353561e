//! Models on emulated boards: bit for bit what the reference kernels compute, or refused for a reason.
//!
//! One-operator models are the repository's own. Public models lie outside of it, in `zoo` of the folder named by
//! `HILBENCH_SHARED` or of `shared` beside the checkout; without it their tests are skipped aloud. That the reference
//! kernels are right is for the compiler's own tests.

mod agreement;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use hilbench::board::Board;
use hilbench::dataset::Dataset;
use hilbench::model::{Form, Model};
use hilbench::reference;
use hilbench::target::Delivery;
use hilbench::validate::{Job, Verdict, timeouts, validate_all};
use hilbench_compiler::lower::Isa;

/// A folder of public data.
fn shared(folder: &str) -> Option<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let shared = std::env::var_os("HILBENCH_SHARED").map_or_else(|| repository.join("../shared"), PathBuf::from);
    let found = shared.join(folder);
    if found.is_dir() {
        return Some(found);
    }
    eprintln!("SKIPPED: no public {folder}: set HILBENCH_SHARED or lay it in ../shared");
    None
}

fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

/// Validates on all boards at once and answers what does not match.
fn validate(model: &Path, vectors: &Path, boards: &[Board], samples: usize) -> Vec<String> {
    let name = model.strip_prefix(model.ancestors().nth(3).expect("a deep path")).expect("an ancestor").display();
    let model = Model::read(model, &Form::default()).expect("an accepted model");
    let compiled = model.compile(&Form::default()).expect("an accepted model");
    let data = Dataset::read(vectors, &compiled.qgraph, Some(samples)).expect("samples");
    let expected = reference::expected(&compiled.qgraph, &data, &|_| {});
    let job = Job {
        model: &model,
        compiled: &compiled,
        data: &data,
        expected: &expected,
        per_layer: false,
        timeouts: timeouts(compiled.plan(Isa::Generic)),
        cache: cache(),
        delivery: Delivery::default(),
        faults: None,
    };
    let mut failures = Vec::new();
    for outcome in validate_all(&job, boards, &|_, _| {}) {
        let counted = outcome.counts.as_ref().and_then(|c| c.inferences.first().copied()).unwrap_or_default();
        let (word, board) = (outcome.verdict.word(), &outcome.board.name);
        println!(
            "{name} {board} {word} {counted} instructions, arena {}",
            compiled.plan(outcome.board.isa).arena_bytes
        );
        if outcome.verdict != Verdict::Match {
            failures.push(format!("{name} on {board}: {:?}", outcome.verdict));
        }
    }
    failures
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).expect("a folder of cases");
    let mut folders: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.is_dir()).collect();
    folders.sort();
    folders
}

/// One case of every operator, another one for each, without and with vector instructions.
#[test]
fn every_operator_matches_on_two_cores() {
    let boards = ["virtual-m4", "virtual-m55"].map(|name| Board::find(name).expect("carried"));
    let operators = folders(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/cases"));
    let failures: Vec<String> = operators
        .iter()
        .enumerate()
        .flat_map(|(n, operator)| {
            let cases = folders(operator);
            let case = &cases[n % cases.len()];
            validate(&case.join("model.tflite"), &case.join("io.npz"), &boards, 4)
        })
        .collect();
    assert!(operators.len() >= 35 && failures.is_empty(), "{}", failures.join("\n"));
}

/// One pack of random operators of every element type, and every tenth of the others, each on one of two cores.
#[test]
fn packs_of_operators_match() {
    let boards = ["virtual-m4", "virtual-m55"].map(|name| Board::find(name).expect("carried"));
    let packs = folders(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/packs"));
    let (mut kinds, mut taken, mut failures) = (BTreeSet::new(), 0, Vec::new());
    for (n, pack) in packs.iter().enumerate() {
        let name = pack.file_name().unwrap_or_default().to_string_lossy();
        let kind = name.rsplit('_').next().unwrap_or_default().to_string();
        if kinds.insert(kind) || n % 10 == 0 {
            let board = taken % boards.len();
            failures.extend(validate(&pack.join("model.tflite"), &pack.join("io.npz"), &boards[board..=board], 2));
            taken += 1;
        }
    }
    assert!(taken >= 15 && failures.is_empty(), "{} of {taken}", failures.join("\n"));
}

/// Names of the public models whose facts say all of `words` and none of `others`.
fn public_models(words: &[&str], others: &[&str]) -> Vec<String> {
    let facts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo");
    let files = std::fs::read_dir(facts).expect("facts of public models").filter_map(|e| Some(e.ok()?.path()));
    let mut names: Vec<String> = files
        .filter(|file| {
            let text = std::fs::read_to_string(file).expect("facts are text");
            words.iter().all(|w| text.contains(w)) && !others.iter().any(|w| text.contains(w))
        })
        .filter_map(|file| Some(file.file_stem()?.to_str()?.to_string()))
        .collect();
    names.sort();
    names
}

#[test]
fn every_public_int8_model_matches_on_every_board() {
    let Some(zoo) = shared("zoo") else { return };
    let boards = ["virtual-m4", "virtual-m7", "virtual-m33", "virtual-m55"].map(|b| Board::find(b).expect("carried"));
    let models = public_models(&["format = \"tflite\"", "kind = \"int8"], &["streaming"]);
    let failures: Vec<String> = models
        .iter()
        .flat_map(|name| {
            let (model, vectors) = (zoo.join(format!("{name}.tflite")), zoo.join(format!("{name}.io.npz")));
            // Large inputs take their time over a serial port, so they come once.
            let large = std::fs::metadata(&vectors).is_ok_and(|file| file.len() > 100_000);
            validate(&model, &vectors, &boards, if large { 1 } else { 3 })
        })
        .collect();
    assert!(models.len() >= 20 && failures.is_empty(), "{} of {}", failures.join("\n"), models.len());
}

/// With a float unit, without one, and with vector instructions; the constants of one model are too large for the last.
#[test]
fn every_public_quantized_onnx_model_matches() {
    let Some(zoo) = shared("zoo") else { return };
    let all = ["virtual-m4", "virtual-m33-soft", "virtual-m55"].map(|name| Board::find(name).expect("carried"));
    let models = public_models(&["format = \"onnx\"", "kind = \"ONNX Q"], &[]);
    let failures: Vec<String> = models
        .iter()
        .flat_map(|name| {
            let (model, vectors) = (zoo.join(format!("{name}.onnx")), zoo.join(format!("{name}.io.npz")));
            let large = std::fs::metadata(&model).is_ok_and(|file| file.len() > 2_000_000);
            validate(&model, &vectors, if large { &all[..1] } else { &all[..] }, 1)
        })
        .collect();
    assert!(models.len() >= 10 && failures.is_empty(), "{} of {}", failures.join("\n"), models.len());
}

/// Floats, weights of 8 bits under float activations, uint8, a state that is kept from sample to sample, and the same in ONNX.
#[test]
fn every_public_model_of_another_kind_matches() {
    let Some(zoo) = shared("zoo") else { return };
    let all = ["virtual-m4", "virtual-m55"].map(|name| Board::find(name).expect("carried"));
    let others = ["float32", "dynamic", "uint8 per-tensor", "streaming"];
    let mut models: Vec<String> =
        others.iter().flat_map(|kind| public_models(&[&format!("kind = \"{kind}")], &[])).collect();
    for kind in ["int8 streaming", "ONNX float32", "ONNX dynamic"] {
        models.extend(public_models(&[&format!("kind = \"{kind}")], &[]));
    }
    let failures: Vec<String> = models
        .iter()
        .flat_map(|name| {
            let file = ["tflite", "onnx"].map(|kind| zoo.join(format!("{name}.{kind}")));
            let model = file.iter().find(|file| file.is_file()).expect("a public model");
            let large = std::fs::metadata(model).is_ok_and(|file| file.len() > 400_000);
            let samples = if name.contains("streaming") { 8 } else { 1 };
            let boards = if large { &all[..1] } else { &all[..] };
            validate(model, &zoo.join(format!("{name}.io.npz")), boards, samples)
        })
        .collect();
    assert!(models.len() >= 9 && failures.is_empty(), "{} of {}", failures.join("\n"), models.len());
}

/// The memory map and serial port of an STM32: flash elsewhere than at 0, a USART that interrupts.
#[test]
fn the_shipped_model_matches_on_a_chip_of_st() {
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/digits");
    let board = Board::find("virtual-f405").expect("carried");
    let failures = validate(&digits.join("digits_int8.tflite"), &digits.join("digits_test.npz"), &[board], 20);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A thousand keywords, as many right as published for this model and set.
#[test]
fn a_thousand_keywords_are_classified_as_published() {
    let (Some(zoo), Some(datasets)) = (shared("zoo"), shared("datasets")) else { return };
    let report = Path::new(env!("CARGO_TARGET_TMPDIR")).join("keywords.json");
    let output = Command::new(env!("CARGO_BIN_EXE_hilbench"))
        .env("HILBENCH_CACHE", cache())
        .args(["validate", "--board", "virtual-m4", "--json"])
        .arg(&report)
        .arg("--input")
        .arg(datasets.join("kws_1000.npz"))
        .arg(zoo.join("kws_ds_cnn.tflite"))
        .output()
        .expect("the command can be run");
    print!("{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(output.status.code(), Some(0));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(report).expect("a report")).expect("JSON");
    let board = &report["boards"][0];
    assert_eq!((&board["verdict"], &board["samples_answered"]), (&"Match".into(), &1000.into()));
    assert_eq!(board["labels"]["right"], 902);
}

/// Each ends with exit code 2 and one error that names the file and says why.
#[test]
fn other_models_are_refused_with_a_reason() {
    const MODELS: [(&str, &str); 2] = [("malformed.tflite", "malformed.tflite"), ("gone.onnx", "gone.onnx")];
    let Some(zoo) = shared("zoo") else { return };
    for (file, reason) in MODELS {
        let output = Command::new(env!("CARGO_BIN_EXE_hilbench"))
            .args(["validate", "--board", "virtual-m4"])
            .arg(zoo.join(file))
            .output()
            .expect("the command can be run");
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{file}: {said}");
        assert!(said.starts_with("error: ") && said.contains(file) && said.contains(reason), "{said}");
        print!("{said}");
    }
}
