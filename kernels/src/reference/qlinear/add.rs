//! Addition of tensors with different scales, in single precision with fused multiply-adds.

use crate::byte::Byte;
use crate::params::QLinearAdd;
use crate::requant::{clamp, fused_multiply_add, round_half_even};
use crate::shape::{elements, offset, position};

/// Adds the operands: `rint(fma(x1, scale1, fma(x2, scale2, offset)))`. The elements keep their zero points; `offset`
/// takes them off.
///
/// ONNX Runtime takes whole tensors and operands that repeat by the same formula, but exchanges the operands when the
/// first one is a scalar in its innermost loop. That is the case when, in the model's own axis order, the first operand
/// repeats along the last axis on which the output has more than one element. The caller exchanges them then.
pub fn add<T: Byte>(p: &QLinearAdd, input1: &[T], input2: &[T], output: &mut [T]) {
    for flat in 0..elements(&p.broadcast.dims) {
        let at = position(flat, &p.broadcast.dims);
        let x1 = input1[offset(&at, &p.broadcast.strides1)].widen();
        let x2 = input2[offset(&at, &p.broadcast.strides2)].widen();
        let sum = fused_multiply_add(x1, p.scale1.0, fused_multiply_add(x2, p.scale2.0, p.offset));
        output[flat] = T::saturate(clamp(round_half_even(sum), p.activation.min, p.activation.max));
    }
}

/// [`QLinearAdd::offset`] of operands in this order: `output_zero_point - fma(scale1, zero_point1, scale2 * zero_point2)`,
/// where `scale1` and `scale2` are already divided by the output's scale.
#[must_use]
pub fn add_offset(scale1: f32, zero_point1: i32, scale2: f32, zero_point2: i32, output_zero_point: i32) -> f32 {
    output_zero_point as f32 - fused_multiply_add(zero_point1, scale1, scale2 * zero_point2 as f32)
}
