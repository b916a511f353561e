//! Normalizations. But for that of batches, which is multiplied into what stands before it, they are made of
//! reductions and elementwise operators, in the order in which their definitions name them.

use super::super::reader::Reader;
use super::arithmetic::combine;
use crate::Result;
use crate::graph::onnx::{Binary, Op, Reduction, Unary};
use crate::graph::{DType, TensorId};

pub(super) fn batch_normalization(r: &mut Reader<'_, '_>) -> Result<()> {
    if r.flag("training_mode", false)? || (1..5).any(|k| r.wants(k)) {
        return Err(r.unsupported("training; export the model for inference"));
    }
    let inputs = (0..5).map(|i| r.input(i)).collect::<Result<Vec<_>>>()?;
    let shape = r.shape(inputs[0]);
    channels(r, &shape, &inputs[1..])?;
    let op = Op::BatchNormalization { epsilon: r.float("epsilon", 1e-5)? };
    let y = r.push(op, &inputs, r.dtype(inputs[0]), shape)?;
    r.result(0, y)
}

/// `kind` of `a` and `b`.
fn of(r: &mut Reader<'_, '_>, kind: Binary, a: TensorId, b: TensorId) -> Result<TensorId> {
    combine(r, kind, a, b, r.dtype(a))
}

/// A reduction of `x` over `axes`, which stay as 1.
fn reduced(r: &mut Reader<'_, '_>, reduction: Reduction, x: TensorId, axes: &[usize]) -> Result<TensorId> {
    let mut shape = r.shape(x);
    axes.iter().for_each(|&axis| shape[axis] = 1);
    r.push(Op::Reduce { reduction, axes: axes.to_vec() }, &[x], r.dtype(x), shape)
}

/// The root of the mean square of `x`, `epsilon` added to that.
fn root_mean_square(r: &mut Reader<'_, '_>, x: TensorId, axes: &[usize], epsilon: f32) -> Result<TensorId> {
    let square = of(r, Binary::Mul, x, x)?;
    let mean = reduced(r, Reduction::Mean, square, axes)?;
    let epsilon = r.constant_f32(vec![], &[epsilon])?;
    let sum = of(r, Binary::Add, mean, epsilon)?;
    r.push(Op::Unary(Unary::Sqrt), &[sum], DType::F32, r.shape(sum))
}

/// `(x - mean) / sqrt(variance + epsilon)`.
fn standardized(r: &mut Reader<'_, '_>, x: TensorId, axes: &[usize], epsilon: f32) -> Result<TensorId> {
    let mean = reduced(r, Reduction::Mean, x, axes)?;
    let centered = of(r, Binary::Sub, x, mean)?;
    let deviation = root_mean_square(r, centered, axes, epsilon)?;
    of(r, Binary::Div, centered, deviation)
}

fn reshaped(r: &mut Reader<'_, '_>, x: TensorId, shape: Vec<usize>) -> Result<TensorId> {
    r.push(Op::Reshape, &[x], r.dtype(x), shape)
}

/// `x` times operand 1 plus operand 2, each with one number a channel, as result 0.
fn scaled_by_channel(r: &mut Reader<'_, '_>, x: TensorId) -> Result<()> {
    let shape = r.shape(x);
    let operands = [r.input(1)?, r.input(2)?];
    channels(r, &shape, &operands)?;
    let mut wide = vec![1; shape.len()];
    wide[1] = shape[1];
    let [scale, bias] = operands;
    let (scale, bias) = (reshaped(r, scale, wide.clone())?, reshaped(r, bias, wide)?);
    let product = of(r, Binary::Mul, x, scale)?;
    let y = of(r, Binary::Add, product, bias)?;
    r.result(0, y)
}

/// Batch, channels and at least one more dimension.
fn need_image(r: &Reader<'_, '_>, shape: &[usize]) -> Result<()> {
    if shape.len() < 3 || shape.contains(&0) {
        return Err(r.invalid(format!("an operand of shape {shape:?}; [batch, channels, spatial...] is expected")));
    }
    Ok(())
}

pub(super) fn instance_normalization(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let shape = r.shape(x);
    need_image(r, &shape)?;
    let axes: Vec<usize> = (2..shape.len()).collect();
    let y = standardized(r, x, &axes, r.float("epsilon", 1e-5)?)?;
    scaled_by_channel(r, y)
}

/// Scale and bias have one number a group before opset 21, one a channel since.
pub(super) fn group_normalization(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let shape = r.shape(x);
    need_image(r, &shape)?;
    let groups = usize::try_from(r.int("num_groups", 0)?).unwrap_or(0);
    if groups == 0 || !shape[1].is_multiple_of(groups) {
        return Err(r.invalid(format!("{} channels in {groups} groups", shape[1])));
    }
    if r.opset() < 21 {
        return Err(r.unsupported("scales by group; those by channel, of opset 21 and later, are accepted"));
    }
    let grouped = reshaped(r, x, vec![shape[0], groups, shape[1..].iter().product::<usize>() / groups])?;
    let y = standardized(r, grouped, &[2], r.float("epsilon", 1e-5)?)?;
    let y = reshaped(r, y, shape)?;
    scaled_by_channel(r, y)
}

