//! Operators that choose among elements: by constant indices, by a condition, by size.

use super::super::reader::Reader;
use super::movement;
use crate::Result;
use crate::graph::onnx::{Binary, Op};
use crate::graph::{DType, TensorId};

/// Most constant indices that are taken.
const MAX_INDICES: usize = 1 << 14;

/// Most elements of a constant that is made here.
const MAX_MADE: usize = 1 << 18;

/// The integers of constant `id`, if there are not too many.
fn indices(r: &mut Reader<'_, '_>, id: TensorId) -> Result<Vec<i64>> {
    let elements = r.of(id).elements();
    if elements > MAX_INDICES {
        return Err(r.unsupported(format!("{elements} indices; up to {MAX_INDICES} are accepted")));
    }
    // Many operators may share one constant, and each keeps its own list.
    r.spend(elements * size_of::<usize>())?;
    r.integers(id)
}

pub(super) fn gather(r: &mut Reader<'_, '_>) -> Result<()> {
    let (x, at) = (r.input(0)?, r.input(1)?);
    let shape = r.shape(x);
    let axis = r.axis(r.int("axis", 0)?, shape.len())?;
    let positions = indices(r, at)?;
    let indices = positions.iter().map(|&i| r.axis(i, shape[axis])).collect::<Result<Vec<_>>>()?;
    let mut picked = shape.clone();
    picked[axis] = indices.len();
    let y = r.push(Op::Gather { axis, indices }, &[x], r.dtype(x), picked)?;
    let shape = [&shape[..axis], &r.shape(at), &shape[axis + 1..]].concat();
    let y = movement::reshaped(r, y, shape)?;
    r.result(0, y)
}

/// Elements of the flattened `x`, under `shape`.
fn picked(r: &mut Reader<'_, '_>, x: TensorId, indices: Vec<usize>, shape: Vec<usize>) -> Result<()> {
    let (elements, count) = (r.of(x).elements(), indices.len());
    let flat = movement::reshaped(r, x, vec![elements])?;
    let y = r.push(Op::Gather { axis: 0, indices }, &[flat], r.dtype(x), vec![count])?;
    let y = movement::reshaped(r, y, shape)?;
    r.result(0, y)
}

/// Each index replaces one coordinate of its own place.
pub(super) fn gather_elements(r: &mut Reader<'_, '_>) -> Result<()> {
    let (x, at) = (r.input(0)?, r.input(1)?);
    let (input, shape) = (r.shape(x), r.shape(at));
    let axis = r.axis(r.int("axis", 0)?, input.len())?;
    if shape.len() != input.len() || (0..shape.len()).any(|d| d != axis && shape[d] > input[d]) {
        return Err(r.invalid(format!("indices of shape {shape:?} into {input:?}")));
    }
    let mut flat = Vec::new();
    for (i, &index) in indices(r, at)?.iter().enumerate() {
        let index = r.axis(index, input[axis])?;
        let (mut rest, mut stride, mut place) = (i, 1, 0);
        for d in (0..shape.len()).rev() {
            let coordinate = if d == axis { index } else { rest % shape[d] };
            rest /= shape[d];
            place += coordinate * stride;
            stride *= input[d];
        }
        flat.push(place);
    }
    picked(r, x, flat, shape)
}

/// Each row of indices is the beginning of a place; what is left of the dimensions is taken whole.
pub(super) fn gather_nd(r: &mut Reader<'_, '_>) -> Result<()> {
    let (x, at) = (r.input(0)?, r.input(1)?);
    let (input, shape) = (r.shape(x), r.shape(at));
    if r.int("batch_dims", 0)? != 0 {
        return Err(r.unsupported("batch_dims; 0 is accepted"));
    }
    let Some((&depth, lead)) = shape.split_last() else { return Err(r.invalid("indices without dimensions")) };
    if depth == 0 || depth > input.len() {
        return Err(r.invalid(format!("indices of shape {shape:?} into {input:?}")));
    }
    let mut rows = Vec::new();
    for row in indices(r, at)?.chunks(depth) {
        let mut place = 0;
        for (d, &index) in row.iter().enumerate() {
            place = place * input[d] + r.axis(index, input[d])?;
        }
        rows.push(place);
    }
    let (outer, inner) = (input[..depth].iter().product(), input[depth..].iter().product());
    let flat = movement::reshaped(r, x, vec![outer, inner])?;
    let count = rows.len();
    let y = r.push(Op::Gather { axis: 0, indices: rows }, &[flat], r.dtype(x), vec![count, inner])?;
    let y = movement::reshaped(r, y, [lead, &input[depth..]].concat())?;
    r.result(0, y)
}

