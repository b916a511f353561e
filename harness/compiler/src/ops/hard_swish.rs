//! HARD_SWISH of an int8 tensor, in 16-bit fixed point.

use hilbench_kernels::params::HardSwish;

use super::unary::Unary;
use super::{Operands, Quantized};
use crate::Result;
use crate::multiplier::{quantize_multiplier, to_q15};

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let x = operands.input(0)?;
    let input = operands.int8(x)?;
    let output = operands.int8(operands.output()?)?;
    operands.expect_shape(0, &x.shape)?;
    // All in single precision, as the reference prepares it.
    let hires_input_scale = (1.0_f32 / 128.0) * input.scale;
    let reluish_scale = 3.0_f32 / 32768.0;
    let to_output = quantize_multiplier(f64::from(hires_input_scale / output.scale));
    let to_reluish = quantize_multiplier(f64::from(hires_input_scale / reluish_scale));
    if to_output.shift > 0 {
        let reason = format!("input scale {} is more than 128 times the output scale {}", input.scale, output.scale);
        return Err(operands.unsupported(reason));
    }
    let params = HardSwish {
        input_zero_point: input.zero_point,
        output_zero_point: output.zero_point,
        reluish_multiplier: to_q15(to_reluish.multiplier),
        reluish_exponent: to_reluish.shift,
        output_multiplier: to_q15(to_output.multiplier),
        output_exponent: to_output.shift,
    };
    Ok((Unary::HardSwish(params).into(), vec![operands.input_id(0)?]))
}
