//! Multiplication of two tensors.

use crate::params::Mul;
use crate::requant::requantize_to_i8;
use crate::shape::{elements, offset, position};

/// Multiplies the operands.
pub fn mul(p: &Mul, input1: &[i8], input2: &[i8], output: &mut [i8]) {
    for flat in 0..elements(&p.broadcast.dims) {
        let at = position(flat, &p.broadcast.dims);
        let x1 = i32::from(input1[offset(&at, &p.broadcast.strides1)]) - p.input1_zero_point;
        let x2 = i32::from(input2[offset(&at, &p.broadcast.strides2)]) - p.input2_zero_point;
        output[flat] = requantize_to_i8(x1 * x2, p.output, p.output_zero_point, p.activation.min, p.activation.max);
    }
}
