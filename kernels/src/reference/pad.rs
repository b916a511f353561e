//! Padding with one value.

use crate::shape::{MAX_RANK, dense_strides, elements, offset, position, right_aligned};

/// Places `input` at `before` inside an output that is `value` elsewhere. All ranks are equal, up to the highest.
pub fn pad<T: Copy>(
    input_dims: &[usize],
    before: &[usize],
    output_dims: &[usize],
    value: T,
    input: &[T],
    output: &mut [T],
) {
    let input_dims = right_aligned(input_dims);
    let output_dims = right_aligned(output_dims);
    let mut shift = [0; MAX_RANK];
    shift[MAX_RANK - before.len()..].copy_from_slice(before);
    for flat in 0..elements(&output_dims) {
        let at = position(flat, &output_dims);
        let inside = (0..MAX_RANK).all(|i| at[i] >= shift[i] && at[i] - shift[i] < input_dims[i]);
        output[flat] = if inside {
            let from = core::array::from_fn(|i| at[i] - shift[i]);
            input[offset(&from, &dense_strides(&input_dims))]
        } else {
            value
        };
    }
}
