//! LEAKY_RELU of an int8 tensor.

use hilbench_kernels::params::LeakyRelu;

use super::unary::Unary;
use super::{Operands, Quantized};
use crate::Result;
use crate::graph::Op;
use crate::multiplier::quantize_multiplier;

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::LeakyRelu { alpha } = operands.node.op else { return Err(operands.invalid("is not LEAKY_RELU")) };
    let x = operands.input(0)?;
    let input = operands.int8(x)?;
    let output = operands.int8(operands.output()?)?;
    operands.expect_shape(0, &x.shape)?;
    if !alpha.is_finite() {
        return Err(operands.invalid(format!("alpha is {alpha}")));
    }
    // The reference multiplies and divides in single precision.
    let params = LeakyRelu {
        input_zero_point: input.zero_point,
        output_zero_point: output.zero_point,
        identity: quantize_multiplier(f64::from(input.scale / output.scale)),
        alpha: quantize_multiplier(f64::from(input.scale * alpha / output.scale)),
    };
    Ok((Unary::LeakyRelu(params).into(), vec![operands.input_id(0)?]))
}
