//! Operators that compute: elementwise, reductions, products of matrices.

use super::super::reader::Reader;
use crate::Result;
use crate::graph::DType;
use crate::graph::TensorId;
use crate::graph::onnx::{Binary, Op, Reduction, Unary};

pub(super) fn unary(r: &mut Reader<'_, '_>, kind: Unary) -> Result<()> {
    let x = r.input(0)?;
    let y = r.push(Op::Unary(kind), &[x], r.dtype(x), r.shape(x))?;
    r.result(0, y)
}

/// Bounds are attributes up to opset 10, operands since.
pub(super) fn clip(r: &mut Reader<'_, '_>) -> Result<()> {
    let bound = |r: &Reader<'_, '_>, i: usize, name: &str, default: f32| -> Result<f32> {
        if r.opset() < 11 {
            return r.float(name, default);
        }
        let Some(id) = r.optional(i)? else { return Ok(default) };
        match r.reals(id)?[..] {
            [x] => Ok(x),
            _ => Err(r.invalid(format!("operand {i} has shape {:?}; one number is expected", r.shape(id)))),
        }
    };
    let (low, high) = (bound(r, 1, "min", f32::MIN)?, bound(r, 2, "max", f32::MAX)?);
    unary(r, Unary::Clip(low, high))
}

/// A function of `a` and `b` of one type.
pub(super) fn combine(
    r: &mut Reader<'_, '_>,
    kind: Binary,
    a: TensorId,
    b: TensorId,
    dtype: DType,
) -> Result<TensorId> {
    if r.dtype(a) != r.dtype(b) {
        return Err(r.invalid(format!("operands are {} and {}; one type is expected", r.dtype(a), r.dtype(b))));
    }
    let shape = r.broadcast(&r.shape(a), &r.shape(b))?;
    r.push(Op::Binary(kind), &[a, b], dtype, shape)
}

pub(super) fn binary(r: &mut Reader<'_, '_>, kind: Binary) -> Result<()> {
    let (a, b) = (r.input(0)?, r.input(1)?);
    let y = combine(r, kind, a, b, r.dtype(a))?;
    r.result(0, y)
}

pub(super) fn comparison(r: &mut Reader<'_, '_>, kind: Binary) -> Result<()> {
    let (a, b) = (r.input(0)?, r.input(1)?);
    let y = combine(r, kind, a, b, DType::Bool)?;
    r.result(0, y)
}

pub(super) fn logical(r: &mut Reader<'_, '_>, kind: Binary) -> Result<()> {
    let a = r.input(0)?;
    if r.dtype(a) != DType::Bool {
        return Err(r.invalid(format!("operand 0 is {}; bool is expected", r.dtype(a))));
    }
    binary(r, kind)
}

/// `x` times the sigmoid of `alpha x`.
pub(super) fn swish(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let (alpha, mut inner) = (r.float("alpha", 1.0)?, x);
    if alpha != 1.0 {
        let alpha = r.constant_f32(vec![], &[alpha])?;
        inner = combine(r, Binary::Mul, x, alpha, DType::F32)?;
    }
    let gate = r.push(Op::Unary(Unary::Sigmoid), &[inner], r.dtype(x), r.shape(x))?;
    let y = combine(r, Binary::Mul, x, gate, r.dtype(x))?;
    r.result(0, y)
}

/// The base's type is the result's; an exponent of another type is taken if it is constant.
pub(super) fn pow(r: &mut Reader<'_, '_>) -> Result<()> {
    let (a, mut b) = (r.input(0)?, r.input(1)?);
    if r.dtype(a) != r.dtype(b) {
        b = r.push(Op::Cast, &[b], r.dtype(a), r.shape(b))?;
    }
    let y = combine(r, Binary::Pow, a, b, r.dtype(a))?;
    r.result(0, y)
}

