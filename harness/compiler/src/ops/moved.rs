//! Elements in another order, or several times: blocks of pixels, repetitions, reversals, padding by the tensor itself.

use hilbench_kernels::params::{PadMode, PadWithin, StridedCopy};
use hilbench_kernels::shape::{MAX_RANK, dense_strides};

use super::direct::Direct;
use super::operands::{broadcast_strides, right_aligned};
use super::{Operands, Quantized};
use crate::Result;
use crate::graph::Op;
use crate::lower::Call;

/// One copy, walked as `dims` with these strides in the input; the output is dense.
fn copied(
    operands: &Operands<'_>,
    dims: [usize; MAX_RANK],
    start: usize,
    strides: [isize; MAX_RANK],
) -> Result<Quantized> {
    let x = operands.input(0)?;
    operands.expect_same_values(x, operands.output()?)?;
    let params = StridedCopy {
        dims,
        input_start: start,
        input_strides: strides,
        output_start: 0,
        output_strides: dense_strides(&dims).map(|s| s as isize),
    };
    let call = match x.dtype.size() {
        1 => Call::Copy8(params),
        2 => Call::Copy16(params),
        4 => Call::Copy32(params),
        width => return Err(operands.unsupported(format!("elements of {width} bytes; 1, 2 and 4 are accepted"))),
    };
    Ok((Direct::new(call).into(), vec![operands.input_id(0)?]))
}

/// Rows of bytes, `stride` apart, whatever they are elements of.
pub(super) fn bytes(
    operands: &Operands<'_>,
    start: usize,
    [rows, bytes]: [usize; 2],
    stride: usize,
) -> Result<Quantized> {
    let dims = [1, 1, 1, 1, rows, bytes];
    let params = StridedCopy {
        dims,
        input_start: start,
        input_strides: [0, 0, 0, 0, stride as isize, 1],
        output_start: 0,
        output_strides: dense_strides(&dims).map(|s| s as isize),
    };
    Ok((Direct::new(Call::Copy8(params)).into(), vec![operands.input_id(0)?]))
}

/// SPACE_TO_DEPTH and DEPTH_TO_SPACE.
pub(super) fn blocks(operands: &Operands<'_>) -> Result<Quantized> {
    let [n, h, w, c] = operands.dims(operands.input(0)?)?;
    // Both walk [n, h, block, w, block, c] of the one with more pixels.
    let (shape, outer, from_space) = match operands.node.op {
        Op::SpaceToDepth { block } if h % block == 0 && w % block == 0 => {
            ([n, h / block, w / block, c * block * block], [n, h / block, block, w / block, block, c], true)
        }
        Op::DepthToSpace { block } if c % (block * block) == 0 => {
            let rest = c / (block * block);
            ([n, h * block, w * block, rest], [n, h, block, w, block, rest], false)
        }
        _ => return Err(operands.invalid(format!("shape {:?} has no such blocks", operands.input(0)?.shape))),
    };
    operands.expect_shape(0, &shape)?;
    let [n, h, block_h, w, block_w, c] = outer;
    // Dimensions of the input, and which of them each of the output's is.
    let (input, order) = if from_space {
        ([n, h, block_h, w, block_w, c], [0, 1, 3, 2, 4, 5])
    } else {
        ([n, h, w, block_h, block_w, c], [0, 1, 3, 2, 4, 5])
    };
    let strides = dense_strides(&input);
    copied(operands, order.map(|axis| input[axis]), 0, order.map(|axis| strides[axis] as isize))
}

/// BROADCAST_TO.
pub(super) fn broadcast_to(operands: &Operands<'_>) -> Result<Quantized> {
    let x = operands.input(0)?;
    let wanted = &operands.output()?.shape;
    if operands.input(1)?.data.is_some() && !operands.integers(1)?.iter().copied().eq(wanted.iter().map(|&d| d as i64))
    {
        return Err(
            operands.invalid(format!("asks for shape {:?}, but its result has {wanted:?}", operands.integers(1)?))
        );
    }
    let (from, to) = (operands.padded_dims(x)?, operands.padded_dims(operands.output()?)?);
    if x.shape.len() > wanted.len() || (0..MAX_RANK).any(|i| from[i] != to[i] && from[i] != 1) {
        return Err(operands.invalid(format!("shape {:?} does not spread to {wanted:?}", x.shape)));
    }
    copied(operands, to, 0, broadcast_strides(&from).map(|s| s as isize))
}

