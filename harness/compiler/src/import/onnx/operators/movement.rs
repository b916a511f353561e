//! Operators that move elements and compute nothing, and those that make constants.

use super::super::reader::Reader;
use super::super::{elements, tensors};
use crate::graph::onnx::{Codes, Op, PadMode};
use crate::graph::{DType, TensorId};
use crate::{Error, Result};

/// `x` under another shape of as many elements.
pub(super) fn reshaped(r: &mut Reader<'_, '_>, x: TensorId, shape: Vec<usize>) -> Result<TensorId> {
    r.push(Op::Reshape, &[x], r.dtype(x), shape)
}

/// In inference nothing is dropped.
pub(super) fn dropout(r: &mut Reader<'_, '_>) -> Result<()> {
    let training = match r.optional(2)? {
        Some(id) => r.integers(id)?.iter().any(|&t| t != 0),
        None => false,
    };
    if training || r.wants(1) {
        return Err(r.unsupported("training, or the mask of a dropout; the result of inference alone is accepted"));
    }
    identity(r)
}

pub(super) fn identity(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let y = reshaped(r, x, r.shape(x))?;
    r.result(0, y)
}

pub(super) fn cast(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let to = i32::try_from(r.int("to", 0)?).unwrap_or(0);
    let element = elements::element("Cast", to).map_err(|e| r.unsupported(e.to_string()))?;
    if element.codes != Codes::Whole || element.half.is_some() {
        return Err(cast_refused(r, element.name));
    }
    cast_to(r, x, element.dtype)
}

/// To the type of the second operand.
pub(super) fn cast_like(r: &mut Reader<'_, '_>) -> Result<()> {
    let (x, like) = (r.input(0)?, r.input(1)?);
    if let Some(element) = r.element(like) {
        return Err(cast_refused(r, element.name));
    }
    let dtype = r.dtype(like);
    cast_to(r, x, dtype)
}

fn cast_refused(r: &Reader<'_, '_>, name: &str) -> Error {
    r.unsupported(format!("a result of {name}; float32, int8, uint8, int32, int64 and bool are accepted"))
}

fn cast_to(r: &mut Reader<'_, '_>, x: TensorId, dtype: DType) -> Result<()> {
    let y = if dtype == r.dtype(x) { reshaped(r, x, r.shape(x))? } else { r.push(Op::Cast, &[x], dtype, r.shape(x))? };
    r.result(0, y)
}

pub(super) fn constant(r: &mut Reader<'_, '_>) -> Result<()> {
    let id = if let Some((tensor, element)) = r.tensor("value")? {
        let id = r.constant(tensor.dtype, tensor.shape, tensor.data.unwrap_or_default())?;
        r.note(id, element);
        id
    } else if r.has("value_float") {
        let value = r.float("value_float", 0.0)?;
        r.constant_f32(vec![], &[value])?
    } else if let Some(values) = r.floats("value_floats")? {
        r.constant_f32(vec![values.len()], values)?
    } else if r.has("value_int") {
        let value = r.int("value_int", 0)?;
        r.constant(DType::I64, vec![], value.to_le_bytes().to_vec())?
    } else if let Some(values) = r.ints("value_ints")? {
        r.constant(DType::I64, vec![values.len()], values.iter().flat_map(|v| v.to_le_bytes()).collect())?
    } else {
        return Err(r.unsupported("a constant that is neither a tensor nor numbers"));
    };
    r.result(0, id)
}

fn checked_shape(r: &Reader<'_, '_>, dims: &[i64]) -> Result<Vec<usize>> {
    dims.iter().map(|&d| usize::try_from(d).map_err(|_| r.invalid(format!("shape {dims:?}")))).collect()
}

pub(super) fn constant_of_shape(r: &mut Reader<'_, '_>) -> Result<()> {
    let dims = r.integers(r.input(0)?)?;
    let shape = checked_shape(r, &dims)?;
    let (dtype, value) = match r.tensor("value")? {
        Some((t, element)) if t.elements() == 1 && element.codes == Codes::Whole => {
            (t.dtype, t.data.unwrap_or_default())
        }
        Some((t, element)) if t.elements() == 1 => {
            return Err(r.unsupported(format!("a value of type {}; whole bytes are accepted", element.name)));
        }
        Some((t, _)) => return Err(r.invalid(format!("a value of shape {:?}; one number is expected", t.shape))),
        None => (DType::F32, vec![0; 4]),
    };
    let bytes = tensors::sized("ConstantOfShape", dtype, &shape).map_err(|e| r.unsupported(e.to_string()))?;
    let mut data = Vec::new();
    // The budget is asked first: a shape of a few bytes may mean any size.
    if bytes > 1 << 20 {
        return Err(r.unsupported(format!("a constant of {bytes} bytes; up to 1 MiB is accepted")));
    }
    while data.len() < bytes {
        data.extend(&value);
    }
    let id = r.constant(dtype, shape, data)?;
    r.result(0, id)
}

