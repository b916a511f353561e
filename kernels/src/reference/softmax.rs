//! Softmax in fixed point, over the innermost dimension. Rows of 4096 and more elements can overflow the sum.
//!
//! Where the exponentials of a row sum to 512 or more, no probability is above half an output step and the result is
//! the smallest value; TFLite's own kernel has no result there (it stops at an assertion).

use crate::fixed_point::{exp_of_negative, reciprocal_q12, rescale};
use crate::params::Softmax;
use crate::requant::{clamp, rdbpot, requantize, srdhm};

/// Exponentials in Q0, their sum in Q12, one reciprocal a row.
pub fn softmax(p: &Softmax, input: &[i8], output: &mut [i8]) {
    for row in 0..p.rows {
        let input_row = &input[row * p.depth..(row + 1) * p.depth];
        let mut max_in_row = i8::MIN;
        for &x in input_row {
            max_in_row = max_in_row.max(x);
        }
        let mut sum_of_exps = 0_i32;
        for &x in input_row {
            let diff = i32::from(x) - i32::from(max_in_row);
            if diff >= p.diff_min {
                sum_of_exps = sum_of_exps.wrapping_add(rescale(exp_of_negative::<5>(requantize(diff, p.input)), 0, 12));
            }
        }
        let (scale, bits_over_unit) = reciprocal_q12(sum_of_exps);
        for c in 0..p.depth {
            let diff = i32::from(input_row[c]) - i32::from(max_in_row);
            output[row * p.depth + c] = if diff >= p.diff_min {
                let exp = exp_of_negative::<5>(requantize(diff, p.input));
                let shift = bits_over_unit + 31 - 8;
                let probability = if shift <= 31 { rdbpot(srdhm(scale, exp), shift) } else { 0 };
                clamp(probability - 128, -128, 127) as i8
            } else {
                i8::MIN
            };
        }
    }
}
