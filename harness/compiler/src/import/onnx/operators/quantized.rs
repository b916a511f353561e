//! Quantized operators. The fused ones of the `QLinear` family become what they are made of: dequantized operands, the
//! float operator, a quantized result; the arithmetic is decided later, for both forms of a model alike.

use super::super::reader::Reader;
use super::{arithmetic, windows};
use crate::Result;
use crate::graph::onnx::{Binary, Op, Unary};
use crate::graph::{DType, TensorId};

/// Before opset 10 there are no quantized operators with a fixed meaning.
pub(super) fn need_opset_10(r: &Reader<'_, '_>) -> Result<()> {
    if r.opset() < 10 {
        let reason = "a quantized operator before opset 10; export the model again with opset 13 or later";
        return Err(r.unsupported(reason));
    }
    Ok(())
}

/// The zero point of type `dtype` at operand `i`, or a new zero.
fn zero_point(r: &mut Reader<'_, '_>, i: usize, scale: TensorId, dtype: DType) -> Result<TensorId> {
    match r.optional(i)? {
        Some(id) => Ok(id),
        None => {
            let shape = r.shape(scale);
            let elements = r.of(scale).elements();
            r.constant(dtype, shape, vec![0; elements * dtype.size()])
        }
    }
}

fn refuse_blocks(r: &Reader<'_, '_>) -> Result<()> {
    if r.int("block_size", 0)? != 0 {
        return Err(r.unsupported("scales by block; one scale, or one along an axis, is accepted"));
    }
    Ok(())
}

/// Dimension of several scales; irrelevant for one.
fn scale_axis(r: &Reader<'_, '_>, x: TensorId, scale: TensorId) -> Result<usize> {
    let rank = r.shape(x).len();
    let elements = r.of(scale).elements();
    if elements == 1 {
        return Ok(0);
    }
    let axis = r.axis(r.int("axis", 1)?, rank)?;
    if r.shape(x)[axis] != elements || r.shape(scale).len() != 1 {
        let (x, scale) = (r.of(x), r.of(scale));
        let reason =
            format!("tensor {:?} of shape {:?} has scales {:?} along dimension {axis}", x.name, x.shape, scale.shape);
        return Err(r.invalid(reason));
    }
    Ok(axis)
}

pub(super) fn quantize(r: &mut Reader<'_, '_>) -> Result<()> {
    need_opset_10(r)?;
    refuse_blocks(r)?;
    let (x, scale) = (r.input(0)?, r.input(1)?);
    if r.dtype(scale) != DType::F32 {
        return Err(r.unsupported(format!("a scale of type {}; float32 is accepted", r.dtype(scale))));
    }
    let asked = match r.int("output_dtype", 0)? {
        0 | 2 => DType::U8,
        3 => DType::I8,
        other => return Err(r.unsupported(format!("output type number {other}; int8 and uint8 are accepted"))),
    };
    let zero = zero_point(r, 2, scale, asked)?;
    let axis = scale_axis(r, x, scale)?;
    let y = r.push(Op::Quantize { axis }, &[x, scale, zero], r.dtype(zero), r.shape(x))?;
    r.result(0, y)
}

pub(super) fn dequantize(r: &mut Reader<'_, '_>) -> Result<()> {
    need_opset_10(r)?;
    refuse_blocks(r)?;
    let (x, scale) = (r.input(0)?, r.input(1)?);
    if r.dtype(scale) != DType::F32 {
        return Err(r.unsupported(format!("a scale of type {}; float32 is accepted", r.dtype(scale))));
    }
    let zero = zero_point(r, 2, scale, r.dtype(x))?;
    let axis = scale_axis(r, x, scale)?;
    let y = r.push(Op::Dequantize { axis }, &[x, scale, zero], DType::F32, r.shape(x))?;
    r.result(0, y)
}

pub(super) fn dynamic_quantize(r: &mut Reader<'_, '_>) -> Result<()> {
    need_opset_10(r)?;
    let x = r.input(0)?;
    let results = [(DType::U8, r.shape(x)), (DType::F32, vec![]), (DType::U8, vec![])];
    let ids = r.push_all(Op::DynamicQuantize, vec![Some(x)], &results)?;
    (0..3).try_for_each(|k| r.result(k, ids[k]))
}

/// Operand `i` dequantized with the scale and zero point that follow it. Several scales run along `axis`.
fn real(r: &mut Reader<'_, '_>, i: usize, axis: usize) -> Result<TensorId> {
    let (x, scale) = (r.input(i)?, r.input(i + 1)?);
    let zero = zero_point(r, i + 2, scale, r.dtype(x))?;
    r.push(Op::Dequantize { axis }, &[x, scale, zero], DType::F32, r.shape(x))
}

/// `y` quantized with the scale at operand `i` and the zero point after it, as result 0.
fn finish(r: &mut Reader<'_, '_>, y: TensorId, i: usize, dtype: DType) -> Result<()> {
    let scale = r.input(i)?;
    let zero = zero_point(r, i + 1, scale, dtype)?;
    let q = r.push(Op::Quantize { axis: 0 }, &[y, scale, zero], r.dtype(zero), r.shape(y))?;
    r.result(0, q)
}

