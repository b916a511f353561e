//! DEQUANTIZE: int8 or uint8 to float32.

use hilbench_kernels::{params, reference};

use super::{Computation, Operands, Quantized};
use crate::Result;
use crate::graph::DType;
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
