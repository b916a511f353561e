//! uint8 tensors brought to int8, all values and zero points 128 lower, which changes no sum of products. Operators that
//! have a rule for uint8, or only move elements, keep it.

use crate::graph::{DType, Graph, Node, Op, Quantization, Tensor, TensorId};
use crate::ops::{Element, forms};

/// Where a uint8 tensor of the file is to be found.
#[derive(Clone, Copy, Default)]
struct Forms {
    /// Something writes it as it is, or it is an input or a constant.
    unsigned: bool,
    /// Its int8 form.
    signed: Option<TensorId>,
}

struct Stage {
    graph: Graph,
    known: Vec<Forms>,
}

/// Whether the file has operators that this is for.
pub(super) fn concerns(graph: &Graph) -> bool {
    graph.nodes.iter().any(|node| !keeps_unsigned(node) && tensors(node).any(|t| is_unsigned(&graph.tensors[t])))
}

/// The graph without uint8 where a rule for int8 computes the same.
pub(super) fn signed(graph: &Graph) -> Graph {
    let known = (graph.tensors.iter().enumerate())
        .map(|(t, tensor)| Forms { unsigned: tensor.data.is_some() || graph.entries().any(|e| e == t), signed: None })
        .collect();
    let mut stage = Stage { graph: Graph { nodes: Vec::new(), ..graph.clone() }, known };
    for node in &graph.nodes {
        let operands = node.inputs.iter().flatten();
        let moved = operands.clone().any(|&t| stage.is_file_unsigned(t) && !stage.known[t].unsigned);
        let moves = forms(node.op_name).iter().any(|form| form.element == Element::Any);
        if keeps_unsigned(node) && !(moves && moved) {
            stage.keep(node);
        } else {
            stage.convert(node);
        }
    }
    for t in graph.exits() {
        stage.unsigned(t, graph.nodes.len());
    }
    stage.graph
}

fn tensors(node: &Node) -> impl Iterator<Item = TensorId> {
    node.inputs.iter().flatten().chain(&node.outputs).copied()
}

fn is_unsigned(tensor: &Tensor) -> bool {
    tensor.dtype == DType::U8 && tensor.quantization.is_some()
}

fn keeps_unsigned(node: &Node) -> bool {
    forms(node.op_name).iter().any(|form| matches!(form.element, Element::Uint8 | Element::Any))
}

/// Zero points 128 lower, or higher.
fn shifted(tensor: &Tensor, dtype: DType, by: i64) -> Tensor {
    let q = tensor.quantization.as_ref().map(|q| Quantization {
        zero_points: q.zero_points.iter().map(|z| z.saturating_add(by)).collect(),
        ..q.clone()
    });
    let data = tensor.data.as_ref().map(|data| data.iter().map(|b| b ^ 0x80).collect());
    Tensor { dtype, quantization: q, data, ..tensor.clone() }
}

impl Stage {
    /// Whether tensor `t` is one of the file's, and uint8 there.
    fn is_file_unsigned(&self, t: TensorId) -> bool {
        t < self.known.len() && is_unsigned(&self.graph.tensors[t])
    }

    fn keep(&mut self, node: &Node) {
        for &t in node.inputs.iter().flatten() {
            self.unsigned(t, node.index);
        }
        for &t in &node.outputs {
            self.known[t].unsigned = true;
        }
        self.graph.nodes.push(node.clone());
    }

    fn convert(&mut self, node: &Node) {
        let any = tensors(node).any(|t| self.is_file_unsigned(t));
        let inputs = node.inputs.iter().map(|t| t.map(|t| self.signed(t, node.index))).collect();
        let outputs = node.outputs.iter().map(|&t| self.result(t)).collect();
        let op = match &node.op {
            op @ (Op::Conv2d { .. } | Op::DepthwiseConv2d { .. }) if any => Op::Unsigned(Box::new(op.clone())),
            op => op.clone(),
        };
        self.graph.nodes.push(Node { op, inputs, outputs, ..node.clone() });
    }

    /// The int8 form of an operand, made if there is none.
    fn signed(&mut self, t: TensorId, index: usize) -> TensorId {
        if !self.is_file_unsigned(t) {
            return t;
        }
        if let Some(signed) = self.known[t].signed {
            return signed;
        }
        let constant = self.graph.tensors[t].data.is_some();
        let signed = self.result(t);
        if !constant {
            self.quantize(t, signed, index);
        }
        signed
    }

    /// A new tensor for the int8 form.
    fn result(&mut self, t: TensorId) -> TensorId {
        if !self.is_file_unsigned(t) {
            return t;
        }
        let tensor = shifted(&self.graph.tensors[t], DType::I8, -128);
        self.graph.tensors.push(tensor);
        let signed = self.graph.tensors.len() - 1;
        self.known[t].signed = Some(signed);
        signed
    }

    /// Sees to it that tensor `t` is there as the file has it.
    fn unsigned(&mut self, t: TensorId, index: usize) {
        if !self.is_file_unsigned(t) || self.known[t].unsigned {
            return;
        }
        if let Some(signed) = self.known[t].signed {
            self.quantize(signed, t, index);
            self.known[t].unsigned = true;
        }
    }

    fn quantize(&mut self, from: TensorId, to: TensorId, index: usize) {
        let node = Node { index, op_name: "QUANTIZE", op: Op::Quantize, inputs: vec![Some(from)], outputs: vec![to] };
        self.graph.nodes.push(node);
    }
}
