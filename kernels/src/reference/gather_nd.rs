//! Slices picked by rows of indices.

use crate::params::GatherNd;
use crate::shape::{dense_strides, offset};

/// Copies the slice that each row of `indices` points to. Indices outside are brought to the nearest end.
pub fn gather_nd<T: Copy>(p: &GatherNd, input: &[T], indices: &[i32], output: &mut [T]) {
    let strides = dense_strides(&p.dims);
    for row in 0..p.rows {
        let at = core::array::from_fn(|axis| {
            if axis < p.depth { (indices[row * p.depth + axis].max(0) as usize).min(p.dims[axis] - 1) } else { 0 }
        });
        let from = offset(&at, &strides) * p.slice;
        output[row * p.slice..(row + 1) * p.slice].copy_from_slice(&input[from..from + p.slice]);
    }
}
