//! Fully connected layer, four outputs a pass, with weights as the model has them. Refuses weights with a zero point and
//! fewer than four outputs.

use super::dots::{FoursByOne, fours_by_one};
use crate::params::{FullyConnected, Requant};

/// Outputs a pass.
const OUTPUTS: usize = 4;

/// Whether [`fully_connected`] runs this layer.
#[must_use]
pub const fn fully_connected_takes(p: &FullyConnected) -> bool {
    p.weights_zero_point == 0 && p.output_depth >= OUTPUTS
}

/// Multiplies every input row with the weights. `folded_bias` comes from
/// [`fold_input_offset`](crate::optimized::fold_input_offset); `requant` has one entry, or one an output, and
/// [`is_exact`](crate::optimized::dsp::is_exact) holds.
#[inline(never)]
pub fn fully_connected(
    p: &FullyConnected,
    input: &[i8],
    weights: &[i8],
    folded_bias: &[i32],
    requant: &[Requant],
    output: &mut [i8],
) {
    // One copy for all layers.
    let p = core::hint::black_box(p);
    let (taps, depth) = (p.input_depth, p.output_depth);
    let weights = &weights[..depth * taps];
    let bias = &folded_bias[..depth];
    let output = &mut output[..p.batches * depth];
    let one_for_all = [requant[0]; OUTPUTS];
    for (row, output) in input.chunks_exact(taps).zip(output.chunks_exact_mut(depth)) {
        // All fours of outputs; what is left is computed with outputs before it once more.
        let mut from = 0;
        while from < depth {
            let first = from.min(depth - OUTPUTS);
            let fours = (depth - first) / OUTPUTS;
            let shared = requant.len() == 1;
            let requant = if shared { &one_for_all } else { &requant[first..depth] };
            let mut task = FoursByOne {
                weights: weights[first * taps..].as_ptr(),
                taps,
                input: row.as_ptr(),
                bias: bias[first..].as_ptr(),
                requant: requant.as_ptr(),
                requant_step: if shared { 0 } else { OUTPUTS * size_of::<Requant>() },
                output: output[first..].as_mut_ptr(),
                fours,
                zero_point: p.output_zero_point,
                min: p.activation.min,
                max: p.activation.max,
            };
            // SAFETY: weights, biases, factors and outputs go on for so many fours, and the row has `taps` elements.
            unsafe { fours_by_one(&mut task) };
            from = first + OUTPUTS * fours;
        }
    }
}
