//! The only file that rounds.
//!
//! `acc` is an `i32` accumulator, `multiplier` a Q31 fraction in `[2^30, 2^31)` (or 0), `shift` a power of two,
//! positive to the left: the real factor is `multiplier * 2^(shift - 31)`. ONNX models have factors of another form,
//! [`ScaleF32`], which rounds once, ties to even; the two are never mixed within a model.

mod scale_f32;

pub use scale_f32::{
    ScaleF32, fused_multiply_add, round_half_even, scale_in_integers, scale_then_offset, scale_to_even,
    scale_with_offset, scale_with_offset_in_integers,
};

/// A positive real factor as Q31 fraction and power of two (TFLite `QuantizeMultiplier`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Requant {
    /// Q31 fraction.
    pub multiplier: i32,
    /// Left shift when positive, right shift when negative; from -31 to 30.
    pub shift: i32,
}

/// A factor from accumulators to outputs, with its rounding. Kernels that only differ in it share their loops.
pub trait Form: Copy {
    /// Rescales `acc`, adds the zero point outside of the rounding, clamps to `[min, max]`.
    fn finish(self, acc: i32, zero_point: i32, min: i32, max: i32) -> i32;
}

impl Form for Requant {
    #[inline(always)]
    fn finish(self, acc: i32, zero_point: i32, min: i32, max: i32) -> i32 {
        clamp(requantize(acc, self).wrapping_add(zero_point), min, max)
    }
}

impl Form for ScaleF32 {
    #[inline(always)]
    fn finish(self, acc: i32, zero_point: i32, min: i32, max: i32) -> i32 {
        scale_then_offset(acc, self, zero_point, min, max)
    }
}

/// Saturating rounding doubling high multiply: `floor((2ab + 2^31) / 2^32)`.
#[must_use]
#[inline]
pub const fn srdhm(a: i32, b: i32) -> i32 {
    if a == i32::MIN && b == i32::MIN {
        return i32::MAX;
    }
    ((2 * (a as i64) * (b as i64) + (1 << 31)) >> 32) as i32
}

/// The same for 16 bits: `floor((2ab + 2^15) / 2^16)`.
#[must_use]
#[inline]
pub const fn srdhm16(a: i16, b: i16) -> i16 {
    if a == i16::MIN && b == i16::MIN {
        return i16::MAX;
    }
    ((2 * (a as i64) * (b as i64) + (1 << 15)) >> 16) as i16
}

/// Saturating doubling high multiply of 16 bits that drops the fraction: `trunc(ab / 2^15)`.
#[must_use]
#[inline]
pub const fn sdhm16(a: i16, b: i16) -> i16 {
    if a == i16::MIN && b == i16::MIN {
        return i16::MAX;
    }
    ((a as i32) * (b as i32) / (1 << 15)) as i16
}

/// Rounding divide by a power of two: ties away from zero. `exponent` is 0 to 31.
#[must_use]
#[inline]
pub const fn rdbpot(x: i32, exponent: i32) -> i32 {
    let mask = ((1_i64 << exponent) - 1) as i32;
    let remainder = x & mask;
    let threshold = (mask >> 1) + if x < 0 { 1 } else { 0 };
    (x >> exponent) + if remainder > threshold { 1 } else { 0 }
}

/// Multiplies `acc` by the real factor `r` with the two roundings of the TFLite reference kernels
/// (`MultiplyByQuantizedMultiplier` without single rounding). The left shift wraps.
#[must_use]
#[inline]
pub const fn requantize(acc: i32, r: Requant) -> i32 {
    let left = if r.shift > 0 { r.shift } else { 0 };
    let right = if r.shift > 0 { 0 } else { -r.shift };
    rdbpot(srdhm(acc.wrapping_shl(left as u32), r.multiplier), right)
}

