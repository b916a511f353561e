//! Convolution, and with it a fully connected layer: patches gathered as unsigned bytes, a strip of them at a time, then
//! up to six patches beside sixty-four channels. Refuses groups.

use core::arch::x86_64::{
    __m512i, _mm_mask_storeu_epi8, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_si512,
};

use super::flip::{first, flip, flip_rows, flipped};
use super::requantize::{Lanes, factor, narrow};
use super::{Avx512Vnni, BYTES, LANES};
use crate::params::{Clamp, Conv2d, Requant};
use crate::shape::tap_range;

/// Patches that are multiplied side by side.
const PATCHES: usize = 6;

/// Patches that are gathered at a time.
const STRIP: usize = 8 * PATCHES;

/// Whether [`conv2d`] runs this shape: without groups.
#[must_use]
pub const fn conv2d_takes(p: &Conv2d) -> bool {
    p.filter_channels == p.input_channels
}

const fn taps(p: &Conv2d) -> usize {
    p.window.filter_h * p.window.filter_w * p.filter_channels
}

const fn quads(p: &Conv2d) -> usize {
    taps(p).div_ceil(4)
}

/// Whether every pixel is its own window.
const fn is_pointwise(p: &Conv2d) -> bool {
    let w = &p.window;
    w.filter_h * w.filter_w * w.stride_h * w.stride_w == 1
        && w.output_h == w.input_h
        && w.output_w == w.input_w
        && w.pad_top + w.pad_left == 0
}

/// Number of [`Lanes`]: blocks of sixteen channels.
#[must_use]
pub const fn conv2d_lanes(p: &Conv2d) -> usize {
    p.output_channels.div_ceil(LANES)
}

/// Length of the packed weights.
#[must_use]
pub const fn conv2d_packed(p: &Conv2d) -> usize {
    conv2d_lanes(p) * quads(p)
}

/// Length of the scratch: four taps each, and room for a register behind the last.
#[must_use]
pub const fn conv2d_scratch(p: &Conv2d) -> usize {
    STRIP * quads(p) + BYTES / 4
}

/// Lays filters `[output_channels, taps]` as blocks of sixteen channels, four taps of each side by side. `folded_bias`
/// comes from [`fold_input_offset`](crate::optimized::fold_input_offset); `requant` has one entry an output channel, or
/// one for all.
pub fn pack_conv2d(
    p: &Conv2d,
    weights: &[i8],
    folded_bias: &[i32],
    requant: &[Requant],
    packed: &mut [[i8; BYTES]],
    lanes: &mut [Lanes],
) {
    let (taps, quads) = (taps(p), quads(p));
    let at = |channel: usize, tap: usize| {
        if channel < p.output_channels && tap < taps { weights[channel * taps + tap] } else { 0 }
    };
    for (block, packed) in packed[..conv2d_packed(p)].chunks_exact_mut(quads).enumerate() {
        for (quad, packed) in packed.iter_mut().enumerate() {
            *packed = core::array::from_fn(|i| at(block * LANES + i / 4, 4 * quad + i % 4));
        }
    }
    lanes[..conv2d_lanes(p)].fill(Lanes::ZERO);
    for channel in 0..p.output_channels {
        let sum: i32 = weights[channel * taps..][..taps].iter().map(|&w| i32::from(w)).sum();
        let bias = folded_bias[channel].wrapping_sub(sum.wrapping_mul(128));
        lanes[channel / LANES].set(channel % LANES, bias, factor(requant, channel), p.output_zero_point);
    }
}

