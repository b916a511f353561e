//! Softmax and its logarithm over the innermost dimension.

use crate::float::single::{exp, ln};
use crate::params::Rows;

/// `e^(x - max) / sum`.
pub fn softmax(p: &Rows, input: &[f32], output: &mut [f32]) {
    for row in 0..p.rows {
        let input_row = &input[row * p.depth..(row + 1) * p.depth];
        let output_row = &mut output[row * p.depth..(row + 1) * p.depth];
        let max = largest(input_row);
        let mut sum = 0.0_f32;
        for c in 0..p.depth {
            output_row[c] = exp(input_row[c] - max);
            sum += output_row[c];
        }
        for y in output_row {
            *y /= sum;
        }
    }
}

/// `(x - max) - ln(sum of e^(x - max))`.
pub fn log_softmax(p: &Rows, input: &[f32], output: &mut [f32]) {
    for row in 0..p.rows {
        let input_row = &input[row * p.depth..(row + 1) * p.depth];
        let max = largest(input_row);
        let mut sum = 0.0_f32;
        for &x in input_row {
            sum += exp(x - max);
        }
        let log_sum = ln(sum);
        for c in 0..p.depth {
            output[row * p.depth + c] = input_row[c] - max - log_sum;
        }
    }
}

fn largest(row: &[f32]) -> f32 {
    let mut max = f32::NEG_INFINITY;
    for &x in row {
        if x > max {
            max = x;
        }
    }
    max
}
