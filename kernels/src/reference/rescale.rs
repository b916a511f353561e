//! Change of scale and zero point between 8-bit types.

use crate::params::Rescale;
use crate::requant::{clamp, requantize};

/// From `i8` to `i8`.
pub fn rescale_i8_i8(p: &Rescale, input: &[i8], output: &mut [i8]) {
    for i in 0..input.len() {
        output[i] = clamp(rescaled(p, i32::from(input[i])), -128, 127) as i8;
    }
}

/// From `u8` to `i8`.
pub fn rescale_u8_i8(p: &Rescale, input: &[u8], output: &mut [i8]) {
    for i in 0..input.len() {
        output[i] = clamp(rescaled(p, i32::from(input[i])), -128, 127) as i8;
    }
}

/// From `i8` to `u8`.
pub fn rescale_i8_u8(p: &Rescale, input: &[i8], output: &mut [u8]) {
    for i in 0..input.len() {
        output[i] = clamp(rescaled(p, i32::from(input[i])), 0, 255) as u8;
    }
}

/// From `u8` to `u8`.
pub fn rescale_u8_u8(p: &Rescale, input: &[u8], output: &mut [u8]) {
    for i in 0..input.len() {
        output[i] = clamp(rescaled(p, i32::from(input[i])), 0, 255) as u8;
    }
}

fn rescaled(p: &Rescale, x: i32) -> i32 {
    requantize(x - p.input_zero_point, p.output).wrapping_add(p.output_zero_point)
}
