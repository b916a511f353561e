//! Eight sums at a time through [`requantize_to_i8`](crate::requant::requantize_to_i8).

use core::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_add_epi64, _mm256_and_si256, _mm256_blend_epi32, _mm256_cmpgt_epi32,
    _mm256_max_epi32, _mm256_min_epi32, _mm256_mul_epi32, _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_slli_epi64,
    _mm256_sllv_epi32, _mm256_srai_epi32, _mm256_srav_epi32, _mm256_srli_epi32, _mm256_srli_epi64, _mm256_sub_epi32,
};

use super::dots::load;
use crate::params::{Clamp, Requant};

/// Eight channels.
pub(super) const LANES: usize = 8;

/// The factors of eight channels.
#[derive(Clone, Copy)]
pub(super) struct Factors {
    multiplier: __m256i,
    left: __m256i,
    right: __m256i,
    mask: __m256i,
}

/// What is the same for all channels.
#[derive(Clone, Copy)]
pub(super) struct Range {
    zero_point: __m256i,
    min: __m256i,
    max: __m256i,
}

impl Factors {
    /// Of the channels that `lanes` names; one beyond the last has a factor of 0.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[target_feature(enable = "avx2")]
    pub(super) fn of(requant: &[Requant], channels: usize, lanes: [usize; LANES]) -> Factors {
        let at = |channel: usize| match (requant.len(), channel < channels) {
            (_, false) => Requant { multiplier: 0, shift: 0 },
            (1, true) => requant[0],
            _ => requant[channel],
        };
        let factors = lanes.map(at);
        let right = load(&factors.map(|r| -r.shift.min(0)));
        Factors {
            multiplier: load(&factors.map(|r| r.multiplier)),
            left: load(&factors.map(|r| r.shift.max(0))),
            right,
            mask: load(&factors.map(|r| ((1_i64 << -r.shift.min(0)) - 1) as i32)),
        }
    }

    /// Rescales eight sums, adds the zero point and clamps, as words.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn finish(&self, sums: __m256i, range: &Range) -> __m256i {
        let sums = _mm256_sllv_epi32(sums, self.left);
        // (2ab + 2^31) >> 32 is (ab + 2^30) >> 31; its low word is the same whichever way the high bits are shifted in.
        let half = _mm256_set1_epi64x(1 << 30);
        let even = _mm256_add_epi64(_mm256_mul_epi32(sums, self.multiplier), half);
        let odd_sums = _mm256_srli_epi64::<32>(sums);
        let odd_multiplier = _mm256_srli_epi64::<32>(self.multiplier);
        let odd = _mm256_add_epi64(_mm256_mul_epi32(odd_sums, odd_multiplier), half);
        let high = _mm256_blend_epi32::<0b1010_1010>(_mm256_srli_epi64::<31>(even), _mm256_slli_epi64::<1>(odd));
        let remainder = _mm256_and_si256(high, self.mask);
        let threshold = _mm256_sub_epi32(_mm256_srli_epi32::<1>(self.mask), _mm256_srai_epi32::<31>(high));
        let up = _mm256_cmpgt_epi32(remainder, threshold);
        let scaled = _mm256_sub_epi32(_mm256_srav_epi32(high, self.right), up);
        let moved = _mm256_add_epi32(scaled, range.zero_point);
        _mm256_max_epi32(_mm256_min_epi32(moved, range.max), range.min)
    }
}

impl Range {
    /// # Safety
    /// The processor has AVX2.
    #[target_feature(enable = "avx2")]
    pub(super) fn of(zero_point: i32, clamp: Clamp) -> Range {
        Range {
            zero_point: _mm256_set1_epi32(zero_point),
            min: _mm256_set1_epi32(clamp.min),
            max: _mm256_set1_epi32(clamp.max),
        }
    }
}
