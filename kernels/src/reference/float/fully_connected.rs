//! Product with constant weights (`Gemm`, `MatMul`). `alpha` and `beta` are multiplied into the constants on the host.

use crate::params::FullyConnectedF32;

/// Multiplies every input row with the weights: the products of a row, then the bias, then the activation. `bias` may
/// be empty.
pub fn fully_connected(p: &FullyConnectedF32, input: &[f32], weights: &[f32], bias: &[f32], output: &mut [f32]) {
    for batch in 0..p.batches {
        for out_channel in 0..p.output_depth {
            let mut sum = 0.0_f32;
            for d in 0..p.input_depth {
                sum += input[batch * p.input_depth + d] * weights[out_channel * p.input_depth + d];
            }
            if !bias.is_empty() {
                sum += bias[out_channel];
            }
            output[batch * p.output_depth + out_channel] = p.activation.apply(sum);
        }
    }
}
