//! Fully connected layer.

use super::quantize::{asymmetric, symmetric};
use crate::params::FullyConnectedHybrid;

/// Multiplies every input row with the weights: the sum of a row's products as a float, times its scale and that of the
/// weights, then the bias, then the activation. `scales` holds one scale for all outputs or one each; `bias` may be empty;
/// `scratch` has `input_depth` elements.
pub fn fully_connected(
    p: &FullyConnectedHybrid,
    input: &[f32],
    weights: &[i8],
    scales: &[f32],
    bias: &[f32],
    scratch: &mut [i8],
    output: &mut [f32],
) {
    let layer = &p.layer;
    for batch in 0..layer.batches {
        let row = &input[batch * layer.input_depth..(batch + 1) * layer.input_depth];
        let input = if p.asymmetric { asymmetric(row, scratch) } else { symmetric(row, scratch) };
        for out_channel in 0..layer.output_depth {
            let mut acc = 0_i32;
            for d in 0..layer.input_depth {
                let weight = i32::from(weights[out_channel * layer.input_depth + d]);
                acc = acc.wrapping_add(weight * (i32::from(scratch[d]) - input.zero_point));
            }
            let scale = scales[if scales.len() == 1 { 0 } else { out_channel }];
            let mut sum = acc as f32 * (input.scale * scale);
            if !bias.is_empty() {
                sum += bias[out_channel];
            }
            output[batch * layer.output_depth + out_channel] = layer.activation.apply(sum);
        }
    }
}
