//! Convolutions and matrix products of floats. Weights may be computed at run time where no packing needs them.

use hilbench_kernels::params::{Conv2dF32, ConvTranspose2dF32, DepthwiseConv2dF32, FullyConnectedF32};

use super::super::direct::Direct;
use super::super::matmul::matmul;
use super::super::{Operands, Quantized, geometry};
use super::hybrid::{self, is_hybrid};
use super::{clamp, expect_result, floats, with_optional};
use crate::Result;
use crate::graph::{Op, TensorId};
use crate::lower::Call;

/// `direct` with the weights of operand `i` as a constant, or as one more tensor that is read.
fn with_weights(operands: &Operands<'_>, direct: Direct, i: usize, inputs: &mut Vec<TensorId>) -> Result<Direct> {
    match &floats(operands, i)?.data {
        Some(data) => Ok(direct.with("weights", data)),
        None => {
            inputs.push(operands.input_id(i)?);
            Ok(direct)
        }
    }
}

pub(crate) fn conv_2d(operands: &Operands<'_>) -> Result<Quantized> {
    let shape = geometry::conv_2d(operands)?;
    floats(operands, 0)?;
    expect_result(operands, &operands.output()?.shape)?;
    let params = Conv2dF32 {
        batches: shape.batches,
        window: shape.window,
        input_channels: shape.input_channels,
        filter_channels: shape.filter_channels,
        output_channels: shape.output_channels,
        activation: clamp(shape.activation),
    };
    if is_hybrid(operands)? {
        return hybrid::conv_2d(operands, params, shape.macs());
    }
    let mut inputs = vec![operands.input_id(0)?];
    let direct = Direct::new(Call::FloatConv2d(params)).counting(shape.macs());
    let direct = with_weights(operands, direct, 1, &mut inputs)?;
    Ok((with_optional(operands, direct, "bias", 2)?.into(), inputs))
}

pub(crate) fn depthwise_conv_2d(operands: &Operands<'_>) -> Result<Quantized> {
    let shape = geometry::depthwise_conv_2d(operands)?;
    floats(operands, 0)?;
    expect_result(operands, &operands.output()?.shape)?;
    let params = DepthwiseConv2dF32 {
        batches: shape.batches,
        window: shape.window,
        channels: shape.channels,
        multiplier: shape.multiplier,
        activation: clamp(shape.activation),
    };
    if is_hybrid(operands)? {
        return hybrid::depthwise_conv_2d(operands, params, shape.macs());
    }
    let mut inputs = vec![operands.input_id(0)?];
    let direct = Direct::new(Call::FloatDepthwiseConv2d(params)).counting(shape.macs());
    let direct = with_weights(operands, direct, 1, &mut inputs)?;
    Ok((with_optional(operands, direct, "bias", 2)?.into(), inputs))
}

pub(crate) fn fully_connected(operands: &Operands<'_>) -> Result<Quantized> {
    let shape = geometry::fully_connected(operands)?;
    floats(operands, 0)?;
    expect_result(operands, &operands.output()?.shape)?;
    let params = FullyConnectedF32 {
        batches: shape.batches,
        input_depth: shape.input_depth,
        output_depth: shape.output_depth,
        activation: clamp(shape.activation),
    };
    if is_hybrid(operands)? {
        return hybrid::fully_connected(operands, params);
    }
    let mut inputs = vec![operands.input_id(0)?];
    let direct = Direct::new(Call::FloatFullyConnected(params)).counting(shape.macs());
    let direct = with_weights(operands, direct, 1, &mut inputs)?;
    Ok((with_optional(operands, direct, "bias", 2)?.into(), inputs))
}

pub(crate) fn transpose_conv(operands: &Operands<'_>) -> Result<Quantized> {
    let shape = geometry::transpose_conv(operands)?;
    floats(operands, 2)?;
    expect_result(operands, &operands.output()?.shape)?;
    let params = ConvTranspose2dF32 { conv: shape.conv, activation: clamp(shape.activation) };
    let mut inputs = vec![operands.input_id(2)?];
    let direct = Direct::new(Call::FloatConvTranspose2d(params)).counting(shape.macs());
    let direct = with_weights(operands, direct, 1, &mut inputs)?;
    Ok((with_optional(operands, direct, "bias", 3)?.into(), inputs))
}

pub(crate) fn batch_matmul(operands: &Operands<'_>) -> Result<Quantized> {
    floats(operands, 0)?;
    floats(operands, 1)?;
    let Op::BatchMatMul { .. } = operands.node.op else { return Err(operands.invalid("is not BATCH_MATMUL")) };
    let (params, macs) = matmul(operands)?;
    expect_result(operands, &operands.output()?.shape)?;
    let direct = Direct::new(Call::FloatMatMul(params)).counting(macs);
    Ok((direct.into(), vec![operands.input_id(0)?, operands.input_id(1)?]))
}
