//! Copies inputs with 128 added: as unsigned numbers, the ones that products take.

use core::arch::x86_64::{
    __m512i, _mm_loadu_si128, _mm_set1_epi8, _mm_storeu_si128, _mm_xor_si128, _mm512_loadu_si512,
    _mm512_mask_storeu_epi8, _mm512_maskz_loadu_epi8, _mm512_set1_epi8, _mm512_storeu_si512, _mm512_xor_si512,
};

use super::BYTES;

/// A zero point as [`flip`] would copy it.
pub(super) fn flipped(zero_point: i32) -> u8 {
    zero_point as u8 ^ 0x80
}

/// Copies `from` to the front of `to`, which is at least as long.
///
/// # Safety
/// The processor has AVX-512 BW.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn flip(from: &[i8], to: &mut [u8]) {
    let to = &mut to[..from.len()];
    let sign = _mm512_set1_epi8(i8::MIN);
    let (whole, rest) = from.as_chunks::<BYTES>();
    let (whole_to, rest_to) = to.as_chunks_mut::<BYTES>();
    for (from, to) in whole.iter().zip(whole_to) {
        // SAFETY: 64 bytes are read and written, at any alignment.
        unsafe {
            let bytes: __m512i = _mm512_loadu_si512(from.as_ptr().cast());
            _mm512_storeu_si512(to.as_mut_ptr().cast(), _mm512_xor_si512(bytes, sign));
        }
    }
    if !rest.is_empty() {
        let mask = first(rest.len());
        // SAFETY: the mask names the bytes of `rest`, of which `rest_to` has as many.
        unsafe {
            let bytes = _mm512_maskz_loadu_epi8(mask, rest.as_ptr());
            _mm512_mask_storeu_epi8(rest_to.as_mut_ptr().cast(), mask, _mm512_xor_si512(bytes, sign));
        }
    }
}

/// Copies rows that begin `step` apart beside each other; `to` has room for a register behind them, which is written too.
///
/// # Safety
/// The processor has AVX-512 BW.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn flip_rows(from: &[i8], step: usize, rows: usize, row_len: usize, to: &mut [u8]) {
    const SHORT: usize = 16;
    let last = (rows - 1) * step;
    let is_short = row_len <= SHORT && last + SHORT <= from.len() && rows * row_len + SHORT <= to.len();
    if !is_short {
        for row in 0..rows {
            flip(&from[row * step..][..row_len], &mut to[row * row_len..]);
        }
        return;
    }
    let sign = _mm_set1_epi8(i8::MIN);
    for row in 0..rows {
        // SAFETY: the last row has 16 bytes on either side, and those before it more.
        unsafe {
            let bytes = _mm_loadu_si128(from.as_ptr().add(row * step).cast());
            _mm_storeu_si128(to.as_mut_ptr().add(row * row_len).cast(), _mm_xor_si128(bytes, sign));
        }
    }
}

/// A mask of the first `count` bytes of 64; all of them if there are more.
#[inline]
pub(super) fn first(count: usize) -> u64 {
    if count >= BYTES { u64::MAX } else { (1 << count) - 1 }
}
