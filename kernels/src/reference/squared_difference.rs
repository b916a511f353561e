//! Square of the difference of two tensors.

use crate::params::SquaredDifference;
use crate::requant::{requantize, requantize_to_i8};
use crate::shape::{elements, offset, position};

/// Brings both operands to one scale, subtracts, squares, rescales.
pub fn squared_difference(p: &SquaredDifference, input1: &[i8], input2: &[i8], output: &mut [i8]) {
    for flat in 0..elements(&p.broadcast.dims) {
        let at = position(flat, &p.broadcast.dims);
        let x1 = i32::from(input1[offset(&at, &p.broadcast.strides1)]) - p.input1_zero_point;
        let x2 = i32::from(input2[offset(&at, &p.broadcast.strides2)]) - p.input2_zero_point;
        let difference =
            requantize(x1 << p.left_shift, p.input1).wrapping_sub(requantize(x2 << p.left_shift, p.input2));
        let square = difference.wrapping_mul(difference);
        output[flat] = requantize_to_i8(square, p.output, p.output_zero_point, -128, 127);
    }
}
