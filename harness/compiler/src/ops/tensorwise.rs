//! int8 operators of one tensor that have a kernel of their own, conversions of element types, and tables.

use hilbench_kernels::float::{self, single};
use hilbench_kernels::params::{L2Normalization, Mean, QLinearConvTranspose2d, Reduce, ReduceProd, ResizeBilinear};

use super::direct::{Direct, lookup};
use super::requantized::{PerTensorFactor, i8_bytes, i32_bytes, requant_bytes, weights_and_bias};
use super::{Operands, Quantized, geometry};
use crate::Result;
use crate::graph::tflite::{Reduction, Unary};
use crate::graph::{DType, Op};
use crate::lower::Call;
use crate::multiplier::quantize_multiplier;

/// SUM, REDUCE_MIN and REDUCE_PROD of int8.
pub(super) fn reduce(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::Reduce { reduction, keep_dims } = operands.node.op else { return Err(operands.invalid("is no reduction")) };
    let x = operands.input(0)?;
    let (input, output) = (operands.int8(x)?, operands.int8(operands.output()?)?);
    let reduce = operands.reduce(keep_dims)?;
    let count = count(&reduce);
    if count == 0 {
        return Err(operands.invalid(format!("reduces no elements of shape {:?}", x.shape)));
    }
    let (input_zero_point, output_zero_point) = (input.zero_point, output.zero_point);
    let call = match reduction {
        // TFLite Micro's: the kernel of the reference interpreter answers a constant.
        Reduction::Sum => Call::Mean(Mean {
            reduce,
            input_zero_point,
            output_zero_point,
            output: quantize_multiplier(f64::from(input.scale) / f64::from(output.scale)),
        }),
        Reduction::Min => {
            operands.expect_same_values(x, operands.output()?)?;
            Call::ReduceMinI8(reduce)
        }
        Reduction::Prod => {
            let root = f64::from(output.scale).powf(1.0 / count as f64);
            let scale = quantize_multiplier(f64::from(input.scale) / root);
            if scale.shift > 14 {
                return Err(operands.unsupported(format!("scale {} is too far from that of its input", output.scale)));
            }
            Call::ReduceProd(ReduceProd { reduce, input_zero_point, output_zero_point, scale })
        }
        Reduction::All | Reduction::Any => return Err(operands.invalid("is a function of bools")),
    };
    Ok((Direct::new(call).into(), vec![operands.input_id(0)?]))
}

fn count(reduce: &Reduce) -> usize {
    (0..reduce.dims.len()).filter(|&i| reduce.reduced[i]).map(|i| reduce.dims[i]).product()
}

/// REDUCE_ALL and REDUCE_ANY of bools.
pub(super) fn reduce_bool(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::Reduce { reduction, keep_dims } = operands.node.op else { return Err(operands.invalid("is no reduction")) };
    let reduce = operands.reduce(keep_dims)?;
    if count(&reduce) == 0 {
        return Err(operands.invalid("reduces no elements"));
    }
    operands.expect_same_values(operands.input(0)?, operands.output()?)?;
    let call = match reduction {
        Reduction::All => Call::ReduceMinU8(reduce),
        Reduction::Any => Call::ReduceMaxU8(reduce),
        _ => return Err(operands.invalid("is no function of bools")),
    };
    Ok((Direct::new(call).into(), vec![operands.input_id(0)?]))
}

/// L2_NORMALIZATION of int8; output scale 1/128, zero point 0.
pub(super) fn l2_normalization(operands: &Operands<'_>) -> Result<Quantized> {
    let x = operands.input(0)?;
    let input = operands.int8(x)?;
    operands.expect_output_scale(1.0 / 128.0, 0)?;
    operands.expect_shape(0, &x.shape)?;
    let (rows, depth) = operands.rows(x)?;
    let params = L2Normalization { rows, depth, input_zero_point: input.zero_point };
    Ok((Direct::new(Call::L2Normalization(params)).into(), vec![operands.input_id(0)?]))
}

/// RESIZE_BILINEAR of int8 and of uint8.
pub(super) fn resize_bilinear(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::ResizeBilinear { align_corners, half_pixel_centers } = operands.node.op else {
        return Err(operands.invalid("is not RESIZE_BILINEAR"));
    };
    let x = operands.input(0)?;
    let [batches, input_h, input_w, channels] = operands.dims(x)?;
    let [output_h, output_w] = operands.resized()?;
    operands.expect_shape(0, &[batches, output_h, output_w, channels])?;
    operands.expect_same_values(x, operands.output()?)?;
    if align_corners && half_pixel_centers {
        return Err(operands.invalid("aligns corners and has half-pixel centers"));
    }
    let small = |size: usize| (1..=1 << 15).contains(&size);
    if ![input_h, input_w, output_h, output_w].into_iter().all(small) {
        return Err(operands.unsupported("sizes of 1 to 32768 are accepted"));
    }
    let params =
        ResizeBilinear { batches, input_h, input_w, output_h, output_w, channels, align_corners, half_pixel_centers };
    let call = if x.dtype == DType::U8 { Call::ResizeBilinearU8(params) } else { Call::ResizeBilinear(params) };
    Ok((Direct::new(call).into(), vec![operands.input_id(0)?]))
}

