//! Fully connected layer, rescaled per tensor or per output.

use crate::params::{FullyConnected, Requant};
use crate::requant::requantize_to_i8;

/// Multiplies every input row with the weights. `bias` may be empty, which means zeros; `requant` has one entry for
/// the whole tensor or one an output.
pub fn fully_connected(
    p: &FullyConnected,
    input: &[i8],
    weights: &[i8],
    bias: &[i32],
    requant: &[Requant],
    output: &mut [i8],
) {
    for batch in 0..p.batches {
        for out_channel in 0..p.output_depth {
            let mut acc = 0_i32;
            for d in 0..p.input_depth {
                let x = i32::from(input[batch * p.input_depth + d]) - p.input_zero_point;
                let weight = i32::from(weights[out_channel * p.input_depth + d]) - p.weights_zero_point;
                acc = acc.wrapping_add(x * weight);
            }
            if !bias.is_empty() {
                acc = acc.wrapping_add(bias[out_channel]);
            }
            let r = if requant.len() == 1 { requant[0] } else { requant[out_channel] };
            output[batch * p.output_depth + out_channel] =
                requantize_to_i8(acc, r, p.output_zero_point, p.activation.min, p.activation.max);
        }
    }
}
