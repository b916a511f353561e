//! Log-softmax in fixed point, over the innermost dimension. Rows of 4096 and more elements can overflow the sum.

use crate::fixed_point::{exp_of_negative, log_q12, rescale};
use crate::float::{exp, ln};
use crate::params::{LogSoftmax, Rows};
use crate::requant::{clamp, rdbpot, requantize};

/// `x - max - log(sum(exp(x - max)))`, the sum in Q12 and its logarithm in Q5.
pub fn log_softmax(p: &LogSoftmax, input: &[i8], output: &mut [i8]) {
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
        let log_sum = log_q12(sum_of_exps);
        // Below this difference the result in Q5 would leave the 32 bits.
        let adjusted_diff_min = (p.diff_min - 1).max(requantize(log_sum.wrapping_add(i32::MIN), p.reverse));
        for c in 0..p.depth {
            let diff = i32::from(input_row[c]) - i32::from(max_in_row);
            output[row * p.depth + c] = if diff > adjusted_diff_min {
                let difference = requantize(diff, p.input).wrapping_sub(log_sum);
                clamp(rdbpot(difference, 31 - 5 - 4) + 127, -128, 127) as i8
            } else {
                i8::MIN
            };
        }
    }
}

/// The same of floats, each row from left to right in single precision. `exp` and `ln` are correctly rounded; an
/// interpreter takes those of its C library, whose last bit differs now and then.
pub fn log_softmax_f32(p: &Rows, input: &[f32], output: &mut [f32]) {
    for row in 0..p.rows {
        let input_row = &input[row * p.depth..(row + 1) * p.depth];
        let mut max = f32::MIN;
        for &x in input_row {
            max = max.max(x);
        }
        let mut sum = 0.0_f32;
        for &x in input_row {
            sum += exp(f64::from(x - max)) as f32;
        }
        let log_sum = ln(f64::from(sum)) as f32;
        for c in 0..p.depth {
            output[row * p.depth + c] = input_row[c] - max - log_sum;
        }
    }
}
