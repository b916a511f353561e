//! Dot products of patches with blocks of filters, and the loads that they are made of.

use core::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm_packs_epi16, _mm_packs_epi32, _mm_storel_epi64, _mm256_add_epi32,
    _mm256_castsi256_si128, _mm256_cvtepi8_epi16, _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_set1_epi32,
};

use super::requantize::{Factors, LANES, Range};

/// Patches that are multiplied side by side.
pub(super) const PATCHES: usize = 4;

/// # Safety
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load(words: &[i32; LANES]) -> __m256i {
    // SAFETY: 32 bytes of the array are read, at any alignment.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

/// Sixteen bytes as 16-bit numbers.
///
/// # Safety
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn widen(bytes: &[i8; 16]) -> __m256i {
    // SAFETY: 16 bytes of the array are read, at any alignment.
    let bytes: __m128i = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
    _mm256_cvtepi8_epi16(bytes)
}

/// Eight words, each within the range of a byte, as bytes.
///
/// # Safety
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn narrow(words: __m256i) -> [i8; LANES] {
    let halves = _mm_packs_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
    let mut bytes = [0; LANES];
    // SAFETY: 8 bytes of the array are written, at any alignment.
    unsafe { _mm_storel_epi64(bytes.as_mut_ptr().cast(), _mm_packs_epi16(halves, halves)) };
    bytes
}

/// Filters of `BLOCKS` blocks of eight channels, two taps of each channel side by side.
pub(super) struct Block<'a, const BLOCKS: usize> {
    /// Of each block, 16 bytes for two taps.
    pub(super) weights: [&'a [[i8; 16]]; BLOCKS],
    /// Folded biases.
    pub(super) bias: [__m256i; BLOCKS],
    /// Factors.
    pub(super) factors: [Factors; BLOCKS],
}

impl<const BLOCKS: usize> Block<'_, BLOCKS> {
    /// The outputs of `N` patches for the block's channels. A patch has as many pairs of taps as the filters.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn dots<const N: usize>(&self, patches: [&[[i16; 2]]; N], range: &Range) -> [[[i8; LANES]; BLOCKS]; N] {
        let pairs = self.weights[0].len();
        assert!(self.weights.iter().all(|w| w.len() == pairs) && patches.iter().all(|p| p.len() == pairs));
        let mut sums = [self.bias; N];
        for pair in 0..pairs {
            // Loops, not closures: these would not be compiled for the instructions that they are called between.
            let mut filters = self.bias;
            for (filter, weights) in filters.iter_mut().zip(self.weights) {
                // SAFETY: every block has `pairs` pairs.
                *filter = widen(unsafe { weights.get_unchecked(pair) });
            }
            for patch in 0..N {
                // SAFETY: every patch has `pairs` pairs.
                let [first, second] = *unsafe { patches[patch].get_unchecked(pair) };
                let taps = _mm256_set1_epi32(i32::from(second) << 16 | i32::from(first) & 0xFFFF);
                for block in 0..BLOCKS {
                    let products = _mm256_madd_epi16(taps, filters[block]);
                    sums[patch][block] = _mm256_add_epi32(sums[patch][block], products);
                }
            }
        }
        let mut outputs = [[[0; LANES]; BLOCKS]; N];
        for (outputs, sums) in outputs.iter_mut().zip(sums) {
            for (block, output) in outputs.iter_mut().enumerate() {
                *output = narrow(self.factors[block].finish(sums[block], range));
            }
        }
        outputs
    }
}
