//! Rows scaled to a length of one.

use crate::fixed_point::inverse_square_root;
use crate::params::L2Normalization;
use crate::requant::{Requant, requantize_to_i8};

/// `x / sqrt(sum of squares)` over the innermost dimension.
pub fn l2_normalization(p: &L2Normalization, input: &[i8], output: &mut [i8]) {
    /// Bits of the output's scale of 1/128.
    const OUTPUT_BITS: i32 = 7;
    for row in 0..p.rows {
        let mut sum = 0_i32;
        for c in 0..p.depth {
            let x = i32::from(input[row * p.depth + c]) - p.input_zero_point;
            sum = sum.wrapping_add(x * x);
        }
        let inverse = inverse_square_root(sum);
        let factor = Requant { multiplier: inverse.multiplier, shift: inverse.shift + OUTPUT_BITS };
        for c in 0..p.depth {
            let x = i32::from(input[row * p.depth + c]) - p.input_zero_point;
            output[row * p.depth + c] = requantize_to_i8(x, factor, 0, -128, 127);
        }
    }
}
