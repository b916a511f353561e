//! Copy of a block between two tensors; every data movement is one or several of these.

use crate::params::StridedCopy;
use crate::shape::{elements, position};

/// Copies the block; the rest of the output keeps its values.
pub fn strided_copy<T: Copy>(p: &StridedCopy, input: &[T], output: &mut [T]) {
    for flat in 0..elements(&p.dims) {
        let at = position(flat, &p.dims);
        let mut from = p.input_start as isize;
        let mut to = p.output_start as isize;
        for axis in 0..at.len() {
            from += at[axis] as isize * p.input_strides[axis];
            to += at[axis] as isize * p.output_strides[axis];
        }
        output[to as usize] = input[from as usize];
    }
}
