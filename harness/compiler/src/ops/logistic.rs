//! LOGISTIC of an int8 tensor; output scale 1/256, zero point -128.

use hilbench_kernels::params::{Affine, Sigmoidal};

use super::unary::Unary;
use super::{Operands, Quantized};
use crate::Result;

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    Ok((Unary::Logistic(sigmoidal(operands, 1.0 / 256.0, -128)?).into(), vec![operands.input_id(0)?]))
}

/// Scales and zero points; those of the output are fixed.
pub(super) fn sigmoidal(operands: &Operands<'_>, scale: f32, zero_point: i32) -> Result<Sigmoidal> {
    let x = operands.input(0)?;
    let input = operands.int8(x)?;
    operands.expect_output_scale(scale, zero_point)?;
    operands.expect_shape(0, &x.shape)?;
    let input = Affine { scale: input.scale, zero_point: input.zero_point };
    Ok(Sigmoidal { input, output: Affine { scale, zero_point } })
}