pub(super) fn range(r: &mut Reader<'_, '_>) -> Result<()> {
    let ids = (0..3).map(|i| r.input(i)).collect::<Result<Vec<_>>>()?;
    let dtype = r.dtype(ids[0]);
    if dtype == DType::F32 {
        return float_range(r, [ids[0], ids[1], ids[2]]);
    }
    let mut numbers = [0; 3];
    for (number, &id) in numbers.iter_mut().zip(&ids) {
        *number = *r.integers(id)?.first().ok_or_else(|| r.invalid("an empty operand"))?;
    }
    let [start, limit, delta] = numbers.map(i128::from);
    if delta == 0 {
        return Err(r.invalid("a step of 0"));
    }
    let count = (limit - start + delta - delta.signum()) / delta;
    if count > 1 << 16 {
        return Err(r.unsupported(format!("a range of {count} numbers; up to 65536 are accepted")));
    }
    let values: Vec<i64> = (0..count.max(0)).map(|i| (start + i * delta) as i64).collect();
    let data = match dtype {
        DType::I64 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        DType::I32 => values.iter().flat_map(|&v| (v as i32).to_le_bytes()).collect(),
        other => return Err(r.unsupported(format!("a range of {other}; int32 and int64 are accepted"))),
    };
    let id = r.constant(dtype, vec![values.len()], data)?;
    r.result(0, id)
}

/// The numbers that ONNX Runtime gives: each is the one before plus the step.
fn float_range(r: &mut Reader<'_, '_>, ids: [TensorId; 3]) -> Result<()> {
    let mut numbers = [0.0_f32; 3];
    for (number, id) in numbers.iter_mut().zip(ids) {
        *number = *r.reals(id)?.first().ok_or_else(|| r.invalid("an empty operand"))?;
    }
    let [start, limit, delta] = numbers;
    let count = ((limit - start) / delta).ceil();
    if count.is_nan() || count > 65536.0 {
        return Err(r.unsupported(format!("a range from {start} to {limit} by {delta}; up to 65536 are accepted")));
    }
    let mut next = start;
    let mut values = Vec::new();
    for _ in 0..count.max(0.0) as usize {
        values.push(next);
        next += delta;
    }
    let id = r.constant_f32(vec![values.len()], &values)?;
    r.result(0, id)
}

pub(super) fn shape(r: &mut Reader<'_, '_>) -> Result<()> {
    let shape = r.shape(r.input(0)?);
    let rank = shape.len() as i64;
    let bound = |name: &str, default: i64| -> Result<usize> {
        let at = r.int(name, default)?;
        Ok((if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank) as usize)
    };
    let (start, end) = (bound("start", 0)?, bound("end", rank)?);
    let part = shape.get(start..end).unwrap_or_default();
    let data = part.iter().flat_map(|&d| (d as i64).to_le_bytes()).collect();
    let id = r.constant(DType::I64, vec![part.len()], data)?;
    r.result(0, id)
}

pub(super) fn size(r: &mut Reader<'_, '_>) -> Result<()> {
    let elements = r.of(r.input(0)?).elements() as i64;
    let id = r.constant(DType::I64, vec![], elements.to_le_bytes().to_vec())?;
    r.result(0, id)
}

pub(super) fn reshape(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let input = r.shape(x);
    let wanted = r.integers(r.input(1)?)?;
    let keep_zero = r.flag("allowzero", false)?;
    let mismatch = || r.invalid(format!("shape {input:?} cannot become {wanted:?}"));
    let elements: usize = input.iter().product();
    let mut shape = Vec::with_capacity(wanted.len());
    let mut open = None;
    for (i, &d) in wanted.iter().enumerate() {
        match d {
            -1 if open.is_none() => {
                open = Some(i);
                shape.push(1);
            }
            0 if !keep_zero => shape.push(*input.get(i).ok_or_else(mismatch)?),
            _ => shape.push(usize::try_from(d).map_err(|_| mismatch())?),
        }
    }
    let known = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d)).ok_or_else(mismatch)?;
    if let Some(i) = open {
        shape[i] = elements.checked_div(known).unwrap_or(0);
    }
    if shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d)) != Some(elements) {
        return Err(mismatch());
    }
    let y = reshaped(r, x, shape)?;
    r.result(0, y)
}

