//! DEQUANTIZE: int8 or uint8 to float32.

use hilbench_kernels::{params, reference};

use super::{Computation, Operands, Quantized};
use crate::Result;
use crate::graph::{DType, Node, Op, Tensor};
use crate::lower::{Call, Lowering, Step};
use crate::qgraph::QNode;
use crate::value::Value;

/// 8 bits to float.
#[derive(Clone, Debug)]
pub struct Dequantize {
    params: params::Affine,
    unsigned: bool,
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let (x, y) = (operands.input(0)?, operands.output()?);
    operands.expect_shape(0, &x.shape)?;
    if !matches!(x.dtype, DType::I8 | DType::U8) || y.dtype != DType::F32 {
        let reason = format!("{} to {}; int8 and uint8 to float32 are accepted", x.dtype, y.dtype);
        return Err(operands.unsupported(reason));
    }
    let input = operands.per_tensor(x)?;
    let params = params::Affine { scale: input.scale, zero_point: input.zero_point };
    Ok((Dequantize { params, unsigned: x.dtype == DType::U8 }.into(), vec![operands.input_id(0)?]))
}

/// Computes `node` if it makes floats of constant codes or half floats, one scale a channel or one for all; answers the
/// bytes that are stored and those that are computed with. Other nodes are left alone.
pub(crate) fn fold(tensors: &mut [Tensor], node: &Node) -> Result<Option<(usize, usize)>> {
    if node.op != Op::Dequantize {
        return Ok(None);
    }
    let operands = Operands { tensors, node };
    let (x, y) = (operands.input(0)?, operands.output()?);
    let Some(data) = &x.data else { return Ok(None) };
    operands.expect_shape(0, &x.shape)?;
    if y.dtype != DType::F32 {
        return Err(operands.unsupported(format!("{} to {}; float32 is accepted", x.dtype, y.dtype)));
    }
    // Half floats were read as floats.
    if x.dtype == DType::F32 {
        let bytes = data.clone();
        let sizes = (bytes.len() / 2, bytes.len());
        tensors[node.outputs[0]].data = Some(bytes);
        return Ok(Some(sizes));
    }
    let Some(q) = &x.quantization else {
        return Err(operands.invalid(format!("tensor {:?} has no scale", x.name)));
    };
    let inner: usize = x.shape.iter().skip(q.axis + 1).product();
    let code = |i: usize| -> Option<i64> {
        Some(match x.dtype {
            DType::I8 => (data[i] as i8).into(),
            DType::U8 => data[i].into(),
            DType::I16 => i16::from_le_bytes([data[2 * i], data[2 * i + 1]]).into(),
            _ => return None,
        })
    };
    let mut bytes = Vec::with_capacity(4 * x.elements());
    for i in 0..x.elements() {
        let channel = if q.scales.len() == 1 { 0 } else { i / inner % q.scales.len() };
        let Some(code) = code(i) else {
            return Err(operands.unsupported(format!("{} to float32; int8, uint8 and int16 are accepted", x.dtype)));
        };
        bytes.extend_from_slice(&((code - q.zero_points[channel]) as f32 * q.scales[channel]).to_le_bytes());
    }
    let sizes = (data.len(), bytes.len());
    tensors[node.outputs[0]].data = Some(bytes);
    Ok(Some(sizes))
}

impl Dequantize {
    /// From uint8, or from int8.
    pub(crate) fn new(scale: f32, zero_point: i32, unsigned: bool) -> Self {
        Dequantize { params: params::Affine { scale, zero_point }, unsigned }
    }
}

impl Computation for Dequantize {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        if self.unsigned {
            reference::dequantize_u8(&self.params, inputs[0].as_slice(), outputs[0].as_mut_slice());
        } else {
            reference::dequantize_i8(&self.params, inputs[0].as_slice(), outputs[0].as_mut_slice());
        }
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let call = if self.unsigned { Call::DequantizeU8(self.params) } else { Call::DequantizeI8(self.params) };
        let operands = vec![lowering.operand(node.inputs[0])];
        Ok(vec![Step { call, operands, scratch: None, output: lowering.buffer(node.outputs[0]) }])
    }
}
