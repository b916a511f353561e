//! Whatever the bytes of an ONNX file are, the compiler answers with a model or an error: no panic, no hang, no gigabytes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use hilbench_compiler::import::onnx::Options;
use hilbench_compiler::lower::Isa;
use hilbench_compiler::{emit, exec, import, pass, plan, quantize};
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};

/// The shipped model, and small models of one operator or two.
fn models() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let inside = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("the cases").filter_map(|entry| Some(entry.ok()?.path()));
        entries.filter(|path| path.is_dir()).collect()
    };
    let cases = inside(&root.join("onnx_cases"));
    let mut paths: Vec<_> = cases.iter().flat_map(|operator| inside(operator)).map(|c| c.join("model.onnx")).collect();
    paths.sort();
    paths.insert(0, root.join("digits/digits_qdq.onnx"));
    paths.iter().map(|path| std::fs::read(path).expect("a model")).collect()
}

/// Compiles, and runs what compiles if it is small. Answers whether it compiled.
fn survives(bytes: &[u8], what: &str) -> bool {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let Ok(graph) = import::onnx::import(bytes, &Options::default()) else { return false };
        let Ok(graph) = quantize::quantize(&graph) else { return false };
        let Ok(plan) = plan::plan(&pass::run(&graph).graph, Isa::Dsp) else { return false };
        let identity = emit::Identity { name: "damaged".into(), digest: String::new() };
        assert!(!emit::rust::emit(&plan, &identity).files.is_empty());
        if graph.macs() < 10_000_000 && plan.arena_bytes < 1 << 20 {
            let inputs: Vec<Vec<u8>> = graph.inputs.iter().map(|&t| vec![7; graph.tensors[t].bytes()]).collect();
            let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
            let values = exec::run_reference(&graph, &inputs);
            assert_eq!(exec::run_plan(&plan, &inputs).outputs, exec::outputs(&graph, &values));
        }
        true
    }));
    outcome.unwrap_or_else(|_| panic!("{what}: the compiler panicked"))
}

#[test]
fn truncated_anywhere() {
    let bytes = &models()[0];
    for end in (0..bytes.len()).step_by(31) {
        survives(&bytes[..end], &format!("cut at {end}"));
    }
}

#[test]
fn with_flipped_bits() {
    let mut random = StdRng::seed_from_u64(1);
    let models = models();
    let mut sound = 0;
    for round in 0..10_000 {
        let mut bytes = models[round % models.len()].clone();
        for _ in 0..random.random_range(1..=4) {
            let at = random.random_range(0..bytes.len());
            bytes[at] ^= 1 << random.random_range(0..8);
        }
        sound += usize::from(survives(&bytes, &format!("variant {round}")));
    }
    // Flipped weights still make a model; so do flipped names of attributes.
    assert!(sound > 100, "only {sound} of 10000 compiled: the variants no longer reach the compiler");
}

#[test]
fn random_bytes() {
    let mut random = StdRng::seed_from_u64(2);
    for round in 0..2000 {
        let mut bytes = vec![0; random.random_range(0..600)];
        random.fill_bytes(&mut bytes);
        survives(&bytes, &format!("random {round}"));
    }
}