/// Over the dimensions from `axis` on. Further results are the mean and one over the deviation.
pub(super) fn layer_normalization(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let axes = trailing(r, x)?;
    let mean = reduced(r, Reduction::Mean, x, &axes)?;
    let centered = of(r, Binary::Sub, x, mean)?;
    let deviation = root_mean_square(r, centered, &axes, r.float("epsilon", 1e-5)?)?;
    let y = of(r, Binary::Div, centered, deviation)?;
    scaled(r, y)?;
    r.result(1, mean)?;
    if r.wants(2) {
        let inverse = r.push(Op::Unary(Unary::Reciprocal), &[deviation], DType::F32, r.shape(deviation))?;
        r.result(2, inverse)?;
    }
    Ok(())
}

pub(super) fn rms_normalization(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let axes = trailing(r, x)?;
    let root = root_mean_square(r, x, &axes, r.float("epsilon", 1e-5)?)?;
    let y = of(r, Binary::Div, x, root)?;
    scaled(r, y)
}

fn trailing(r: &Reader<'_, '_>, x: TensorId) -> Result<Vec<usize>> {
    let rank = r.shape(x).len();
    Ok((r.axis(r.int("axis", -1)?, rank)?..rank).collect())
}

/// `x` times operand 1, plus operand 2 if there is one; both spread over `x`.
fn scaled(r: &mut Reader<'_, '_>, x: TensorId) -> Result<()> {
    let mut y = x;
    for (i, kind) in [(1, Binary::Mul), (2, Binary::Add)] {
        let Some(operand) = r.optional(i)? else { continue };
        if r.broadcast(&r.shape(x), &r.shape(operand))? != r.shape(x) {
            return Err(r.invalid(format!("operand {i} of shape {:?} for {:?}", r.shape(operand), r.shape(x))));
        }
        y = of(r, kind, y, operand)?;
    }
    r.result(0, y)
}

/// The addend is that of the definition, `1e-9`, inside of the root's result.
pub(super) fn mean_variance_normalization(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let rank = r.shape(x).len();
    let given = r.ints("axes")?.unwrap_or(&[0, 2, 3]);
    let mut axes = given.iter().map(|&a| r.axis(a, rank)).collect::<Result<Vec<_>>>()?;
    axes.sort_unstable();
    axes.dedup();
    let mean = reduced(r, Reduction::Mean, x, &axes)?;
    let centered = of(r, Binary::Sub, x, mean)?;
    let deviation = root_mean_square(r, centered, &axes, 0.0)?;
    let epsilon = r.constant_f32(vec![], &[1e-9])?;
    let divisor = of(r, Binary::Add, deviation, epsilon)?;
    let y = of(r, Binary::Div, centered, divisor)?;
    r.result(0, y)
}

/// Over the sum of magnitudes (`p` 1) or the root of the sum of squares (`p` 2) along one axis.
pub(super) fn lp_normalization(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let axis = r.axis(r.int("axis", -1)?, r.shape(x).len())?;
    let reduction = match r.int("p", 2)? {
        1 => Reduction::L1,
        2 => Reduction::L2,
        other => return Err(r.invalid(format!("p {other}; 1 and 2 are expected"))),
    };
    let norm = reduced(r, reduction, x, &[axis])?;
    let y = of(r, Binary::Div, x, norm)?;
    r.result(0, y)
}

pub(super) fn lrn(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    need_image(r, &r.shape(x))?;
    let size = match r.int("size", 0)? {
        size @ 1..=65535 => size as usize,
        other => return Err(r.invalid(format!("size {other}; numbers from 1 to 65535 are expected"))),
    };
    let (alpha, beta, bias) = (r.float("alpha", 1e-4)?, r.float("beta", 0.75)?, r.float("bias", 1.0)?);
    let y = r.push(Op::Lrn { alpha, beta, bias, size }, &[x], r.dtype(x), r.shape(x))?;
    r.result(0, y)
}

/// Each of `operands` has one number a channel.
fn channels(r: &Reader<'_, '_>, shape: &[usize], operands: &[TensorId]) -> Result<()> {
    let channels = shape.get(1).copied().unwrap_or(1);
    match operands.iter().find(|&&id| r.shape(id) != [channels]) {
        Some(&id) => {
            Err(r.invalid(format!("tensor {:?} has shape {:?}; [{channels}] is expected", r.of(id).name, r.shape(id))))
        }
        None => Ok(()),
    }
}
