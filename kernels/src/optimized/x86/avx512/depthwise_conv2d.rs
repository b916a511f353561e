//! Depthwise convolution: four taps of sixty-four neighbouring elements of an output row at once, be they channels of one
//! pixel or of several. Refuses more output channels than input channels, and filters of more than 64 taps.

use core::arch::x86_64::{
    __m512i, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_mask_storeu_epi8, _mm512_unpackhi_epi8,
    _mm512_unpackhi_epi16, _mm512_unpacklo_epi8, _mm512_unpacklo_epi16,
};

use super::flip::first;
use super::requantize::{Lanes, factor, interleave};
use super::rows::{row_len, span, tap_offset, write_row};
use super::{Avx512Vnni, BYTES, LANES};
use crate::params::{DepthwiseConv2d, Requant};

/// Most taps of a filter.
const TAPS: usize = 64;

/// Blocks that channels and blocks may take to come out even.
const EVEN_BLOCKS: usize = 32;

/// Whether [`depthwise_conv2d`] runs this shape.
#[must_use]
pub const fn depthwise_conv2d_takes(p: &DepthwiseConv2d) -> bool {
    p.multiplier == 1 && p.channels > 0 && taps(p) <= TAPS
}

const fn taps(p: &DepthwiseConv2d) -> usize {
    p.window.filter_h * p.window.filter_w
}

const fn quads(p: &DepthwiseConv2d) -> usize {
    taps(p).div_ceil(4)
}

/// Pixels after which blocks of sixty-four elements meet the same channels again: until pixels and blocks come out even,
/// or one, whose last block is not full.
const fn period(p: &DepthwiseConv2d) -> usize {
    let divisor = 1 << p.channels.trailing_zeros();
    let divisor = if divisor > BYTES { BYTES } else { divisor };
    if p.channels / divisor <= EVEN_BLOCKS { BYTES / divisor } else { 1 }
}

const fn blocks(p: &DepthwiseConv2d) -> usize {
    (period(p) * p.channels).div_ceil(BYTES)
}

/// Number of [`Lanes`].
#[must_use]
pub const fn depthwise_conv2d_lanes(p: &DepthwiseConv2d) -> usize {
    4 * blocks(p)
}

/// Length of the packed weights.
#[must_use]
pub const fn depthwise_conv2d_packed(p: &DepthwiseConv2d) -> usize {
    4 * blocks(p) * quads(p)
}

/// Bytes of scratch.
#[must_use]
pub const fn depthwise_conv2d_scratch(p: &DepthwiseConv2d) -> usize {
    // A block may begin in the last bytes of the last row.
    span(p) * row_len(p) + BYTES
}

/// The element of a block that lane `lane` of its register number `part` computes, as interleaving leaves them.
const fn element(part: usize, lane: usize) -> usize {
    16 * (lane / 4) + 4 * part + lane % 4
}

/// Lays weights `[channels, taps]` as blocks of sixty-four elements, four taps of each side by side. `folded_bias` comes
/// from [`fold_input_offset`](crate::optimized::fold_input_offset); `requant` has one entry a channel, or one for all.
pub fn pack_depthwise_conv2d(
    p: &DepthwiseConv2d,
    weights: &[i8],
    folded_bias: &[i32],
    requant: &[Requant],
    packed: &mut [[i8; BYTES]],
    lanes: &mut [Lanes],
) {
    let (taps, quads) = (taps(p), quads(p));
    let channel = |block: usize, part: usize, lane: usize| {
        let element = block * BYTES + element(part, lane);
        (element < period(p) * p.channels).then_some(element % p.channels)
    };
    let packed = packed[..depthwise_conv2d_packed(p)].chunks_exact_mut(4 * quads);
    let lanes = lanes[..depthwise_conv2d_lanes(p)].chunks_exact_mut(4);
    for (block, (packed, lanes)) in packed.zip(lanes).enumerate() {
        for (i, packed) in packed.iter_mut().enumerate() {
            let weight = |byte: usize| {
                let tap = i / 4 * 4 + byte % 4;
                let channel = channel(block, i % 4, byte / 4).filter(|_| tap < taps);
                channel.map_or(0, |channel| weights[channel * taps + tap])
            };
            *packed = core::array::from_fn(weight);
        }
        for (part, lanes) in lanes.iter_mut().enumerate() {
            *lanes = Lanes::ZERO;
            for lane in 0..LANES {
                let Some(channel) = channel(block, part, lane) else { continue };
                let sum: i32 = weights[channel * taps..][..taps].iter().map(|&w| i32::from(w)).sum();
                let bias = folded_bias[channel].wrapping_sub(sum.wrapping_mul(128));
                lanes.set(lane, bias, factor(requant, channel), p.output_zero_point);
            }
        }
    }
}

