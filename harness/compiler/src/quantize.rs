//! Graph to [`QGraph`]: decides the arithmetic of each operator and folds what depends on constants alone.

use crate::Result;
use crate::graph::{Graph, Op};
use crate::ops::{self, Operands};
use crate::qdq;
use crate::qgraph::{QGraph, QNode};
use crate::value::Value;

/// Largest result that is folded; a larger one is computed where the model runs.
const MAX_FOLDED_BYTES: usize = 1 << 20;

/// Decides the integer arithmetic of every operator.
///
/// # Errors
/// Operators, types or parameters outside what `supported-ops` lists; shapes that contradict the operator.
pub fn quantize(graph: &Graph) -> Result<QGraph> {
    if graph.nodes.iter().any(|node| matches!(node.op, Op::Onnx(_))) {
        return qdq::quantize(graph);
    }
    let mut q = QGraph {
        name: graph.name.clone(),
        tensors: graph.tensors.clone(),
        nodes: Vec::new(),
        inputs: graph.inputs.clone(),
        outputs: graph.outputs.clone(),
        warnings: graph.warnings.clone(),
    };
    for node in &graph.nodes {
        if node.op == Op::Shape {
            ops::shape::fold(&mut q.tensors, node)?;
            continue;
        }
        let operands = Operands { tensors: &q.tensors, node };
        let (op, inputs) = ops::quantize(&operands)?;
        let bytes: usize = node.outputs.iter().map(|&t| q.tensors[t].bytes()).sum();
        let small = bytes <= MAX_FOLDED_BYTES && op.computation().macs() == 0;
        if small && inputs.iter().all(|&t| q.tensors[t].data.is_some()) {
            let values: Vec<Value> =
                inputs.iter().filter_map(|&t| q.tensors[t].data.as_deref()).map(Value::from_bytes).collect();
            let mut outputs: Vec<Value> = node.outputs.iter().map(|&t| Value::zeros(q.tensors[t].bytes())).collect();
            op.computation().reference(&values.iter().collect::<Vec<_>>(), &mut outputs);
            for (&t, value) in node.outputs.iter().zip(outputs) {
                q.tensors[t].data = Some(value.as_bytes().to_vec());
            }
            continue;
        }
        let name = node.outputs.first().map_or_else(String::new, |&t| q.tensors[t].name.clone());
        q.nodes.push(QNode {
            index: node.index,
            op_name: node.op_name,
            name,
            op,
            inputs,
            outputs: node.outputs.clone(),
        });
    }
    Ok(q)
}
