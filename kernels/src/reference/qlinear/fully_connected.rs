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
    for batch in 0..p.batches {
        for out_channel in 0..p.output_depth {
            let mut acc = 0_i32;
            for d in 0..p.input_depth {
                let x = input[batch * p.input_depth + d].widen() - p.input_zero_point;
                let weight = weights[out_channel * p.input_depth + d].widen() - p.weights_zero_point;
                acc = acc.wrapping_add(x * weight);
            }
            if !bias.is_empty() {
                acc = acc.wrapping_add(bias[out_channel]);
            }
            let scale = if scales.len() == 1 { scales[0] } else { scales[out_channel] };
            let y = scale_then_offset(acc, scale, p.output_zero_point, p.activation.min, p.activation.max);
            output[batch * p.output_depth + out_channel] = X::saturate(y);
        }
    }
}
