//! Product of a tensor with constant weights, zero point outside of the rounding: `QGemm`, and `QLinearMatMul` with a
//! constant second operand. The weights are transposed on the host to one row an output.

use crate::byte::{Byte, Small};
use crate::params::{FullyConnected, ScaleF32};
use crate::requant::scale_then_offset;

/// Multiplies every input row with the weights. `bias` may be empty, which means zeros; `scales` has one entry, or one
/// an output: `alpha * input_scale * weights_scale / output_scale` in single precision, from left to right.
/// `QGemm` does not scale the bias by `alpha`; the factor does, together with the sum.
pub fn fully_connected<X: Byte, W: Small>(
    p: &FullyConnected,
    input: &[X],
    weights: &[W],
    bias: &[i32],
    scales: &[ScaleF32],
    output: &mut [X],
) {
    accumulate(p, input, weights, |out_index, out_channel, sum| {
        let acc = if bias.is_empty() { sum } else { sum.wrapping_add(bias[out_channel]) };
        let scale = if scales.len() == 1 { scales[0] } else { scales[out_channel] };
        let y = scale_then_offset(acc, scale, p.output_zero_point, p.activation.min, p.activation.max);
        output[out_index] = X::saturate(y);
    });
}

/// Multiplies and keeps the accumulators (`MatMulInteger`). Output zero point and activation are not used.
pub fn fully_connected_integer<X: Byte, W: Small>(p: &FullyConnected, input: &[X], weights: &[W], output: &mut [i32]) {
    accumulate(p, input, weights, |out_index, _, sum| output[out_index] = sum);
}

/// Calls `store(out_index, out_channel, sum)` for every element of the output.
fn accumulate<X: Byte, W: Small>(
    p: &FullyConnected,
    input: &[X],
    weights: &[W],
    mut store: impl FnMut(usize, usize, i32),
) {
    for batch in 0..p.batches {
        for out_channel in 0..p.output_depth {
            let mut sum = 0_i32;
            for d in 0..p.input_depth {
                let x = input[batch * p.input_depth + d].widen() - p.input_zero_point;
                let weight = weights[out_channel * p.input_depth + d].widen() - p.weights_zero_point;
                sum = sum.wrapping_add(x * weight);
            }
            store(batch * p.output_depth + out_channel, out_channel, sum);
        }
    }
}
