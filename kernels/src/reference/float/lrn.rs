//! Local response normalization: each element divided by a power of the sum of squares of its neighbours in depth.

use crate::float::single;
use crate::params::Lrn;

/// `x / (bias + alpha / size * sum of squares)^beta` (`LRN`) over windows of `size` channels of `[rows, depth]`.
pub fn lrn(p: &Lrn, input: &[f32], output: &mut [f32]) {
    let before = (p.size - 1) / 2;
    for row in 0..p.rows {
        for channel in 0..p.depth {
            let first = channel.saturating_sub(before);
            let end = (channel + p.size - before).min(p.depth);
            let mut sum = 0.0_f32;
            for c in first..end {
                let x = input[row * p.depth + c];
                sum += x * x;
            }
            let divisor = single::pow(p.bias + p.alpha / p.size as f32 * sum, p.beta);
            output[row * p.depth + channel] = input[row * p.depth + channel] / divisor;
        }
    }
}
