//! What a validation found, ready to be told: one format a file. Computes statistics; judges nothing.

pub mod bench;
pub mod console;
pub mod json;
pub mod junit;

use std::time::Duration;

use hilbench_compiler::qgraph::QGraph;

use crate::dataset::Dataset;
use crate::metrics::{Classification, Metrics, classification, metrics};
use crate::model::{Compiled, Model};
use crate::reference::Outputs;
use crate::session::CounterUnit;
use crate::validate::{Outcome, exit_code};
use crate::values;

/// A finished validation.
pub struct Report<'a> {
    /// The model.
    pub model: &'a Model,
    /// Its arithmetic and its plan.
    pub compiled: &'a Compiled,
    /// The samples.
    pub data: &'a Dataset,
    /// What the reference kernels computed.
    pub expected: &'a Outputs,
    /// Each board, in the order they were asked for.
    pub outcomes: &'a [Outcome],
    /// From the first byte of the model to the last verdict.
    pub elapsed: Duration,
}

/// Statistics of one output against something.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsRow {
    /// Index of the output.
    pub output: usize,
    /// Whose values are judged.
    pub prediction: String,
    /// What they are measured against.
    pub reference: &'static str,
    /// The statistics.
    pub metrics: Metrics,
}

/// The name of the reference kernels in tables.
const KERNELS: &str = "reference kernels";
/// The name of outputs that came with the data.
const GIVEN: &str = "given outputs";

impl Report<'_> {
    /// The documented exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        exit_code(self.outcomes.iter().map(|o| &o.verdict))
    }

    /// Statistics of every board against the reference kernels and the given outputs, and of the kernels against
    /// these. Boards that answered nothing have none.
    #[must_use]
    pub fn metrics(&self) -> Vec<MetricsRow> {
        let graph = &self.compiled.qgraph;
        let mut rows = Vec::new();
        for (k, &t) in graph.outputs.iter().enumerate() {
            let tensor = &graph.tensors[t];
            let classes = self.classes(k);
            let real =
                |outputs: &Outputs| outputs.iter().flat_map(|o| values::reals(tensor, &o[k])).collect::<Vec<_>>();
            let expected = real(self.expected);
            let given = self.data.given.get(k).map(|given| &given.real[..]);
            let mut row = |prediction: &str, reference, r: &[f64], p: &[f64]| {
                let n = r.len().min(p.len());
                let metrics = metrics(&r[..n], &p[..n], classes);
                rows.push(MetricsRow { output: k, prediction: prediction.to_string(), reference, metrics });
            };
            for outcome in self.outcomes.iter().filter(|o| !o.answers.is_empty()) {
                let answers = real(&outcome.answers);
                row(&outcome.board.name, KERNELS, &expected, &answers);
                if let Some(given) = given {
                    row(&outcome.board.name, GIVEN, given, &answers);
                }
            }
            if let Some(given) = given {
                row(KERNELS, GIVEN, given, &expected);
            }
        }
        rows
    }

    /// Elements of a sample of output `k` if it tells a class: labels came for it, or a softmax makes it.
    #[must_use]
    pub fn classes(&self, k: usize) -> Option<usize> {
        let graph = &self.compiled.qgraph;
        let classes = graph.tensors[graph.outputs[k]].elements();
        let labelled = k == 0 && self.data.labels.is_some();
        (classes > 1 && (labelled || is_probabilities(graph, k))).then_some(classes)
    }

    /// Classes predicted by `outputs` (a board's or the reference kernels') beside the labels, where there are any.
    #[must_use]
    pub fn classification(&self, outputs: &Outputs) -> Option<Classification> {
        let labels = self.data.labels.as_ref().filter(|_| !outputs.is_empty())?;
        let classes = self.classes(0)?;
        let tensor = &self.compiled.qgraph.tensors[self.compiled.qgraph.outputs[0]];
        let real: Vec<f64> = outputs.iter().flat_map(|o| values::reals(tensor, &o[0])).collect();
        Some(classification(labels, &real, classes))
    }
}

/// Whether a softmax computes output `k`, maybe converted or reshaped after it.
fn is_probabilities(graph: &QGraph, k: usize) -> bool {
    let mut tensor = graph.outputs[k];
    while let Some(node) = graph.nodes.iter().find(|n| n.outputs.contains(&tensor)) {
        match node.op_name {
            "SOFTMAX" | "LOG_SOFTMAX" => return true,
            "DEQUANTIZE" | "QUANTIZE" | "RESHAPE" | "SQUEEZE" => tensor = node.inputs[0],
            _ => return false,
        }
    }
    false
}

/// What a figure of this unit is, with its provenance.
#[must_use]
pub fn unit_words(unit: CounterUnit) -> &'static str {
    match unit {
        CounterUnit::Cycles => "cycles, measured by the board's own counter",
        CounterUnit::Instructions => "instructions, counted in emulation",
        CounterUnit::Other(_) => "counts of an unknown unit",
    }
}

/// Smallest, median and largest of some figures.
#[must_use]
pub fn spread(figures: &[u64]) -> Option<[u64; 3]> {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable();
    Some([*sorted.first()?, sorted[sorted.len() / 2], *sorted.last()?])
}
