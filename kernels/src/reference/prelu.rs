//! Parametric leaky relu: one factor from the zero point up, another and a slope below.

use crate::params::PRelu;
use crate::requant::requantize_to_i8;
use crate::shape::{elements, offset, position};

/// Rescales, times the slope where the input is below its zero point.
pub fn prelu(p: &PRelu, input: &[i8], alpha: &[i8], output: &mut [i8]) {
    for flat in 0..elements(&p.broadcast.dims) {
        let at = position(flat, &p.broadcast.dims);
        let x = i32::from(input[offset(&at, &p.broadcast.strides1)]) - p.input_zero_point;
        let slope = i32::from(alpha[offset(&at, &p.broadcast.strides2)]) - p.alpha_zero_point;
        let (acc, factor) = if x >= 0 { (x, p.identity) } else { (x * slope, p.alpha) };
        output[flat] = requantize_to_i8(acc, factor, p.output_zero_point, -128, 127);
    }
}
