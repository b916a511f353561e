//! Copy of a block between two tensors, by runs where both sides have them.

use super::rows::{collapse, for_each_row};
use crate::params::StridedCopy;

/// Copies the block; the rest of the output keeps its values.
pub fn strided_copy<T: Copy>(p: &StridedCopy, input: &[T], output: &mut [T]) {
    let mut dims = p.dims;
    let mut strides = [p.input_strides, p.output_strides];
    collapse(&mut dims, &mut strides);
    let [len, input_step, output_step] = [dims[5] as isize, strides[0][5], strides[1][5]];
    let starts = [p.input_start as isize, p.output_start as isize];
    for_each_row(&dims, &strides, starts, |[from, to]| {
        if (input_step, output_step) == (1, 1) {
            output[to..to + len as usize].copy_from_slice(&input[from..from + len as usize]);
        } else {
            for i in 0..len {
                let (from, to) = (from as isize + i * input_step, to as isize + i * output_step);
                output[to as usize] = input[from as usize];
            }
        }
    });
}
