//! Real factors as Q31 multiplier and shift, the way TFLite's `QuantizeMultiplier` makes them.

use hilbench_kernels::requant::Requant;

/// Splits `real` into a fraction in `[0.5, 1)` and a power of two: `real = fraction * 2^exponent`.
fn frexp(real: f64) -> (f64, i32) {
    if real == 0.0 || !real.is_finite() {
        return (real, 0);
    }
    let bits = real.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32;
    if exponent == 0 {
        // Subnormal: scale into the normal range first.
        let (fraction, exponent) = frexp(real * 2f64.powi(64));
        return (fraction, exponent - 64);
    }
    let fraction = f64::from_bits((bits & !(0x7ff << 52)) | (1022 << 52));
    (fraction, exponent - 1022)
}

/// `QuantizeMultiplier`: the fraction rounded half away from zero to 31 bits. Factors below `2^-32` become 0.
/// Infinite or NaN factors cannot occur: scales are finite and positive.
#[must_use]
pub fn quantize_multiplier(real: f64) -> Requant {
    if real == 0.0 {
        return Requant { multiplier: 0, shift: 0 };
    }
    let (fraction, mut shift) = frexp(real);
    let mut q = (fraction * 2f64.powi(31)).round() as i64;
    if q == 1 << 31 {
        q /= 2;
        shift += 1;
    }
    if shift < -31 {
        return Requant { multiplier: 0, shift: 0 };
    }
    // TFLite keeps shifts up to 30; a larger factor saturates every accumulator but zero.
    if shift > 30 {
        return Requant { multiplier: i32::MAX, shift: 30 };
    }
    Requant { multiplier: q as i32, shift }
}

/// Largest input distance that survives a left shift in fixed point with `integer_bits` integer bits
/// (`CalculateInputRadius` with 31 bits).
#[must_use]
pub fn input_radius(integer_bits: i32, left_shift: i32) -> i32 {
    let max = f64::from((1 << integer_bits) - 1) * 2f64.powi(31 - integer_bits);
    (max / 2f64.powi(left_shift)).floor().min(f64::from(i32::MAX)) as i32
}

/// A Q31 multiplier rounded to Q15, saturating (`DownScaleInt32ToInt16Multiplier`).
#[must_use]
pub fn to_q15(multiplier: i32) -> i16 {
    const ROUNDING: i32 = 1 << 15;
    if multiplier >= i32::MAX - ROUNDING { i16::MAX } else { ((multiplier + ROUNDING) >> 16) as i16 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(real: f64, multiplier: i32, shift: i32) {
        assert_eq!(quantize_multiplier(real), Requant { multiplier, shift }, "{real}");
    }

    #[test]
    fn factors_split_as_tflite_splits_them() {
        check(1.0, 1 << 30, 1);
        check(0.5, 1 << 30, 0);
        check(0.75, 3 << 29, 0);
        check(2f64.powi(-32), 1 << 30, -31);
        check(2f64.powi(-33), 0, 0);
        // Rounds up to a full power of two.
        check(1.0 - 1e-12, 1 << 30, 1);
        check(0.0, 0, 0);
    }

    #[test]
    fn radius_follows_the_shift() {
        assert_eq!(input_radius(4, 20), 1920);
        assert_eq!(input_radius(5, 23), 248);
    }
}
