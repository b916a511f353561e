//! Computes small operators on constant integers, so that shapes made of shapes are known. Floats stay for later.

use crate::graph::onnx::{Binary, Op, Reduction, Unary};
use crate::graph::{DType, Tensor, TensorId};

/// Most elements that are computed here: shapes are shorter.
const MAX_ELEMENTS: usize = 1 << 12;

/// The integers in `data`, unless they are floats.
pub(super) fn integers(dtype: DType, data: &[u8]) -> Option<Vec<i64>> {
    Some(match dtype {
        DType::I64 => data.as_chunks().0.iter().map(|&c| i64::from_le_bytes(c)).collect(),
        DType::I32 => data.as_chunks().0.iter().map(|&c| i64::from(i32::from_le_bytes(c))).collect(),
        DType::I16 => data.as_chunks().0.iter().map(|&c| i64::from(i16::from_le_bytes(c))).collect(),
        DType::U16 => data.as_chunks().0.iter().map(|&c| i64::from(u16::from_le_bytes(c))).collect(),
        DType::I8 => data.iter().map(|&b| i64::from(b as i8)).collect(),
        DType::U8 | DType::Bool => data.iter().map(|&b| i64::from(b)).collect(),
        DType::F32 => return None,
    })
}

/// The floats in `data`.
pub(super) fn floats(data: &[u8]) -> Vec<f32> {
    data.as_chunks().0.iter().map(|&c| f32::from_le_bytes(c)).collect()
}

fn bytes(dtype: DType, values: &[i64]) -> Vec<u8> {
    match dtype {
        DType::I64 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        DType::I32 => values.iter().flat_map(|&v| (v as i32).to_le_bytes()).collect(),
        DType::I16 | DType::U16 => values.iter().flat_map(|&v| (v as u16).to_le_bytes()).collect(),
        DType::I8 | DType::U8 => values.iter().map(|&v| v as u8).collect(),
        DType::Bool => values.iter().map(|&v| u8::from(v != 0)).collect(),
        DType::F32 => values.iter().flat_map(|&v| (v as f32).to_le_bytes()).collect(),
    }
}

/// Position of element `flat` in `shape`.
fn position(mut flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut position = vec![0; shape.len()];
    for (p, &dim) in position.iter_mut().zip(shape).rev() {
        *p = flat % dim.max(1);
        flat /= dim.max(1);
    }
    position
}

/// Element at `position` in `shape`, aligned at the right; dimensions of 1 repeat.
fn element(position: &[usize], shape: &[usize]) -> usize {
    let leading = position.len() - shape.len();
    shape.iter().zip(&position[leading..]).fold(0, |flat, (&dim, &p)| flat * dim + if dim == 1 { 0 } else { p })
}