/// TILE along one axis at most; others have been taken apart.
pub(super) fn tile(operands: &Operands<'_>) -> Result<Quantized> {
    let x = operands.input(0)?;
    let repeats = operands.integers(1)?;
    let counts: Vec<usize> = repeats.iter().filter_map(|&r| usize::try_from(r).ok()).collect();
    if counts.len() != repeats.len() || counts.len() != x.shape.len() {
        return Err(operands.invalid(format!("repeats {repeats:?} of a tensor of shape {:?}", x.shape)));
    }
    let shape: Option<Vec<usize>> = x.shape.iter().zip(&counts).map(|(d, r)| d.checked_mul(*r)).collect();
    operands.expect_shape(0, &shape.ok_or_else(|| operands.invalid(format!("repeats {repeats:?}")))?)?;
    let axis = counts.iter().position(|&r| r != 1).unwrap_or(0);
    if counts.iter().filter(|&&r| r != 1).count() > 1 {
        return Err(operands.invalid("repeats several axes that were not taken apart"));
    }
    let inner: usize = x.shape.iter().skip(axis).product();
    let outer: usize = x.shape.iter().take(axis).product();
    let repeat = counts.get(axis).copied().unwrap_or(1);
    copied(operands, [1, 1, 1, outer, repeat, inner], 0, [0, 0, 0, inner as isize, 0, 1])
}

/// REVERSE_V2.
pub(super) fn reverse(operands: &Operands<'_>) -> Result<Quantized> {
    let x = operands.input(0)?;
    operands.expect_shape(0, &x.shape)?;
    let dims = operands.padded_dims(x)?;
    let mut strides = dense_strides(&dims).map(|s| s as isize);
    let mut start = 0;
    let mut reversed = [false; MAX_RANK];
    for axis in operands.integers(1)? {
        reversed[MAX_RANK - x.shape.len() + operands.axis(axis, x.shape.len())?] = true;
    }
    for i in (0..MAX_RANK).filter(|&i| reversed[i] && dims[i] > 0) {
        start += (dims[i] - 1) * strides[i] as usize;
        strides[i] = -strides[i];
    }
    copied(operands, dims, start, strides)
}

/// MIRROR_PAD.
pub(super) fn mirror_pad(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::MirrorPad { symmetric } = operands.node.op else { return Err(operands.invalid("is not MIRROR_PAD")) };
    let x = operands.input(0)?;
    let paddings = operands.integers(1)?;
    let fits = |(pair, &dim): (&[i64], &usize)| {
        let most = if symmetric { dim as i64 } else { dim as i64 - 1 };
        pair.iter().all(|p| (0..=most).contains(p))
    };
    if paddings.len() != 2 * x.shape.len() || !paddings.chunks_exact(2).zip(&x.shape).all(fits) {
        return Err(operands.invalid(format!("paddings {paddings:?} of a tensor of shape {:?}", x.shape)));
    }
    let shape: Vec<usize> =
        x.shape.iter().zip(paddings.chunks_exact(2)).map(|(&d, p)| d + p[0] as usize + p[1] as usize).collect();
    operands.expect_shape(0, &shape)?;
    operands.expect_same_values(x, operands.output()?)?;
    let input_dims = operands.padded_dims(x)?;
    let output_dims = right_aligned(&shape).ok_or_else(|| operands.invalid("has too many dimensions"))?;
    let mut before = [0; MAX_RANK];
    for (i, pair) in paddings.chunks_exact(2).enumerate() {
        before[MAX_RANK - x.shape.len() + i] = pair[0] as usize;
    }
    let mode = if symmetric { PadMode::Symmetric } else { PadMode::Reflect };
    let params = PadWithin { input_dims, before, output_dims, mode };
    let call = match x.dtype.size() {
        1 => Call::PadWithin8(params),
        2 => Call::PadWithin16(params),
        4 => Call::PadWithin32(params),
        width => return Err(operands.unsupported(format!("elements of {width} bytes; 1, 2 and 4 are accepted"))),
    };
    Ok((Direct::new(call).into(), vec![operands.input_id(0)?]))
}
