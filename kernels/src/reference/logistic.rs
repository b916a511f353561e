//! Logistic function; output scale 1/256, zero point -128.
//!
//! LiteRT's reference kernel fills a table of 256 entries from the real function in single precision; this is that
//! function. TensorFlow Lite Micro computes it in fixed point instead: about one entry in 250 000 differs, by one.

use crate::float::exp;
use crate::params::Sigmoidal;

use super::{dequantize_i8, quantize_i8};

/// `1 / (1 + exp(-x))`.
pub fn logistic(p: &Sigmoidal, input: &[i8], output: &mut [i8]) {
    for i in 0..input.len() {
        let mut x = [0.0];
        dequantize_i8(&p.input, &input[i..=i], &mut x);
        let y = 1.0 / (1.0 + exp(f64::from(-x[0])) as f32);
        quantize_i8(&p.output, &[y], &mut output[i..=i]);
    }
}
