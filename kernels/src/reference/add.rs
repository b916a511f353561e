//! Addition of tensors with different scales: both operands are brought to one finer scale first.

use crate::params::Add;
use crate::requant::{requantize, requantize_to_i8};
use crate::shape::{elements, offset, position};

/// Adds the operands.
pub fn add(p: &Add, input1: &[i8], input2: &[i8], output: &mut [i8]) {
    for flat in 0..elements(&p.broadcast.dims) {
        let at = position(flat, &p.broadcast.dims);
        let x1 = i32::from(input1[offset(&at, &p.broadcast.strides1)]) - p.input1_zero_point;
        let x2 = i32::from(input2[offset(&at, &p.broadcast.strides2)]) - p.input2_zero_point;
        let scaled1 = requantize(x1.wrapping_shl(p.left_shift), p.input1);
        let scaled2 = requantize(x2.wrapping_shl(p.left_shift), p.input2);
        let sum = scaled1.wrapping_add(scaled2);
        output[flat] = requantize_to_i8(sum, p.output, p.output_zero_point, p.activation.min, p.activation.max);
    }
}
