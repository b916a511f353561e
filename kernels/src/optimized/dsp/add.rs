//! Addition of dense tensors of one shape. Refuses broadcasting, and factors that models do not have.
//!
//! The operand with the coarser scale has the factor one half, `srdhm(x << 20, 2^30) = x << 19`: a shift without a
//! rounding. The other one's factor is at most that, so no sum here reaches 2^30.

use super::requantize::{MAX_SHIFT, Rescale, clamp_all};
use super::simd::smmulr;
use crate::params::{Add, Requant};
use crate::shape::{dense_strides, elements};

const HALF: Requant = Requant { multiplier: 1 << 30, shift: 0 };

/// Whether [`add`] runs these operands.
#[must_use]
pub fn add_takes(p: &Add) -> bool {
    let b = &p.broadcast;
    let dense = dense_strides(&b.dims);
    let same = |strides: &[usize]| (0..b.dims.len()).all(|i| b.dims[i] == 1 || strides[i] == dense[i]);
    let other = if p.input1 == HALF { p.input2 } else { p.input1 };
    let below_half = other == HALF || (-MAX_SHIFT..=-1).contains(&other.shift);
    let factors = (p.input1 == HALF || p.input2 == HALF) && below_half;
    let output = (-MAX_SHIFT..=-1).contains(&p.output.shift);
    same(&b.strides1) && same(&b.strides2) && p.left_shift == 20 && factors && output
}

/// Adds the operands.
#[inline(never)]
pub fn add(p: &Add, input1: &[i8], input2: &[i8], output: &mut [i8]) {
    let len = elements(&p.broadcast.dims);
    let output = &mut output[..len];
    let first = (&input1[..len], p.input1_zero_point);
    let second = (&input2[..len], p.input2_zero_point);
    let ((half, half_zero), (other, other_zero), r) =
        if p.input1 == HALF { (first, second, p.input2) } else { (second, first, p.input1) };
    // The short rounding is for shifts of at least 1. The only factor without a shift is one half again, which is
    // doubled and then halved, exactly both times.
    let (shift, scale) = if r == HALF { (1, 1 << 22) } else { (-r.shift, 1 << 21) };
    let (half_offset, other_offset) = (-half_zero * (1 << 19), -other_zero * scale);
    let rounding = 1 << (shift - 1);
    let rescale = Rescale::new(p.output, p.output_zero_point);
    for ((out, &half), &other) in output.iter_mut().zip(half).zip(other) {
        let x = smmulr(i32::from(other) * scale + other_offset, r.multiplier);
        let rounded = (x + (x >> 31) + rounding).wrapping_shr(shift as u32);
        *out = rescale.apply(i32::from(half) * (1 << 19) + half_offset + rounded);
    }
    clamp_all(output, p.activation.min, p.activation.max);
}
