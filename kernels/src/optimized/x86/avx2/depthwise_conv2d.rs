//! Depthwise convolution, sixteen channels at a time: two taps of each are multiplied and added at once.

use core::arch::x86_64::{
    __m256i, _mm_storeu_si128, _mm256_add_epi32, _mm256_castsi256_si128, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_packs_epi16, _mm256_packs_epi32, _mm256_permute4x64_epi64, _mm256_set1_epi16, _mm256_setzero_si256,
    _mm256_sub_epi16, _mm256_unpackhi_epi16, _mm256_unpacklo_epi16,
};

use super::Avx2;
use super::dots::{load, widen};
use super::requantize::{Factors, Range};
use crate::params::{DepthwiseConv2d, Requant};
use crate::shape::tap_range;

/// Channels side by side.
const BLOCK: usize = 16;

/// Channels in the order in which interleaving leaves them: sums of the low quarters of both halves, then of the high.
const ORDER: [[usize; 8]; 2] = [[0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]];

/// Most taps of a filter, of a small one and of any; even, because two are taken at once.
const SMALL: usize = 10;
const LARGE: usize = 64;

/// Whether [`depthwise_conv2d`] runs this shape: one output channel an input channel, filters that are not large.
#[must_use]
pub const fn depthwise_conv2d_takes(p: &DepthwiseConv2d) -> bool {
    p.multiplier == 1 && p.window.filter_h * p.window.filter_w <= LARGE
}

const fn pairs(p: &DepthwiseConv2d) -> usize {
    (p.window.filter_h * p.window.filter_w).div_ceil(2)
}

/// Length of the packed weights.
#[must_use]
pub const fn depthwise_conv2d_packed(p: &DepthwiseConv2d) -> usize {
    p.channels.div_ceil(BLOCK) * pairs(p)
}

/// Lays weights `[taps, channels]` as blocks of sixteen channels: two taps of each side by side, in `ORDER`.
pub fn pack_depthwise_conv2d(p: &DepthwiseConv2d, weights: &[i8], packed: &mut [[[i16; BLOCK]; 2]]) {
    let (taps, pairs) = (p.window.filter_h * p.window.filter_w, pairs(p));
    let at = |channel: usize, tap: usize| {
        if channel < p.channels && tap < taps { i16::from(weights[tap * p.channels + channel]) } else { 0 }
    };
    for (block, packed) in packed[..depthwise_conv2d_packed(p)].chunks_exact_mut(pairs).enumerate() {
        for (pair, packed) in packed.iter_mut().enumerate() {
            *packed = ORDER.map(|lanes| core::array::from_fn(|i| at(block * BLOCK + lanes[i / 2], 2 * pair + i % 2)));
        }
    }
}

/// Convolves each channel. `bias` is as the model has it, one a channel or none.
pub fn depthwise_conv2d(
    avx2: Avx2,
    p: &DepthwiseConv2d,
    input: &[i8],
    packed: &[[[i16; BLOCK]; 2]],
    bias: &[i32],
    requant: &[Requant],
    output: &mut [i8],
) {
    let _ = avx2;
    // SAFETY: there is AVX2.
    unsafe {
        if 2 * pairs(p) <= SMALL {
            convolve::<SMALL>(p, input, packed, bias, requant, output);
        } else {
            convolve::<LARGE>(p, input, packed, bias, requant, output);
        }
    }
}