pub(super) fn select(r: &mut Reader<'_, '_>) -> Result<()> {
    let (condition, a, b) = (r.input(0)?, r.input(1)?, r.input(2)?);
    if r.dtype(condition) != DType::Bool || r.dtype(a) != r.dtype(b) {
        return Err(r.invalid("a condition of bools and two operands of one type are expected"));
    }
    let shape = r.broadcast(&r.broadcast(&r.shape(a), &r.shape(b))?, &r.shape(condition))?;
    let y = r.push(Op::Where, &[condition, a, b], r.dtype(a), shape)?;
    r.result(0, y)
}

/// Zeros below or above a diagonal: a choice by a constant condition.
pub(super) fn trilu(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let shape = r.shape(x);
    let Some((_, &[rows, columns])) = shape.split_last_chunk::<2>() else {
        return Err(r.invalid(format!("an operand of shape {shape:?}; matrices are expected")));
    };
    if rows.saturating_mul(columns) > MAX_MADE {
        return Err(r.unsupported(format!("matrices of {rows} by {columns}; up to {MAX_MADE} elements are accepted")));
    }
    let diagonal = match r.optional(1)? {
        Some(id) => r.integers(id)?.first().copied().unwrap_or(0),
        None => 0,
    };
    let upper = r.flag("upper", true)?;
    let kept = |i: usize| {
        let above = (i % columns) as i128 - (i / columns) as i128 - i128::from(diagonal);
        u8::from(if upper { above >= 0 } else { above <= 0 })
    };
    let condition = r.constant(DType::Bool, vec![rows, columns], (0..rows * columns).map(kept).collect())?;
    let zero = r.constant(r.dtype(x), vec![], vec![0; r.dtype(x).size()])?;
    let y = r.push(Op::Where, &[condition, x, zero], r.dtype(x), shape)?;
    r.result(0, y)
}

/// The number of elements is an attribute before opset 10, a constant operand since.
pub(super) fn top_k(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let mut shape = r.shape(x);
    let axis = r.axis(r.int("axis", -1)?, shape.len())?;
    let k = if r.opset() < 10 {
        r.int("k", 0)?
    } else {
        r.integers(r.input(1)?)?.first().copied().ok_or_else(|| r.invalid("operand 1 is empty"))?
    };
    shape[axis] = match usize::try_from(k) {
        Ok(k) if k >= 1 && k <= shape[axis] => k,
        _ => return Err(r.invalid(format!("{k} of {} elements", shape[axis]))),
    };
    let op = Op::TopK { axis, largest: r.flag("largest", true)? };
    let results = r.push_all(op, vec![Some(x)], &[(r.dtype(x), shape.clone()), (DType::I64, shape)])?;
    (0..2).try_for_each(|i| r.result(i, results[i]))
}

/// 1 at the first of the largest elements along the axis, else 0. Up to opset 12 all dimensions from it on are one.
pub(super) fn hardmax(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let shape = r.shape(x);
    let old = r.opset() < 13;
    let axis = r.axis(r.int("axis", if old { 1 } else { -1 })?, shape.len())?;
    let (rows, axis) = if old {
        let flat = vec![shape[..axis].iter().product(), shape[axis..].iter().product()];
        (movement::reshaped(r, x, flat)?, 1)
    } else {
        (x, axis)
    };
    let flat = r.shape(rows);
    if !(1..=MAX_MADE).contains(&flat[axis]) {
        return Err(r.unsupported(format!("axis {axis} of {flat:?}; 1 to {MAX_MADE} elements are accepted")));
    }
    let mut one = flat.clone();
    one[axis] = 1;
    let largest = r.push(Op::ArgExtreme { axis, max: true, last: false }, &[rows], DType::I64, one)?;
    let mut places = vec![1; flat.len()];
    places[axis] = flat[axis];
    let numbers = (0..flat[axis] as i64).flat_map(i64::to_le_bytes).collect();
    let numbers = r.constant(DType::I64, places, numbers)?;
    let equal = r.push(Op::Binary(Binary::Equal), &[largest, numbers], DType::Bool, flat.clone())?;
    let y = r.push(Op::Cast, &[equal], r.dtype(x), flat)?;
    let y = movement::reshaped(r, y, shape)?;
    r.result(0, y)
}
