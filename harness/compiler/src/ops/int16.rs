//! Operators of int16 activations: scales alone, no zero points; weights are int8, biases int64.

use hilbench_kernels::float::exp;
use hilbench_kernels::params::{
    self, Add, Affine, Clamp, LeakyRelu, Mul, QLinearConvTranspose2d, Relu, Requant, Rescale, Sigmoidal16, Softmax16,
};

use super::direct::Direct;
use super::operands::PerTensor;
use super::requantized::{constant_weights, requant_bytes};
use super::{Operands, Quantized, geometry};
use crate::Result;
use crate::graph::{Activation, DType, Op, Tensor};
use crate::lower::Call;
use crate::multiplier::quantize_multiplier;

/// Scale of an int16 tensor.
fn scale(operands: &Operands<'_>, tensor: &Tensor) -> Result<f32> {
    if tensor.dtype != DType::I16 {
        let reason = format!("tensor {:?} is {}; int16 is accepted beside int16", tensor.name, tensor.dtype);
        return Err(operands.unsupported(reason));
    }
    let PerTensor { scale, zero_point } = operands.per_tensor(tensor)?;
    if zero_point != 0 {
        return Err(
            operands.unsupported(format!("tensor {:?} has zero point {zero_point}; 0 is accepted", tensor.name))
        );
    }
    Ok(scale)
}

fn clamp(operands: &Operands<'_>, activation: Activation, scale: f32) -> Result<Clamp> {
    operands.clamp_within(activation, PerTensor { scale, zero_point: 0 }, -32768, 32767)
}

/// A layer's weights, biases and factors as constants of `direct`. `factor` makes the real factor of a scale.
fn with_weights(
    operands: &Operands<'_>,
    direct: Direct,
    (axis, channels): (usize, usize),
    bias: usize,
    factor: impl Fn(f32, bool) -> f64,
) -> Result<Direct> {
    let (tensor, data, q) = constant_weights(operands)?;
    let per_tensor = q.scales.len() == 1;
    if q.zero_points.iter().any(|&z| z != 0) || !(per_tensor || (q.axis == axis && q.scales.len() == channels)) {
        let reason = format!(
            "weights {:?} have {} scales along dimension {}; one, or {channels} along dimension {axis}, without zero \
             points are accepted",
            tensor.name,
            q.scales.len(),
            q.axis
        );
        return Err(operands.unsupported(reason));
    }
    let factors: Vec<Requant> = q.scales.iter().map(|&s| quantize_multiplier(factor(s, per_tensor))).collect();
    // `MultiplyByQuantizedMultiplier` of 64-bit sums takes no others.
    if factors.iter().any(|f| f.shift > 7) {
        return Err(operands.unsupported(format!("scales of weights {:?} that make sums larger", tensor.name)));
    }
    let bias = match operands.optional(bias) {
        None => &[][..],
        Some(Tensor { dtype: DType::I64, data: Some(data), shape, .. })
            if shape.iter().product::<usize>() == channels =>
        {
            data
        }
        Some(tensor) => {
            let reason = format!(
                "bias {:?} is {} {:?}; {channels} constants of int64 are accepted",
                tensor.name, tensor.dtype, tensor.shape
            );
            return Err(operands.unsupported(reason));
        }
    };
    Ok(direct.with("weights", data).with("bias", bias).with("multipliers", &requant_bytes(&factors)))
}

pub(super) fn conv_2d(operands: &Operands<'_>) -> Result<Quantized> {
    let shape = geometry::conv_2d(operands)?;
    let (input, output) = (scale(operands, operands.input(0)?)?, scale(operands, operands.output()?)?);
    let params = params::Conv2d {
        batches: shape.batches,
        window: shape.window,
        input_channels: shape.input_channels,
        filter_channels: shape.filter_channels,
        output_channels: shape.output_channels,
        input_zero_point: 0,
        output_zero_point: 0,
        activation: clamp(operands, shape.activation, output)?,
    };
    let direct = Direct::new(Call::Int16Conv2d(params)).counting(shape.macs());
    let factor = |weight: f32, _| f64::from(input) * f64::from(weight) / f64::from(output);
    let direct = with_weights(operands, direct, (0, shape.output_channels), 2, factor)?;
    Ok((direct.into(), vec![operands.input_id(0)?]))
}