/// Convolves. `packed` and `lanes` come from [`pack_conv2d`].
pub fn conv2d(
    avx512: Avx512Vnni,
    p: &Conv2d,
    input: &[i8],
    packed: &[[i8; BYTES]],
    lanes: &[Lanes],
    scratch: &mut [[u8; 4]],
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
    p: &Conv2d,
    input: &[i8],
    packed: &[[i8; BYTES]],
    lanes: &[Lanes],
    scratch: &mut [[u8; 4]],
    output: &mut [i8],
) {
    let (w, quads) = (&p.window, quads(p));
    let pixels = p.batches * w.output_h * w.output_w;
    let image_len = w.input_h * w.input_w * p.input_channels;
    // Patches without a gap between them are the input as it lies.
    let dense = is_pointwise(p) && 4 * quads == taps(p);
    let mut at = Pixel { image: 0, y: 0, x: 0 };
    for start in (0..pixels).step_by(STRIP) {
        let strip = STRIP.min(pixels - start);
        if dense {
            let taps = strip * taps(p);
            flip(&input[start * self::taps(p)..][..taps], scratch.as_flattened_mut());
        } else {
            // In this order: a patch may run over into the next.
            for n in 0..strip {
                let image = &input[at.image * image_len..][..image_len];
                gather(p, image, at.y, at.x, scratch[n * quads..].as_flattened_mut());
                at = at.next(w.output_h, w.output_w);
            }
        }
        let patches = &scratch[..strip * quads];
        let output = &mut output[start * p.output_channels..][..strip * p.output_channels];
        let mut block = 0;
        while block < lanes.len() {
            let task = |blocks: usize| Task {
                first: block,
                weights: &packed[block * quads..(block + blocks) * quads],
                lanes: &lanes[block..block + blocks],
                quads,
                clamp: p.activation,
                channels: p.output_channels,
            };
            // A few patches leave registers for more channels.
            block += match lanes.len() - block {
                8.. if strip == 1 => task(8).patches::<8, 1>(patches, output),
                4.. => task(4).strip::<4>(patches, output),
                2.. => task(2).strip::<2>(patches, output),
                _ => task(1).strip::<1>(patches, output),
            };
        }
    }
}

/// A pixel of the output. Counted up, for dividing takes long.
#[derive(Clone, Copy)]
struct Pixel {
    image: usize,
    y: usize,
    x: usize,
}

impl Pixel {
    fn next(self, height: usize, width: usize) -> Pixel {
        match self {
            Pixel { image, y, x } if x + 1 < width => Pixel { image, y, x: x + 1 },
            Pixel { image, y, .. } if y + 1 < height => Pixel { image, y: y + 1, x: 0 },
            Pixel { image, .. } => Pixel { image: image + 1, y: 0, x: 0 },
        }
    }
}

/// Whether all taps of a window fall on the input.
const fn is_inside(window: usize, stride: usize, filter: usize, dilation: usize, pad: usize, input: usize) -> bool {
    window * stride >= pad && window * stride + (filter - 1) * dilation < pad + input
}

/// Filters of some blocks of sixteen channels.
struct Task<'a> {
    /// Number of the first block.
    first: usize,
    /// Block by block, four taps of sixteen channels each.
    weights: &'a [[i8; BYTES]],
    lanes: &'a [Lanes],
    /// Four taps each.
    quads: usize,
    clamp: Clamp,
    /// Channels of the output.
    channels: usize,
}