/// TRANSPOSE_CONV of int8.
pub(super) fn transpose_conv(operands: &Operands<'_>) -> Result<Quantized> {
    let shape = geometry::transpose_conv(operands)?;
    let (input, output) = (operands.int8(operands.input(2)?)?, operands.int8(operands.output()?)?);
    let channels = shape.conv.output_channels;
    let weights = weights_and_bias(operands, 0, channels, PerTensorFactor::Double, input, output, 3)?;
    let params = QLinearConvTranspose2d {
        conv: shape.conv,
        input_zero_point: input.zero_point,
        weights_zero_point: 0,
        output_zero_point: output.zero_point,
        activation: operands.clamp(shape.activation, output)?,
    };
    let direct = Direct::new(Call::ConvTranspose2d(params))
        .counting(shape.macs())
        .with("weights", &i8_bytes(&weights.values))
        .with("bias", &i32_bytes(&weights.bias))
        .with("multipliers", &requant_bytes(&weights.requant));
    Ok((direct.into(), vec![operands.input_id(2)?]))
}

/// CAST.
pub(super) fn cast(operands: &Operands<'_>) -> Result<Quantized> {
    let (x, y) = (operands.input(0)?, operands.output()?);
    operands.expect_shape(0, &x.shape)?;
    let mut is_true = [1; 256];
    is_true[0] = 0;
    let call = match (x.dtype, y.dtype) {
        (from, to) if from == to => return super::reshape::identity(operands),
        (DType::F32, DType::I32) => Call::TruncateI32(()),
        (DType::F32, DType::I8) => Call::TruncateI8(()),
        (DType::F32, DType::U8) => Call::TruncateU8(()),
        (DType::I32, DType::F32) => Call::ConvertI32F32(()),
        (DType::I8, DType::F32) => Call::ConvertI8F32(()),
        (DType::I8, DType::I32) => Call::ConvertI8I32(()),
        (DType::U8 | DType::Bool, DType::F32) => Call::ConvertU8F32(()),
        (DType::U8 | DType::Bool, DType::I32) => Call::ConvertU8I32(()),
        (DType::I8 | DType::U8, DType::Bool) => Call::Lookup(is_true),
        (DType::Bool, DType::I8 | DType::U8) => return super::reshape::identity(operands),
        (from, to) => {
            let reason = format!(
                "{from} to {to}; float32 to int32 and 8 bits, int32 to float32, 8 bits and bool to float32 and int32 \
                 are accepted"
            );
            return Err(operands.unsupported(reason));
        }
    };
    Ok((Direct::new(call).into(), vec![operands.input_id(0)?]))
}

/// Functions of int8 that the reference looks up in a table made in floats, and those that are integer ones.
pub(super) fn table(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::Unary(unary) = operands.node.op else { return Err(operands.invalid("is not a function of one number")) };
    let x = operands.input(0)?;
    let (input, output) = (operands.int8(x)?, operands.int8(operands.output()?)?);
    operands.expect_shape(0, &x.shape)?;
    let of_double = |f: fn(f64) -> f64, x: f32| f(x.into()) as f32;
    let real = |x: f32| -> Option<f32> {
        Some(match unary {
            Unary::Elu if x < 0.0 => of_double(|x| float::exp(x) - 1.0, x),
            Unary::Elu => x,
            Unary::Exp => of_double(float::exp, x),
            Unary::Gelu => 0.5 * x * (1.0 + single::erf(x * core::f32::consts::FRAC_1_SQRT_2)),
            Unary::Log if x > 0.0 => of_double(float::ln, x),
            // What the reference makes of no number, and of one that is infinitely small: the smallest code.
            Unary::Log => f32::NEG_INFINITY,
            _ => return None,
        })
    };
    let factor = quantize_multiplier(f64::from(input.scale / output.scale));
    let clamped = |lowest: f32, highest: f32, code: i32| {
        let bound = |real: f32| (real / output.scale).round() as i32;
        let (low, high) =
            (bound(lowest).saturating_add(output.zero_point), bound(highest).saturating_add(output.zero_point));
        let y = hilbench_kernels::requant::requantize(code - input.zero_point, factor).wrapping_add(output.zero_point);
        y.min(high.min(127)).max(low.max(-128))
    };
    let mut table = [0; 256];
    for bits in 0..=255_u8 {
        let code = i32::from(bits as i8);
        let y = match unary {
            Unary::Relu0To1 => clamped(0.0, 1.0, code),
            Unary::ReluN1To1 => clamped(-1.0, 1.0, code),
            Unary::Abs => {
                let size = (code - input.zero_point).abs();
                let rescaled = if input.scale == output.scale {
                    size
                } else {
                    hilbench_kernels::requant::requantize(size, factor)
                };
                rescaled.saturating_add(output.zero_point).clamp(-128, 127)
            }
            _ => {
                let x = input.scale * (code - input.zero_point) as f32;
                let Some(real) = real(x) else {
                    return Err(operands.unsupported("no table of this function; float32 is accepted"));
                };
                let steps = (real * (1.0 / output.scale)).round() + output.zero_point as f32;
                (steps as i32).clamp(-128, 127)
            }
        };
        table[usize::from(bits)] = y as i8;
    }
    Ok((lookup(table), vec![operands.input_id(0)?]))
}
