//! Quantized operators. The fused ones of the `QLinear` family become what they are made of: dequantized operands, the
//! float operator, a quantized result; the arithmetic is decided later, for both forms of a model alike.

use super::super::elements;
use super::super::reader::Reader;
use super::{arithmetic, windows};
use crate::Result;
use crate::graph::onnx::{Binary, Codes, Op, Scaling, Unary};
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

/// Which scale each element of `x` has.
fn scaling(r: &Reader<'_, '_>, x: TensorId, scale: TensorId, codes: Codes) -> Result<Scaling> {
    let (shape, scales) = (r.shape(x), r.shape(scale));
    if r.dtype(scale) != DType::F32 {
        return Err(r.unsupported(format!("a scale of type {}; float32 is accepted", r.dtype(scale))));
    }
    let given = r.int("block_size", 0)?;
    if given < 0 {
        return Err(r.invalid(format!("a block size of {given}; 0 for none, or a number of elements, is expected")));
    }
    if given > 0 {
        let axis = r.axis(r.int("axis", 1)?, shape.len())?;
        let block = usize::try_from(given).unwrap_or(usize::MAX);
        let mut blocks = shape.clone();
        blocks[axis] = shape[axis].div_ceil(block);
        if scales != blocks {
            let name = &r.of(x).name;
            let reason = format!(
                "tensor {name:?} of shape {shape:?} has scales of shape {scales:?}; with blocks of {block} along \
                 dimension {axis}, {blocks:?} is expected"
            );
            return Err(r.invalid(reason));
        }
        return Ok(Scaling { axis, block: Some(block), codes });
    }
    if r.of(scale).elements() == 1 {
        return Ok(Scaling { codes, ..Scaling::along(0) });
    }
    let axis = r.axis(r.int("axis", 1)?, shape.len())?;
    if scales != [shape[axis]] {
        let name = &r.of(x).name;
        let reason = format!("tensor {name:?} of shape {shape:?} has scales {scales:?} along dimension {axis}");
        return Err(r.invalid(reason));
    }
    Ok(Scaling { codes, ..Scaling::along(axis) })
}

pub(super) fn quantize(r: &mut Reader<'_, '_>) -> Result<()> {
    need_opset_10(r)?;
    let (x, scale) = (r.input(0)?, r.input(1)?);
    let asked = match i32::try_from(r.int("output_dtype", 0)?).unwrap_or(-1) {
        0 => None,
        number => Some(elements::element("output_dtype", number).map_err(|e| r.unsupported(e.to_string()))?),
    };
    let precision = r.int("precision", 1)?;
    if !matches!(precision, 0 | 1) {
        return Err(r.unsupported(format!("a division in type number {precision}; float32 is accepted")));
    }
    let given = r.optional(2)?;
    let zero = zero_point(r, 2, scale, asked.map_or(DType::U8, |element| element.dtype))?;
    if given.is_none()
        && let Some(element) = asked
    {
        r.note(zero, element);
    }
    let (dtype, codes) = (r.dtype(zero), r.codes(zero));
    if asked.is_some_and(|element| (element.dtype, element.codes) != (dtype, codes)) {
        return Err(r.invalid(format!("a zero point of type {dtype}, and another type that is asked for")));
    }
    if !matches!(dtype, DType::I8 | DType::U8 | DType::I16 | DType::U16 | DType::I32) {
        return Err(r.unsupported(format!("codes of type {dtype}; 2 to 16 bits, or constants of int32, are accepted")));
    }
    let op = Op::Quantize { scaling: scaling(r, x, scale, codes)?, saturate: r.flag("saturate", true)? };
    let y = r.push(op, &[x, scale, zero], dtype, r.shape(x))?;
    if let Some(&element) = r.element(zero) {
        r.note(y, element);
    }
    r.result(0, y)
}

pub(super) fn dequantize(r: &mut Reader<'_, '_>) -> Result<()> {
    need_opset_10(r)?;
    let (x, scale) = (r.input(0)?, r.input(1)?);
    // float16 and bfloat16 are held in float32.
    let asked = r.int("output_dtype", 0)?;
    if !matches!(asked, 0 | 1 | 10 | 16) {
        return Err(r.unsupported(format!("a result of type number {asked}; floats of 32 and 16 bits are accepted")));
    }
    let (dtype, codes) = (r.dtype(x), r.codes(x));
    let zero = zero_point(r, 2, scale, dtype)?;
    if r.optional(2)?.is_some() && (r.dtype(zero), r.codes(zero)) != (dtype, codes) {
        let reason = format!("a zero point of type {} for tensor {:?} of {dtype}", r.dtype(zero), r.of(x).name);
        return Err(r.invalid(reason));
    }
    let op = Op::Dequantize(scaling(r, x, scale, codes)?);
    let y = r.push(op, &[x, scale, zero], DType::F32, r.shape(x))?;
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
    r.push(Op::Dequantize(Scaling::along(axis)), &[x, scale, zero], DType::F32, r.shape(x))
}

/// `y` quantized with the scale at operand `i` and the zero point after it, as result 0.
fn finish(r: &mut Reader<'_, '_>, y: TensorId, i: usize, dtype: DType) -> Result<()> {
    let scale = r.input(i)?;
    let zero = zero_point(r, i + 1, scale, dtype)?;
    let q = r.push(
        Op::Quantize { scaling: Scaling::along(0), saturate: true },
        &[y, scale, zero],
        r.dtype(zero),
        r.shape(y),
    )?;
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
    r.push(Op::Dequantize(Scaling::along(0)), &[bias, scale, zero], DType::F32, r.shape(bias)).map(Some)
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
