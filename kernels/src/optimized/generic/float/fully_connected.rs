//! Fully connected layer, four outputs at a time.

use super::{ROWS, add_products, starts};
use crate::params::FullyConnectedF32;

/// Multiplies every input row with the weights. `bias` may be empty.
pub fn fully_connected(p: &FullyConnectedF32, input: &[f32], weights: &[f32], bias: &[f32], output: &mut [f32]) {
    let input = &input[..p.batches * p.input_depth];
    let output = &mut output[..p.batches * p.output_depth];
    for (x, out) in input.chunks_exact(p.input_depth).zip(output.chunks_exact_mut(p.output_depth)) {
        for (block, out) in out.chunks_mut(ROWS).enumerate() {
            let first = block * ROWS;
            let mut sums = [0.0; ROWS];
            add_products(&mut sums, x, weights, starts(first, p.output_depth, p.input_depth));
            for (i, out) in out.iter_mut().enumerate() {
                let sum = if bias.is_empty() { sums[i] } else { sums[i] + bias[first + i] };
                *out = p.activation.apply(sum);
            }
        }
    }
}