/// Convolves each channel. `packed` and `lanes` come from [`pack_depthwise_conv2d`].
pub fn depthwise_conv2d(
    avx512: Avx512Vnni,
    p: &DepthwiseConv2d,
    input: &[i8],
    packed: &[[i8; BYTES]],
    lanes: &[Lanes],
    scratch: &mut [u8],
    output: &mut [i8],
) {
    let _ = avx512;
    // SAFETY: there is AVX-512 VNNI.
    unsafe { convolve(p, input, packed, lanes, scratch, output) }
}

/// # Safety
/// The processor has AVX-512 VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn convolve(
    p: &DepthwiseConv2d,
    input: &[i8],
    packed: &[[i8; BYTES]],
    lanes: &[Lanes],
    scratch: &mut [u8],
    output: &mut [i8],
) {
    let (w, quads, row_len) = (&p.window, quads(p), row_len(p));
    let image_len = w.input_h * w.input_w * p.channels;
    let output_row = w.output_w * p.channels;
    let scratch = &mut scratch[..depthwise_conv2d_scratch(p)];
    for batch in 0..p.batches {
        let image = &input[batch * image_len..][..image_len];
        let mut written = 0;
        for out_y in 0..w.output_h {
            let needed = out_y * w.stride_h..out_y * w.stride_h + span(p);
            for number in needed.start.max(written)..needed.end {
                write_row(p, image, number, &mut scratch[number % span(p) * row_len..][..row_len]);
            }
            written = needed.end;
            // Places without a tap meet weights of 0.
            let mut offsets = [0; TAPS];
            for (tap, offset) in offsets[..taps(p)].iter_mut().enumerate() {
                *offset = tap_offset(p, out_y, tap);
            }
            let offsets = &offsets.as_chunks().0[..quads];
            let output = &mut output[(batch * w.output_h + out_y) * output_row..][..output_row];
            for pixel in (0..w.output_w).step_by(period(p)) {
                let (start, end) = (pixel * p.channels, output_row.min((pixel + period(p)) * p.channels));
                for (block, at) in (start..end).step_by(BYTES).enumerate() {
                    let weights = &packed[block * 4 * quads..][..4 * quads];
                    let lanes = &lanes[block * 4..][..4];
                    let sums = sums(weights.as_chunks().0, lanes, offsets, &scratch[at..]);
                    let mut words = sums;
                    for part in 0..4 {
                        words[part] = lanes[part].finish(sums[part]);
                    }
                    let output = &mut output[at..end];
                    let bytes = interleave(words, p.activation);
                    // SAFETY: the mask names bytes of the output.
                    unsafe { _mm512_mask_storeu_epi8(output.as_mut_ptr(), first(output.len()), bytes) };
                }
            }
        }
    }
}

/// The sums of one block, whose taps lie at `offsets` of `inputs`.
///
/// # Safety
/// The processor has AVX-512 VNNI.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn sums(weights: &[[[i8; BYTES]; 4]], lanes: &[Lanes], offsets: &[[usize; 4]], inputs: &[u8]) -> [__m512i; 4] {
    let mut sums = [lanes[0].begin(), lanes[1].begin(), lanes[2].begin(), lanes[3].begin()];
    for (weights, offsets) in weights.iter().zip(offsets) {
        let (first, second) = (load(inputs, offsets[0]), load(inputs, offsets[1]));
        let (third, fourth) = (load(inputs, offsets[2]), load(inputs, offsets[3]));
        let low = [_mm512_unpacklo_epi8(first, second), _mm512_unpacklo_epi8(third, fourth)];
        let high = [_mm512_unpackhi_epi8(first, second), _mm512_unpackhi_epi8(third, fourth)];
        let taps = [
            _mm512_unpacklo_epi16(low[0], low[1]),
            _mm512_unpackhi_epi16(low[0], low[1]),
            _mm512_unpacklo_epi16(high[0], high[1]),
            _mm512_unpackhi_epi16(high[0], high[1]),
        ];
        for part in 0..4 {
            // SAFETY: 64 bytes of the array are read, at any alignment.
            let weights = unsafe { _mm512_loadu_si512(weights[part].as_ptr().cast()) };
            sums[part] = _mm512_dpbusd_epi32(sums[part], taps[part], weights);
        }
    }
    sums
}

/// # Safety
/// The processor has AVX-512.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn load(inputs: &[u8], offset: usize) -> __m512i {
    let bytes: &[u8] = &inputs[offset..][..BYTES];
    // SAFETY: 64 bytes are read, at any alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}
