//! A TFLite graph in the terms of the kernels: what no kernel does in one call is taken apart into operators that have
//! one. Changes no result. Knows no arithmetic.

mod states;
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
    let compound = |node: &Node| {
        fused(graph, node) != Activation::None
            || adjoint(node) != [false; 2]
            || matches!(node.op, Op::TopK { .. } | Op::Lstm { .. })
            || concatenated(graph, node).iter().any(|unequal| *unequal)
            || repeated(graph, node).len() > 1
    };
    if !graph.nodes.iter().any(compound) {
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
        if let (Op::TopK { .. }, &[values, indices]) = (&node.op, &node.outputs[..]) {
            let node = |indices, output| Node { op: Op::TopK { indices }, outputs: vec![output], ..node.clone() };
            legal.nodes.extend([node(false, values), node(true, indices)]);
            continue;
        }
        if let Op::Lstm { time_major, .. } = node.op {
            states::lstm(&mut legal, node, time_major);
            continue;
        }
        for (operand, unequal) in concatenated(graph, &node).into_iter().enumerate() {
            if let (true, Some(x)) = (unequal, node.inputs[operand]) {
                node.inputs[operand] = Some(rescaled(&mut legal, &node, x));
            }
        }
        let axes = repeated(graph, &node);
        if axes.len() > 1 {
            tile(&mut legal, node, &axes);
            continue;
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

/// The axes that a TILE with constant repeats repeats, and how often; none of other operators.
fn repeated(graph: &Graph, node: &Node) -> Vec<(usize, i32)> {
    let (Op::Tile, &[Some(_), Some(repeats)]) = (&node.op, &node.inputs[..]) else { return Vec::new() };
    let repeats = &graph.tensors[repeats];
    let Some(data) = repeats.data.as_ref().filter(|_| repeats.dtype == DType::I32) else { return Vec::new() };
    let repeats = data.chunks_exact(4).map(|c| i32::from_le_bytes([c[0], c[1], c[2], c[3]]));
    repeats.enumerate().filter(|&(_, r)| r != 1).collect()
}

/// A TILE of several axes as one for each; the rule checks what is asked.
fn tile(graph: &mut Graph, node: Node, axes: &[(usize, i32)]) {
    let (Some(&Some(mut x)), Some(&result)) = (node.inputs.first(), node.outputs.first()) else { return };
    let rank = graph.tensors[x].shape.len();
    for (n, &(axis, repeat)) in axes.iter().enumerate() {
        let mut repeats = vec![1_i32; rank];
        let mut shape = graph.tensors[x].shape.clone();
        let (Some(count), Some(dim)) = (repeats.get_mut(axis), shape.get_mut(axis)) else { return };
        // What is too large or negative does not have the shape of the result, which the last rule tells.
        (*count, *dim) = (repeat, dim.saturating_mul(usize::try_from(repeat).unwrap_or(0)));
        graph.tensors.push(Tensor {
            name: String::new(),
            dtype: DType::I32,
            shape: vec![rank],
            quantization: None,
            data: Some(repeats.iter().flat_map(|r| r.to_le_bytes()).collect()),
        });
        let constant = graph.tensors.len() - 1;
        let output = if n + 1 == axes.len() {
            result
        } else {
            let within = shape.iter().try_fold(1_usize, |product, &d| product.checked_mul(d));
            // Larger than the result, or than anything: the file contradicts itself, and the result's shape tells.
            let limit = graph.tensors[result].elements().max(graph.tensors[x].elements());
            if within.is_none_or(|elements| elements > limit) {
                graph.nodes.push(node);
                return;
            }
            graph.tensors.push(Tensor { shape, data: None, ..graph.tensors[result].clone() });
            graph.tensors.len() - 1
        };
        graph.nodes.push(Node { inputs: vec![Some(x), Some(constant)], outputs: vec![output], ..node.clone() });
        x = output;
    }
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

/// Which operands of a CONCATENATION of uint8 have another scale or zero point than its result.
fn concatenated(graph: &Graph, node: &Node) -> Vec<bool> {
    let (Op::Concatenation { .. }, &[y]) = (&node.op, &node.outputs[..]) else { return Vec::new() };
    let y = &graph.tensors[y];
    let unequal = |x: &Option<TensorId>| {
        let x = x.map(|x| &graph.tensors[x]);
        y.dtype == DType::U8 && x.is_some_and(|x| x.dtype == DType::U8 && x.quantization != y.quantization)
    };
    node.inputs.iter().map(unequal).collect()
}

/// `x` by the scale of the result of `node`, by an operator before it.
fn rescaled(graph: &mut Graph, node: &Node, x: TensorId) -> TensorId {
    let quantization = node.outputs.first().and_then(|&y| graph.tensors[y].quantization.clone());
    graph.tensors.push(Tensor { quantization, data: None, ..graph.tensors[x].clone() });
    let y = graph.tensors.len() - 1;
    let (index, op_name) = (node.index, node.op_name);
    graph.nodes.push(Node { index, op_name, op: Op::Rescale, inputs: vec![Some(x)], outputs: vec![y] });
    y
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