pub(super) fn depthwise_conv_2d(operands: &Operands<'_>) -> Result<Quantized> {
    let shape = geometry::depthwise_conv_2d(operands)?;
    let (input, output) = (scale(operands, operands.input(0)?)?, scale(operands, operands.output()?)?);
    let params = params::DepthwiseConv2d {
        batches: shape.batches,
        window: shape.window,
        channels: shape.channels,
        multiplier: shape.multiplier,
        input_zero_point: 0,
        output_zero_point: 0,
        activation: clamp(operands, shape.activation, output)?,
    };
    let direct = Direct::new(Call::Int16DepthwiseConv2d(params)).counting(shape.macs());
    let factor = |weight: f32, _| f64::from(input) * f64::from(weight) / f64::from(output);
    let direct = with_weights(operands, direct, (3, shape.channels * shape.multiplier), 2, factor)?;
    Ok((direct.into(), vec![operands.input_id(0)?]))
}

pub(super) fn transpose_conv(operands: &Operands<'_>) -> Result<Quantized> {
    let shape = geometry::transpose_conv(operands)?;
    let (input, output) = (scale(operands, operands.input(2)?)?, scale(operands, operands.output()?)?);
    let params = QLinearConvTranspose2d {
        conv: shape.conv,
        input_zero_point: 0,
        weights_zero_point: 0,
        output_zero_point: 0,
        activation: clamp(operands, shape.activation, output)?,
    };
    let direct = Direct::new(Call::Int16ConvTranspose2d(params)).counting(shape.macs());
    let factor = |weight: f32, _| f64::from(input) * f64::from(weight) / f64::from(output);
    let direct = with_weights(operands, direct, (0, shape.conv.output_channels), 3, factor)?;
    Ok((direct.into(), vec![operands.input_id(2)?]))
}

pub(super) fn fully_connected(operands: &Operands<'_>) -> Result<Quantized> {
    let shape = geometry::fully_connected(operands)?;
    let (input, output) = (scale(operands, operands.input(0)?)?, scale(operands, operands.output()?)?);
    let params = params::FullyConnected {
        batches: shape.batches,
        input_depth: shape.input_depth,
        output_depth: shape.output_depth,
        input_zero_point: 0,
        weights_zero_point: 0,
        output_zero_point: 0,
        activation: clamp(operands, shape.activation, output)?,
    };
    let direct = Direct::new(Call::Int16FullyConnected(params)).counting(shape.macs());
    let factor = |weight: f32, per_tensor| {
        // `GetQuantizedConvolutionMultipler` multiplies in single precision.
        let product = if per_tensor { f64::from(input * weight) } else { f64::from(input) * f64::from(weight) };
        product / f64::from(output)
    };
    let direct = with_weights(operands, direct, (0, shape.output_depth), 2, factor)?;
    Ok((direct.into(), vec![operands.input_id(0)?]))
}

/// ADD, SUB and MUL.
pub(super) fn arithmetic(operands: &Operands<'_>) -> Result<Quantized> {
    /// Bits that operands are shifted left before they are rescaled.
    const LEFT_SHIFT: u32 = 15;
    let (a, b) = (scale(operands, operands.input(0)?)?, scale(operands, operands.input(1)?)?);
    let output = scale(operands, operands.output()?)?;
    let broadcast = operands.broadcast()?;
    let inputs = vec![operands.input_id(0)?, operands.input_id(1)?];
    let (activation, call): (_, fn(Add) -> Call) = match operands.node.op {
        Op::Add { activation } => (activation, Call::Int16Add),
        Op::Sub { activation } => (activation, Call::Int16Sub),
        Op::Mul { activation } => {
            let params = Mul {
                broadcast,
                input1_zero_point: 0,
                input2_zero_point: 0,
                output_zero_point: 0,
                output: quantize_multiplier(f64::from(a * b / output)),
                activation: clamp(operands, activation, output)?,
            };
            return Ok((Direct::new(Call::Int16Mul(params)).into(), inputs));
        }
        _ => return Err(operands.invalid("is neither ADD, SUB nor MUL")),
    };
    let twice_max = 2.0 * f64::from(a.max(b));
    let rescale = quantize_multiplier(twice_max / (f64::from(1_u32 << LEFT_SHIFT) * f64::from(output)));
    if rescale.shift > 0 {
        return Err(
            operands.unsupported(format!("output scale {output} is too fine for operands of scale {}", a.max(b)))
        );
    }
    let params = Add {
        broadcast,
        input1_zero_point: 0,
        input2_zero_point: 0,
        output_zero_point: 0,
        left_shift: LEFT_SHIFT,
        input1: quantize_multiplier(f64::from(a) / twice_max),
        input2: quantize_multiplier(f64::from(b) / twice_max),
        output: rescale,
        activation: clamp(operands, activation, output)?,
    };
    Ok((Direct::new(call(params)).into(), inputs))
}