/// The end of every integer kernel: rescale `acc`, add the zero point, clamp to `[min, max]`, narrow.
#[must_use]
#[inline]
pub const fn requantize_to_i8(acc: i32, r: Requant, zero_point: i32, min: i32, max: i32) -> i8 {
    clamp(requantize(acc, r).wrapping_add(zero_point), min, max) as i8
}

/// An accumulator of up to 48 bits rescaled with a multiplier of 16: `MultiplyByQuantizedMultiplier` of 64-bit numbers.
#[must_use]
#[inline]
pub const fn requantize_wide(acc: i64, r: Requant) -> i32 {
    let multiplier = if r.multiplier < 0x7FFF_0000 { (r.multiplier + (1 << 15)) >> 16 } else { 0x7FFF };
    let shift = 15 - r.shift;
    if shift < 1 {
        // Factors from 2^14 up, which no rule lets in.
        return acc.wrapping_mul(multiplier as i64).wrapping_shl(-shift as u32) as i32;
    }
    (acc.wrapping_mul(multiplier as i64).wrapping_add(1 << (shift - 1)) >> shift) as i32
}

/// `x / 2^bits` to the nearest integer, ties away from zero.
#[must_use]
#[inline]
pub const fn divide_half_away_pow2(x: i64, bits: u32) -> i64 {
    let half = 1 << (bits - 1);
    (if x > 0 { x + half } else { x - half }) / (1 << bits)
}

/// `x` limited to `[min, max]`; `min` wins when the bounds cross.
#[must_use]
#[inline]
pub const fn clamp(x: i32, min: i32, max: i32) -> i32 {
    let below = if x > max { max } else { x };
    if below < min { min } else { below }
}

/// `r` divided by `count`, in integers: the quotient of the Q31 fraction, pre-shifted by the whole bits of `count`
/// so that no precision is lost. The quotient is truncated, as the TFLite reference mean has it.
#[must_use]
pub const fn divide_by_count(r: Requant, count: usize) -> Requant {
    let mut bits = (count as u64).ilog2() as i32;
    if bits > 32 {
        bits = 32;
    }
    if bits > 31 + r.shift {
        bits = 31 + r.shift;
    }
    Requant { multiplier: (((r.multiplier as i64) << bits) / count as i64) as i32, shift: r.shift - bits }
}

/// `sum / count` to the nearest integer, ties away from zero.
#[must_use]
#[inline]
pub const fn divide_half_away(sum: i32, count: i32) -> i32 {
    if sum > 0 { (sum + count / 2) / count } else { (sum - count / 2) / count }
}

/// `(a + b) / 2` to the nearest integer, ties away from zero.
#[must_use]
#[inline]
pub const fn half_sum(a: i32, b: i32) -> i32 {
    let sum = a as i64 + b as i64;
    ((sum + if sum >= 0 { 1 } else { -1 }) / 2) as i32
}

/// The integer nearest to `x`, ties away from zero, saturated to `i32`; NaN becomes 0.
#[must_use]
#[inline]
pub const fn round_half_away(x: f32) -> i32 {
    let whole = x as i32;
    // Below 2^23 in size `whole` is exact and so is the difference; from there on there is no fraction left.
    let fraction = x - whole as f32;
    if fraction >= 0.5 && whole < i32::MAX {
        whole + 1
    } else if fraction <= -0.5 && whole > i32::MIN {
        whole - 1
    } else {
        whole
    }
}