pub(super) fn flatten(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let shape = r.shape(x);
    let given = r.int("axis", 1)?;
    let axis = if given == shape.len() as i64 { shape.len() } else { r.axis(given, shape.len())? };
    let flat = vec![shape[..axis].iter().product(), shape[axis..].iter().product()];
    let y = reshaped(r, x, flat)?;
    r.result(0, y)
}

/// Axes are an attribute before opset 13, an operand since.
fn axes(r: &Reader<'_, '_>) -> Result<Option<Vec<i64>>> {
    if let Some(axes) = r.ints("axes")? {
        return Ok(Some(axes.to_vec()));
    }
    r.optional(1)?.map(|id| r.integers(id)).transpose()
}

pub(super) fn squeeze(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let shape = r.shape(x);
    let mut drop: Vec<bool> = shape.iter().map(|&d| d == 1).collect();
    if let Some(axes) = axes(r)? {
        drop = vec![false; shape.len()];
        for axis in axes {
            let axis = r.axis(axis, shape.len())?;
            if shape[axis] != 1 {
                return Err(r.invalid(format!("dimension {axis} of {shape:?} is not 1")));
            }
            drop[axis] = true;
        }
    }
    let squeezed = shape.iter().zip(drop).filter(|(_, drop)| !drop).map(|(&d, _)| d).collect();
    let y = reshaped(r, x, squeezed)?;
    r.result(0, y)
}

pub(super) fn unsqueeze(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let input = r.shape(x);
    let axes = axes(r)?.ok_or_else(|| r.invalid("has no axes"))?;
    let rank = input.len() + axes.len();
    let mut added = vec![false; rank];
    for axis in axes {
        if std::mem::replace(&mut added[r.axis(axis, rank)?], true) {
            return Err(r.invalid("an axis twice"));
        }
    }
    let mut rest = input.into_iter();
    let shape = added.into_iter().map(|added| if added { 1 } else { rest.next().unwrap_or(1) }).collect();
    let y = reshaped(r, x, shape)?;
    r.result(0, y)
}

fn transposed(r: &mut Reader<'_, '_>, x: TensorId, permutation: Vec<usize>) -> Result<TensorId> {
    let shape = r.shape(x);
    let shape = permutation.iter().map(|&axis| shape[axis]).collect();
    r.push(Op::Transpose { permutation }, &[x], r.dtype(x), shape)
}

pub(super) fn transpose(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let rank = r.shape(x).len();
    let permutation = match r.ints("perm")? {
        None => (0..rank).rev().collect(),
        Some(perm) => {
            let axes = perm.iter().map(|&a| r.axis(a, rank)).collect::<Result<Vec<_>>>()?;
            let mut seen = axes.clone();
            seen.sort_unstable();
            seen.dedup();
            if seen.len() != rank || axes.len() != rank {
                return Err(r.invalid(format!("permutation {perm:?} of a tensor with {rank} dimensions")));
            }
            axes
        }
    };
    let y = transposed(r, x, permutation)?;
    r.result(0, y)
}

/// Blocks of `b * b` channels become blocks of pixels: a reshape, a transpose, a reshape.
pub(super) fn depth_to_space(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let ([n, c, h, w], b) = block(r, x)?;
    if c % (b * b) != 0 {
        return Err(r.invalid(format!("{c} channels are no blocks of {b} by {b}")));
    }
    let depth = c / (b * b);
    let (parts, permutation) = match r.text("mode", "DCR")? {
        "DCR" => (vec![n, b, b, depth, h, w], vec![0, 3, 4, 1, 5, 2]),
        "CRD" => (vec![n, depth, b, b, h, w], vec![0, 1, 4, 2, 5, 3]),
        other => return Err(r.invalid(format!("mode {other:?}"))),
    };
    let parts = reshaped(r, x, parts)?;
    let moved = transposed(r, parts, permutation)?;
    let y = reshaped(r, moved, vec![n, depth, h * b, w * b])?;
    r.result(0, y)
}

