//! Functions of one element, and of pairs whichever way the operands repeat.

use super::saturate;
use crate::params::{Add, Affine, LeakyRelu, Mul, Relu, Requant};
use crate::requant::{clamp, requantize, round_half_away};
use crate::shape::{elements, offset, position};

/// Sum, each operand brought to one scale first.
pub fn add(p: &Add, input1: &[i16], input2: &[i16], output: &mut [i16]) {
    combine(p, input1, input2, output, i32::wrapping_add);
}

/// Difference, likewise.
pub fn sub(p: &Add, input1: &[i16], input2: &[i16], output: &mut [i16]) {
    combine(p, input1, input2, output, i32::wrapping_sub);
}

fn combine(p: &Add, input1: &[i16], input2: &[i16], output: &mut [i16], function: fn(i32, i32) -> i32) {
    for flat in 0..elements(&p.broadcast.dims) {
        let at = position(flat, &p.broadcast.dims);
        let x1 = i32::from(input1[offset(&at, &p.broadcast.strides1)]) << p.left_shift;
        let x2 = i32::from(input2[offset(&at, &p.broadcast.strides2)]) << p.left_shift;
        let y = requantize(function(requantize(x1, p.input1), requantize(x2, p.input2)), p.output);
        output[flat] = clamp(y, p.activation.min, p.activation.max) as i16;
    }
}

/// Product.
pub fn mul(p: &Mul, input1: &[i16], input2: &[i16], output: &mut [i16]) {
    for flat in 0..elements(&p.broadcast.dims) {
        let at = position(flat, &p.broadcast.dims);
        let x1 = i32::from(input1[offset(&at, &p.broadcast.strides1)]);
        let x2 = i32::from(input2[offset(&at, &p.broadcast.strides2)]);
        output[flat] = clamp(requantize(x1 * x2, p.output), p.activation.min, p.activation.max) as i16;
    }
}

/// One factor from zero up, another below.
pub fn leaky_relu(p: &LeakyRelu, input: &[i16], output: &mut [i16]) {
    for i in 0..input.len() {
        let x = i32::from(input[i]);
        output[i] = saturate(requantize(x, if x >= 0 { p.identity } else { p.alpha }));
    }
}

/// Rescales, then clamps.
pub fn relu(p: &Relu, input: &[i16], output: &mut [i16]) {
    for i in 0..input.len() {
        let y = requantize(input[i].into(), p.output);
        output[i] = clamp(y, p.activation.min, p.activation.max) as i16;
    }
}

/// To another scale.
pub fn rescale(p: &Requant, input: &[i16], output: &mut [i16]) {
    for i in 0..input.len() {
        output[i] = saturate(requantize(input[i].into(), *p));
    }
}

/// From int8: the zero point is the input's.
pub fn from_i8(p: &crate::params::Rescale, input: &[i8], output: &mut [i16]) {
    for i in 0..input.len() {
        output[i] = saturate(requantize(i32::from(input[i]) - p.input_zero_point, p.output));
    }
}

/// To int8: the zero point is the output's.
pub fn to_i8(p: &crate::params::Rescale, input: &[i16], output: &mut [i8]) {
    for i in 0..input.len() {
        let y = requantize(input[i].into(), p.output).wrapping_add(p.output_zero_point);
        output[i] = clamp(y, -128, 127) as i8;
    }
}

/// `round_half_away(x / scale)`, saturated.
pub fn quantize(p: &Affine, input: &[f32], output: &mut [i16]) {
    for i in 0..input.len() {
        output[i] = saturate(round_half_away(input[i] / p.scale).saturating_add(p.zero_point));
    }
}

/// `scale q`.
pub fn dequantize(p: &Affine, input: &[i16], output: &mut [f32]) {
    for i in 0..input.len() {
        output[i] = (i32::from(input[i]) - p.zero_point) as f32 * p.scale;
    }
}
