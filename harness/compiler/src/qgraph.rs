//! The network with its integer arithmetic decided: every multiplier, shift, bound and folded shape is a number.
//!
//! Built by [`crate::quantize`]; run by [`crate::exec`] with the reference kernels, lowered by [`crate::lower`].

use crate::graph::{State, Tensor, TensorId};
use crate::ops::QOp;

/// One computation.
#[derive(Clone, Debug)]
pub struct QNode {
    /// Index of the operator in the model file.
    pub index: usize,
    /// Operator name in the file format's own words.
    pub op_name: &'static str,
    /// Name of the first output.
    pub name: String,
    /// What is computed.
    pub op: QOp,
    /// Tensors read while running; constants that became parameters are not among them.
    pub inputs: Vec<TensorId>,
    /// Tensors written.
    pub outputs: Vec<TensorId>,
}

/// A network of integer computations (and copies and conversions at its edges).
#[derive(Clone, Debug)]
pub struct QGraph {
    /// What the file calls itself, or empty.
    pub name: String,
    /// All tensors of the file; results of constant folding carry data too.
    pub tensors: Vec<Tensor>,
    /// Computations in execution order.
    pub nodes: Vec<QNode>,
    /// Model inputs.
    pub inputs: Vec<TensorId>,
    /// Model outputs.
    pub outputs: Vec<TensorId>,
    /// What is kept from one inference to the next.
    pub states: Vec<State>,
    /// What was taken, but not as the author of the file meant it, and what stayed float; one sentence each.
    pub warnings: Vec<String>,
}

impl QGraph {
    /// The tensors that hold a value before the first computation: inputs, and states.
    pub fn entries(&self) -> impl Iterator<Item = TensorId> {
        self.inputs.iter().copied().chain(self.states.iter().map(|s| s.incoming))
    }

    /// The tensors that are read after the last computation: outputs, and states.
    pub fn exits(&self) -> impl Iterator<Item = TensorId> {
        self.outputs.iter().copied().chain(self.states.iter().map(|s| s.outgoing))
    }

    /// The states before the first inference of a sequence.
    #[must_use]
    pub fn initial_states(&self) -> Vec<Vec<u8>> {
        self.states.iter().map(|s| s.initial.clone()).collect()
    }

    /// Computations that only bring elements into another order, each with the bytes that it copies in an inference.
    pub fn transposes(&self) -> impl Iterator<Item = (&QNode, usize)> {
        let transposes = self.nodes.iter().filter(|node| matches!(node.op, QOp::Transpose(_)));
        transposes.map(|node| (node, node.outputs.iter().map(|&t| self.tensors[t].bytes()).sum()))
    }

    /// Multiply-accumulates of one inference: convolutions and fully connected layers.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.nodes.iter().map(|node| node.op.computation().macs()).sum()
    }

    /// Bytes of weights, biases and factors, as the file describes them.
    #[must_use]
    pub fn constant_bytes(&self) -> usize {
        self.nodes.iter().map(|node| node.op.computation().constant_bytes()).sum()
    }
}
