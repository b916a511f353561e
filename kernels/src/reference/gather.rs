//! Slices of one dimension in any order (`Gather`).

use crate::params::Gather;

/// Copies slice `indices[i]` of the axis to place `i`. Indices outside of the axis are brought to its nearest end.
pub fn gather<T: Copy>(p: &Gather, input: &[T], indices: &[i32], output: &mut [T]) {
    for outer in 0..p.outer {
        for i in 0..indices.len() {
            let index = (indices[i].max(0) as usize).min(p.depth - 1);
            for inner in 0..p.inner {
                output[(outer * indices.len() + i) * p.inner + inner] =
                    input[(outer * p.depth + index) * p.inner + inner];
            }
        }
    }
}
