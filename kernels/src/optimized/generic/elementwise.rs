//! Addition, subtraction and multiplication: one loop over the longest run, whichever way the operands repeat.

use crate::byte::Byte;
use crate::optimized::rows::{collapse, for_each_row};
use crate::params::{Add, Broadcast, Mul, QLinearAdd, QLinearMul};
use crate::requant::{clamp, fused_multiply_add, requantize, requantize_to_i8, round_half_even, scale_with_offset};
use crate::shape::elements;

/// Adds the operands.
pub fn add(p: &Add, input1: &[i8], input2: &[i8], output: &mut [i8]) {
    zip(&p.broadcast, input1, input2, output, |x1, x2| {
        let sum = scaled1(p, x1).wrapping_add(scaled2(p, x2));
        requantize_to_i8(sum, p.output, p.output_zero_point, p.activation.min, p.activation.max)
    });
}

/// Subtracts the second operand from the first.
pub fn sub(p: &Add, input1: &[i8], input2: &[i8], output: &mut [i8]) {
    zip(&p.broadcast, input1, input2, output, |x1, x2| {
        let difference = scaled1(p, x1).wrapping_sub(scaled2(p, x2));
        requantize_to_i8(difference, p.output, p.output_zero_point, p.activation.min, p.activation.max)
    });
}

/// Multiplies the operands.
pub fn mul(p: &Mul, input1: &[i8], input2: &[i8], output: &mut [i8]) {
    zip(&p.broadcast, input1, input2, output, |x1, x2| {
        let product = (i32::from(x1) - p.input1_zero_point) * (i32::from(x2) - p.input2_zero_point);
        requantize_to_i8(product, p.output, p.output_zero_point, p.activation.min, p.activation.max)
    });
}

/// Adds in the arithmetic of `QLinearAdd`.
pub fn qlinear_add<T: Byte>(p: &QLinearAdd, input1: &[T], input2: &[T], output: &mut [T]) {
    zip(&p.broadcast, input1, input2, output, |x1, x2| {
        let tail = fused_multiply_add(x2.widen(), p.scale2.0, p.offset);
        let sum = round_half_even(fused_multiply_add(x1.widen(), p.scale1.0, tail));
        T::saturate(clamp(sum, p.activation.min, p.activation.max))
    });
}

/// Multiplies in the arithmetic of `QLinearMul`.
pub fn qlinear_mul<T: Byte>(p: &QLinearMul, input1: &[T], input2: &[T], output: &mut [T]) {
    zip(&p.broadcast, input1, input2, output, |x1, x2| {
        let product = (x1.widen() - p.input1_zero_point) * (x2.widen() - p.input2_zero_point);
        T::saturate(scale_with_offset(product, p.scale, p.output_zero_point, p.activation.min, p.activation.max))
    });
}

#[inline(always)]
fn scaled1(p: &Add, x: i8) -> i32 {
    requantize((i32::from(x) - p.input1_zero_point).wrapping_shl(p.left_shift), p.input1)
}

#[inline(always)]
fn scaled2(p: &Add, x: i8) -> i32 {
    requantize((i32::from(x) - p.input2_zero_point).wrapping_shl(p.left_shift), p.input2)
}

/// `output = f(input1, input2)` for every element, in the order of the output.
#[inline(always)]
pub(in crate::optimized) fn zip<T: Copy>(
    b: &Broadcast,
    input1: &[T],
    input2: &[T],
    output: &mut [T],
    f: impl Fn(T, T) -> T,
) {
    let mut dims = b.dims;
    let mut strides = [b.strides1.map(|s| s as isize), b.strides2.map(|s| s as isize)];
    collapse(&mut dims, &mut strides);
    let [len, step1, step2] = [dims[5], strides[0][5] as usize, strides[1][5] as usize];
    let mut rows = output[..elements(&b.dims)].chunks_exact_mut(len.max(1));
    for_each_row(&dims, &strides, [0, 0], |[from1, from2]| {
        let Some(row) = rows.next() else { return };
        let (x1, x2) = (&input1[from1..], &input2[from2..]);
        match (step1, step2) {
            (1, 1) => {
                for ((out, &x1), &x2) in row.iter_mut().zip(&x1[..len]).zip(&x2[..len]) {
                    *out = f(x1, x2);
                }
            }
            (1, 0) => {
                for (out, &x1) in row.iter_mut().zip(&x1[..len]) {
                    *out = f(x1, x2[0]);
                }
            }
            (0, 1) => {
                for (out, &x2) in row.iter_mut().zip(&x2[..len]) {
                    *out = f(x1[0], x2);
                }
            }
            _ => {
                for (i, out) in row.iter_mut().enumerate() {
                    *out = f(x1[i * step1], x2[i * step2]);
                }
            }
        }
    });
}
