//! The node tests that the `onnx` 1.20.1 wheel ships, one small model an operator and attribute: passed, unsupported or
//! failed, by operator. They lie outside the repository, in the folder named by `HILBENCH_ONNX_NODES`
//! (`onnx/backend/test/data/node` of the wheel); without it they are skipped aloud.
//!
//! Quantized results must be met exactly, floats to one part in a thousand, as the tests themselves have it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use hilbench_compiler::graph::{DType, Tensor};
use hilbench_compiler::import::onnx::{self, Options};
use hilbench_compiler::lower::Isa;
use hilbench_compiler::{exec, pass, plan, quantize};

/// Tests that are not met, and why that is right.
const KNOWN_WRONG: [(&str, &str); 3] = [
    ("test_qlinearmatmul_2D_int8_", "its int8 results wrap around where the specification saturates"),
    ("test_qlinearmatmul_3D_int8_", "its int8 results wrap around where the specification saturates"),
    (
        "test_resize_downsample_scales_linear_align_corners",
        "it takes corners from 4 * 0.6 = 2.4 pixels, which gives 3.142857; ONNX Runtime 1.32.0 answers 4 for the same \
         file, from the 2 pixels that there are",
    ),
];

enum Outcome {
    Passed,
    Unsupported(String),
    Failed(String),
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    let data = tensor.data.as_deref().unwrap_or_default();
    match tensor.dtype {
        DType::F32 => data.as_chunks().0.iter().map(|&c| f64::from(f32::from_le_bytes(c))).collect(),
        DType::I64 => data.as_chunks().0.iter().map(|&c| i64::from_le_bytes(c) as f64).collect(),
        DType::I32 => data.as_chunks().0.iter().map(|&c| f64::from(i32::from_le_bytes(c))).collect(),
        DType::I16 => data.as_chunks().0.iter().map(|&c| f64::from(i16::from_le_bytes(c))).collect(),
        DType::U16 => data.as_chunks().0.iter().map(|&c| f64::from(u16::from_le_bytes(c))).collect(),
        DType::I8 => data.iter().map(|&b| f64::from(b as i8)).collect(),
        DType::U8 | DType::Bool => data.iter().map(|&b| f64::from(b)).collect(),
    }
}

fn close(float: bool, got: f64, expected: f64) -> bool {
    got == expected
        || (got.is_nan() && expected.is_nan())
        || (float && (got - expected).abs() <= 1e-3 * expected.abs() + 1e-7)
}

fn read_set(folder: &Path, kind: &str) -> Result<Vec<Tensor>, String> {
    let mut tensors = Vec::new();
    while let Ok(bytes) = std::fs::read(folder.join(format!("{kind}_{}.pb", tensors.len()))) {
        tensors.push(onnx::tensor(&bytes).map_err(|e| e.to_string())?);
    }
    Ok(tensors)
}

/// Runs one model. `keep` operands stay inputs, the others are constants.
fn run(model: &[u8], inputs: &[Tensor], outputs: &[Tensor], names: &[String], keep: usize) -> Outcome {
    let mut options = Options::default();
    for (name, tensor) in names.iter().zip(inputs).skip(keep) {
        options.constants.insert(name.clone(), tensor.clone());
    }
    let compiled = onnx::import(model, &options)
        .and_then(|graph| quantize::quantize(&graph))
        .and_then(|graph| plan::plan(&pass::run(&graph).graph, Isa::Dsp).map(|plan| (graph, plan)));
    let (graph, plan) = match compiled {
        Ok(compiled) => compiled,
        Err(e) => return Outcome::Unsupported(e.to_string()),
    };
    let feed: Vec<&[u8]> = inputs[..keep].iter().map(|t| t.data.as_deref().unwrap_or_default()).collect();
    if graph.inputs.len() != feed.len()
        || graph.inputs.iter().zip(&feed).any(|(&t, bytes)| graph.tensors[t].bytes() != bytes.len())
    {
        return Outcome::Unsupported("inputs of sizes that the model does not say".into());
    }
    let values = exec::run_reference(&graph, &feed);
    let results = exec::outputs(&graph, &values);
    if exec::run_plan(&plan, &feed).outputs != results {
        return Outcome::Failed("the plan differs from the reference".into());
    }
    for (k, (bytes, expected)) in results.iter().zip(outputs).enumerate() {
        let facts = &graph.tensors[graph.outputs[k]];
        let got = Tensor { data: Some(bytes.clone()), ..facts.clone() };
        if got.shape != expected.shape {
            return Outcome::Failed(format!("output {k} has shape {:?} instead of {:?}", got.shape, expected.shape));
        }
        let (a, b) = (numbers(&got), numbers(expected));
        if let Some(i) = (0..b.len()).find(|&i| !close(expected.dtype == DType::F32, a[i], b[i])) {
            return Outcome::Failed(format!("output {k} element {i} is {} instead of {}", a[i], b[i]));
        }
    }
    Outcome::Passed
}

