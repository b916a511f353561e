//! Leaky relu: one factor from the zero point up, another below.

use crate::params::LeakyRelu;
use crate::requant::requantize_to_i8;

/// Rescales with the factor of the input's sign.
pub fn leaky_relu(p: &LeakyRelu, input: &[i8], output: &mut [i8]) {
    for i in 0..input.len() {
        let x = i32::from(input[i]) - p.input_zero_point;
        let factor = if x >= 0 { p.identity } else { p.alpha };
        output[i] = requantize_to_i8(x, factor, p.output_zero_point, -128, 127);
    }
}