impl Task<'_> {
    /// All patches of a strip; answers the number of blocks.
    ///
    /// # Safety
    /// The processor has AVX-512 VNNI.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn strip<const BLOCKS: usize>(&self, patches: &[[u8; 4]], output: &mut [i8]) -> usize {
        let mut groups = patches.chunks_exact(PATCHES * self.quads);
        let mut outputs = output.chunks_exact_mut(PATCHES * self.channels);
        for (group, output) in (&mut groups).zip(&mut outputs) {
            self.patches::<BLOCKS, PATCHES>(group, output);
        }
        let (rest, output) = (groups.remainder(), outputs.into_remainder());
        match rest.len() / self.quads {
            0 => BLOCKS,
            1 => self.patches::<BLOCKS, 1>(rest, output),
            2 => self.patches::<BLOCKS, 2>(rest, output),
            3 => self.patches::<BLOCKS, 3>(rest, output),
            4 => self.patches::<BLOCKS, 4>(rest, output),
            _ => self.patches::<BLOCKS, 5>(rest, output),
        }
    }

    /// The outputs of `N` patches, for `BLOCKS` blocks; answers that number.
    ///
    /// # Safety
    /// The processor has AVX-512 VNNI.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn patches<const BLOCKS: usize, const N: usize>(&self, patches: &[[u8; 4]], output: &mut [i8]) -> usize {
        let quads = self.quads;
        assert!(self.weights.len() == BLOCKS * quads && self.lanes.len() == BLOCKS && patches.len() == N * quads);
        let mut sums = [[_mm512_setzero_si512(); BLOCKS]; N];
        for sums in &mut sums {
            for (sum, lanes) in sums.iter_mut().zip(self.lanes) {
                *sum = lanes.begin();
            }
        }
        for quad in 0..quads {
            // Loops, not closures: these would not be compiled for the instructions that they are called between.
            let mut filters = [_mm512_setzero_si512(); BLOCKS];
            for (block, filter) in filters.iter_mut().enumerate() {
                // SAFETY: every block has `quads` times 64 bytes.
                *filter = unsafe { load(self.weights.get_unchecked(block * quads + quad)) };
            }
            for (patch, sums) in sums.iter_mut().enumerate() {
                // SAFETY: every patch has `quads` times four taps.
                let taps = unsafe { *patches.get_unchecked(patch * quads + quad) };
                let taps = _mm512_set1_epi32(i32::from_le_bytes(taps));
                for block in 0..BLOCKS {
                    sums[block] = _mm512_dpbusd_epi32(sums[block], taps, filters[block]);
                }
            }
        }
        for (sums, pixel) in sums.iter().zip(output.chunks_exact_mut(self.channels)) {
            for block in 0..BLOCKS {
                let bytes = narrow(self.lanes[block].finish(sums[block]), self.clamp);
                let pixel = &mut pixel[(self.first + block) * LANES..];
                let mask = first(pixel.len().min(LANES)) as u16;
                // SAFETY: the mask names bytes of the pixel.
                unsafe { _mm_mask_storeu_epi8(pixel.as_mut_ptr(), mask, bytes) };
            }
        }
        BLOCKS
    }
}

/// # Safety
/// The processor has AVX-512.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn load(bytes: &[i8; BYTES]) -> __m512i {
    // SAFETY: 64 bytes of the array are read, at any alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// The inputs under a window, zero points where it is padded. What is behind them meets weights of 0, or is written later.
///
/// # Safety
/// The processor has AVX-512.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn gather(p: &Conv2d, image: &[i8], out_y: usize, out_x: usize, patch: &mut [u8]) {
    let (w, channels) = (&p.window, p.input_channels);
    let row_len = w.filter_w * channels;
    if w.dilation_w == 1
        && is_inside(out_y, w.stride_h, w.filter_h, w.dilation_h, w.pad_top, w.input_h)
        && is_inside(out_x, w.stride_w, w.filter_w, 1, w.pad_left, w.input_w)
    {
        let from = (out_y * w.stride_h - w.pad_top) * w.input_w + out_x * w.stride_w - w.pad_left;
        let step = w.dilation_h * w.input_w * channels;
        return flip_rows(&image[from * channels..], step, w.filter_h, row_len, patch);
    }
    let ys = tap_range(out_y, w.stride_h, w.filter_h, w.dilation_h, w.pad_top, w.input_h);
    let xs = tap_range(out_x, w.stride_w, w.filter_w, w.dilation_w, w.pad_left, w.input_w);
    patch[..taps(p)].fill(flipped(p.input_zero_point));
    if xs.0 == xs.1 {
        return;
    }
    for filter_y in ys.0..ys.1 {
        let y = out_y * w.stride_h + filter_y * w.dilation_h - w.pad_top;
        let row = &image[y * w.input_w * channels..][..w.input_w * channels];
        let to = &mut patch[filter_y * row_len..][..row_len];
        let from = (out_x * w.stride_w + xs.0 * w.dilation_w - w.pad_left) * channels;
        if w.dilation_w == 1 {
            let len = (xs.1 - xs.0) * channels;
            flip(&row[from..][..len], &mut to[xs.0 * channels..]);
        } else {
            for filter_x in xs.0..xs.1 {
                let from = from + (filter_x - xs.0) * w.dilation_w * channels;
                flip(&row[from..][..channels], &mut to[filter_x * channels..]);
            }
        }
    }
}