/// The same of a double.
#[must_use]
pub const fn round_half_away_f64(x: f64) -> i32 {
    let whole = x as i32;
    let fraction = x - whole as f64;
    if fraction >= 0.5 && whole < i32::MAX {
        whole + 1
    } else if fraction <= -0.5 && whole > i32::MIN {
        whole - 1
    } else {
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn high_multiply_rounds_ties_up_on_both_sides_of_zero() {
        for (a, b, expect) in [
            (1 << 30, 1 << 30, 1 << 29),
            (1, 1 << 30, 1),
            (-1, 1 << 30, 0),
            (3, 1 << 30, 2),
            (-3, 1 << 30, -1),
            (i32::MIN, i32::MIN, i32::MAX),
            (i32::MIN, i32::MAX, -i32::MAX),
            (i32::MAX, 0, 0),
        ] {
            assert_eq!(srdhm(a, b), expect, "{a} * {b}");
        }
        assert_eq!((srdhm16(1, 1 << 14), srdhm16(-1, 1 << 14), srdhm16(i16::MIN, i16::MIN)), (1, 0, i16::MAX));
        assert_eq!((sdhm16(3, 1 << 14), sdhm16(-3, 1 << 14), sdhm16(i16::MIN, i16::MIN)), (1, -1, i16::MAX));
    }

    #[test]
    fn power_of_two_divide_rounds_ties_away_from_zero() {
        for (x, exponent, expect) in [
            (5, 1, 3),
            (-5, 1, -3),
            (6, 2, 2),
            (-6, 2, -2),
            (-7, 2, -2),
            (-9, 2, -2),
            (7, 0, 7),
            (-7, 0, -7),
            (i32::MAX, 31, 1),
            (i32::MIN, 31, -1),
            (1 << 30, 31, 1),
            ((1 << 30) - 1, 31, 0),
        ] {
            assert_eq!(rdbpot(x, exponent), expect, "{x} >> {exponent}");
        }
    }

    #[test]
    fn requantize_makes_both_roundings_one_after_the_other() {
        let half = Requant { multiplier: 1 << 30, shift: 0 };
        let double = Requant { multiplier: 1 << 30, shift: 2 };
        let eighth = Requant { multiplier: 1 << 30, shift: -2 };
        for (acc, r, expect) in [
            (3, half, 2),
            (-3, half, -1),
            (7, double, 14),
            // 3 / 8: the high multiply makes 2 of 1.5, the divide by four makes 1 of 0.5; a single rounding says 0.
            (3, eighth, 1),
            (-4, eighth, -1),
            (1 << 30, double, 0),
            (12345, Requant { multiplier: 0, shift: 0 }, 0),
            (i32::MIN, Requant { multiplier: i32::MAX, shift: -31 }, -1),
        ] {
            assert_eq!(requantize(acc, r), expect, "{acc} by {r:?}");
        }
    }

    #[test]
    fn count_is_folded_into_the_multiplier_with_truncation() {
        let one = Requant { multiplier: 1 << 30, shift: 1 };
        assert_eq!(divide_by_count(one, 1), one);
        assert_eq!(divide_by_count(one, 4), Requant { multiplier: 1 << 30, shift: -1 });
        assert_eq!(divide_by_count(one, 49), Requant { multiplier: ((1_i64 << 35) / 49) as i32, shift: -4 });
        assert_eq!(divide_by_count(Requant { multiplier: 1 << 30, shift: -30 }, 4).shift, -31);
    }

    #[test]
    fn quotients_round_ties_away_from_zero() {
        for (sum, count, expect) in [(5, 2, 3), (-5, 2, -3), (4, 9, 0), (5, 9, 1), (-5, 9, -1), (0, 7, 0)] {
            assert_eq!(divide_half_away(sum, count), expect, "{sum} / {count}");
        }
        assert_eq!((half_sum(1, 2), half_sum(-1, -2), half_sum(i32::MAX, i32::MAX)), (2, -2, i32::MAX));
    }

    #[test]
    fn floats_round_half_away_and_saturate() {
        for (x, expect) in [
            (0.5, 1),
            (-0.5, -1),
            (0.499_999_97, 0),
            (2.5, 3),
            (-2.5, -3),
            (8_388_607.5, 8_388_608),
            (1e20, i32::MAX),
            (f32::NEG_INFINITY, i32::MIN),
            (f32::NAN, 0),
        ] {
            assert_eq!(round_half_away(x), expect, "{x}");
        }
    }
}
