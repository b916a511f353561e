//! Passes: a network as the file describes it becomes a smaller one that answers the same, bit for bit, for any input.
//!
//! A tensor keeps its number through all passes. One that is still written holds what it held before, or, where channels
//! were removed, what [`Passed::part`] takes of that; one that is gone is not written any more.

pub mod channels;
pub mod movement;
pub mod padding;
pub mod tables;

use std::borrow::Cow;

use crate::graph::TensorId;
use crate::ops::channels::channels;
use crate::qgraph::{QGraph, QNode};

/// A network after the passes.
#[derive(Clone, Debug)]
pub struct Passed {
    /// What is left to compute.
    pub graph: QGraph,
    /// By tensor: the channels (indices of its last dimension in the file, ascending) that are left, where some are not.
    pub kept: Vec<Option<Vec<usize>>>,
    /// What was done, one sentence each.
    pub log: Vec<String>,
}

/// A pass, by the name that its sentences begin with.
type Pass = fn(&mut Passed);

const PASSES: &[Pass] = &[movement::remove, padding::fold, tables::fold, channels::remove];

/// Elements of a tensor at run time beyond which a network is left as it is: more than any microcontroller holds, and
/// more than should be computed here only to know bounds.
const MAX_ELEMENTS: usize = 1 << 24;

/// Channels of all tensors together beyond which a network is left as it is: bounds of each are kept.
const MAX_CHANNELS: usize = 1 << 20;

/// Runs every pass over `graph`.
#[must_use]
pub fn run(graph: &QGraph) -> Passed {
    let mut passed = Passed { graph: graph.clone(), kept: vec![None; graph.tensors.len()], log: Vec::new() };
    let written = graph.nodes.iter().flat_map(|node| node.inputs.iter().chain(&node.outputs));
    // Nothing is gained where nothing is computed, and shapes without elements would need a rule everywhere.
    let sizes = 1..=MAX_ELEMENTS;
    if let Some(&odd) = written.into_iter().find(|&&t| !sizes.contains(&graph.tensors[t].elements())) {
        let (name, elements) = (&graph.tensors[odd].name, graph.tensors[odd].elements());
        passed.log.push(format!("nothing was done: tensor {name:?} has {elements} elements"));
        return passed;
    }
    let channels = graph.tensors.iter().fold(0_usize, |sum, t| sum.saturating_add(channels(t)));
    if channels > MAX_CHANNELS {
        passed.log.push(format!("nothing was done: tensors have {channels} channels in all"));
        return passed;
    }
    for pass in PASSES {
        pass(&mut passed);
    }
    passed
}

impl Passed {
    /// Of the bytes of `tensor` in the network before the passes, those that are computed after them.
    #[must_use]
    pub fn part<'a>(&self, before: &QGraph, tensor: TensorId, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(kept) = &self.kept[tensor] else { return Cow::Borrowed(bytes) };
        let whole = &before.tensors[tensor];
        let size = whole.dtype.size();
        Cow::Owned(keep_bytes(bytes, size * whole.shape.last().copied().unwrap_or(1), size, kept))
    }

    /// The index in the whole tensor of what is at `index` of what is left of it.
    #[must_use]
    pub fn whole_index(&self, tensor: TensorId, mut index: Vec<usize>) -> Vec<usize> {
        if let (Some(kept), Some(channel)) = (&self.kept[tensor], index.last_mut()) {
            *channel = kept[*channel];
        }
        index
    }
}

impl Passed {
    /// The node that writes `tensor`, if only one node reads it, once, and it is no output: what is made of it can be
    /// made at once.
    fn only_producer(&self, tensor: TensorId) -> Option<usize> {
        let reads = self.graph.nodes.iter().flat_map(|node| node.inputs.iter().copied()).chain(self.graph.exits());
        let once = reads.filter(|&t| t == tensor).count() == 1;
        let producer = self.graph.nodes.iter().position(|node| node.outputs == [tensor]);
        producer.filter(|_| once)
    }

    /// Writes down what `pass` found of the node at `place`.
    fn say(&mut self, pass: &str, place: usize, what: &str) {
        let QNode { index, op_name, name, .. } = &self.graph.nodes[place];
        self.log.push(format!("{pass}: {op_name} #{index} {name:?} {what}"));
    }
}

/// Of rows of `row` bytes, the elements of `size` bytes whose place in their row is one of `kept`.
fn keep_bytes(bytes: &[u8], row: usize, size: usize, kept: &[usize]) -> Vec<u8> {
    bytes.chunks_exact(row).flat_map(|row| kept.iter().flat_map(|&k| &row[k * size..(k + 1) * size])).copied().collect()
}