/// # Safety
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
fn convolve<const TAPS: usize>(
    p: &DepthwiseConv2d,
    input: &[i8],
    packed: &[[[i16; BLOCK]; 2]],
    bias: &[i32],
    requant: &[Requant],
    output: &mut [i8],
) {
    let (w, pairs) = (&p.window, pairs(p));
    let range = Range::of(p.output_zero_point, p.activation);
    let image_len = w.input_h * w.input_w * p.channels;
    let output_len = w.output_h * w.output_w * p.channels;
    for (block, packed) in packed[..depthwise_conv2d_packed(p)].chunks_exact(pairs).enumerate() {
        let first = block * BLOCK;
        let lanes = ORDER.map(|lanes| lanes.map(|lane| first + lane));
        let of = |channel: usize| if channel < p.channels { bias.get(channel).copied().unwrap_or(0) } else { 0 };
        let channels = Channels {
            first,
            len: BLOCK.min(p.channels - first),
            weights: packed,
            bias: lanes.map(|lanes| load(&lanes.map(of))),
            factors: lanes.map(|lanes| Factors::of(requant, p.channels, lanes)),
        };
        let images = input.chunks_exact(image_len).zip(output.chunks_exact_mut(output_len)).take(p.batches);
        for (image, output) in images {
            for out_y in 0..w.output_h {
                for out_x in 0..w.output_w {
                    let at = (out_y * w.output_w + out_x) * p.channels + first;
                    let answer = channels.pixel::<TAPS>(p, image, out_y, out_x, &range);
                    let output = &mut output[at..][..channels.len];
                    match output.first_chunk_mut() {
                        Some(output) => *output = answer,
                        None => output.copy_from_slice(&answer[..channels.len]),
                    }
                }
            }
        }
    }
}

/// Sixteen channels.
struct Channels<'a> {
    first: usize,
    len: usize,
    weights: &'a [[[i16; BLOCK]; 2]],
    bias: [__m256i; 2],
    factors: [Factors; 2],
}

impl Channels<'_> {
    /// # Safety
    /// The processor has AVX2.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn pixel<const TAPS: usize>(
        &self,
        p: &DepthwiseConv2d,
        image: &[i8],
        out_y: usize,
        out_x: usize,
        range: &Range,
    ) -> [i8; BLOCK] {
        let w = &p.window;
        let zero_point = _mm256_set1_epi16(p.input_zero_point as i16);
        let ys = tap_range(out_y, w.stride_h, w.filter_h, w.dilation_h, w.pad_top, w.input_h);
        let xs = tap_range(out_x, w.stride_w, w.filter_w, w.dilation_w, w.pad_left, w.input_w);
        // Padding counts nothing.
        let mut taps = [_mm256_setzero_si256(); TAPS];
        for filter_y in ys.0..ys.1 {
            let y = out_y * w.stride_h + filter_y * w.dilation_h - w.pad_top;
            for filter_x in xs.0..xs.1 {
                let x = out_x * w.stride_w + filter_x * w.dilation_w - w.pad_left;
                let at = (y * w.input_w + x) * p.channels + self.first;
                let inputs = match image[at..].first_chunk::<BLOCK>() {
                    Some(bytes) if self.len == BLOCK => widen(bytes),
                    _ => {
                        let mut bytes = [0; BLOCK];
                        bytes[..self.len].copy_from_slice(&image[at..][..self.len]);
                        widen(&bytes)
                    }
                };
                taps[filter_y * w.filter_w + filter_x] = _mm256_sub_epi16(inputs, zero_point);
            }
        }
        let [mut low, mut high] = self.bias;
        for (pair, [weights_low, weights_high]) in self.weights.iter().enumerate() {
            let (first, second) = (taps[2 * pair], taps[2 * pair + 1]);
            let products = _mm256_madd_epi16(_mm256_unpacklo_epi16(first, second), words(weights_low));
            low = _mm256_add_epi32(low, products);
            let products = _mm256_madd_epi16(_mm256_unpackhi_epi16(first, second), words(weights_high));
            high = _mm256_add_epi32(high, products);
        }
        let halves = _mm256_packs_epi32(self.factors[0].finish(low, range), self.factors[1].finish(high, range));
        // Bytes of either half lie in the low quarters of its own half.
        let bytes = _mm256_permute4x64_epi64::<0b1000>(_mm256_packs_epi16(halves, halves));
        let mut answers = [0; BLOCK];
        // SAFETY: 16 bytes of the array are written, at any alignment.
        unsafe { _mm_storeu_si128(answers.as_mut_ptr().cast(), _mm256_castsi256_si128(bytes)) };
        answers
    }
}

/// # Safety
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
fn words(words: &[i16; BLOCK]) -> __m256i {
    // SAFETY: 32 bytes of the array are read, at any alignment.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}
