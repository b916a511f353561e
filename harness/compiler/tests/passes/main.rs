//! Passes change nothing: the reference kernels answer the same before and after, at every tensor that is left, on random
//! networks that have much to remove and on public models.
//!
//! Public models lie outside the repository, in `zoo` of the folder named by `HILBENCH_SHARED` or of `shared` beside the
//! checkout; without it they are skipped aloud.

mod network;

use std::path::{Path, PathBuf};

use hilbench_compiler::pass::{self, Passed};
use hilbench_compiler::qgraph::QGraph;
use hilbench_compiler::{exec, import, quantize};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// What differs between the network before and after the passes, on one random input.
fn difference(before: &QGraph, passed: &Passed, rng: &mut StdRng) -> Option<String> {
    // Half of the inputs are at the ends of the type, where bounds are met.
    let extreme = rng.random_bool(0.5);
    let byte = |rng: &mut StdRng| if extreme { [0x80, 0x7F][rng.random_range(0..2)] } else { rng.random() };
    let inputs: Vec<Vec<u8>> =
        before.inputs.iter().map(|&t| (0..before.tensors[t].bytes()).map(|_| byte(rng)).collect()).collect();
    let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
    let (expected, got) = (exec::run_reference(before, &inputs), exec::run_reference(&passed.graph, &inputs));
    for (t, value) in got.iter().enumerate() {
        let (Some(expected), Some(value)) = (&expected[t], value) else { continue };
        if *value.as_bytes() != *passed.part(before, t, expected.as_bytes()) {
            return Some(format!("tensor {t} {:?} differs", before.tensors[t].name));
        }
    }
    (exec::outputs(before, &expected) != exec::outputs(&passed.graph, &got)).then(|| "an output differs".into())
}

#[track_caller]
fn check(before: &QGraph, samples: usize, seed: u64, what: &str) -> Passed {
    let passed = pass::run(before);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let work = |worker: usize| {
        let mut rng = StdRng::seed_from_u64(seed << 8 | worker as u64);
        (worker..samples).step_by(workers).find_map(|_| difference(before, &passed, &mut rng))
    };
    let work = &work;
    let found = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|worker| scope.spawn(move || work(worker))).collect();
        workers.into_iter().find_map(|worker| worker.join().expect("the reference runs"))
    });
    if let Some(found) = found {
        panic!("{what}: {found}\n{}", passed.log.join("\n"));
    }
    passed
}

/// What is left of a tensor lies where [`Passed::whole_index`] says it did.
fn indices_are_those_of_the_whole(before: &QGraph, passed: &Passed) {
    for t in (0..before.tensors.len()).filter(|&t| passed.kept[t].as_ref().is_some_and(|kept| !kept.is_empty())) {
        let (whole, left) = (&before.tensors[t], &passed.graph.tensors[t]);
        let numbers: Vec<u8> = (0..whole.bytes()).map(|i| i as u8).collect();
        for (i, &number) in passed.part(before, t, &numbers).iter().enumerate().filter(|_| whole.bytes() < 256) {
            let mut rest = i;
            let mut index = vec![0; left.shape.len()];
            for (place, size) in index.iter_mut().zip(&left.shape).rev() {
                (*place, rest) = (rest % size, rest / size);
            }
            let at = passed.whole_index(t, index).iter().zip(&whole.shape).fold(0, |at, (i, size)| at * size + i);
            assert_eq!(at, usize::from(number), "tensor {t}");
        }
    }
}

#[test]
fn random_networks_answer_the_same() {
    let (mut removed, mut operators, mut kinds) = (0, 0, std::collections::BTreeMap::new());
    for seed in 0..1500 {
        let graph = network::draw(&mut StdRng::seed_from_u64(seed));
        let before = quantize::quantize(&graph).unwrap_or_else(|e| panic!("network {seed}: {e}"));
        let passed = check(&before, 12, seed, &format!("network {seed}"));
        indices_are_those_of_the_whole(&before, &passed);
        removed += before.macs() - passed.graph.macs();
        operators += before.nodes.len() - passed.graph.nodes.len();
        for line in &passed.log {
            *kinds.entry(line.split(['#', ',']).next().unwrap_or_default().to_string()).or_insert(0) += 1;
        }
    }
    println!("{removed} multiply-accumulates and {operators} operators removed; {kinds:?}");
    // A generator that gives the passes nothing to do would test nothing.
    assert!(removed > 100_000 && operators > 100, "{removed} multiply-accumulates, {operators} operators");
}

fn zoo() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = std::env::var_os("HILBENCH_SHARED").map_or(beside, PathBuf::from).join("zoo");
    if !folder.is_dir() {
        eprintln!("SKIPPED: no public models: set HILBENCH_SHARED or lay them in ../shared");
        return None;
    }
    Some(folder)
}

fn public_model(file: &Path) -> hilbench_compiler::Result<QGraph> {
    let bytes = std::fs::read(file).expect("the model exists");
    if file.extension().is_some_and(|e| e == "onnx") {
        return quantize::quantize(&import::onnx::import(&bytes, &import::onnx::Options::default())?);
    }
    quantize::quantize(&import::tflite::import(&bytes)?)
}

#[test]
fn a_network_with_many_constant_channels_is_halved() {
    let Some(zoo) = zoo() else { return };
    let before = public_model(&zoo.join("vww_mobilenet_v1_96.tflite")).expect("it is supported");
    let passed = check(&before, 1000, 1, "vww_mobilenet_v1_96");
    let (macs, bytes) = (passed.graph.macs(), passed.graph.constant_bytes());
    println!("{macs} of {} multiply-accumulates, {bytes} of {} bytes", before.macs(), before.constant_bytes());
    assert!(macs <= 3_900_000, "{macs} multiply-accumulates are left");
}

#[test]
fn public_models_answer_the_same() {
    let Some(zoo) = zoo() else { return };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(zoo).expect("public models").map(|e| e.expect("a file").path()).collect();
    files.sort();
    let mut models = 0;
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "tflite" || e == "onnx")) {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let Ok(before) = public_model(file) else { continue };
        let samples = (300_000_000 / before.macs().max(1)).clamp(1, 50) as usize;
        let passed = check(&before, samples, 2, &name);
        println!(
            "{name}: {samples} samples; {} of {} operators, {} of {} multiply-accumulates, {} of {} bytes are left",
            passed.graph.nodes.len(),
            before.nodes.len(),
            passed.graph.macs(),
            before.macs(),
            passed.graph.constant_bytes(),
            before.constant_bytes(),
        );
        models += 1;
    }
    assert!(models >= 25, "only {models} models");
}