pub(super) fn pool_2d(operands: &Operands<'_>) -> Result<Quantized> {
    let (window, filter, max) = match &operands.node.op {
        Op::AveragePool2d { window, filter } => (window, *filter, false),
        Op::MaxPool2d { window, filter } => (window, *filter, true),
        _ => return Err(operands.invalid("is not a pool")),
    };
    let x = operands.input(0)?;
    let output = scale(operands, operands.output()?)?;
    operands.expect_same_values(x, operands.output()?)?;
    let input @ [batches, _, _, channels] = operands.dims(x)?;
    let activation = clamp(operands, window.activation, output)?;
    let window = operands.window(window, input, filter)?;
    operands.expect_shape(0, &[batches, window.output_h, window.output_w, channels])?;
    let params = params::Pool2d { batches, window, channels, activation };
    let call = if max { Call::Int16MaxPool2d(params) } else { Call::Int16AveragePool2d(params) };
    Ok((Direct::new(call).into(), vec![operands.input_id(0)?]))
}

/// LEAKY_RELU, RELU and RELU6.
pub(super) fn relu(operands: &Operands<'_>) -> Result<Quantized> {
    let x = operands.input(0)?;
    let (input, output) = (scale(operands, x)?, scale(operands, operands.output()?)?);
    operands.expect_shape(0, &x.shape)?;
    let identity = quantize_multiplier(f64::from(input / output));
    let bounded = |activation| -> Result<Call> {
        let activation = clamp(operands, activation, output)?;
        Ok(Call::Int16Relu(Relu { input_zero_point: 0, output_zero_point: 0, output: identity, activation }))
    };
    let call = match operands.node.op {
        Op::LeakyRelu { alpha } if alpha.is_finite() => Call::Int16LeakyRelu(LeakyRelu {
            input_zero_point: 0,
            output_zero_point: 0,
            identity,
            alpha: quantize_multiplier(f64::from(input * alpha / output)),
        }),
        Op::Relu => bounded(Activation::Relu)?,
        Op::Relu6 => bounded(Activation::Relu6)?,
        _ => return Err(operands.invalid("is not a relu of int16")),
    };
    Ok((Direct::new(call).into(), vec![operands.input_id(0)?]))
}

/// LOGISTIC and TANH.
pub(super) fn sigmoidal(operands: &Operands<'_>) -> Result<Quantized> {
    let x = operands.input(0)?;
    let (input, output) = (scale(operands, x)?, scale(operands, operands.output()?)?);
    operands.expect_shape(0, &x.shape)?;
    if output != 1.0 / 32768.0 {
        return Err(operands.unsupported(format!("output has scale {output}; 1/32768 is accepted")));
    }
    let tanh = operands.node.op == Op::Tanh;
    // An input of 2^-12 (of tanh, of 2^-11 too) is multiplied by whole numbers.
    let params = if input == 1.0 / 4096.0 {
        Sigmoidal16 { multiplier: 3, right_shift: 0 }
    } else if tanh && input == 1.0 / 2048.0 {
        Sigmoidal16 { multiplier: 6, right_shift: 0 }
    } else {
        let (mut multiplier, mut right_shift) = (f64::from(input) * 4096.0 * 3.0, 0);
        while multiplier <= 32767.0 / 2.0 && right_shift <= 30 {
            right_shift += 1;
            multiplier *= 2.0;
        }
        if multiplier >= 65536.0 {
            return Err(operands.unsupported(format!("input scale {input}; those below 5 are accepted")));
        }
        Sigmoidal16 { multiplier: multiplier as i32, right_shift }
    };
    let call = if tanh { Call::Int16Tanh(params) } else { Call::Int16Logistic(params) };
    Ok((Direct::new(call).with("table", &logistic_table()).into(), vec![operands.input_id(0)?]))
}

/// Entries of the reference's table of the logistic function that are one above the nearest number.
#[rustfmt::skip]
const ONE_ABOVE: [i32; 44] = [
    4, 8, 12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31, 33, 34, 35, 37, 39, 40, 41, 43, 44, 45, 46, 49,
    50, 54, 62, 63, 64, 66, 82, 86, 93, 100, 103, 112, 116, 135, 255,
];

/// `65536 / (1 + e^(-i / 24))` for i from 0 to 255, as the reference has it: to the nearest, or one above.
pub(super) fn logistic_table() -> Vec<u8> {
    let entry = |i: i32| {
        let nearest = (65536.0 / (1.0 + exp(-f64::from(i) / 24.0))).round() as u16;
        nearest + u16::from(ONE_ABOVE.contains(&i))
    };
    (0..256).map(entry).flat_map(u16::to_le_bytes).collect()
}

