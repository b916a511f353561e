//! Relu and its bounded kin, between tensors of different scale.

use crate::params::Relu;
use crate::requant::requantize_to_i8;

/// Rescales, then clamps to the activation's bounds.
pub fn relu(p: &Relu, input: &[i8], output: &mut [i8]) {
    for i in 0..input.len() {
        let x = i32::from(input[i]) - p.input_zero_point;
        output[i] = requantize_to_i8(x, p.output, p.output_zero_point, p.activation.min, p.activation.max);
    }
}
