//! Whatever the bytes are, the compiler answers with a model or an error: no panic, no hang, no gigabytes.

use std::alloc::System;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use cap::Cap;
use hilbench_compiler::lower::Isa;
use hilbench_compiler::{emit, exec, import, pass, plan, quantize};
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};

/// Memory that these tests may have in use; more ends them.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, 512 << 20);

fn model() -> Vec<u8> {
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/digits/digits_int8.tflite");
    std::fs::read(digits).expect("the shipped model")
}

/// One small model of every operator.
fn cases() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/cases");
    let folders = |path: &Path| -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> =
            std::fs::read_dir(path).expect("a folder of cases").filter_map(|e| Some(e.ok()?.path())).collect();
        found.retain(|p| p.is_dir());
        found.sort();
        found
    };
    let first = |op: PathBuf| folders(&op).into_iter().next();
    let read = |case: PathBuf| std::fs::read(case.join("model.tflite")).expect("a case has a model");
    folders(&root).into_iter().filter_map(first).map(read).collect()
}

/// Compiles, and runs what compiles if it is small. Answers whether it compiled.
fn survives(bytes: &[u8], what: &str) -> bool {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let Ok(graph) = import::tflite::import(bytes) else { return false };
        let Ok(graph) = quantize::quantize(&graph) else { return false };
        let passed = pass::run(&graph);
        let plans = Isa::ALL.map(|isa| plan::plan(&passed.graph, isa));
        let [Ok(plan), Ok(_), Ok(_)] = plans else { return false };
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
    let bytes = model();
    for end in (0..bytes.len()).step_by(97) {
        survives(&bytes[..end], &format!("cut at {end}"));
    }
}

#[test]
fn with_flipped_bits() {
    let mut random = StdRng::seed_from_u64(1);
    let (digits, cases) = (model(), cases());
    let mut sound = 0;
    for round in 0..10_000 {
        let mut bytes = if round % 4 == 0 { digits.clone() } else { cases[round % cases.len()].clone() };
        for _ in 0..random.random_range(1..=8) {
            let at = random.random_range(0..bytes.len());
            bytes[at] ^= 1 << random.random_range(0..8);
        }
        sound += usize::from(survives(&bytes, &format!("variant {round}")));
    }
    // Flipped weights still make a model; so do flipped names.
    assert!(sound > 100, "only {sound} of 10000 compiled: the variants no longer reach the compiler");
}

#[test]
fn random_bytes() {
    let mut random = StdRng::seed_from_u64(2);
    for round in 0..2000 {
        let mut bytes = vec![0; random.random_range(0..600)];
        random.fill_bytes(&mut bytes);
        if round % 2 == 0 && bytes.len() >= 8 {
            bytes[4..8].copy_from_slice(b"TFL3");
        }
        survives(&bytes, &format!("random {round}"));
    }
}