pub(super) fn softmax(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::Softmax { beta } = operands.node.op else { return Err(operands.invalid("is not SOFTMAX")) };
    let x = operands.input(0)?;
    let (input, output) = (scale(operands, x)?, scale(operands, operands.output()?)?);
    operands.expect_shape(0, &x.shape)?;
    if output != 1.0 / 32768.0 {
        return Err(operands.unsupported(format!("output has scale {output}; 1/32768 is accepted")));
    }
    let (rows, depth) = operands.rows(x)?;
    let factor = quantize_multiplier(f64::from(input * beta) / (10.0 / 65535.0));
    if factor.shift > 14 {
        return Err(operands.unsupported(format!("beta {beta} times input scale {input} is too large")));
    }
    let call = Call::Int16Softmax(Softmax16 { rows, depth, input: factor });
    let span = f64::from(u16::MAX);
    let exponentials = table(10.0 / span, 32767.0, exp);
    let reciprocals = table(1.0 / span, -32768.0, |x| 1.0 / (1.0 + x));
    let direct = Direct::new(call).with("exponentials", &exponentials).with("reciprocals", &reciprocals);
    Ok((direct.into(), vec![operands.input_id(0)?]))
}

/// 513 entries in Q15 of a function over the numbers that int16 of this scale and zero point stands for, each corrected
/// by half of what a straight line to the next one misses in the middle (`LUTPopulateInt16`).
fn table(scale: f64, zero_point: f64, function: fn(f64) -> f64) -> Vec<u8> {
    const STEPS: i32 = 512;
    let (first, last) = (scale * (-32768.0 - zero_point), scale * (32767.0 - zero_point));
    let step = (last - first) / f64::from(STEPS);
    let output_scale = 2.0 / f64::from(u16::MAX);
    let inverse = 65536.0 / (output_scale * 32767.0 - output_scale * -32768.0);
    let bounded = |x: f64| x.clamp(-32768.0, 32767.0) as i16;
    let entry = |i: i32| {
        let x = first + f64::from(i) * step;
        let (here, middle) = (function(x), function(x + step / 2.0));
        let next = function(first + f64::from(i + 1) * step);
        let sample = (here * inverse).round();
        let between = ((next * inverse + sample) / 2.0).round();
        bounded(sample - ((between - (middle * inverse).round()) / 2.0).round())
    };
    let entries = (0..STEPS).map(entry).chain([bounded((function(last) * inverse).round())]);
    entries.flat_map(i16::to_le_bytes).collect()
}

/// QUANTIZE from and to int16.
pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let (x, y) = (operands.input(0)?, operands.output()?);
    operands.expect_shape(0, &x.shape)?;
    let factor = |from: f32, to: f32| quantize_multiplier(f64::from(from) / f64::from(to));
    let call = match (x.dtype, y.dtype) {
        (DType::F32, DType::I16) => Call::Int16Quantize(Affine { scale: scale(operands, y)?, zero_point: 0 }),
        (DType::I16, DType::I16) => Call::Int16Rescale(factor(scale(operands, x)?, scale(operands, y)?)),
        (DType::I16, DType::I8) => {
            let to = operands.per_tensor(y)?;
            let output = factor(scale(operands, x)?, to.scale);
            Call::Int16ToI8(Rescale { input_zero_point: 0, output_zero_point: to.zero_point, output })
        }
        (DType::I8, DType::I16) => {
            let from = operands.per_tensor(x)?;
            let output = factor(from.scale, scale(operands, y)?);
            Call::Int16FromI8(Rescale { input_zero_point: from.zero_point, output_zero_point: 0, output })
        }
        (from, to) => return Err(operands.unsupported(format!("{from} to {to}"))),
    };
    Ok((Direct::new(call).into(), vec![operands.input_id(0)?]))
}

pub(super) fn dequantize(operands: &Operands<'_>) -> Result<Quantized> {
    let (x, y) = (operands.input(0)?, operands.output()?);
    operands.expect_shape(0, &x.shape)?;
    if y.dtype != DType::F32 {
        return Err(operands.unsupported(format!("{} to {}; float32 is accepted", x.dtype, y.dtype)));
    }
    let call = Call::Int16Dequantize(Affine { scale: scale(operands, x)?, zero_point: 0 });
    Ok((Direct::new(call).into(), vec![operands.input_id(0)?]))
}