pub(super) fn space_to_depth(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let ([n, c, h, w], b) = block(r, x)?;
    if h % b != 0 || w % b != 0 {
        return Err(r.invalid(format!("{h} by {w} pixels are no blocks of {b} by {b}")));
    }
    let parts = reshaped(r, x, vec![n, c, h / b, b, w / b, b])?;
    let moved = transposed(r, parts, vec![0, 3, 5, 1, 2, 4])?;
    let y = reshaped(r, moved, vec![n, c * b * b, h / b, w / b])?;
    r.result(0, y)
}

fn block(r: &Reader<'_, '_>, x: TensorId) -> Result<([usize; 4], usize)> {
    let shape = r.shape(x);
    let dims = <[usize; 4]>::try_from(&shape[..])
        .map_err(|_| r.invalid(format!("shape {shape:?}; [batch, channels, height, width] is expected")))?;
    match r.int("blocksize", 0)? {
        b @ 1..=255 => Ok((dims, b as usize)),
        other => Err(r.invalid(format!("blocksize {other}"))),
    }
}

pub(super) fn concat(r: &mut Reader<'_, '_>) -> Result<()> {
    let inputs = (0..r.input_count()).map(|i| r.input(i)).collect::<Result<Vec<_>>>()?;
    let y = concat_of(r, &inputs)?;
    r.result(0, y)
}

pub(super) fn concat_of(r: &mut Reader<'_, '_>, inputs: &[TensorId]) -> Result<TensorId> {
    let Some(&first) = inputs.first() else { return Err(r.invalid("has no operands")) };
    let mut shape = r.shape(first);
    let axis = r.axis(r.int("axis", 1)?, shape.len())?;
    for &id in &inputs[1..] {
        let other = r.shape(id);
        let fits = other.len() == shape.len() && (0..shape.len()).all(|d| d == axis || other[d] == shape[d]);
        if !fits || r.dtype(id) != r.dtype(first) {
            return Err(r.invalid(format!("operands {:?} and {other:?} do not fit along {axis}", r.shape(first))));
        }
        shape[axis] = shape[axis].saturating_add(other[axis]);
    }
    r.push(Op::Concat { axis }, inputs, r.dtype(first), shape)
}

