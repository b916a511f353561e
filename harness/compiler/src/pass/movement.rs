//! Operators that only move elements, and move none: they become another shape of the same bytes, which costs nothing.
//! A permutation of a permutation becomes one.

use super::Passed;
use crate::ops::QOp;
use crate::ops::reshape::Reshape;

/// Runs the pass.
pub(super) fn remove(passed: &mut Passed) {
    let mut place = 0;
    while place < passed.graph.nodes.len() {
        let node = &passed.graph.nodes[place];
        let varying = node.inputs.len() == 1 && passed.graph.tensors[node.inputs[0]].data.is_none();
        if let (QOp::Transpose(second), true) = (&node.op, varying)
            && let Some(producer) = passed.only_producer(node.inputs[0])
            && let QOp::Transpose(first) = &passed.graph.nodes[producer].op
            && let Some(both) = first.then(second)
        {
            passed.say("movement", place, "is one permutation with the one before it");
            passed.graph.nodes[place].op = both.into();
            passed.graph.nodes[place].inputs = passed.graph.nodes[producer].inputs.clone();
            passed.graph.nodes.remove(producer);
            place -= 1;
            continue;
        }
        if varying && node.op.computation().moves_nothing() && !matches!(node.op, QOp::Reshape(_)) {
            passed.say("movement", place, "moves nothing");
            passed.graph.nodes[place].op = Reshape.into();
        }
        place += 1;
    }
}
