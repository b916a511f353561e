//! Addition, subtraction and multiplication of tensors that are walked side by side, or of which one repeats in whole
//! rows. Refuses operands that repeat within a row, and factors that models do not have.
//!
//! The operand with the coarser scale has the factor one half, `srdhm(x << 20, 2^30) = x << 19`: a shift without a
//! rounding. The other one's factor is at most that, so no sum here reaches 2^30.

use super::pairs::{AddRow, MulRow, Sum, add_row, mul_row};
use super::requantize::{MAX_SHIFT, Rescale, clamp_all};
use crate::optimized::rows::{collapse, for_each_row};
use crate::params::{Add, Broadcast, Mul, Requant};
use crate::shape::{MAX_RANK, elements};

/// The factor of the operand with the coarser scale.
pub(in crate::optimized) const HALF: Requant = Requant { multiplier: 1 << 30, shift: 0 };

/// Whether [`add`] and [`sub`] run these operands.
#[must_use]
pub fn add_takes(p: &Add) -> bool {
    let other = if p.input1 == HALF { p.input2 } else { p.input1 };
    let below_half = other == HALF || (-MAX_SHIFT..=-1).contains(&other.shift);
    let factors = (p.input1 == HALF || p.input2 == HALF) && below_half;
    let output = (-MAX_SHIFT..=-1).contains(&p.output.shift);
    has_whole_rows(&p.broadcast) && p.left_shift == 20 && factors && output
}

/// Whether [`mul`] runs these operands.
#[must_use]
pub fn mul_takes(p: &Mul) -> bool {
    has_whole_rows(&p.broadcast) && (-MAX_SHIFT..=-1).contains(&p.output.shift)
}

/// Adds the operands.
pub fn add(p: &Add, input1: &[i8], input2: &[i8], output: &mut [i8]) {
    combine(p, [Sum::Plus, Sum::Plus], input1, input2, output);
}

/// Subtracts the second operand from the first.
pub fn sub(p: &Add, input1: &[i8], input2: &[i8], output: &mut [i8]) {
    combine(p, [Sum::HalfLess, Sum::OtherLess], input1, input2, output);
}

/// Adds or subtracts: the first of `sums` where the first operand has the factor one half, else the second.
#[inline(never)]
fn combine(p: &Add, sums: [Sum; 2], input1: &[i8], input2: &[i8], output: &mut [i8]) {
    let rescale = Rescale::new(p.output, p.output_zero_point);
    if p.input1 == p.input2 {
        // Both have the factor one half.
        let sign = if matches!(sums[0], Sum::Plus) { 1 } else { -1 };
        let offset = -(p.input1_zero_point + sign * p.input2_zero_point) * (1 << 19);
        for_each_row_pair(&p.broadcast, input1, input2, output, |x1, x2, out| {
            for ((out, &x1), &x2) in out.iter_mut().zip(x1).zip(x2) {
                *out = rescale.apply((i32::from(x1) + sign * i32::from(x2)) * (1 << 19) + offset);
            }
        });
    } else {
        let first_is_half = p.input1 == HALF;
        let (half_zero, other_zero, r) = if first_is_half {
            (p.input1_zero_point, p.input2_zero_point, p.input2)
        } else {
            (p.input2_zero_point, p.input1_zero_point, p.input1)
        };
        let sum = sums[usize::from(!first_is_half)];
        for_each_row_pair(&p.broadcast, input1, input2, output, |x1, x2, out| {
            let (half, other) = if first_is_half { (x1, x2) } else { (x2, x1) };
            let out = out.as_mut_ptr_range();
            let task = AddRow {
                half: half.as_ptr(),
                other_input: other.as_ptr(),
                output: out.start,
                end: out.end,
                other_offset: -other_zero * (1 << 21),
                other: Rescale::new(r, 0),
                half_offset: -half_zero * (1 << 20),
                rescale,
            };
            // SAFETY: all three rows have the same length, which is not 0.
            unsafe { add_row(&task, sum) };
        });
    }
    clamp_all(output, p.activation.min, p.activation.max);
}

/// Multiplies the operands.
#[inline(never)]
pub fn mul(p: &Mul, input1: &[i8], input2: &[i8], output: &mut [i8]) {
    let rescale = Rescale::new(p.output, p.output_zero_point);
    for_each_row_pair(&p.broadcast, input1, input2, output, |x1, x2, out| {
        let out = out.as_mut_ptr_range();
        let task = MulRow {
            inputs: [x1.as_ptr(), x2.as_ptr()],
            output: out.start,
            end: out.end,
            doubled_offset1: -2 * p.input1_zero_point,
            offset2: -p.input2_zero_point,
            rescale,
        };
        // SAFETY: all three rows have the same length, which is not 0.
        unsafe { mul_row(&task) };
    });
    clamp_all(output, p.activation.min, p.activation.max);
}

/// Whether both operands have an element of their own for every element of a row.
fn has_whole_rows(b: &Broadcast) -> bool {
    let (_, [strides1, strides2]) = rows(b);
    strides1[MAX_RANK - 1] == 1 && strides2[MAX_RANK - 1] == 1
}

fn rows(b: &Broadcast) -> ([usize; MAX_RANK], [[isize; MAX_RANK]; 2]) {
    let (mut dims, mut strides) = (b.dims, [b.strides1.map(|s| s as isize), b.strides2.map(|s| s as isize)]);
    collapse(&mut dims, &mut strides);
    if dims[MAX_RANK - 1] == 1 {
        // A stride that is never walked.
        strides.iter_mut().for_each(|s| s[MAX_RANK - 1] = 1);
    }
    (dims, strides)
}

/// Visits the rows of both operands and of the output, as long as they can be.
#[inline(always)]
pub(in crate::optimized) fn for_each_row_pair(
    b: &Broadcast,
    input1: &[i8],
    input2: &[i8],
    output: &mut [i8],
    mut visit: impl FnMut(&[i8], &[i8], &mut [i8]),
) {
    let (dims, strides) = rows(b);
    let len = dims[MAX_RANK - 1];
    let mut out = output[..elements(&b.dims)].chunks_exact_mut(len.max(1));
    for_each_row(&dims, &strides, [0, 0], |[from1, from2]| {
        let Some(out) = out.next() else { return };
        visit(&input1[from1..from1 + len], &input2[from2..from2 + len], out);
    });
}