/// The data of the result of `op`, if all is known, integer and small.
pub(super) fn fold(
    op: &Op,
    inputs: &[Option<TensorId>],
    tensors: &[Tensor],
    dtype: DType,
    shape: &[usize],
) -> Option<Vec<u8>> {
    let count: usize = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d))?;
    if count > MAX_ELEMENTS || dtype == DType::I8 || dtype == DType::U8 {
        return None;
    }
    let operands: Vec<&Tensor> = inputs.iter().flatten().map(|&id| &tensors[id]).collect();
    if operands.iter().any(|t| t.data.is_none() || t.elements() > MAX_ELEMENTS) {
        return None;
    }
    if let (Op::Cast, [x]) = (op, &operands[..]) {
        return cast(x, dtype);
    }
    let values: Vec<Vec<i64>> =
        operands.iter().map(|t| integers(t.dtype, t.data.as_deref()?)).collect::<Option<_>>()?;
    let spread = |k: usize, flat: usize| values[k][element(&position(flat, shape), &operands[k].shape)];
    let result: Vec<i64> = match op {
        Op::Reshape => values[0].clone(),
        Op::Expand => (0..count).map(|i| spread(0, i)).collect(),
        Op::Unary(unary) => {
            let f: fn(i64) -> i64 = match unary {
                Unary::Abs => i64::wrapping_abs,
                Unary::Neg => i64::wrapping_neg,
                Unary::Not => |x| i64::from(x == 0),
                Unary::Sign => i64::signum,
                _ => return None,
            };
            values[0].iter().map(|&x| f(x)).collect()
        }
        Op::Binary(binary) => {
            let f: fn(i64, i64) -> Option<i64> = binary_function(*binary)?;
            (0..count).map(|i| f(spread(0, i), spread(1, i))).collect::<Option<_>>()?
        }
        Op::Where => (0..count).map(|i| if spread(0, i) != 0 { spread(1, i) } else { spread(2, i) }).collect(),
        Op::Concat { axis } => concat(*axis, &operands, &values),
        Op::Gather { axis, indices } => {
            let source = |flat: usize| {
                let mut at = position(flat, shape);
                at[*axis] = indices[at[*axis]];
                element(&at, &operands[0].shape)
            };
            (0..count).map(|i| values[0][source(i)]).collect()
        }
        Op::Slice { begin, step } => {
            let source = |flat: usize| {
                let at = position(flat, shape);
                let at: Vec<usize> = (0..at.len())
                    .map(|d| (begin[d] as isize).wrapping_add((at[d] as isize).wrapping_mul(step[d])) as usize)
                    .collect();
                element(&at, &operands[0].shape)
            };
            (0..count).map(|i| values[0].get(source(i)).copied()).collect::<Option<_>>()?
        }
        Op::Transpose { permutation } => {
            let source = |flat: usize| {
                let at = position(flat, shape);
                let mut from = vec![0; at.len()];
                (0..at.len()).for_each(|d| from[permutation[d]] = at[d]);
                element(&from, &operands[0].shape)
            };
            (0..count).map(|i| values[0][source(i)]).collect()
        }
        Op::Reduce { reduction, axes } if axes.len() == operands[0].shape.len() => {
            let all = values[0].iter().copied();
            vec![match reduction {
                Reduction::Max => all.max()?,
                Reduction::Min => all.min()?,
                Reduction::Prod => all.fold(1, i64::wrapping_mul),
                Reduction::Sum => all.fold(0, i64::wrapping_add),
                _ => return None,
            }]
        }
        _ => return None,
    };
    (result.len() == count).then(|| bytes(dtype, &result))
}

fn cast(x: &Tensor, dtype: DType) -> Option<Vec<u8>> {
    let data = x.data.as_deref()?;
    match (x.dtype, dtype) {
        (DType::F32, DType::F32) => Some(data.to_vec()),
        (DType::F32, DType::Bool) => Some(floats(data).iter().map(|&x| u8::from(x != 0.0)).collect()),
        (DType::F32, _) => Some(bytes(dtype, &floats(data).iter().map(|&x| x as i64).collect::<Vec<_>>())),
        _ => Some(bytes(dtype, &integers(x.dtype, data)?)),
    }
}

fn binary_function(binary: Binary) -> Option<fn(i64, i64) -> Option<i64>> {
    Some(match binary {
        Binary::Add => |a, b| Some(a.wrapping_add(b)),
        Binary::And => |a, b| Some(i64::from(a != 0 && b != 0)),
        Binary::Div => |a, b| a.checked_div(b),
        Binary::Equal => |a, b| Some(i64::from(a == b)),
        Binary::Fmod => |a, b| a.checked_rem(b),
        Binary::Greater => |a, b| Some(i64::from(a > b)),
        Binary::GreaterOrEqual => |a, b| Some(i64::from(a >= b)),
        Binary::Less => |a, b| Some(i64::from(a < b)),
        Binary::LessOrEqual => |a, b| Some(i64::from(a <= b)),
        Binary::Max => |a, b| Some(a.max(b)),
        Binary::Min => |a, b| Some(a.min(b)),
        Binary::Mod => |a, b| {
            let rest = a.checked_rem(b)?;
            Some(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest })
        },
        Binary::Mul => |a, b| Some(a.wrapping_mul(b)),
        Binary::Or => |a, b| Some(i64::from(a != 0 || b != 0)),
        Binary::Sub => |a, b| Some(a.wrapping_sub(b)),
        Binary::Xor => |a, b| Some(i64::from((a != 0) != (b != 0))),
        Binary::PRelu | Binary::Pow => return None,
    })
}

fn concat(axis: usize, operands: &[&Tensor], values: &[Vec<i64>]) -> Vec<i64> {
    let outer: usize = operands[0].shape[..axis].iter().product();
    let mut result = Vec::new();
    for row in 0..outer {
        for (tensor, values) in operands.iter().zip(values) {
            let run: usize = tensor.shape[axis..].iter().product();
            result.extend(&values[row * run..(row + 1) * run]);
        }
    }
    result
}
