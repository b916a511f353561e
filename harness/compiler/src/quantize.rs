//! Graph to [`QGraph`]: decides the arithmetic of each operator and folds what depends on constants alone.

use crate::Result;
use crate::graph::{Graph, Node, Op};
use crate::legalize::legalize;
use crate::ops::{self, Element, Operands};
use crate::qdq;
use crate::qgraph::{QGraph, QNode};
use crate::value::Value;

/// Largest result that is folded; a larger one is computed where the model runs.
const MAX_FOLDED_BYTES: usize = 1 << 20;

/// Decides the arithmetic of every operator.
///
/// # Errors
/// Operators, types or parameters outside what `supported-ops` lists; shapes that contradict the operator.
pub fn quantize(graph: &Graph) -> Result<QGraph> {
    if graph.nodes.iter().any(|node| matches!(node.op, Op::Onnx(_))) {
        return qdq::quantize(graph);
    }
    let graph = legalize(graph);
    let mut q = QGraph {
        name: graph.name.clone(),
        tensors: graph.tensors.clone(),
        nodes: Vec::new(),
        inputs: graph.inputs.clone(),
        outputs: graph.outputs.clone(),
        states: graph.states.clone(),
        warnings: graph.warnings.clone(),
    };
    let mut floats = Vec::new();
    let mut expanded = Vec::new();
    for node in &graph.nodes {
        if ops::shape::fold(&mut q.tensors, node)? {
            continue;
        }
        if let Some(sizes) = ops::dequantize::fold(&mut q.tensors, node)? {
            expanded.push(sizes);
            continue;
        }
        let operands = Operands { tensors: &q.tensors, node };
        let (element, (op, inputs)) = ops::quantize(&operands)?;
        let bytes: usize = node.outputs.iter().map(|&t| q.tensors[t].bytes()).sum();
        let small = bytes <= MAX_FOLDED_BYTES && op.computation().macs() == 0;
        if small && inputs.iter().all(|&t| q.tensors[t].data.is_some()) {
            fold(&mut q, node, &op, &inputs);
            continue;
        }
        if element == Element::Float32 && !op.is_quantize() {
            floats.push(graph.describe(node));
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
    if !floats.is_empty() {
        q.warnings.push(format!("computed in float32, as the file has them: {}", floats.join(", ")));
    }
    let costs = costs(&q, &expanded);
    q.warnings.extend(costs);
    Ok(q)
}

/// One sentence on weights that are not those of an integer network, what they cost, and how to get one.
fn costs(q: &QGraph, expanded: &[(usize, usize)]) -> Option<String> {
    const REMEDY: &str = "to compute in integers, convert the model with a representative dataset and with int8 \
        for inputs, outputs and operators (TFLITE_BUILTINS_INT8)";
    let hybrid: Vec<&QNode> = q.nodes.iter().filter(|node| node.op.is_hybrid()).collect();
    let macs = |nodes: &mut dyn Iterator<Item = &QNode>| nodes.map(|node| node.op.computation().macs()).sum::<u64>();
    let mut said = Vec::new();
    if !expanded.is_empty() {
        let (stored, computed) = expanded.iter().fold((0, 0), |sum, sizes| (sum.0 + sizes.0, sum.1 + sizes.1));
        let macs = macs(&mut q.nodes.iter().filter(|node| !node.op.is_hybrid()));
        said.push(format!(
            "{} constants are stored in {stored} bytes but computed with as float32, in {computed} bytes and {macs} \
             float multiply-accumulates",
            expanded.len()
        ));
    }
    if !hybrid.is_empty() {
        let (count, macs) = (hybrid.len(), macs(&mut hybrid.into_iter()));
        said.push(format!(
            "the weights of {count} layers are int8 but their inputs are float32, 4 bytes an element, and are quantized \
             anew in every inference ({macs} multiply-accumulates, then float)"
        ));
    }
    (!said.is_empty()).then(|| format!("{}; {REMEDY}", said.join("; ")))
}

/// Computes a node whose inputs are all constant.
fn fold(q: &mut QGraph, node: &Node, op: &ops::QOp, inputs: &[usize]) {
    let values: Vec<Value> =
        inputs.iter().filter_map(|&t| q.tensors[t].data.as_deref()).map(Value::from_bytes).collect();
    let mut outputs: Vec<Value> = node.outputs.iter().map(|&t| Value::zeros(q.tensors[t].bytes())).collect();
    op.computation().reference(&values.iter().collect::<Vec<_>>(), &mut outputs);
    for (&t, value) in node.outputs.iter().zip(outputs) {
        q.tensors[t].data = Some(value.as_bytes().to_vec());
    }
}
