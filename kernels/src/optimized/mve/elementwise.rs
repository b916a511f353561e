//! Addition, subtraction and multiplication of tensors that are walked side by side, or of which one repeats in whole
//! rows. Refuses what [`dsp::add_takes`](crate::optimized::dsp::add_takes) and
//! [`dsp::mul_takes`](crate::optimized::dsp::mul_takes) refuse: the factors have to allow the same short rounding.

use super::pairs::{AddRow, MulRow, add_row, mul_row};
use crate::optimized::dsp::{HALF, for_each_row_pair};
use crate::params::{Add, Mul};

/// Adds the operands.
pub fn add(p: &Add, input1: &[i8], input2: &[i8], output: &mut [i8]) {
    combine(p, 1, input1, input2, output);
}

/// Subtracts the second operand from the first.
pub fn sub(p: &Add, input1: &[i8], input2: &[i8], output: &mut [i8]) {
    combine(p, -1, input1, input2, output);
}

/// The first operand and `sign` times the second.
#[inline(never)]
fn combine(p: &Add, sign: i32, input1: &[i8], input2: &[i8], output: &mut [i8]) {
    let first_is_half = p.input1 == HALF;
    let (half_zero, other_zero, r) = if first_is_half {
        (p.input1_zero_point, p.input2_zero_point, p.input2)
    } else {
        (p.input2_zero_point, p.input1_zero_point, p.input1)
    };
    let (half_sign, other_sign) = if first_is_half { (1, sign) } else { (sign, 1) };
    // The only factor without a shift is one half again, which is doubled and then halved, exactly both times.
    let (shift, scale) = if r == HALF { (-1, 1 << 21) } else { (r.shift, 1 << 20) };
    for_each_row_pair(&p.broadcast, input1, input2, output, |x1, x2, out| {
        let (half, other) = if first_is_half { (x1, x2) } else { (x2, x1) };
        let task = AddRow {
            half: half.as_ptr(),
            other: other.as_ptr(),
            output: out.as_mut_ptr(),
            len: out.len(),
            other_offset: -other_zero * scale,
            other_multiplier: r.multiplier,
            other_shift: shift,
            half_offset: -half_sign * half_zero * (1 << 19),
            multiplier: p.output.multiplier,
            shift: p.output.shift,
            zero_point: p.output_zero_point,
            other_sign,
            other_scale: scale,
            half_scale: half_sign * (1 << 19),
            min: p.activation.min,
            max: p.activation.max,
        };
        // SAFETY: all three rows have the same length, which is not 0.
        unsafe { add_row(&task) };
    });
}

/// Multiplies the operands.
#[inline(never)]
pub fn mul(p: &Mul, input1: &[i8], input2: &[i8], output: &mut [i8]) {
    for_each_row_pair(&p.broadcast, input1, input2, output, |x1, x2, out| {
        let task = MulRow {
            inputs: [x1.as_ptr(), x2.as_ptr()],
            output: out.as_mut_ptr(),
            len: out.len(),
            offsets: [-p.input1_zero_point, -p.input2_zero_point],
            multiplier: p.output.multiplier,
            shift: p.output.shift,
            zero_point: p.output_zero_point,
            min: p.activation.min,
            max: p.activation.max,
        };
        // SAFETY: all three rows have the same length, which is not 0.
        unsafe { mul_row(&task) };
    });
}
