//! What networks cost on boards, as figures with a name: counted, kept, compared with figures that were kept before.
//!
//! A figure is of an inference whose every output, and every layer's, was right; a wrong one has no figures.

pub mod baseline;
pub mod layers;

use serde::{Deserialize, Serialize};

use crate::report::spread;
use crate::session::CounterUnit;
use crate::validate::{Outcome, Verdict};

/// One figure; less is better. As JSON this is an entry of `customSmallerIsBetter` of github-action-benchmark.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Network, board and what was measured.
    pub name: String,
    /// What the value counts.
    pub unit: String,
    /// The value.
    pub value: u64,
    /// What it depends on beside this project: the model's digest, the tools.
    pub extra: String,
}

/// A network that was run on a board.
pub struct Run {
    /// Name of the network.
    pub network: String,
    /// Multiply-accumulates of one inference.
    pub macs: u64,
    /// Elements that the network writes, for one without multiply-accumulates.
    pub elements: u64,
    /// The model's digest and the tools.
    pub provenance: String,
    /// What the board did.
    pub outcome: Outcome,
}

impl Run {
    /// What one inference took, without moving inputs and outputs: the median of the samples.
    #[must_use]
    pub fn inference(&self) -> Option<u64> {
        Some(spread(&self.outcome.counts.as_ref()?.inferences)?[1])
    }

    /// Figures of the whole network: its inference, its RAM without the stack, its flash. What validates is no part of them;
    /// what was used of the stack is, and where an interrupt met it, so that is no figure to be held to.
    #[must_use]
    pub fn figures(&self) -> Vec<Figure> {
        let (Verdict::Match, Some(image)) = (&self.outcome.verdict, &self.outcome.image) else { return Vec::new() };
        let f = &image.footprint;
        let mut figures = Vec::new();
        figures.extend(self.inference().map(|count| self.figure("inference", self.count_unit(), count)));
        figures.push(self.figure("RAM", "bytes", f.arena + f.network_ram));
        figures.push(self.figure("flash", "bytes", f.weights + f.network_code));
        figures
    }

    /// A figure for each layer.
    #[must_use]
    pub fn layer_figures(&self) -> Vec<Figure> {
        if self.outcome.verdict != Verdict::Match {
            return Vec::new();
        }
        let figure = |(n, layer): (usize, &crate::validate::Layer)| {
            let what = format!("step {n}, {} #{}", layer.op_name, layer.index);
            Some(self.figure(&what, self.count_unit(), layer.count?))
        };
        self.outcome.layers.iter().enumerate().filter_map(figure).collect()
    }

    fn count_unit(&self) -> &'static str {
        match self.outcome.counts.as_ref().map(|c| c.unit) {
            Some(CounterUnit::Instructions) => "instructions",
            Some(CounterUnit::Cycles) => "cycles",
            _ => "counts",
        }
    }

    fn figure(&self, what: &str, unit: &str, value: u64) -> Figure {
        let name = format!("{} on {}: {what}", self.network, self.outcome.board.name);
        Figure { name, unit: unit.to_string(), value, extra: self.provenance.clone() }
    }
}
