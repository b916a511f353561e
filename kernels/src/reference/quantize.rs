//! Float to 8 bits: `round_half_away(x / scale) + zero_point`, saturated.
//!
//! The quotient is an `f32` division. Infinities and quotients out of range saturate; NaN becomes the zero point.

use crate::params::Affine;
use crate::requant::{clamp, round_half_away};

/// To `i8`.
pub fn quantize_i8(p: &Affine, input: &[f32], output: &mut [i8]) {
    for i in 0..input.len() {
        output[i] = clamp(quantized(p, input[i]), -128, 127) as i8;
    }
}

/// To `u8`.
pub fn quantize_u8(p: &Affine, input: &[f32], output: &mut [u8]) {
    for i in 0..input.len() {
        output[i] = clamp(quantized(p, input[i]), 0, 255) as u8;
    }
}

fn quantized(p: &Affine, x: f32) -> i32 {
    round_half_away(x / p.scale).saturating_add(p.zero_point)
}