/// Attributes before opset 10, operands since.
pub(super) fn slice(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let shape = r.shape(x);
    let list = |i: usize, name: &str| -> Result<Option<Vec<i64>>> {
        if r.opset() < 10 {
            return Ok(r.ints(name)?.map(<[i64]>::to_vec));
        }
        r.optional(i)?.map(|id| r.integers(id)).transpose()
    };
    let starts = list(1, "starts")?.unwrap_or_default();
    let ends = list(2, "ends")?.unwrap_or_default();
    let axes = list(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = list(4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return Err(r.invalid(format!("starts {starts:?}, ends {ends:?}, axes {axes:?} and steps {steps:?}")));
    }
    let (mut begin, mut step, mut counts) = (vec![0; shape.len()], vec![1; shape.len()], shape.clone());
    for i in 0..starts.len() {
        let axis = r.axis(axes[i], shape.len())?;
        let dim = shape[axis] as i64;
        let stride = steps[i].clamp(-(1 << 31), 1 << 31);
        if stride == 0 {
            return Err(r.invalid("a step of 0"));
        }
        let wrap = |index: i64| if index < 0 { index.saturating_add(dim) } else { index };
        let (low, high) = if stride > 0 { (0, dim) } else { (0, dim - 1) };
        let first = wrap(starts[i]).clamp(low, high.max(low));
        let last = wrap(ends[i]).clamp(if stride > 0 { 0 } else { -1 }, high.max(low));
        let distance = if stride > 0 { last - first } else { first - last };
        let count =
            if distance <= 0 || dim == 0 { 0 } else { (distance as u64).div_ceil(stride.unsigned_abs()) as usize };
        // A slice of one element never steps: its stride must not overflow offsets.
        (begin[axis], step[axis], counts[axis]) = (first as usize, if count > 1 { stride as isize } else { 1 }, count);
    }
    let y = r.push(Op::Slice { begin, step }, &[x], r.dtype(x), counts)?;
    r.result(0, y)
}

pub(super) fn split(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let shape = r.shape(x);
    let axis = r.axis(r.int("axis", 0)?, shape.len())?;
    let parts = r.output_count().max(1);
    let given = match r.ints("split")? {
        Some(sizes) => Some(sizes.to_vec()),
        None => r.optional(1)?.map(|id| r.integers(id)).transpose()?,
    };
    let sizes = match given {
        Some(sizes) => checked_shape(r, &sizes)?,
        None => {
            let each = shape[axis].div_ceil(parts);
            (0..parts).map(|i| each.min(shape[axis].saturating_sub(i * each))).collect()
        }
    };
    let total = sizes.iter().try_fold(0_usize, |sum, &n| sum.checked_add(n));
    if sizes.len() != parts || total != Some(shape[axis]) {
        return Err(r.invalid(format!("dimension {axis} of {shape:?} does not split into {parts} parts {sizes:?}")));
    }
    let mut start = 0;
    for (k, size) in sizes.into_iter().enumerate() {
        let (mut begin, mut counts) = (vec![0; shape.len()], shape.clone());
        (begin[axis], counts[axis]) = (start, size);
        let y = r.push(Op::Slice { begin, step: vec![1; shape.len()] }, &[x], r.dtype(x), counts)?;
        r.result(k, y)?;
        start += size;
    }
    Ok(())
}

pub(super) fn expand(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let dims = r.integers(r.input(1)?)?;
    let wanted = checked_shape(r, &dims)?;
    let shape = r.broadcast(&r.shape(x), &wanted)?;
    let y = r.push(Op::Expand, &[x], r.dtype(x), shape)?;
    r.result(0, y)
}

/// Each repeated dimension becomes two, the first of them repeated.
pub(super) fn tile(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let shape = r.shape(x);
    let repeats = r.integers(r.input(1)?)?;
    let repeats = checked_shape(r, &repeats)?;
    if repeats.len() != shape.len() {
        return Err(r.invalid(format!("repeats {repeats:?} of shape {shape:?}")));
    }
    let (mut narrow, mut wide, mut tiled) = (Vec::new(), Vec::new(), Vec::new());
    for (&dim, &n) in shape.iter().zip(&repeats) {
        if n != 1 && dim != 1 {
            narrow.push(1);
            wide.push(n);
        }
        narrow.push(dim);
        wide.push(if dim == 1 { n } else { dim });
        tiled.push(dim.saturating_mul(n));
    }
    let parts = reshaped(r, x, narrow)?;
    let repeated = r.push(Op::Expand, &[parts], r.dtype(x), wide)?;
    let y = reshaped(r, repeated, tiled)?;
    r.result(0, y)
}

/// Padding is an attribute before opset 11, an operand since.
pub(super) fn pad(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let shape = r.shape(x);
    let rank = shape.len();
    let mode = match r.text("mode", "constant")? {
        "constant" => PadMode::Constant,
        "edge" => PadMode::Edge,
        "reflect" => PadMode::Reflect,
        "wrap" => PadMode::Wrap,
        other => return Err(r.invalid(format!("mode {other:?}"))),
    };
    let given = if r.opset() < 11 { r.ints("pads")?.unwrap_or_default().to_vec() } else { r.integers(r.input(1)?)? };
    let axes = match r.optional(3)? {
        Some(id) => r.integers(id)?.iter().map(|&a| r.axis(a, rank)).collect::<Result<Vec<_>>>()?,
        None => (0..rank).collect(),
    };
    if given.len() != 2 * axes.len() {
        return Err(r.invalid(format!("pads {given:?} of a tensor with {rank} dimensions")));
    }
    if given.iter().any(|&p| !(0..1 << 20).contains(&p)) {
        return Err(r.unsupported(format!("pads {given:?}; numbers from 0 are accepted")));
    }
    let (mut before, mut padded) = (vec![0; rank], shape.clone());
    for (i, &axis) in axes.iter().enumerate() {
        let (first, last) = (given[i] as usize, given[axes.len() + i] as usize);
        let most = match mode {
            PadMode::Constant => usize::MAX,
            PadMode::Edge if shape[axis] > 0 => usize::MAX,
            PadMode::Reflect => shape[axis].saturating_sub(1),
            PadMode::Edge | PadMode::Wrap => shape[axis],
        };
        if first > most || last > most {
            return Err(r.unsupported(format!("pads {given:?} beyond what {shape:?} has")));
        }
        before[axis] = first;
        padded[axis] = padded[axis].saturating_add(first).saturating_add(last);
    }
    let value = match r.optional(2)? {
        Some(id) if mode == PadMode::Constant => Some(id),
        _ if r.opset() < 11 && mode == PadMode::Constant && r.has("value") => {
            let value = r.float("value", 0.0)?;
            Some(r.constant_f32(vec![], &[value])?)
        }
        _ => None,
    };
    let y = r.push_optional(Op::Pad { mode, before }, vec![Some(x), value], r.dtype(x), padded)?;
    r.result(0, y)
}
