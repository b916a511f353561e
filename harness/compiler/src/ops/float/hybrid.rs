//! Layers of floats with int8 weights: their inputs are quantized when they arrive.

use hilbench_kernels::params::{Conv2dF32, Conv2dHybrid, DepthwiseConv2dF32, FullyConnectedF32, FullyConnectedHybrid};

use super::super::direct::Direct;
use super::super::{Operands, Quantized};
use super::with_optional;
use crate::Result;
use crate::graph::{DType, Op};
use crate::lower::Call;

/// Whether operand 1 holds integer weights.
pub(super) fn is_hybrid(operands: &Operands<'_>) -> Result<bool> {
    Ok(operands.input(1)?.dtype != DType::F32)
}

/// Weights and their scales as constants; `channels` of them along dimension `axis`.
fn with_weights(operands: &Operands<'_>, direct: Direct, axis: usize, channels: usize) -> Result<(Direct, bool)> {
    let tensor = operands.input(1)?;
    let (Some(data), DType::I8) = (&tensor.data, tensor.dtype) else {
        let reason = format!(
            "weights {:?} are {}; constants of int8 or float32 are accepted beside float32",
            tensor.name, tensor.dtype
        );
        return Err(operands.unsupported(reason));
    };
    let Some(q) = &tensor.quantization else {
        return Err(operands.invalid(format!("weights {:?} have no scale", tensor.name)));
    };
    if q.zero_points.iter().any(|&z| z != 0) {
        return Err(operands.unsupported(format!("weights {:?} have zero points other than 0", tensor.name)));
    }
    let per_tensor = q.scales.len() == 1;
    if !per_tensor && (q.axis != axis || q.scales.len() != channels) {
        let reason = format!(
            "weights {:?} of shape {:?} have {} scales along dimension {}; {channels} along dimension {axis} are accepted",
            tensor.name,
            tensor.shape,
            q.scales.len(),
            q.axis
        );
        return Err(operands.unsupported(reason));
    }
    let scales: Vec<u8> = q.scales.iter().flat_map(|s| s.to_le_bytes()).collect();
    Ok((direct.with("weights", data).with("scales", &scales), per_tensor))
}

pub(super) fn fully_connected(operands: &Operands<'_>, layer: FullyConnectedF32) -> Result<Quantized> {
    let Op::FullyConnected { asymmetric_inputs: asymmetric, .. } = operands.node.op else {
        return Err(operands.invalid("is not FULLY_CONNECTED"));
    };
    let macs = layer.batches * layer.input_depth * layer.output_depth;
    let call = Call::HybridFullyConnected(FullyConnectedHybrid { layer, asymmetric });
    let direct = Direct::new(call).counting(macs).using(layer.input_depth);
    let (direct, _) = with_weights(operands, direct, 0, layer.output_depth)?;
    Ok((with_optional(operands, direct, "bias", 2)?.into(), vec![operands.input_id(0)?]))
}

pub(super) fn conv_2d(operands: &Operands<'_>, conv: Conv2dF32, macs: usize) -> Result<Quantized> {
    let scratch = conv.window.input_h * conv.window.input_w * conv.input_channels;
    let params = Conv2dHybrid { conv, asymmetric: true };
    let direct = Direct::new(Call::HybridConv2d(params)).counting(macs).using(scratch);
    let (mut direct, per_tensor) = with_weights(operands, direct, 0, conv.output_channels)?;
    if per_tensor {
        // `HybridConv` rather than `HybridConvPerChannel` of the reference.
        direct = direct.calling(Call::HybridConv2d(Conv2dHybrid { asymmetric: false, ..params }));
    }
    Ok((with_optional(operands, direct, "bias", 2)?.into(), vec![operands.input_id(0)?]))
}

pub(super) fn depthwise_conv_2d(operands: &Operands<'_>, conv: DepthwiseConv2dF32, macs: usize) -> Result<Quantized> {
    let scratch = conv.window.input_h * conv.window.input_w * conv.channels;
    let direct = Direct::new(Call::HybridDepthwiseConv2d(conv)).counting(macs).using(scratch);
    let (direct, per_tensor) = with_weights(operands, direct, 3, conv.channels * conv.multiplier)?;
    if per_tensor && conv.channels * conv.multiplier > 1 {
        return Err(operands.unsupported("weights with one scale; one for each channel is accepted beside float32"));
    }
    Ok((with_optional(operands, direct, "bias", 2)?.into(), vec![operands.input_id(0)?]))
}
