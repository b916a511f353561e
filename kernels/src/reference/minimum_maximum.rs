//! The smaller or larger of two tensors that share scale and zero point.

use crate::params::Broadcast;
use crate::shape::{elements, offset, position};

/// Keeps the smaller of both operands.
pub fn minimum<T: Copy + Ord>(p: &Broadcast, input1: &[T], input2: &[T], output: &mut [T]) {
    for flat in 0..elements(&p.dims) {
        let at = position(flat, &p.dims);
        output[flat] = input1[offset(&at, &p.strides1)].min(input2[offset(&at, &p.strides2)]);
    }
}

/// Keeps the larger of both operands.
pub fn maximum<T: Copy + Ord>(p: &Broadcast, input1: &[T], input2: &[T], output: &mut [T]) {
    for flat in 0..elements(&p.dims) {
        let at = position(flat, &p.dims);
        output[flat] = input1[offset(&at, &p.strides1)].max(input2[offset(&at, &p.strides2)]);
    }
}
