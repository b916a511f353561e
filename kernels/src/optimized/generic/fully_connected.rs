//! Fully connected layer as dot products. Refuses weights with a zero point: those run on the reference kernel.

use super::dot::{for_each_dot, weights_offset};
use crate::byte::{Byte, Small};
use crate::params::{FullyConnected, Requant, ScaleF32};
use crate::requant::Form;

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
    multiply(p, input, weights, folded_bias, requant, output);
}

/// Multiplies in the arithmetic of `QGemm`. `folded_bias` comes from
/// [`fold_input_offset_of`](crate::optimized::fold_input_offset_of); `scales` has one entry, or one an output.
pub fn qlinear_fully_connected<X: Byte, W: Small>(
    p: &FullyConnected,
    input: &[X],
    weights: &[W],
    folded_bias: &[i32],
    scales: &[ScaleF32],
    output: &mut [X],
) {
    multiply(p, input, weights, folded_bias, scales, output);
}

fn multiply<X: Byte, W: Small, F: Form>(
    p: &FullyConnected,
    input: &[X],
    weights: &[W],
    folded_bias: &[i32],
    factors: &[F],
    output: &mut [X],
) {
    let input = &input[..p.batches * p.input_depth];
    let output = &mut output[..p.batches * p.output_depth];
    let rows = input.chunks_exact(p.input_depth).zip(output.chunks_exact_mut(p.output_depth));
    for (x, out) in rows {
        let offset = weights_offset(p.weights_zero_point, x);
        for_each_dot(x, weights, p.output_depth, |i, dot| {
            let factor = if factors.len() == 1 { factors[0] } else { factors[i] };
            let acc = dot.wrapping_add(folded_bias[i]).wrapping_sub(offset);
            let y = factor.finish(acc, p.output_zero_point, p.activation.min, p.activation.max);
            out[i] = X::saturate(y);
        });
    }
}
