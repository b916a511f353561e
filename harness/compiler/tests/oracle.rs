//! The reference against the outside world: outputs recorded from an independent interpreter must be met exactly, or, of
//! a model that computes floats, to one part in 100000 of the largest element: an interpreter adds in another order.
//!
//! `models/cases` holds one-operator models with vectors of our own, `models/packs` many operators a model. Public models lie outside the repository, in
//! `zoo` of the folder named by `HILBENCH_SHARED` or of `shared` beside the checkout; without it they are skipped aloud.
//! Every model also runs, after the passes, as a plan for each instruction set, in its one overlaid arena, which must agree
//! with the reference tensor by tensor, and with the kernels of this host.

use std::io::Read;
use std::path::{Path, PathBuf};

use hilbench_compiler::graph::DType;
use hilbench_compiler::host::{Host, Level};
use hilbench_compiler::lower::Isa;
use hilbench_compiler::plan::Plan;
use hilbench_compiler::{exec, import, pass, plan, quantize};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("HILBENCH_SHARED").map_or_else(|| repository().join("../shared"), PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// The data bytes of one array of an npz file: little endian, row major, first axis = samples.
fn array(archive: &Path, key: &str) -> Option<(usize, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(archive).expect("vectors exist")).expect("an npz file");
    let mut bytes = Vec::new();
    zip.by_name(&format!("{key}.npy")).ok()?.read_to_end(&mut bytes).expect("an npz member");
    let header = npyz::NpyHeader::from_reader(&bytes[..]).expect("an npy header");
    let data = header.len() as usize * header.dtype().num_bytes().expect("plain elements");
    Some((header.shape()[0] as usize, bytes[bytes.len() - data..].to_vec()))
}

/// How far floats may be from what an interpreter answers, relative to the largest of the tensor.
const FLOAT_DISTANCE: f32 = 1e-5;

/// Equal bytes; or near ones, of a model that computes floats.
fn compare(dtype: DType, float: bool, got: &[u8], golden: &[u8]) -> Result<(), String> {
    if got == golden {
        return Ok(());
    }
    let numbers = |bytes: &[u8]| -> Vec<f32> {
        match dtype {
            DType::F32 => bytes.chunks_exact(4).map(|c| f32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect(),
            DType::I16 => bytes.chunks_exact(2).map(|c| i16::from_le_bytes([c[0], c[1]]).into()).collect(),
            DType::I32 => bytes.chunks_exact(4).map(|c| i32::from_le_bytes([c[0], c[1], c[2], c[3]]) as f32).collect(),
            DType::I8 => bytes.iter().map(|&b| f32::from(b as i8)).collect(),
            _ => bytes.iter().map(|&b| f32::from(b)).collect(),
        }
    };
    let (got, golden) = (numbers(got), numbers(golden));
    let differing = got.iter().zip(&golden).filter(|(a, b)| a != b).count();
    let at = got.iter().zip(&golden).position(|(a, b)| a != b);
    let of = golden.iter().filter(|x| x.is_finite()).fold(0f32, |largest, x| largest.max(x.abs()));
    let far = |(a, b): (&f32, &f32)| if a == b || (a.is_nan() && b.is_nan()) { 0.0 } else { (a - b).abs() };
    let worst = got.iter().zip(&golden).map(far).fold(0f32, |worst, d| if d > worst || d.is_nan() { d } else { worst });
    // A float on the edge between two codes may fall to either.
    let allowed = if dtype == DType::F32 { FLOAT_DISTANCE * of } else { 1.0 };
    if float && got.len() == golden.len() && worst <= allowed {
        return Ok(());
    }
    Err(format!(
        "{differing} of {} elements differ, by up to {worst}, first {at:?}: {:?} instead of {:?}",
        golden.len(),
        at.map(|i| got[i]),
        at.map(|i| golden[i]),
    ))
}

/// Answers what differs, in words.
fn check(model: &Path, vectors: &Path, isas: &[Isa]) -> Result<usize, String> {
    let bytes = std::fs::read(model).expect("the model exists");
    let graph = import::tflite::import(&bytes).map_err(|e| e.to_string())?;
    let graph = quantize::quantize(&graph).map_err(|e| e.to_string())?;
    let passed = pass::run(&graph);
    let plans: Result<Vec<(Isa, Plan)>, _> =
        isas.iter().map(|&isa| Ok((isa, plan::plan(&passed.graph, isa)?))).collect();
    let plans = plans.map_err(|e: hilbench_compiler::Error| e.to_string())?;
    assert!(plans.iter().all(|(_, plan)| plan.conflict().is_none()));
    let arrays = |prefix: &str, count: usize| -> Vec<(usize, Vec<u8>)> {
        (1..=count)
            .map(|k| array(vectors, &format!("{prefix}_{k}")).or_else(|| array(vectors, prefix)))
            .map(|found| found.expect("an array for every input and output"))
            .collect()
    };
    let (inputs, goldens) = (arrays("m_inputs", graph.inputs.len()), arrays("m_outputs", graph.outputs.len()));
    let samples = goldens[0].0;
    // A model that computes no floats has no excuse.
    let float = graph.warnings.iter().any(|w| w.contains("computed in float32"));
    let hosts: Vec<Host<'_>> = Level::here().into_iter().map(|level| Host::at(&graph, level)).collect();
    let mut memories: Vec<_> = hosts.iter().map(Host::memory).collect();
    let (mut states, mut plan_states) = (graph.initial_states(), vec![graph.initial_states(); plans.len()]);
    for sample in 0..samples {
        let part = |(count, bytes): &(usize, Vec<u8>)| {
            let size = bytes.len() / count;
            bytes[sample * size..(sample + 1) * size].to_vec()
        };
        let input: Vec<Vec<u8>> = inputs.iter().map(part).collect();
        let input: Vec<&[u8]> = input.iter().map(Vec::as_slice).collect();
        let values = exec::run_reference_from(&graph, &mut states, &input);
        for (k, (got, golden)) in exec::outputs(&graph, &values).iter().zip(goldens.iter().map(part)).enumerate() {
            let dtype = graph.tensors[graph.outputs[k]].dtype;
            compare(dtype, float, got, &golden).map_err(|e| format!("sample {sample} output {k}: {e}"))?;
        }
        for (host, memory) in hosts.iter().zip(&mut memories) {
            host.run(memory, &input);
            let (got, expected) = (host.outputs(memory), exec::outputs(&graph, &values));
            assert_eq!(got, expected, "{} on the host's kernels, {:?}", model.display(), host.level());
        }
        for ((isa, plan), states) in plans.iter().zip(&mut plan_states) {
            let trace = exec::run_plan_from(plan, states, &input);
            for (node, written) in plan.nodes.iter().zip(&trace.nodes) {
                for (tensor, bytes) in written {
                    let expected = values[*tensor].as_ref().expect("written at run time").as_bytes();
                    if *bytes != *passed.part(&graph, *tensor, expected) {
                        let (isa, name, index) = (isa.name(), node.op_name, node.index);
                        return Err(format!("{isa} plan: {name} #{index} differs from the reference"));
                    }
                }
            }
            assert_eq!(trace.outputs, exec::outputs(&graph, &values), "{} plan outputs", isa.name());
        }
    }
    Ok(samples)
}

fn check_all(cases: &[(PathBuf, PathBuf)]) {
    check_each(cases, |_| &Isa::ALL);
}

/// Each on the instruction sets that `isas` answers for its number.
fn check_each(cases: &[(PathBuf, PathBuf)], isas: impl Fn(usize) -> &'static [Isa]) {
    let mut failures = Vec::new();
    let mut samples = 0;
    for (n, (model, vectors)) in cases.iter().enumerate() {
        match check(model, vectors, isas(n)) {
            Ok(n) => samples += n,
            Err(e) => failures.push(format!("{}: {e}", model.display())),
        }
    }
    println!("{} models, {samples} samples exact", cases.len() - failures.len());
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten();
    let mut folders: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.is_dir()).collect();
    folders.sort();
    folders
}