/// An int32 bias as floats whose scale is the product of the scales of operand and weights, as it is defined.
fn bias(r: &mut Reader<'_, '_>, i: usize, x_scale: TensorId, w_scale: TensorId) -> Result<Option<TensorId>> {
    let Some(bias) = r.optional(i)? else { return Ok(None) };
    let x_scale = r.reals(x_scale)?.first().copied().unwrap_or(1.0);
    let scales: Vec<f32> = r.reals(w_scale)?.iter().map(|w| x_scale * w).collect();
    let shape = if scales.len() == 1 { vec![] } else { vec![scales.len()] };
    let zeros = vec![0; scales.len() * 4];
    let scale = r.constant_f32(shape.clone(), &scales)?;
    let zero = r.constant(DType::I32, shape, zeros)?;
    if r.dtype(bias) != DType::I32 {
        return Err(r.invalid(format!("bias {:?} is {}; int32 is expected", r.of(bias).name, r.dtype(bias))));
    }
    r.push(Op::Dequantize { axis: 0 }, &[bias, scale, zero], DType::F32, r.shape(bias)).map(Some)
}

pub(super) fn q_linear_conv(r: &mut Reader<'_, '_>) -> Result<()> {
    need_opset_10(r)?;
    let (x_scale, w_scale) = (r.input(1)?, r.input(4)?);
    let (x, w) = (real(r, 0, 0)?, real(r, 3, 0)?);
    let bias = bias(r, 8, x_scale, w_scale)?;
    let y = windows::conv_of(r, x, w, bias)?;
    let dtype = r.dtype(r.input(0)?);
    finish(r, y, 6, dtype)
}

pub(super) fn q_linear_mat_mul(r: &mut Reader<'_, '_>) -> Result<()> {
    need_opset_10(r)?;
    let columns = r.shape(r.input(3)?).len().saturating_sub(1);
    let (a, b) = (real(r, 0, 0)?, real(r, 3, columns)?);
    let y = arithmetic::mat_mul_of(r, a, b)?;
    let dtype = r.dtype(r.input(0)?);
    finish(r, y, 6, dtype)
}

pub(super) fn q_gemm(r: &mut Reader<'_, '_>) -> Result<()> {
    let (a_scale, b_scale) = (r.input(1)?, r.input(4)?);
    let columns = usize::from(!r.flag("transB", false)?);
    let (a, b) = (real(r, 0, 0)?, real(r, 3, columns)?);
    let alpha = r.float("alpha", 1.0)?;
    if alpha != 1.0 {
        return Err(r.unsupported(format!("alpha {alpha}; 1 is accepted")));
    }
    let bias = bias(r, 6, a_scale, b_scale)?;
    let y = arithmetic::gemm_of(r, a, b, bias)?;
    if r.optional(7)?.is_none() {
        return r.result(0, y);
    }
    let dtype = r.dtype(r.input(0)?);
    finish(r, y, 7, dtype)
}

pub(super) fn q_linear_binary(r: &mut Reader<'_, '_>, kind: Binary) -> Result<()> {
    let (a, b) = (real(r, 0, 0)?, real(r, 3, 0)?);
    let shape = r.broadcast(&r.shape(a), &r.shape(b))?;
    let y = r.push(Op::Binary(kind), &[a, b], DType::F32, shape)?;
    let dtype = r.dtype(r.input(0)?);
    finish(r, y, 6, dtype)
}

pub(super) fn q_linear_unary(r: &mut Reader<'_, '_>, kind: Unary) -> Result<()> {
    let x = real(r, 0, 0)?;
    let y = r.push(Op::Unary(kind), &[x], DType::F32, r.shape(x))?;
    let dtype = r.dtype(r.input(0)?);
    finish(r, y, 3, dtype)
}

/// Softmax of the file's opset, or of the one that the attribute names.
pub(super) fn q_linear_softmax(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = real(r, 0, 0)?;
    let opset = r.int("opset", r.opset())?;
    let y = arithmetic::softmax_of(r, x, opset, false)?;
    let dtype = r.dtype(r.input(0)?);
    finish(r, y, 3, dtype)
}

pub(super) fn q_linear_average_pool(r: &mut Reader<'_, '_>) -> Result<()> {
    refuse_channels_last(r)?;
    let x = real(r, 0, 0)?;
    let y = windows::average_pool_of(r, x)?;
    let dtype = r.dtype(r.input(0)?);
    finish(r, y, 3, dtype)
}

pub(super) fn q_linear_global_average_pool(r: &mut Reader<'_, '_>) -> Result<()> {
    refuse_channels_last(r)?;
    let x = real(r, 0, 0)?;
    let y = windows::global_average_pool_of(r, x)?;
    let dtype = r.dtype(r.input(0)?);
    finish(r, y, 3, dtype)
}

fn refuse_channels_last(r: &Reader<'_, '_>) -> Result<()> {
    if r.flag("channels_last", false)? {
        return Err(r.unsupported("channels_last; the layout of ONNX, channels second, is accepted"));
    }
    Ok(())
}

/// Operands: scale and zero point of the result, then tensor, scale and zero point of each part.
pub(super) fn q_linear_concat(r: &mut Reader<'_, '_>) -> Result<()> {
    let parts = r.input_count().saturating_sub(2) / 3;
    let mut inputs = Vec::with_capacity(parts);
    for part in 0..parts {
        inputs.push(real(r, 2 + 3 * part, 0)?);
    }
    let y = super::movement::concat_of(r, &inputs)?;
    let dtype = r.dtype(r.input(2)?);
    finish(r, y, 0, dtype)
}
