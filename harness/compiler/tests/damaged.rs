//! Whatever the bytes of a model file are, the compiler answers with a model or an error: no panic, no hang, no gigabytes.

use std::alloc::System;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use cap::Cap;
use hilbench_compiler::graph::Graph;
use hilbench_compiler::import::onnx::Options;
use hilbench_compiler::lower::Isa;
use hilbench_compiler::{Result, emit, exec, import, pass, plan, quantize};
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};

/// Memory that these tests may have in use; more ends them.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, 512 << 20);

/// A kind of model files.
struct Format {
    import: fn(&[u8]) -> Result<Graph>,
    /// The shipped model, below `models`.
    shipped: &'static str,
    /// Folder of small models, one folder an operator, one a case.
    cases: &'static str,
    /// Name of a case's model.
    model: &'static str,
    /// What such a file has from its fifth byte on.
    mark: &'static [u8],
}

const TFLITE: Format = Format {
    import: import::tflite::import,
    shipped: "digits/digits_int8.tflite",
    cases: "cases",
    model: "model.tflite",
    mark: b"TFL3",
};

const ONNX: Format = Format {
    import: |bytes| import::onnx::import(bytes, &Options::default()),
    shipped: "digits/digits_qdq.onnx",
    cases: "onnx_cases",
    model: "model.onnx",
    mark: b"",
};

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).expect("a folder of cases");
    let mut found: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.is_dir()).collect();
    found.sort();
    found
}

impl Format {
    /// The shipped model, and small ones of every operator.
    fn models(&self) -> Vec<Vec<u8>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let cases = folders(&root.join(self.cases)).into_iter().flat_map(|operator| folders(&operator));
        let models = cases.map(|case| case.join(self.model)).filter(|path| path.is_file());
        std::iter::once(root.join(self.shipped)).chain(models).map(|p| std::fs::read(p).expect("a model")).collect()
    }

    /// Compiles, and runs what compiles if it is small. Answers whether it compiled.
    fn survives(&self, bytes: &[u8], what: &str) -> bool {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let Ok(graph) = (self.import)(bytes).and_then(|graph| quantize::quantize(&graph)) else { return false };
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

    fn truncated_anywhere(&self) {
        let bytes = &self.models()[0];
        for end in (0..bytes.len()).step_by(61) {
            self.survives(&bytes[..end], &format!("cut at {end}"));
        }
    }

    fn with_flipped_bits(&self) {
        let mut random = StdRng::seed_from_u64(1);
        let models = self.models();
        let mut sound = 0;
        for round in 0..10_000 {
            let model = if round % 5 == 0 { 0 } else { random.random_range(0..models.len()) };
            let mut bytes = models[model].clone();
            for _ in 0..random.random_range(1..=8) {
                let at = random.random_range(0..bytes.len());
                bytes[at] ^= 1 << random.random_range(0..8);
            }
            sound += usize::from(self.survives(&bytes, &format!("variant {round} of model {model}")));
        }
        // Flipped weights still make a model; so do flipped names.
        assert!(sound > 100, "only {sound} of 10000 compiled: the variants no longer reach the compiler");
    }

    fn random_bytes(&self) {
        let mut random = StdRng::seed_from_u64(2);
        for round in 0..2000 {
            let mut bytes = vec![0; random.random_range(0..600)];
            random.fill_bytes(&mut bytes);
            if round % 2 == 0
                && let Some(place) = bytes.get_mut(4..4 + self.mark.len())
            {
                place.copy_from_slice(self.mark);
            }
            self.survives(&bytes, &format!("random {round}"));
        }
    }
}

#[test]
fn tflite_files_truncated_anywhere() {
    TFLITE.truncated_anywhere();
}

#[test]
fn tflite_files_with_flipped_bits() {
    TFLITE.with_flipped_bits();
}

#[test]
fn random_bytes_as_tflite() {
    TFLITE.random_bytes();
}

#[test]
fn onnx_files_truncated_anywhere() {
    ONNX.truncated_anywhere();
}

#[test]
fn onnx_files_with_flipped_bits() {
    ONNX.with_flipped_bits();
}

#[test]
fn random_bytes_as_onnx() {
    ONNX.random_bytes();
}
