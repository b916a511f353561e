//! BATCH_MATMUL: products of matrices that are both computed at run time. Operands that lie transposed have been
//! brought into order before.

use hilbench_kernels::params::{Broadcast, MatMul};
use hilbench_kernels::shape::MAX_RANK;

use super::Operands;
use super::operands::{broadcast_strides, right_aligned};
use crate::Result;

/// Shapes of the product, and its multiply-accumulates.
pub(super) fn matmul(operands: &Operands<'_>) -> Result<(MatMul, usize)> {
    let (a, b) = (operands.input(0)?, operands.input(1)?);
    let mismatch = || operands.invalid(format!("shapes {:?} and {:?} do not multiply", a.shape, b.shape));
    let split = |shape: &[usize]| -> Option<([usize; MAX_RANK], usize, usize)> {
        let (leading, &[rows, columns]) = shape.split_last_chunk::<2>()?;
        Some((right_aligned(leading)?, rows, columns))
    };
    let ((da, rows, depth), (db, depth_b, columns)) =
        (split(&a.shape).ok_or_else(mismatch)?, split(&b.shape).ok_or_else(mismatch)?);
    if depth != depth_b {
        return Err(mismatch());
    }
    let mut dims = [1; MAX_RANK];
    for i in 0..MAX_RANK {
        dims[i] = match (da[i], db[i]) {
            (x, y) if x == y => x,
            (1, y) => y,
            (x, 1) => x,
            _ => return Err(mismatch()),
        };
    }
    let leading = a.shape.len().max(b.shape.len()) - 2;
    operands.expect_shape(0, &[&dims[MAX_RANK - leading..], &[rows, columns]].concat())?;
    let batch = Broadcast { dims, strides1: broadcast_strides(&da), strides2: broadcast_strides(&db) };
    let macs = dims.iter().product::<usize>() * rows * depth * columns;
    Ok((MatMul { batch, rows, depth, columns }, macs))
}
