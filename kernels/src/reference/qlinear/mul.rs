//! Multiplication of two tensors: an exact product, then one factor, with the zero point inside of the rounding.

use crate::byte::Byte;
use crate::params::QLinearMul;
use crate::requant::scale_with_offset;
use crate::shape::{elements, offset, position};

/// Multiplies the operands.
pub fn mul<T: Byte>(p: &QLinearMul, input1: &[T], input2: &[T], output: &mut [T]) {
    for flat in 0..elements(&p.broadcast.dims) {
        let at = position(flat, &p.broadcast.dims);
        let x1 = input1[offset(&at, &p.broadcast.strides1)].widen() - p.input1_zero_point;
        let x2 = input2[offset(&at, &p.broadcast.strides2)].widen() - p.input2_zero_point;
        let product = scale_with_offset(x1 * x2, p.scale, p.output_zero_point, p.activation.min, p.activation.max);
        output[flat] = T::saturate(product);
    }
}
