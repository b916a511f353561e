//! What a board must answer: the reference kernels over every sample, on all cores.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use hilbench_compiler::exec;
use hilbench_compiler::qgraph::QGraph;
use hilbench_compiler::value::Value;

use crate::dataset::Dataset;

/// Outputs by sample, then by output of the model.
pub type Outputs = Vec<Vec<Vec<u8>>>;

/// Runs the reference on every sample. `progress` is told the number of samples that are done.
pub fn expected(graph: &QGraph, data: &Dataset, progress: &(dyn Fn(u64) + Sync)) -> Outputs {
    if !graph.states.is_empty() {
        return in_sequence(graph, data, progress);
    }
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, |n| n.get()).min(data.samples().max(1));
    let work = || {
        let mut results = Vec::new();
        loop {
            let sample = next.fetch_add(1, Ordering::Relaxed);
            if sample >= data.samples() {
                return results;
            }
            let values = exec::run_reference(graph, &inputs(graph, data, sample));
            results.push((sample, exec::outputs(graph, &values)));
            progress(done.fetch_add(1, Ordering::Relaxed) as u64 + 1);
        }
    };
    let mut outputs = vec![Vec::new(); data.samples()];
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let results = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            for (sample, result) in results {
                outputs[sample] = result;
            }
        }
    });
    outputs
}

/// Samples that depend on those before them, one after the other.
fn in_sequence(graph: &QGraph, data: &Dataset, progress: &(dyn Fn(u64) + Sync)) -> Outputs {
    let mut states = graph.initial_states();
    let mut outputs = Vec::with_capacity(data.samples());
    for sample in 0..data.samples() {
        let values = exec::run_reference_from(graph, &mut states, &inputs(graph, data, sample));
        outputs.push(exec::outputs(graph, &values));
        progress(sample as u64 + 1);
    }
    outputs
}

/// The values of every tensor in `sample`, after the samples before it where there are states.
#[must_use]
pub fn values(graph: &QGraph, data: &Dataset, sample: usize) -> Vec<Option<Value>> {
    let mut states = graph.initial_states();
    let first = if graph.states.is_empty() { sample } else { 0 };
    for before in first..sample {
        drop(exec::run_reference_from(graph, &mut states, &inputs(graph, data, before)));
    }
    exec::run_reference_from(graph, &mut states, &inputs(graph, data, sample))
}

/// The inputs of one sample, in the model's order.
#[must_use]
pub fn inputs<'a>(graph: &QGraph, data: &'a Dataset, sample: usize) -> Vec<&'a [u8]> {
    (0..graph.inputs.len()).map(|k| data.input(k, sample)).collect()
}
