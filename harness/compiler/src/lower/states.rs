//! States: a buffer each that outlives the inference, and a copy at its end of what it leaves. Knows no operator.

use super::{BufferId, Call, Lowering, Operand, Step};
use crate::graph::TensorId;
use crate::ops::strided;
use crate::plan::{Kept, PlanNode};
use crate::qgraph::QGraph;

/// Copies what each state becomes to where it stays, after everything else.
pub(super) fn keep(graph: &QGraph, lowering: &mut Lowering<'_>) -> Vec<Kept> {
    let incoming: Vec<BufferId> = graph.states.iter().map(|s| lowering.buffer(s.incoming)).collect();
    // One state may become what another was: all are read before any is written.
    let left: Vec<Option<Operand>> =
        (graph.states.iter()).map(|s| (s.outgoing != s.incoming).then(|| own(graph, lowering, s.outgoing))).collect();
    for ((state, &output), operand) in graph.states.iter().zip(&incoming).zip(left) {
        if let Some(operand) = operand {
            copy(graph, lowering, &state.name, operand, output);
        }
    }
    let kept = graph.states.iter().zip(incoming);
    kept.map(|(state, buffer)| Kept { buffer, initial: state.initial.clone() }).collect()
}

/// `tensor` to be read at the end: copied from the buffer of a state, if it shares one, before that is written.
pub(super) fn own(graph: &QGraph, lowering: &mut Lowering<'_>, tensor: TensorId) -> Operand {
    let operand = lowering.operand(tensor);
    let Operand::Buffer(shared) = operand else { return operand };
    let incoming: Vec<TensorId> = graph.states.iter().map(|s| s.incoming).collect();
    if incoming.into_iter().all(|t| lowering.buffer(t) != shared) {
        return operand;
    }
    let own = lowering.scratch(graph.tensors[tensor].bytes());
    copy(graph, lowering, &graph.tensors[tensor].name, operand, own);
    Operand::Buffer(own)
}

fn copy(graph: &QGraph, lowering: &mut Lowering<'_>, name: &str, operand: Operand, output: BufferId) {
    let call = Call::Assign8(strided::whole(lowering.buffers[output].bytes));
    lowering.nodes.push(PlanNode {
        index: graph.nodes.len(),
        op_name: "ASSIGN_VARIABLE",
        name: name.to_string(),
        cuts: vec![None],
        steps: vec![Step { call, operands: vec![operand], scratch: None, output }],
        outputs: Vec::new(),
        macs: 0,
    });
}
