//! QUANTIZE: float32 to int8 or uint8, and between the 8-bit types.

use hilbench_kernels::{params, reference};

use super::unary::Unary;
use super::{Computation, Operands, Quantized};
use crate::Result;
use crate::graph::DType;
use crate::lower::{Call, Lowering, Step};
use crate::multiplier::quantize_multiplier;
use crate::qgraph::QNode;
use crate::value::Value;

/// Float to 8 bits.
#[derive(Clone, Debug)]
pub struct Quantize {
    params: params::Affine,
    unsigned: bool,
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let (x, y) = (operands.input(0)?, operands.output()?);
    if [x.dtype, y.dtype].contains(&DType::I16) {
        return super::int16::quantize(operands);
    }
    operands.expect_shape(0, &x.shape)?;
    let output = operands.per_tensor(y)?;
    let inputs = vec![operands.input_id(0)?];
    if x.dtype == DType::F32 && matches!(y.dtype, DType::I8 | DType::U8) {
        let params = params::Affine { scale: output.scale, zero_point: output.zero_point };
        return Ok((Quantize { params, unsigned: y.dtype == DType::U8 }.into(), inputs));
    }
    let input = operands.per_tensor(x)?;
    let rescale = params::Rescale {
        input_zero_point: input.zero_point,
        output_zero_point: output.zero_point,
        output: quantize_multiplier(f64::from(input.scale) / f64::from(output.scale)),
    };
    let unary = match (x.dtype, y.dtype) {
        (DType::I8, DType::I8) => Unary::RescaleI8I8(rescale),
        (DType::I8, DType::U8) => Unary::RescaleI8U8(rescale),
        (DType::U8, DType::I8) => Unary::RescaleU8I8(rescale),
        (DType::U8, DType::U8) => Unary::RescaleU8U8(rescale),
        (from, to) => {
            let reason = format!("{from} to {to}; float32, int8 and uint8 to int8 and uint8 are accepted");
            return Err(operands.unsupported(reason));
        }
    };
    Ok((unary.into(), inputs))
}

impl Quantize {
    /// To uint8, or to int8; ties go away from zero.
    pub(crate) fn new(scale: f32, zero_point: i32, unsigned: bool) -> Self {
        Quantize { params: params::Affine { scale, zero_point }, unsigned }
    }
}

impl Computation for Quantize {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        if self.unsigned {
            reference::quantize_u8(&self.params, inputs[0].as_slice(), outputs[0].as_mut_slice());
        } else {
            reference::quantize_i8(&self.params, inputs[0].as_slice(), outputs[0].as_mut_slice());
        }
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let call = if self.unsigned { Call::QuantizeU8(self.params) } else { Call::QuantizeI8(self.params) };
        let operands = vec![lowering.operand(node.inputs[0])];
        Ok(vec![Step { call, operands, scratch: None, output: lowering.buffer(node.outputs[0]) }])
    }
}