#[test]
fn every_operator_case_is_met_exactly() {
    let cases: Vec<(PathBuf, PathBuf)> = folders(&repository().join("models/cases"))
        .iter()
        .flat_map(|op| folders(op))
        .map(|case| (case.join("model.tflite"), case.join("io.npz")))
        .collect();
    assert!(cases.len() >= 100, "only {} cases found", cases.len());
    check_all(&cases);
}

/// Models of many small operators side by side, of random shapes, attributes, scales and values.
#[test]
fn every_pack_of_operators_is_met() {
    let packs: Vec<(PathBuf, PathBuf)> = folders(&repository().join("models/packs"))
        .iter()
        .map(|pack| (pack.join("model.tflite"), pack.join("io.npz")))
        .collect();
    // Plans of many tensors take their time: each pack has one instruction set.
    check_each(&packs, |n| &Isa::ALL[n % 3..=n % 3]);
    assert!(packs.len() >= 80, "only {} packs found", packs.len());
}

#[test]
fn the_shipped_model_is_met_exactly() {
    let digits = repository().join("models/digits");
    check_all(&[(digits.join("digits_int8.tflite"), digits.join("digits_test.npz"))]);
}

/// Names of the public models that are sound TFLite files.
fn public_models() -> Vec<String> {
    let files = std::fs::read_dir(repository().join("models/zoo")).expect("facts of public models");
    let mut names: Vec<String> = files
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|file| {
            let text = std::fs::read_to_string(file).expect("facts are text");
            text.contains("format = \"tflite\"") && !text.contains("kind = \"rejected")
        })
        .filter_map(|file| Some(file.file_stem()?.to_str()?.to_string()))
        .collect();
    names.sort();
    names
}

#[test]
fn every_public_model_is_met() {
    let Some(shared) = shared() else {
        eprintln!("SKIPPED: no public models: set HILBENCH_SHARED or lay them in ../shared");
        return;
    };
    let zoo = shared.join("zoo");
    let models = public_models();
    assert!(models.len() >= 27, "only {} models are listed", models.len());
    let cases: Vec<(PathBuf, PathBuf)> =
        models.iter().map(|m| (zoo.join(format!("{m}.tflite")), zoo.join(format!("{m}.io.npz")))).collect();
    check_all(&cases);
}
