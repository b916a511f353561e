//! Convolution, and with it a fully connected layer: patches gathered as 16-bit numbers, a strip of them at a time, then
//! four patches beside sixteen channels.

use super::Avx2;
use super::dots::{Block, PATCHES, load};
use super::requantize::{Factors, LANES, Range};
use crate::params::{Conv2d, Requant};
use crate::shape::tap_range;

/// Patches that are gathered at a time.
const STRIP: usize = 8 * PATCHES;

/// Whether [`conv2d`] runs this shape: without groups.
#[must_use]
pub const fn conv2d_takes(p: &Conv2d) -> bool {
    p.filter_channels == p.input_channels
}

const fn pairs(p: &Conv2d) -> usize {
    (p.window.filter_h * p.window.filter_w * p.filter_channels).div_ceil(2)
}

/// Length of the packed weights.
#[must_use]
pub const fn conv2d_packed(p: &Conv2d) -> usize {
    p.output_channels.div_ceil(LANES) * pairs(p)
}

/// Length of the scratch: pairs of taps.
#[must_use]
pub const fn conv2d_scratch(p: &Conv2d) -> usize {
    STRIP * pairs(p)
}

/// Lays filters `[output_channels, taps]` as blocks of eight channels, two taps of each side by side.
pub fn pack_conv2d(p: &Conv2d, weights: &[i8], packed: &mut [[i8; 16]]) {
    let (taps, pairs) = (p.window.filter_h * p.window.filter_w * p.filter_channels, pairs(p));
    let at = |channel: usize, tap: usize| {
        if channel < p.output_channels && tap < taps { weights[channel * taps + tap] } else { 0 }
    };
    for (block, packed) in packed[..conv2d_packed(p)].chunks_exact_mut(pairs).enumerate() {
        for (pair, packed) in packed.iter_mut().enumerate() {
            *packed = core::array::from_fn(|i| at(block * LANES + i / 2, 2 * pair + i % 2));
        }
    }
}

/// Convolves. `folded_bias` comes from [`fold_input_offset`](crate::optimized::fold_input_offset).
#[expect(clippy::too_many_arguments, reason = "the arguments of a kernel, and the processor")]
pub fn conv2d(
    avx2: Avx2,
    p: &Conv2d,
    input: &[i8],
    packed: &[[i8; 16]],
    folded_bias: &[i32],
    requant: &[Requant],
    scratch: &mut [[i16; 2]],
    output: &mut [i8],
) {
    let _ = avx2;
    // SAFETY: there is AVX2.
    unsafe { convolve(p, input, packed, folded_bias, requant, scratch, output) }
}

/// # Safety
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
fn convolve(
    p: &Conv2d,
    input: &[i8],
    packed: &[[i8; 16]],
    folded_bias: &[i32],
    requant: &[Requant],
    scratch: &mut [[i16; 2]],
    output: &mut [i8],
) {
    let (w, pairs) = (&p.window, pairs(p));
    let range = Range::of(p.output_zero_point, p.activation);
    let image_pixels = w.output_h * w.output_w;
    let pixels = p.batches * image_pixels;
    let image_len = w.input_h * w.input_w * p.input_channels;
    for start in (0..pixels).step_by(STRIP) {
        let strip = STRIP.min(pixels - start);
        for (n, patch) in scratch[..strip * pairs].chunks_exact_mut(pairs).enumerate() {
            let (image, at) = ((start + n) / image_pixels, (start + n) % image_pixels);
            let image = &input[image * image_len..][..image_len];
            gather(p, image, at / w.output_w, at % w.output_w, patch.as_flattened_mut());
        }
        let patches = &scratch[..strip * pairs];
        let output = &mut output[start * p.output_channels..][..strip * p.output_channels];
        let mut block = 0;
        while block * LANES < p.output_channels {
            // A few patches leave registers for more channels.
            if strip < PATCHES && (block + 3) * LANES < p.output_channels {
                multiply(p, &blocks::<4>(p, packed, folded_bias, requant, block), patches, &range, block, output);
                block += 4;
            } else if (block + 1) * LANES < p.output_channels {
                multiply(p, &blocks::<2>(p, packed, folded_bias, requant, block), patches, &range, block, output);
                block += 2;
            } else {
                multiply(p, &blocks::<1>(p, packed, folded_bias, requant, block), patches, &range, block, output);
                block += 1;
            }
        }
    }
}

