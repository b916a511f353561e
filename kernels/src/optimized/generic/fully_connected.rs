//! Fully connected layer as dot products. Refuses weights with a zero point: those run on the reference kernel.

use super::dot::for_each_dot;
use crate::params::{FullyConnected, Requant};
use crate::requant::requantize_to_i8;

/// Multiplies every input row with the weights. `folded_bias` comes from
/// [`fold_input_offset`](crate::optimized::fold_input_offset); `requant` has one entry, or one an output. Panics when
/// the weights have a zero point other than 0.
pub fn fully_connected(
    p: &FullyConnected,
    input: &[i8],
    weights: &[i8],
    folded_bias: &[i32],
    requant: &[Requant],
    output: &mut [i8],
) {
    assert!(p.weights_zero_point == 0, "weights with a zero point run on the reference kernel");
    let input = &input[..p.batches * p.input_depth];
    let output = &mut output[..p.batches * p.output_depth];
    let rows = input.chunks_exact(p.input_depth).zip(output.chunks_exact_mut(p.output_depth));
    for (x, out) in rows {
        for_each_dot(x, weights, p.output_depth, |i, dot| {
            let r = if requant.len() == 1 { requant[0] } else { requant[i] };
            let acc = dot.wrapping_add(folded_bias[i]);
            out[i] = requantize_to_i8(acc, r, p.output_zero_point, p.activation.min, p.activation.max);
        });
    }
}
