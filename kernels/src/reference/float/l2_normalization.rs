//! Rows scaled to a length of one.

use crate::float::single::sqrt;
use crate::params::Rows;

/// `x / sqrt(sum of squares)` over the innermost dimension; the length of a row is taken for at least 1e-6.
pub fn l2_normalization(p: &Rows, input: &[f32], output: &mut [f32]) {
    for row in 0..p.rows {
        let input_row = &input[row * p.depth..(row + 1) * p.depth];
        let mut sum = 0.0_f32;
        for &x in input_row {
            sum += x * x;
        }
        let root = sqrt(sum);
        let length = if root > 1e-6 { root } else { 1e-6 };
        for c in 0..p.depth {
            output[row * p.depth + c] = input_row[c] / length;
        }
    }
}
