//! Regular part of a tensor; slice, split and unpack are special cases of it.

use crate::shape::{MAX_RANK, dense_strides, elements, position, right_aligned};

/// Output element `i` along an axis is input element `begin + i * stride`; a negative stride walks backwards.
/// All ranks are equal, up to the highest.
pub fn strided_slice<T: Copy>(
    input_dims: &[usize],
    begin: &[usize],
    strides: &[isize],
    output_dims: &[usize],
    input: &[T],
    output: &mut [T],
) {
    let unused = MAX_RANK - input_dims.len();
    let input_strides = dense_strides(&right_aligned(input_dims));
    let output_dims = right_aligned(output_dims);
    for flat in 0..elements(&output_dims) {
        let at = position(flat, &output_dims);
        let mut from = 0;
        for axis in 0..input_dims.len() {
            let in_index = begin[axis] as isize + at[unused + axis] as isize * strides[axis];
            from += in_index as usize * input_strides[unused + axis];
        }
        output[flat] = input[from];
    }
}