/// `BLOCKS` blocks of eight channels from number `first` on.
///
/// # Safety
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
fn blocks<'a, const BLOCKS: usize>(
    p: &Conv2d,
    packed: &'a [[i8; 16]],
    folded_bias: &[i32],
    requant: &[Requant],
    first: usize,
) -> Block<'a, BLOCKS> {
    let pairs = pairs(p);
    let lanes = |block: usize| core::array::from_fn(|lane| (first + block) * LANES + lane);
    let bias = |channel: usize| if channel < p.output_channels { folded_bias[channel] } else { 0 };
    Block {
        weights: core::array::from_fn(|block| &packed[(first + block) * pairs..][..pairs]),
        bias: core::array::from_fn(|block| load(&lanes(block).map(bias))),
        factors: core::array::from_fn(|block| Factors::of(requant, p.output_channels, lanes(block))),
    }
}

/// Every patch of a strip with the filters of a block.
///
/// # Safety
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
fn multiply<const BLOCKS: usize>(
    p: &Conv2d,
    block: &Block<'_, BLOCKS>,
    patches: &[[i16; 2]],
    range: &Range,
    first: usize,
    output: &mut [i8],
) {
    let channels = first * LANES..p.output_channels.min((first + BLOCKS) * LANES);
    let pairs = block.weights[0].len();
    let mut pixels = output.chunks_exact_mut(p.output_channels);
    let mut store = |answers: &[[[i8; LANES]; BLOCKS]]| {
        for (answer, pixel) in answers.iter().zip(&mut pixels) {
            for (answer, pixel) in answer.iter().zip(pixel[channels.clone()].chunks_mut(LANES)) {
                match pixel.first_chunk_mut() {
                    Some(pixel) => *pixel = *answer,
                    None => pixel.copy_from_slice(&answer[..pixel.len()]),
                }
            }
        }
    };
    let mut groups = patches.chunks_exact(PATCHES * pairs);
    for group in &mut groups {
        let group: [&[[i16; 2]]; PATCHES] = core::array::from_fn(|n| &group[n * pairs..][..pairs]);
        store(&block.dots(group, range));
    }
    for patch in groups.remainder().chunks_exact(pairs) {
        store(&block.dots([patch], range));
    }
}

/// The inputs under a window, zero points where it is padded, and a zero behind an odd number of them.
fn gather(p: &Conv2d, image: &[i8], out_y: usize, out_x: usize, patch: &mut [i16]) {
    let w = &p.window;
    let row_len = w.filter_w * p.filter_channels;
    let (used, rest) = patch.split_at_mut(w.filter_h * row_len);
    rest.fill(0);
    let ys = tap_range(out_y, w.stride_h, w.filter_h, w.dilation_h, w.pad_top, w.input_h);
    let xs = tap_range(out_x, w.stride_w, w.filter_w, w.dilation_w, w.pad_left, w.input_w);
    if ys.1 - ys.0 < w.filter_h || xs.1 - xs.0 < w.filter_w {
        used.fill(p.input_zero_point as i16);
    }
    let copy = |from: &[i8], to: &mut [i16]| to.iter_mut().zip(from).for_each(|(to, &x)| *to = i16::from(x));
    let channels = p.input_channels;
    if xs.0 == xs.1 {
        return;
    }
    for filter_y in ys.0..ys.1 {
        let y = out_y * w.stride_h + filter_y * w.dilation_h - w.pad_top;
        let row = &image[y * w.input_w * channels..][..w.input_w * channels];
        let to = &mut used[filter_y * row_len..][..row_len];
        let x = |filter_x: usize| out_x * w.stride_w + filter_x * w.dilation_w - w.pad_left;
        if w.dilation_w == 1 {
            let len = (xs.1 - xs.0) * channels;
            copy(&row[x(xs.0) * channels..][..len], &mut to[xs.0 * channels..][..len]);
        } else {
            for filter_x in xs.0..xs.1 {
                copy(&row[x(filter_x) * channels..][..channels], &mut to[filter_x * channels..][..channels]);
            }
        }
    }
}
