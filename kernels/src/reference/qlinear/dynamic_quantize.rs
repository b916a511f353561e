//! Scale and zero point that are chosen at run time from the values themselves (`DynamicQuantizeLinear`): 0 to 255
//! stand for the smallest to the largest, with 0 among them. All steps are single precision, as ONNX Runtime has them.

use super::quantize::quantized;
use crate::params::Affine;
use crate::requant::round_half_even;

/// Distance between two codes: `(max - min) / 255`, or 1 where all values are 0.
pub fn dynamic_scale(_p: &(), input: &[f32], output: &mut [f32]) {
    let (min, max) = range(input);
    output[0] = if max == min { 1.0 } else { (max - min) / 255.0 };
}

/// Code of 0: `-min / scale` to the nearest, ties to even. `scale` is that of [`dynamic_scale`].
pub fn dynamic_zero_point(_p: &(), input: &[f32], scale: &[f32], output: &mut [u8]) {
    let (min, _) = range(input);
    output[0] = round_half_even((0.0 - min / scale[0]).clamp(0.0, 255.0)) as u8;
}

/// The codes, with the scale and zero point of [`dynamic_scale`] and [`dynamic_zero_point`].
pub fn dynamic_quantize(_p: &(), input: &[f32], scale: &[f32], zero_point: &[u8], output: &mut [u8]) {
    let affine = Affine { scale: scale[0], zero_point: i32::from(zero_point[0]) };
    for i in 0..input.len() {
        output[i] = quantized(&affine, input[i]);
    }
}

/// The smallest and the largest of the values and 0.
fn range(input: &[f32]) -> (f32, f32) {
    let (mut min, mut max) = (0.0_f32, 0.0_f32);
    for &x in input {
        min = if x < min { x } else { min };
        max = if x > max { x } else { max };
    }
    (min, max)
}
