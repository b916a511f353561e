//! Largest or smallest element over any set of axes.

use crate::params::Reduce;
use crate::shape::{dense_strides, elements, offset, position};

/// Keeps the largest element; the output is dense, with the reduced axes of size 1. No axis may be empty.
pub fn reduce_max<T: Copy + Ord>(p: &Reduce, input: &[T], output: &mut [T]) {
    reduce(p, input, output, T::max);
}

/// Keeps the smallest element, likewise.
pub fn reduce_min<T: Copy + Ord>(p: &Reduce, input: &[T], output: &mut [T]) {
    reduce(p, input, output, T::min);
}

fn reduce<T: Copy>(p: &Reduce, input: &[T], output: &mut [T], keep: impl Fn(T, T) -> T) {
    let strides = dense_strides(&p.dims);
    let kept = core::array::from_fn(|i| if p.reduced[i] { 1 } else { p.dims[i] });
    let folded = core::array::from_fn(|i| if p.reduced[i] { p.dims[i] } else { 1 });
    for out_index in 0..elements(&kept) {
        let first = offset(&position(out_index, &kept), &strides);
        let mut kept_one = input[first];
        for i in 0..elements(&folded) {
            kept_one = keep(kept_one, input[first + offset(&position(i, &folded), &strides)]);
        }
        output[out_index] = kept_one;
    }
}
