//! 8 bits to float: `(q - zero_point) * scale`, one `f32` rounding.

use crate::params::Affine;

/// From `i8`.
pub fn dequantize_i8(p: &Affine, input: &[i8], output: &mut [f32]) {
    for i in 0..input.len() {
        output[i] = (i32::from(input[i]) - p.zero_point) as f32 * p.scale;
    }
}

/// From `u8`.
pub fn dequantize_u8(p: &Affine, input: &[u8], output: &mut [f32]) {
    for i in 0..input.len() {
        output[i] = (i32::from(input[i]) - p.zero_point) as f32 * p.scale;
    }
}
