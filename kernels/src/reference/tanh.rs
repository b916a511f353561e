//! Hyperbolic tangent; output scale 1/128, zero point 0. Of the same kind as [`logistic`](super::logistic()).

use crate::float;
use crate::params::Sigmoidal;

use super::{dequantize_i8, quantize_i8};

/// `tanh(x)`.
pub fn tanh(p: &Sigmoidal, input: &[i8], output: &mut [i8]) {
    for i in 0..input.len() {
        let mut x = [0.0];
        dequantize_i8(&p.input, &input[i..=i], &mut x);
        let y = float::tanh(f64::from(x[0])) as f32;
        quantize_i8(&p.output, &[y], &mut output[i..=i]);
    }
}
