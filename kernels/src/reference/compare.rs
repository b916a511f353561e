//! Comparison of two 8-bit tensors by the numbers that they stand for. A truth is one byte, 0 or 1.

use crate::params::{Compare, Relation};
use crate::requant::requantize;
use crate::shape::{elements, offset, position};

/// Brings both operands to the scale of `2^-left_shift`, then compares.
pub fn compare(p: &Compare, input1: &[i8], input2: &[i8], output: &mut [u8]) {
    for flat in 0..elements(&p.broadcast.dims) {
        let at = position(flat, &p.broadcast.dims);
        let x1 = i32::from(input1[offset(&at, &p.broadcast.strides1)]) - p.input1_zero_point;
        let x2 = i32::from(input2[offset(&at, &p.broadcast.strides2)]) - p.input2_zero_point;
        let (x1, x2) = (requantize(x1 << p.left_shift, p.input1), requantize(x2 << p.left_shift, p.input2));
        output[flat] = u8::from(match p.relation {
            Relation::Equal => x1 == x2,
            Relation::Greater => x1 > x2,
            Relation::GreaterEqual => x1 >= x2,
            Relation::Less => x1 < x2,
            Relation::LessEqual => x1 <= x2,
            Relation::NotEqual => x1 != x2,
        });
    }
}
