//! Scale, zero point and codes of one batch, chosen from its own values.

use crate::params::Affine;
use crate::requant::{clamp, round_half_away, round_half_away_f64};

/// Codes of -127 to 127 around 0 (`SymmetricQuantizeFloats`): `scale = largest / 127`.
pub(super) fn symmetric(values: &[f32], codes: &mut [i8]) -> Affine {
    let mut largest = 0.0_f32;
    for &x in values {
        largest = if x.abs() > largest { x.abs() } else { largest };
    }
    if largest == 0.0 {
        codes.fill(0);
        return Affine { scale: 1.0, zero_point: 0 };
    }
    let inverse = 127.0 / largest;
    for i in 0..values.len() {
        codes[i] = clamp(round_half_away(values[i] * inverse), -127, 127) as i8;
    }
    Affine { scale: largest / 127.0, zero_point: 0 }
}

/// Codes of -128 to 127 for the smallest to the largest, 0 among them (`AsymmetricQuantizeFloats`).
pub(super) fn asymmetric(values: &[f32], codes: &mut [i8]) -> Affine {
    let (mut smallest, mut largest) = (0.0_f32, 0.0_f32);
    for &x in values {
        smallest = if x < smallest { x } else { smallest };
        largest = if x > largest { x } else { largest };
    }
    let (min, max) = (f64::from(smallest), f64::from(largest));
    if min == max {
        codes.fill(0);
        return Affine { scale: 1.0, zero_point: 0 };
    }
    let scale = (max - min) / 255.0;
    // From the end that is nearer to 0, where the error is smaller.
    let from_max = 128.0 + (min / scale).abs() >= 127.0 + (max / scale).abs();
    let zero_point = if from_max { 127.0 - max / scale } else { -128.0 - min / scale };
    let zero_point = clamp(round_half_away_f64(zero_point), -128, 127);
    let scale = scale as f32;
    let inverse = 1.0 / scale;
    for i in 0..values.len() {
        codes[i] = clamp(round_half_away(zero_point as f32 + values[i] * inverse), -128, 127) as i8;
    }
    Affine { scale, zero_point }
}
