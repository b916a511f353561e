//! CONV_2D and DEPTHWISE_CONV_2D whose tensors were uint8: weights with one scale and, mostly, a zero point.
//!
//! Where the weights fit 8 bits without it they are those of int8 layers; where not, portable kernels take it off.

use hilbench_kernels::params::{self, QLinearConv2d, QLinearDepthwiseConv2d};

use super::conv_2d::Conv2d;
use super::depthwise_conv_2d::DepthwiseConv2d;
use super::direct::Direct;
use super::requantized::{Weights, i8_bytes, i32_bytes, requant_bytes, unsigned_weights};
use super::{Operands, Quantized, geometry};
use crate::Result;
use crate::graph::Op;
use crate::lower::Call;

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    match operands.op() {
        Op::Conv2d { .. } => conv_2d(operands),
        Op::DepthwiseConv2d { .. } => depthwise_conv_2d(operands),
        _ => Err(operands.invalid("is not a convolution")),
    }
}

fn conv_2d(operands: &Operands<'_>) -> Result<Quantized> {
    let shape = geometry::conv_2d(operands)?;
    let input = operands.int8(operands.input(0)?)?;
    let output = operands.int8(operands.output()?)?;
    let weights = unsigned_weights(operands, shape.output_channels, input, output)?;
    let conv = params::Conv2d {
        batches: shape.batches,
        window: shape.window,
        input_channels: shape.input_channels,
        filter_channels: shape.filter_channels,
        output_channels: shape.output_channels,
        input_zero_point: input.zero_point,
        output_zero_point: output.zero_point,
        activation: operands.clamp(shape.activation, output)?,
    };
    let inputs = vec![operands.input_id(0)?];
    if let Ok(values) = weights.centred().iter().map(|&w| i8::try_from(w)).collect::<Result<Vec<i8>, _>>() {
        return Ok((Conv2d { params: conv, weights: Weights { values, zero_point: 0, ..weights } }.into(), inputs));
    }
    let call = Call::AsymmetricConv2d(QLinearConv2d { conv, weights_zero_point: weights.zero_point });
    let direct = Direct::new(call).counting(shape.macs()).with("weights", &i8_bytes(&weights.values));
    Ok((with_bias_and_factors(direct, &weights).into(), inputs))
}

fn depthwise_conv_2d(operands: &Operands<'_>) -> Result<Quantized> {
    let shape = geometry::depthwise_conv_2d(operands)?;
    let input = operands.int8(operands.input(0)?)?;
    let output = operands.int8(operands.output()?)?;
    let weights = unsigned_weights(operands, shape.channels * shape.multiplier, input, output)?;
    let conv = params::DepthwiseConv2d {
        batches: shape.batches,
        window: shape.window,
        channels: shape.channels,
        multiplier: shape.multiplier,
        input_zero_point: input.zero_point,
        output_zero_point: output.zero_point,
        activation: operands.clamp(shape.activation, output)?,
    };
    let inputs = vec![operands.input_id(0)?];
    let centred = weights.centred();
    if let Ok(values) = centred.iter().map(|&w| i8::try_from(w)).collect::<Result<Vec<i8>, _>>() {
        return Ok((DepthwiseConv2d::new(conv, Weights { values, zero_point: 0, ..weights }).into(), inputs));
    }
    // The zero point is taken off here, for which 8 bits are too few.
    let call = Call::AsymmetricDepthwiseConv2d(QLinearDepthwiseConv2d { conv, weights_zero_point: 0 });
    let wide: Vec<u8> = centred.iter().flat_map(|&w| (w as i16).to_le_bytes()).collect();
    let direct = Direct::new(call).counting(shape.macs()).with("weights", &wide);
    Ok((with_bias_and_factors(direct, &weights).into(), inputs))
}

fn with_bias_and_factors(direct: Direct, weights: &Weights) -> Direct {
    direct.with("bias", &i32_bytes(&weights.bias)).with("multipliers", &requant_bytes(&weights.requant))
}
