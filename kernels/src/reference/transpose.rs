//! Permutation of the axes.

use crate::shape::{MAX_RANK, dense_strides, elements, offset, position, right_aligned};

/// Output axis `i` is input axis `permutation[i]`. Both have the same rank, up to the highest.
pub fn transpose<T: Copy>(input_dims: &[usize], permutation: &[usize], input: &[T], output: &mut [T]) {
    let unused = MAX_RANK - input_dims.len();
    let input_dims = right_aligned(input_dims);
    let input_strides = dense_strides(&input_dims);
    let source = |axis: usize| {
        if axis < unused { axis } else { unused + permutation[axis - unused] }
    };
    let output_dims = core::array::from_fn(|axis| input_dims[source(axis)]);
    let strides = core::array::from_fn(|axis| input_strides[source(axis)]);
    for flat in 0..elements(&output_dims) {
        output[flat] = input[offset(&position(flat, &output_dims), &strides)];
    }
}