fn check(folder: &Path) -> Outcome {
    let model = match std::fs::read(folder.join("model.onnx")) {
        Ok(model) => model,
        Err(e) => return Outcome::Unsupported(e.to_string()),
    };
    let set = folder.join("test_data_set_0");
    let (inputs, outputs) = match (read_set(&set, "input"), read_set(&set, "output")) {
        (Ok(inputs), Ok(outputs)) => (inputs, outputs),
        (Err(e), _) | (_, Err(e)) => return Outcome::Unsupported(e),
    };
    let names: Vec<String> = inputs.iter().map(|t| t.name.clone()).collect();
    // As the model is; with all operands but the first constant; with the first two at run time.
    let mut first = None;
    for keep in [inputs.len(), 1, 2] {
        if keep == 0 || keep > inputs.len() {
            continue;
        }
        match run(&model, &inputs, &outputs, &names, keep) {
            Outcome::Unsupported(e) => first = first.or(Some(e)),
            outcome => return outcome,
        }
    }
    Outcome::Unsupported(first.unwrap_or_else(|| "has no inputs".into()))
}

/// The operator that a test is about: its name up to the first attribute.
fn operator(name: &str) -> String {
    name.trim_start_matches("test_").split('_').next().unwrap_or_default().to_string()
}

#[test]
fn no_node_test_fails() {
    let Some(folder) = std::env::var_os("HILBENCH_ONNX_NODES").map(PathBuf::from).filter(|f| f.is_dir()) else {
        eprintln!("SKIPPED: no node tests: set HILBENCH_ONNX_NODES");
        return;
    };
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(&folder).expect("a folder").filter_map(|e| Some(e.ok()?.path())).collect();
    folders.sort();
    let mut table: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    let (mut failures, mut reasons) = (Vec::new(), BTreeMap::new());
    for folder in &folders {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let row = table.entry(operator(&name)).or_default();
        let outcome = catch_unwind(AssertUnwindSafe(|| check(folder)));
        match outcome.unwrap_or_else(|_| Outcome::Failed("panicked".into())) {
            Outcome::Passed => row[0] += 1,
            Outcome::Unsupported(reason) => {
                row[1] += 1;
                reasons.insert(name, reason);
            }
            Outcome::Failed(reason) => {
                row[2] += 1;
                match KNOWN_WRONG.iter().find(|(wrong, _)| name.starts_with(wrong)) {
                    Some((_, why)) => println!("known: {name}: {reason}: {why}"),
                    None => failures.push(format!("{name}: {reason}")),
                }
            }
        }
    }
    for (operator, [passed, unsupported, failed]) in &table {
        println!("{operator:<32} {passed:>4} passed {unsupported:>4} unsupported {failed:>4} failed");
    }
    if std::env::var_os("HILBENCH_VERBOSE").is_some() {
        reasons.iter().for_each(|(name, reason)| println!("unsupported {name}: {reason}"));
    }
    let sum = |i: usize| table.values().map(|row| row[i]).sum::<usize>();
    println!("{} tests: {} passed, {} unsupported, {} failed", folders.len(), sum(0), sum(1), sum(2));
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}
