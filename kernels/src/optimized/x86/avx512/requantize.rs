//! Sixteen sums at a time through [`requantize_to_i8`](crate::requant::requantize_to_i8), in the short form of
//! [`is_exact`](crate::optimized::dsp::is_exact).
//!
//! A sum's double times the multiplier is below 2^63, and with 2^31 added its upper half is the rounding doubling high
//! multiply. The divide by a power of two is one shift behind two additions: `n >= 1`, so ties go away from zero as
//! `floor((x + 2^(n-1) - s) / 2^n)` with `s` = 1 for a negative `x`, which is the sign of `x` spread over a word.

use core::arch::x86_64::{
    __m128i, __m512i, _mm_max_epi8, _mm_min_epi8, _mm_set1_epi8, _mm512_add_epi32, _mm512_add_epi64,
    _mm512_cvtsepi32_epi8, _mm512_loadu_si512, _mm512_mask_shuffle_epi32, _mm512_max_epi8, _mm512_min_epi8,
    _mm512_mul_epi32, _mm512_packs_epi16, _mm512_packs_epi32, _mm512_set1_epi8, _mm512_set1_epi64, _mm512_srai_epi32,
    _mm512_srav_epi32, _mm512_srli_epi64,
};

use super::LANES;
use crate::params::{Clamp, Requant};

/// What sixteen sums begin with and are finished by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Lanes {
    /// What a sum begins with.
    bias: [i32; LANES],
    /// Q31 fractions.
    multiplier: [i32; LANES],
    /// Half of what the shift takes, and the zero point moved up by it.
    rounding: [i32; LANES],
    /// Right shifts.
    shift: [i32; LANES],
}

impl Lanes {
    /// Lanes that answer 0.
    pub const ZERO: Lanes = Lanes { bias: [0; LANES], multiplier: [0; LANES], rounding: [0; LANES], shift: [0; LANES] };

    /// Lane `lane` begins with `bias`, which is rescaled by `requant`, which shifts to the right, and moved to `zero_point`.
    pub(super) fn set(&mut self, lane: usize, bias: i32, requant: Requant, zero_point: i32) {
        let shift = requant.shift.wrapping_neg();
        self.bias[lane] = bias;
        self.multiplier[lane] = requant.multiplier;
        self.rounding[lane] = (2 * zero_point + 1).wrapping_shl(shift.wrapping_sub(1) as u32);
        self.shift[lane] = shift;
    }

    /// # Safety
    /// The processor has AVX-512.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub(super) fn begin(&self) -> __m512i {
        load(&self.bias)
    }

    /// Rescales sums and adds the zero point.
    ///
    /// # Safety
    /// The processor has AVX-512.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub(super) fn finish(&self, sums: __m512i) -> __m512i {
        let multiplier = load(&self.multiplier);
        let doubled = _mm512_add_epi32(sums, sums);
        let half = _mm512_set1_epi64(1 << 31);
        let even = _mm512_add_epi64(_mm512_mul_epi32(doubled, multiplier), half);
        let odd = _mm512_mul_epi32(_mm512_srli_epi64::<32>(doubled), _mm512_srli_epi64::<32>(multiplier));
        // The upper halves of all products: those of the even lanes come down beside those of the odd ones.
        let high = _mm512_mask_shuffle_epi32::<0b11_11_01_01>(_mm512_add_epi64(odd, half), 0x5555, even);
        let rounded = _mm512_add_epi32(_mm512_add_epi32(high, _mm512_srai_epi32::<31>(high)), load(&self.rounding));
        _mm512_srav_epi32(rounded, load(&self.shift))
    }
}

/// The factor of a channel, where one may be that of all.
pub(super) fn factor(requant: &[Requant], channel: usize) -> Requant {
    requant[if requant.len() == 1 { 0 } else { channel }]
}

/// # Safety
/// The processor has AVX-512.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn load(words: &[i32; LANES]) -> __m512i {
    // SAFETY: 64 bytes of the array are read, at any alignment.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

/// Sixteen words as bytes, saturated and limited.
///
/// # Safety
/// The processor has AVX-512.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn narrow(words: __m512i, clamp: Clamp) -> __m128i {
    let bytes = _mm512_cvtsepi32_epi8(words);
    _mm_max_epi8(_mm_min_epi8(bytes, _mm_set1_epi8(clamp.max as i8)), _mm_set1_epi8(clamp.min as i8))
}

/// Sixty-four words as bytes, saturated and limited: each quarter of a register in turn gives four.
///
/// # Safety
/// The processor has AVX-512.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn interleave(words: [__m512i; 4], clamp: Clamp) -> __m512i {
    let halves = [_mm512_packs_epi32(words[0], words[1]), _mm512_packs_epi32(words[2], words[3])];
    let bytes = _mm512_packs_epi16(halves[0], halves[1]);
    _mm512_max_epi8(_mm512_min_epi8(bytes, _mm512_set1_epi8(clamp.max as i8)), _mm512_set1_epi8(clamp.min as i8))
}
