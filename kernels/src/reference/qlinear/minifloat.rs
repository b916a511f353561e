//! Floats of 8 and of 4 bits: `x / scale` to the nearest of them, ties to even, and back. The rules for what is too large
//! and for what is not a number are those of the ONNX specification.

use crate::params::{Minifloat, QuantizeMinifloat, ScaleMap};
use crate::requant::round_half_even;

/// To a float of few bits (`QuantizeLinear`). The quotient is a single-precision division.
pub fn quantize_minifloat(p: &QuantizeMinifloat, input: &[f32], scales: &[f32], output: &mut [u8]) {
    for i in 0..input.len() {
        output[i] = encoded(p, input[i] / scales[p.map.place(i)]);
    }
}

/// Codes as the numbers in `table`, by their bits, times their scale (`DequantizeLinear` of floats of few bits).
pub fn scale_codes(map: &ScaleMap, input: &[u8], table: &[f32], scales: &[f32], output: &mut [f32]) {
    for i in 0..input.len() {
        output[i] = table[usize::from(input[i])] * scales[map.place(i)];
    }
}

/// The number that the low bits of `code` stand for.
#[must_use]
pub fn decode_minifloat(format: &Minifloat, code: u8) -> f32 {
    let sign_bit = 1 << (format.exponent_bits + format.mantissa_bits);
    let magnitude = code & (sign_bit - 1);
    let sign = if code & sign_bit == 0 { 1.0 } else { -1.0 };
    if format.nan == Some(code) || (format.signed_zero && format.nan == Some(magnitude)) {
        return f32::NAN;
    }
    if let Some(infinity) = format.infinity
        && magnitude >= infinity
    {
        return if magnitude == infinity { sign * f32::INFINITY } else { f32::NAN };
    }
    let exponent = i32::from(magnitude >> format.mantissa_bits);
    let fraction = i32::from(magnitude) & ((1 << format.mantissa_bits) - 1);
    let significand = if exponent == 0 { fraction } else { fraction + (1 << format.mantissa_bits) };
    sign * significand as f32 * power_of_two(exponent.max(1) - format.bias - format.mantissa_bits as i32)
}

fn encoded(p: &QuantizeMinifloat, x: f32) -> u8 {
    let f = &p.format;
    let sign = if x.is_sign_negative() { 1 << (f.exponent_bits + f.mantissa_bits) } else { 0 };
    if x.is_nan() {
        // A format without a word for it has the largest number, as it has for what is too large.
        return f.nan.map_or(sign | f.largest, |nan| if f.signed_zero { sign | nan } else { nan });
    }
    let size = f32::from_bits(x.to_bits() & 0x7FFF_FFFF);
    let exponent = ((size.to_bits() >> 23) as i32 - 127).max(1 - f.bias);
    // In units of the last place: below two to the power of the significand's bits, or all of it after rounding up,
    // which is the next exponent's first number. Infinity has an exponent above every format's.
    let units =
        if size.is_finite() { round_half_even(size * power_of_two(f.mantissa_bits as i32 - exponent)) } else { 0 };
    let code = ((exponent + f.bias - 1) << f.mantissa_bits) + units;
    if code > i32::from(f.largest) {
        return match (p.saturate, f.infinity, f.nan) {
            (false, Some(infinity), _) => sign | infinity,
            (false, None, Some(nan)) => {
                if f.signed_zero {
                    sign | nan
                } else {
                    nan
                }
            }
            _ => sign | f.largest,
        };
    }
    if code == 0 && !f.signed_zero { 0 } else { sign | code as u8 }
}

/// `2^exponent`, a normal number in single precision.
fn power_of_two(exponent: i32) -> f32 {
    f32::from_bits(((exponent + 127) as u32) << 23)
}
