//! What becomes of a result: whether it is only ever quantized, and with which scale.

use super::Stage;
use super::view::{Affine, floats, integers};
use crate::graph::onnx::{Codes, Op, Scaling, Unary};
use crate::graph::{self, DType, Node, Quantization, TensorId};

/// A result that is only quantized.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sink {
    /// Scale and zero point of the quantized result.
    pub affine: Affine,
    /// Bounds in its units; those of a relu or clip on the way.
    pub clamp: (i32, i32),
    /// The value that is computed: the result itself, or that of the relu or clip.
    pub end: TensorId,
}

pub(super) fn op_of(node: &Node) -> Option<&Op> {
    match &node.op {
        graph::Op::Onnx(op) => Some(op),
        _ => None,
    }
}

impl Stage<'_> {
    /// Where `y` goes, if integers are all that anybody reads of it.
    ///
    /// A relu or clip in between is folded into bounds: quantization is monotonic, so clipping before it and after it
    /// are the same.
    pub(super) fn sink(&self, y: TensorId) -> Option<Sink> {
        if let Some(affine) = self.quantized_as(y) {
            return Some(Sink { affine, clamp: affine.range(), end: y });
        }
        if self.graph.outputs.contains(&y) {
            return None;
        }
        let &[reader] = &self.readers[y][..] else { return None };
        let node = &self.graph.nodes[reader];
        let &[z] = &node.outputs[..] else { return None };
        match op_of(node)? {
            Op::Unary(unary @ (Unary::Relu | Unary::Clip(..))) => {
                let affine = self.quantized_as(z)?;
                let (low, high) = match *unary {
                    Unary::Clip(low, high) => (low, high),
                    _ => (0.0, f32::INFINITY),
                };
                // The upper bound wins where they cross, as it does in the operator.
                let high = affine.encode(high);
                Some(Sink { affine, clamp: (affine.encode(low).min(high), high), end: z })
            }
            Op::Reshape | Op::Transpose { .. } => {
                let sink = self.sink(z).filter(|s| s.clamp == s.affine.range())?;
                Some(Sink { end: y, ..sink })
            }
            _ => None,
        }
    }

    /// The one scale and zero point that every reader of `y` quantizes it with.
    fn quantized_as(&self, y: TensorId) -> Option<Affine> {
        if self.graph.outputs.contains(&y) {
            return None;
        }
        let mut found: Option<Affine> = None;
        for &reader in &self.readers[y] {
            let node = &self.graph.nodes[reader];
            let affine = match op_of(node)? {
                Op::Quantize { scaling: Scaling { block: None, codes: Codes::Whole, .. }, .. }
                    if node.inputs.first() == Some(&Some(y)) =>
                {
                    self.affine_operands(node)?
                }
                _ => return None,
            };
            if found.is_some_and(|f| f != affine) {
                return None;
            }
            found = Some(affine);
        }
        found
    }

    /// The constant scale and zero point of a quantize operator, if it has one of each and 8 bits.
    pub(super) fn affine_operands(&self, node: &Node) -> Option<Affine> {
        let q = self.quantization(node, 0)?;
        let dtype = self.graph.tensors[node.inputs.get(2).copied().flatten()?].dtype;
        match (&q.scales[..], &q.zero_points[..], dtype) {
            (&[scale], &[zero_point], DType::I8 | DType::U8) => {
                Some(Affine { scale, zero_point: zero_point as i32, dtype })
            }
            _ => None,
        }
    }

    /// The constant scales and zero points of a quantize or dequantize operator, if they are finite and positive.
    pub(super) fn quantization(&self, node: &Node, axis: usize) -> Option<Quantization> {
        let constant = |i: usize| -> Option<&graph::Tensor> {
            let t = self.known[node.inputs.get(i).copied().flatten()?].plain.as_ref()?;
            Some(&self.q.tensors[t.tensor]).filter(|t| t.data.is_some())
        };
        let scales = floats(constant(1)?);
        let mut zero_points = integers(constant(2)?);
        if zero_points.len() == 1 && scales.len() > 1 {
            zero_points = vec![zero_points[0]; scales.len()];
        }
        let sound = scales.iter().all(|s| s.is_finite() && *s > 0.0);
        let axis = if scales.len() == 1 { 0 } else { axis };
        (sound && !scales.is_empty() && scales.len() == zero_points.len()).then_some(Quantization {
            scales,
            zero_points,
            axis,
        })
    }
}