/// The slope spreads over x, never the other way.
pub(super) fn p_relu(r: &mut Reader<'_, '_>) -> Result<()> {
    let (x, slope) = (r.input(0)?, r.input(1)?);
    if r.broadcast(&r.shape(x), &r.shape(slope))? != r.shape(x) {
        return Err(r.invalid(format!("a slope of shape {:?} for {:?}", r.shape(slope), r.shape(x))));
    }
    binary(r, Binary::PRelu)
}

fn chain(r: &mut Reader<'_, '_>, kind: Binary) -> Result<TensorId> {
    let mut y = r.input(0)?;
    for i in 1..r.input_count() {
        let x = r.input(i)?;
        y = combine(r, kind, y, x, r.dtype(y))?;
    }
    Ok(y)
}

/// Any number of operands, one after the other.
pub(super) fn variadic(r: &mut Reader<'_, '_>, kind: Binary) -> Result<()> {
    let y = chain(r, kind)?;
    r.result(0, y)
}

pub(super) fn mean(r: &mut Reader<'_, '_>) -> Result<()> {
    let sum = chain(r, Binary::Add)?;
    let count = r.constant_f32(vec![], &[r.input_count() as f32])?;
    let y = combine(r, Binary::Div, sum, count, r.dtype(sum))?;
    r.result(0, y)
}

/// Axes are an attribute before opset `since`, an operand from then on.
pub(super) fn reduce(r: &mut Reader<'_, '_>, reduction: Reduction, since: i64) -> Result<()> {
    let x = r.input(0)?;
    let shape = r.shape(x);
    let given = match r.optional(1)? {
        Some(id) if r.opset() >= since => Some(r.integers(id)?),
        _ => r.ints("axes")?.map(<[i64]>::to_vec),
    };
    let keep = r.flag("keepdims", true)?;
    let axes = match given {
        Some(axes) if !axes.is_empty() => {
            let mut axes = axes.iter().map(|&a| r.axis(a, shape.len())).collect::<Result<Vec<_>>>()?;
            axes.sort_unstable();
            axes.dedup();
            axes
        }
        _ if r.flag("noop_with_empty_axes", false)? => Vec::new(),
        _ => (0..shape.len()).collect(),
    };
    let reduced = shape
        .iter()
        .enumerate()
        .filter(|(i, _)| keep || !axes.contains(i))
        .map(|(i, &d)| if axes.contains(&i) { 1 } else { d })
        .collect();
    let y = r.push(Op::Reduce { reduction, axes }, &[x], r.dtype(x), reduced)?;
    r.result(0, y)
}

pub(super) fn arg_extreme(r: &mut Reader<'_, '_>, max: bool) -> Result<()> {
    let x = r.input(0)?;
    let mut shape = r.shape(x);
    let axis = r.axis(r.int("axis", 0)?, shape.len())?;
    if shape[axis] == 0 {
        return Err(r.invalid(format!("has no elements along axis {axis} of {shape:?}")));
    }
    if r.flag("keepdims", true)? {
        shape[axis] = 1;
    } else {
        shape.remove(axis);
    }
    let last = r.flag("select_last_index", false)?;
    let y = r.push(Op::ArgExtreme { axis, max, last }, &[x], DType::I64, shape)?;
    r.result(0, y)
}

/// Up to opset 12 all dimensions from `axis` on are one; since, the axis stands alone.
pub(super) fn softmax(r: &mut Reader<'_, '_>, log: bool) -> Result<()> {
    let x = r.input(0)?;
    let y = softmax_of(r, x, r.opset(), log)?;
    r.result(0, y)
}

pub(super) fn softmax_of(r: &mut Reader<'_, '_>, x: TensorId, opset: i64, log: bool) -> Result<TensorId> {
    let shape = r.shape(x);
    let axis = r.axis(r.int("axis", if opset < 13 { 1 } else { -1 })?, shape.len())?;
    if opset >= 13 || axis + 1 == shape.len() {
        return r.push(Op::Softmax { axis, log }, &[x], r.dtype(x), shape);
    }
    let flat = vec![shape[..axis].iter().product(), shape[axis..].iter().product()];
    let rows = r.push(Op::Reshape, &[x], r.dtype(x), flat.clone())?;
    let y = r.push(Op::Softmax { axis: 1, log }, &[rows], r.dtype(x), flat)?;
    r.push(Op::Reshape, &[y], r.dtype(x), shape)
}

