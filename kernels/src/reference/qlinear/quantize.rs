//! Floats to codes and back: `rint(x / scale) + zero_point`, saturated, and `(q - zero_point) * scale`.

use crate::byte::{Byte, Code};
use crate::params::{Affine, QuantizeMapped, ScaleF32, ScaleMap};
use crate::requant::{clamp, round_half_even};

/// To 8 bits (`QuantizeLinear`). The quotient is a single-precision division; a reciprocal gives other results.
/// NaN becomes the smallest value, as ONNX Runtime has it.
pub fn quantize<T: Byte>(p: &Affine, input: &[f32], output: &mut [T]) {
    for i in 0..input.len() {
        output[i] = quantized(p, input[i]);
    }
}

/// To single precision (`DequantizeLinear`).
pub fn dequantize<T: Byte>(p: &Affine, input: &[T], output: &mut [f32]) {
    for i in 0..input.len() {
        output[i] = dequantized(p, input[i]);
    }
}

/// To codes of up to 16 bits with several scales and zero points (`QuantizeLinear` along an axis or by block).
pub fn quantize_mapped<T: Code>(
    p: &QuantizeMapped,
    input: &[f32],
    scales: &[f32],
    zero_points: &[i32],
    output: &mut [T],
) {
    for i in 0..input.len() {
        let c = p.map.place(i);
        let quotient = input[i] / scales[c];
        let steps = if quotient.is_nan() { i32::MIN } else { round_half_even(quotient) };
        output[i] = T::narrow(clamp(steps.saturating_add(zero_points[c]), p.range.min, p.range.max));
    }
}

/// To single precision with several scales and zero points (`DequantizeLinear` along an axis or by block).
pub fn dequantize_mapped<T: Code>(
    map: &ScaleMap,
    input: &[T],
    scales: &[f32],
    zero_points: &[i32],
    output: &mut [f32],
) {
    for i in 0..input.len() {
        let c = map.place(i);
        output[i] = (input[i].widen() - zero_points[c]) as f32 * scales[c];
    }
}

/// Accumulators to single precision: `f32(x) * scale`, plus `bias`. `scales` and `bias` have one entry, or one an
/// element of the innermost dimension; `bias` may be empty.
///
/// Without a bias this is what ONNX Runtime makes of a quantized product that is not quantized again
/// (`MatMulIntegerToFloat`, `QGemm` without an output scale, whose bias is in the accumulators), and `DequantizeLinear` of
/// 32 bits. A float bias keeps it from doing so: it then adds in floats all the way, near to this but not equal.
pub fn dequantize_accumulators(scales: &[ScaleF32], input: &[i32], bias: &[f32], output: &mut [f32]) {
    for i in 0..input.len() {
        let scaled = input[i] as f32 * scales[i % scales.len()].0;
        output[i] = if bias.is_empty() { scaled } else { scaled + bias[i % bias.len()] };
    }
}

/// One element of [`quantize`].
#[inline]
pub(super) fn quantized<T: Byte>(p: &Affine, x: f32) -> T {
    let quotient = x / p.scale;
    if quotient.is_nan() {
        return T::saturate(i32::MIN);
    }
    T::saturate(round_half_even(quotient).saturating_add(p.zero_point))
}

/// One element of [`dequantize`].
#[inline]
pub(super) fn dequantized<T: Byte>(p: &Affine, x: T) -> f32 {
    (x.widen() - p.zero_point) as f32 * p.scale
}
