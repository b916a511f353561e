//! The end of every kernel here: two roundings in five instructions, for channels whose sums are known to be small.
//!
//! With `|acc| < 2^30` the doubled accumulator fits, and `srdhm(acc, m) = floor((2 acc m + 2^31) / 2^32)` is SMMULR of
//! `2 acc` and `m`. For `n >= 1`, `rdbpot(x, n)` rounds ties away from zero, which is `floor((x + 2^(n-1) - s) / 2^n)`
//! with `s = 1` for negative `x` and 0 otherwise, and `x >> 31` is `-s`. A zero point joins in as `zero_point << n`,
//! which the shift takes back exactly.

use super::simd::{max4, min4, saturate_i8, smmulr};
use crate::params::{Channel, Requant};

/// Largest right shift: `|x| < 2^30`, and `2^22 * 128` beside it still leaves room for the rounding.
pub(super) const MAX_SHIFT: i32 = 22;

/// Whether the short form is exact: every shift goes 1 to 22 places right, and no sum reaches 2^30. A channel's sum is at
/// most `|folded_bias| + 128 * sum(|weights|)`; a [`Channel`] has to hold the bias too. Runs on the host.
#[must_use]
pub fn is_exact(weights: &[i8], folded_bias: &[i32], requant: &[Requant]) -> bool {
    let taps = weights.len() / folded_bias.len().max(1);
    let small = folded_bias.iter().enumerate().all(|(channel, &bias)| {
        let row = &weights[channel * taps..(channel + 1) * taps];
        let sum: u64 = row.iter().map(|&w| u64::from(w.unsigned_abs())).sum();
        Channel::holds(bias) && u64::from(bias.unsigned_abs()) + 128 * sum < 1 << 30
    });
    small && requant.iter().all(|r| (-MAX_SHIFT..=-1).contains(&r.shift))
}

/// The factor and rounding of one channel, as the loops in assembly read them.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Rescale {
    multiplier: i32,
    rounding: i32,
    shift: u32,
}

impl Rescale {
    #[inline(always)]
    pub(super) fn new(r: Requant, zero_point: i32) -> Self {
        let shift = r.shift.wrapping_neg() as u32;
        // `(zero_point << n) + (1 << (n - 1))`.
        let rounding = (2 * zero_point + 1).wrapping_shl(shift.wrapping_sub(1));
        Rescale { multiplier: r.multiplier, rounding, shift }
    }

    /// `acc` rescaled, with the zero point, limited to `i8`.
    #[inline(always)]
    pub(super) fn apply(self, acc: i32) -> i8 {
        saturate_i8(self.round_high(acc.wrapping_shl(1)))
    }

    /// The double of an accumulator rescaled, with the zero point.
    #[inline(always)]
    pub(super) fn round_high(self, doubled: i32) -> i32 {
        let x = smmulr(doubled, self.multiplier);
        (x.wrapping_add(x >> 31)).wrapping_add(self.rounding).wrapping_shr(self.shift)
    }
}

/// The activation after saturation: nothing to do for most layers, a pass over the output for the others.
#[inline(never)]
pub(super) fn clamp_all(output: &mut [i8], min: i32, max: i32) {
    if (min, max) == (-128, 127) {
        return;
    }
    let (min, max) = (four(min), four(max));
    let (words, rest) = output.as_chunks_mut::<4>();
    for word in words {
        let y = u32::from_le_bytes(word.map(|y| y as u8));
        *word = max4(min4(y, max), min).to_le_bytes().map(|y| y as i8);
    }
    for y in rest {
        *y = max4(min4(*y as u8 as u32, max), min) as i8;
    }
}

/// Four times the same element.
#[inline(always)]
pub(super) fn four(x: i32) -> u32 {
    u32::from(x as u8) * 0x0101_0101
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requant::requantize_to_i8;

    #[test]
    fn the_short_form_equals_the_general_one() {
        let mut state = 12345_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state
        };
        let edge = (1 << 30) - 1;
        for shift in 1..=MAX_SHIFT {
            for zero_point in [-128, -1, 0, 5, 127] {
                for multiplier in [0, 1 << 30, i32::MAX, (1 << 30) + (next() >> 2) as i32] {
                    let r = Requant { multiplier, shift: -shift };
                    let ties = [1, 3, 5, -1, -3, -5].map(|k| k << shift);
                    let drawn: [i32; 40] = core::array::from_fn(|i| (next() as i32 >> 2) >> (i / 2));
                    for acc in [0, 1, -1, edge, -edge].into_iter().chain(ties).chain(drawn) {
                        let expected = requantize_to_i8(acc, r, zero_point, -128, 127);
                        assert_eq!(Rescale::new(r, zero_point).apply(acc), expected, "{acc} by {r:?}, {zero_point}");
                    }
                }
            }
        }
    }

    #[test]
    fn large_sums_and_left_shifts_are_not_for_the_short_form() {
        let r = |shift| Requant { multiplier: 1 << 30, shift };
        // 65,000 taps of -128 sum up to 1,064,960,000, which leaves 8,781,823 for the bias: more than it may have.
        let many = [-128; 65_000];
        assert!(is_exact(&many, &[(1 << 23) - 1], &[r(-1)]) && is_exact(&many, &[-(1 << 23)], &[r(-1)]));
        assert!(!is_exact(&many, &[1 << 23], &[r(-1)]) && !is_exact(&many, &[-(1 << 23) - 1], &[r(-1)]));
        assert!(!is_exact(&[-128; 65_536], &[0], &[r(-1)]) && is_exact(&[-128; 65_535], &[0], &[r(-1)]));
        assert!(!is_exact(&[0], &[i32::MIN], &[r(-1)]));
        assert!(!is_exact(&[0], &[0], &[r(0)]));
        assert!(!is_exact(&[0], &[0], &[r(-23)]));
    }
}
