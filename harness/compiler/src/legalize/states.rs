//! Recurrent operators, which write several tensors: one that holds all of them, and the parts of it.

use crate::graph::{Graph, Node, Op, Tensor, TensorId};

/// The hidden states of every step, then the final cells, and the three tensors that the operator has them in. Operators
/// whose states are no variables are left as they are, for the rule to refuse.
pub(super) fn lstm(graph: &mut Graph, node: Node, time_major: bool) {
    let operand = |i: usize| node.inputs.get(i).copied().flatten().map(|t| &graph.tensors[t]);
    let (Some(x), Some(cell), &[y, hidden_out, cell_out]) = (operand(0), operand(19), &node.outputs[..]) else {
        graph.nodes.push(node);
        return;
    };
    let (sequence, cells, element) = (graph.tensors[y].bytes(), cell.bytes(), x.dtype.size());
    let &[first, second, _] = &x.shape[..] else {
        graph.nodes.push(node);
        return;
    };
    let (batches, steps) = if time_major { (second, first) } else { (first, second) };
    let row = sequence / (batches * steps).max(1);
    let (stride, last) =
        if time_major { (row, (steps.max(1) - 1) * batches * row) } else { (steps * row, (steps.max(1) - 1) * row) };
    let whole = Tensor { shape: vec![(sequence + cells) / element], data: None, ..graph.tensors[y].clone() };
    graph.tensors.push(whole);
    let whole = graph.tensors.len() - 1;
    let index = node.index;
    let part = |output: TensorId, start, rows, stride, bytes| Node {
        index,
        op_name: node.op_name,
        op: Op::Part { start, rows, stride, bytes },
        inputs: vec![Some(whole)],
        outputs: vec![output],
    };
    let parts = [
        part(y, 0, 1, 0, sequence),
        part(hidden_out, last, batches, stride, row),
        part(cell_out, sequence, 1, 0, cells),
    ];
    graph.nodes.push(Node { outputs: vec![whole], ..node });
    graph.nodes.extend(parts);
}
