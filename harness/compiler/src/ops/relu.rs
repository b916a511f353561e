//! RELU and RELU6 as operators of their own: rescale an int8 tensor, then clamp.

use hilbench_kernels::params::Relu;

use super::unary::Unary;
use super::{Operands, Quantized};
use crate::Result;
use crate::graph::{Activation, Op};
use crate::multiplier::quantize_multiplier;

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let x = operands.input(0)?;
    let input = operands.int8(x)?;
    let output = operands.int8(operands.output()?)?;
    operands.expect_shape(0, &x.shape)?;
    let activation = if operands.node.op == Op::Relu6 { Activation::Relu6 } else { Activation::Relu };
    let params = Relu {
        input_zero_point: input.zero_point,
        output_zero_point: output.zero_point,
        // The reference divides the scales in single precision.
        output: quantize_multiplier(f64::from(input.scale / output.scale)),
        activation: operands.clamp(activation, output)?,
    };
    Ok((Unary::Relu(params).into(), vec![operands.input_id(0)?]))
}
