//! Softmax that computes each exponential once, where a row is not too long to keep them.

use crate::fixed_point::{exp_of_negative, reciprocal_q12, rescale};
use crate::params::Softmax;
use crate::requant::{clamp, rdbpot, requantize, srdhm};

/// Exponentials that are kept.
const KEPT: usize = 64;

/// Softmax over each row: see [`reference::softmax`](crate::reference::softmax()) for the formula.
pub fn softmax(p: &Softmax, input: &[i8], output: &mut [i8]) {
    let mut kept = [0_i32; KEPT];
    for (row, output) in input.chunks_exact(p.depth).zip(output.chunks_exact_mut(p.depth)).take(p.rows) {
        let largest = row.iter().fold(i8::MIN, |largest, &x| largest.max(x));
        let (first, rest) = row.split_at(p.depth.min(KEPT));
        let mut sum = 0_i32;
        for (kept, &x) in kept.iter_mut().zip(first) {
            *kept = exponential(p, x, largest);
            sum = sum.wrapping_add(rescale(*kept, 0, 12));
        }
        sum = rest.iter().fold(sum, |sum, &x| sum.wrapping_add(rescale(exponential(p, x, largest), 0, 12)));
        let (scale, bits_over_unit) = reciprocal_q12(sum);
        let shift = bits_over_unit + 31 - 8;
        let probability = |exponential| {
            let probability = if shift <= 31 { rdbpot(srdhm(scale, exponential), shift) } else { 0 };
            clamp(probability - 128, -128, 127) as i8
        };
        let (first, rest_output) = output.split_at_mut(p.depth.min(KEPT));
        for (out, &exponential) in first.iter_mut().zip(&kept) {
            *out = probability(exponential);
        }
        for (out, &x) in rest_output.iter_mut().zip(rest) {
            *out = probability(exponential(p, x, largest));
        }
    }
}

/// Of an element's distance to the largest, in Q0. One that contributes nothing has none, and no probability either.
fn exponential(p: &Softmax, x: i8, largest: i8) -> i32 {
    let difference = i32::from(x) - i32::from(largest);
    if difference < p.diff_min { 0 } else { exp_of_negative::<5>(requantize(difference, p.input)) }
}
