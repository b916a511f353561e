//! A TFLite graph in the terms of the kernels: what no kernel does in one call is taken apart into operators that have
//! one. Changes no result. Knows no arithmetic.

mod unsigned;

use std::borrow::Cow;

use crate::graph::tflite::Unary;
use crate::graph::{Activation, DType, Graph, Node, Op, Tensor, TensorId};

/// `graph` in terms that the rules have.
pub(crate) fn legalize(graph: &Graph) -> Cow<'_, Graph> {
    if unsigned::concerns(graph) {
        let graph = unsigned::signed(graph);
        return Cow::Owned(taken_apart(&graph).into_owned());
    }
    taken_apart(graph)
}

/// `graph` with activations that are fused into float operators, and operands that lie transposed, as operators of their
/// own.
fn taken_apart(graph: &Graph) -> Cow<'_, Graph> {
    if !graph.nodes.iter().any(|node| fused(graph, node) != Activation::None || adjoint(node) != [false; 2]) {
        return Cow::Borrowed(graph);
    }
    let mut legal = Graph { nodes: Vec::with_capacity(graph.nodes.len()), ..graph.clone() };
    for node in &graph.nodes {
        let mut node = node.clone();
        for (operand, transposed) in adjoint(&node).into_iter().enumerate() {
            if let (true, Some(x)) = (transposed, node.inputs.get(operand).copied().flatten()) {
                node.inputs[operand] = Some(transpose(&mut legal, &node, x));
            }
        }
        if let Op::BatchMatMul { adjoint } = &mut node.op {
            *adjoint = [false; 2];
        }
        match fused(graph, &node) {
            Activation::None => legal.nodes.push(node),
            activation => apart(&mut legal, node, activation),
        }
    }
    Cow::Owned(legal)
}

/// The fused activation that has to become an operator.
fn fused(graph: &Graph, node: &Node) -> Activation {
    let float = node.outputs.iter().all(|&t| graph.tensors[t].dtype == DType::F32);
    match &node.op {
        _ if !float => Activation::None,
        Op::Add { activation }
        | Op::Binary { activation, .. }
        | Op::Concatenation { activation, .. }
        | Op::Mul { activation }
        | Op::Sub { activation } => *activation,
        Op::AveragePool2d { window, .. } | Op::MaxPool2d { window, .. } => window.activation,
        _ => Activation::None,
    }
}

fn adjoint(node: &Node) -> [bool; 2] {
    if let Op::BatchMatMul { adjoint } = node.op { adjoint } else { [false; 2] }
}

/// `node` without its activation, and that behind it.
fn apart(graph: &mut Graph, mut node: Node, fused: Activation) {
    match &mut node.op {
        Op::Add { activation }
        | Op::Binary { activation, .. }
        | Op::Concatenation { activation, .. }
        | Op::Mul { activation }
        | Op::Sub { activation } => *activation = Activation::None,
        Op::AveragePool2d { window, .. } | Op::MaxPool2d { window, .. } => window.activation = Activation::None,
        _ => {}
    }
    let (op_name, op) = match fused {
        Activation::None => return,
        Activation::Relu => ("RELU", Op::Relu),
        Activation::Relu6 => ("RELU6", Op::Relu6),
        Activation::ReluN1To1 => ("RELU_N1_TO_1", Op::Unary(Unary::ReluN1To1)),
    };
    let Some(&result) = node.outputs.first() else { return };
    graph.tensors.push(Tensor { name: graph.tensors[result].name.clone(), ..graph.tensors[result].clone() });
    let between = graph.tensors.len() - 1;
    node.outputs = vec![between];
    let behind = Node { index: node.index, op_name, op, inputs: vec![Some(between)], outputs: vec![result] };
    graph.nodes.extend([node, behind]);
}

/// The last two dimensions of `x` in the other order, by an operator before `node`.
fn transpose(graph: &mut Graph, node: &Node, x: TensorId) -> TensorId {
    let mut result = Tensor { data: None, ..graph.tensors[x].clone() };
    let rank = result.shape.len();
    let mut permutation: Vec<i32> = (0..rank as i32).collect();
    if rank >= 2 {
        result.shape.swap(rank - 2, rank - 1);
        permutation.swap(rank - 2, rank - 1);
    }
    let data: Vec<u8> = permutation.iter().flat_map(|p| p.to_le_bytes()).collect();
    graph.tensors.push(Tensor {
        name: String::new(),
        dtype: DType::I32,
        shape: vec![rank],
        quantization: None,
        data: Some(data),
    });
    graph.tensors.push(result);
    let y = graph.tensors.len() - 1;
    graph.nodes.push(Node {
        index: node.index,
        op_name: "TRANSPOSE",
        op: Op::Transpose,
        inputs: vec![Some(x), Some(y - 1)],
        outputs: vec![y],
    });
    y
}
