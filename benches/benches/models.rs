//! Whole models on this host: compiling them, and one inference with the reference kernels and with those of this
//! processor, on one thread.
//!
//! The shipped model, and the public ones of `zoo` in the folder named by `HILBENCH_SHARED` or in `shared` beside the
//! checkout; each that is missing is named.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cpu_time::ThreadTime;
use criterion::{BenchmarkId, Criterion, Throughput};
use hilbench_compiler::host::Host;
use hilbench_compiler::lower::Isa;
use hilbench_compiler::{exec, import, pass, plan, quantize};

const PUBLIC: [&str; 6] =
    ["kws_ds_cnn", "ad_autoencoder", "vww_mobilenet_v1_96", "fdmobilenet_025_128", "st_mnist", "yamnet_256"];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let shared = std::env::var_os("HILBENCH_SHARED").map_or_else(|| repository.join("../shared"), PathBuf::from);
    let mut files = vec![("digits_int8", repository.join("models/digits/digits_int8.tflite"))];
    files.extend(PUBLIC.map(|name| (name, shared.join(format!("zoo/{name}.tflite")))));
    for (name, path) in files {
        match std::fs::read(&path) {
            Ok(bytes) => model(&mut criterion, name, &bytes),
            Err(e) => eprintln!("SKIPPED: {}: {e}", path.display()),
        }
    }
    criterion.final_summary();
}

fn model(c: &mut Criterion, name: &str, bytes: &[u8]) {
    let graph = import::tflite::import(bytes).expect("an accepted model");
    let qgraph = quantize::quantize(&graph).expect("an accepted model");
    let mut group = c.benchmark_group("compile");
    group.sample_size(10).throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function(BenchmarkId::new("quantize", name), |b| {
        b.iter(|| quantize::quantize(&import::tflite::import(bytes).expect("accepted")).expect("accepted"));
    });
    group.bench_function(BenchmarkId::new("passes", name), |b| b.iter(|| pass::run(&qgraph)));
    let passed = pass::run(&qgraph);
    for isa in Isa::ALL {
        group.bench_function(BenchmarkId::new(format!("plan_{}", isa.name()), name), |b| {
            b.iter(|| plan::plan(&passed.graph, isa).expect("an accepted model"));
        });
    }
    group.finish();
    let inputs: Vec<Vec<u8>> = qgraph
        .inputs
        .iter()
        .map(|&t| (0..qgraph.tensors[t].bytes() as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect())
        .collect();
    let inputs: Vec<&[u8]> = inputs.iter().map(|bytes| &bytes[..]).collect();
    let mut group = c.benchmark_group("inference");
    group.sample_size(10).throughput(Throughput::Elements(qgraph.macs()));
    group.bench_function(BenchmarkId::new("reference", name), |b| {
        b.iter_custom(|n| median_of(n, || drop(exec::run_reference(&qgraph, &inputs))));
    });
    let host = Host::new(&qgraph);
    let mut memory = host.memory();
    group.bench_function(BenchmarkId::new("host", name), |b| {
        b.iter_custom(|n| median_of(n, || host.run(&mut memory, &inputs)));
    });
    group.finish();
}

/// `runs` times the median of the processor time of so many runs: what interrupts them on a busy machine counts nothing.
fn median_of(runs: u64, mut run: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = ThreadTime::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2] * u32::try_from(runs).unwrap_or(u32::MAX)
}