pub(super) fn gemm(r: &mut Reader<'_, '_>) -> Result<()> {
    let (a, b) = (r.input(0)?, r.input(1)?);
    let c = r.optional(2)?;
    let y = gemm_of(r, a, b, c)?;
    r.result(0, y)
}

pub(super) fn gemm_of(r: &mut Reader<'_, '_>, a: TensorId, b: TensorId, c: Option<TensorId>) -> Result<TensorId> {
    let (trans_a, trans_b) = (r.flag("transA", false)?, r.flag("transB", false)?);
    let (alpha, beta) = (r.float("alpha", 1.0)?, r.float("beta", 1.0)?);
    let (&[a0, a1], &[b0, b1]) = (&r.shape(a)[..], &r.shape(b)[..]) else {
        return Err(r.invalid(format!("operands have shapes {:?} and {:?}", r.shape(a), r.shape(b))));
    };
    let (m, k) = if trans_a { (a1, a0) } else { (a0, a1) };
    let (k2, n) = if trans_b { (b1, b0) } else { (b0, b1) };
    if k != k2 {
        return Err(r.invalid(format!("operands have shapes {:?} and {:?}", r.shape(a), r.shape(b))));
    }
    if let Some(c) = c
        && (r.broadcast(&r.shape(c), &[m, n])? != [m, n])
    {
        return Err(r.invalid(format!("operand 2 has shape {:?}; the result has {:?}", r.shape(c), [m, n])));
    }
    let op = Op::Gemm { alpha, beta, trans_a, trans_b };
    r.push_optional(op, vec![Some(a), Some(b), c], r.dtype(a), vec![m, n])
}

/// The shape of a product: matrices in the last two dimensions, the others spread over each other.
fn product(r: &Reader<'_, '_>, a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let mismatch = || r.invalid(format!("operands have shapes {a:?} and {b:?}"));
    if a.is_empty() || b.is_empty() {
        return Err(mismatch());
    }
    let wide_a = if a.len() == 1 { vec![1, a[0]] } else { a.to_vec() };
    let wide_b = if b.len() == 1 { vec![b[0], 1] } else { b.to_vec() };
    let (lead_a, [m, k]) = wide_a.split_last_chunk::<2>().ok_or_else(mismatch)?;
    let (lead_b, [k2, n]) = wide_b.split_last_chunk::<2>().ok_or_else(mismatch)?;
    if k != k2 {
        return Err(mismatch());
    }
    let mut shape = r.broadcast(lead_a, lead_b)?;
    if a.len() > 1 {
        shape.push(*m);
    }
    if b.len() > 1 {
        shape.push(*n);
    }
    Ok(shape)
}

pub(super) fn mat_mul(r: &mut Reader<'_, '_>) -> Result<()> {
    let (a, b) = (r.input(0)?, r.input(1)?);
    let y = mat_mul_of(r, a, b)?;
    r.result(0, y)
}

pub(super) fn mat_mul_of(r: &mut Reader<'_, '_>, a: TensorId, b: TensorId) -> Result<TensorId> {
    let shape = product(r, &r.shape(a), &r.shape(b))?;
    r.push(Op::MatMul, &[a, b], r.dtype(a), shape)
}

pub(super) fn mat_mul_integer(r: &mut Reader<'_, '_>) -> Result<()> {
    super::quantized::need_opset_10(r)?;
    let (a, b) = (r.input(0)?, r.input(1)?);
    let shape = product(r, &r.shape(a), &r.shape(b))?;
    let inputs = vec![Some(a), Some(b), r.optional(2)?, r.optional(3)?];
    let y = r.push_optional(Op::MatMulInteger, inputs, DType::I32, shape)?;
    r.result(0, y)
}
