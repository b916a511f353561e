//! Depthwise convolution with any filter, four channels at a time, one tap after the other. Refuses multipliers and
//! fewer than four channels.

use super::bits::Bits;
use super::dots::{AddTaps, Taps};
use super::requantize::{Rescale, clamp_all};
use super::single::Finish;
use crate::params::{Channel, DepthwiseConv2d, Window2d};
use crate::shape::tap_range;

/// Channels of a block.
const BLOCK: usize = 4;

/// Whether [`depthwise_taps`] runs this shape.
#[must_use]
pub const fn depthwise_taps_takes(p: &DepthwiseConv2d) -> bool {
    p.multiplier == 1 && p.channels >= BLOCK
}

/// Words of packed weights: one a tap and block of channels.
#[must_use]
pub const fn depthwise_taps_packed(p: &DepthwiseConv2d) -> usize {
    p.channels.div_ceil(BLOCK) * p.window.filter_h * p.window.filter_w
}

/// Packs weights `[channels, filter_h, filter_w]`: block by block, of each tap the four channels. Runs on the host.
pub fn pack_depthwise_taps(p: &DepthwiseConv2d, weights: &[i8], packed: &mut [u32]) {
    let taps = p.window.filter_h * p.window.filter_w;
    for (block, words) in packed[..depthwise_taps_packed(p)].chunks_exact_mut(taps).enumerate() {
        let first = first_of_block(p, block);
        for (tap, word) in words.iter_mut().enumerate() {
            *word = u32::from_le_bytes([0, 1, 2, 3].map(|i| weights[(first + i) * taps + tap] as u8));
        }
    }
}

/// Convolves. `weights` come from [`pack_depthwise_taps`]; each channel has its bias less the input's zero point times its
/// weights, and its factor, and [`is_exact`](super::is_exact) holds.
#[inline(never)]
pub fn depthwise_taps(p: &DepthwiseConv2d, input: &[i8], weights: &[u32], channels: &[Channel], output: &mut [i8]) {
    // One copy for all layers: constants would pay in few places, and cost flash in each.
    let p = core::hint::black_box(p);
    let factor = |channel: usize| Rescale::new(channels[channel].requant(), p.output_zero_point);
    convolve(p, input, weights, |channel| channels[channel].bias(), factor, output);
    let output_len = p.batches * p.window.output_h * p.window.output_w * p.channels;
    clamp_all(&mut output[..output_len], p.activation.min, p.activation.max);
}

/// Convolves. Each sum begins with the bias of its channel and is finished by its factor.
#[inline(always)]
pub(super) fn convolve<X: Bits, F: Finish<X>>(
    p: &DepthwiseConv2d,
    input: &[X],
    weights: &[u32],
    bias: impl Fn(usize) -> i32,
    factor: impl Fn(usize) -> F,
    output: &mut [X],
) {
    let w = &p.window;
    let taps = w.filter_h * w.filter_w;
    let image_len = w.input_h * w.input_w * p.channels;
    let output_len = w.output_h * w.output_w * p.channels;
    let output = &mut output[..p.batches * output_len];
    let images = X::bits(input)[..p.batches * image_len].chunks_exact(image_len);
    for (image, output) in images.zip(output.chunks_exact_mut(output_len)) {
        for (block, weights) in weights[..depthwise_taps_packed(p)].chunks_exact(taps).enumerate() {
            let first = first_of_block(p, block);
            let factors: [F; BLOCK] = core::array::from_fn(|i| factor(first + i));
            let bias: [i32; BLOCK] = core::array::from_fn(|i| bias(first + i));
            for (pixel, out) in output.chunks_exact_mut(p.channels).enumerate() {
                let origin = (pixel / w.output_w * w.stride_h, pixel % w.output_w * w.stride_w);
                let sums = sum_window(p, X::ADD_TAPS, &image[first..], weights, origin, bias);
                for ((out, factor), sum) in out[first..first + BLOCK].iter_mut().zip(factors).zip(sums) {
                    *out = factor.finish(sum);
                }
            }
        }
    }
}

/// The first channel of block number `block`; the last block ends with the last channel.
fn first_of_block(p: &DepthwiseConv2d, block: usize) -> usize {
    (BLOCK * block).min(p.channels - BLOCK)
}

/// Sums of a block under the window that begins at row and column `y`, `x` of the padded image. `image` begins with the
/// block's first channel.
#[inline(always)]
fn sum_window(
    p: &DepthwiseConv2d,
    add_taps: AddTaps,
    image: &[i8],
    weights: &[u32],
    (y, x): (usize, usize),
    sums: [i32; BLOCK],
) -> [i32; BLOCK] {
    let w = &p.window;
    let (span_h, span_w) = ((w.filter_h - 1) * w.dilation_h, (w.filter_w - 1) * w.dilation_w);
    let (in_y, in_x) = (y.wrapping_sub(w.pad_top), x.wrapping_sub(w.pad_left));
    let inside = y >= w.pad_top && x >= w.pad_left && in_y + span_h < w.input_h && in_x + span_w < w.input_w;
    if !inside {
        return sum_border_window(p, add_taps, image, weights, (y, x), sums);
    }
    let last = ((in_y + span_h) * w.input_w + in_x + span_w) * p.channels;
    let image = &image[(in_y * w.input_w + in_x) * p.channels..last + BLOCK];
    let x_step = w.dilation_w * p.channels;
    let mut task = Taps {
        x: image.as_ptr(),
        weights: weights.as_ptr(),
        columns: w.filter_w,
        rows: w.filter_h,
        x_step,
        row_step: (w.dilation_h * w.input_w * p.channels).wrapping_sub(w.filter_w * x_step),
        weights_step: 0,
        sums,
    };
    // SAFETY: the image was sliced from the first tap to the last, and the block has weights for all taps.
    unsafe { add_taps(&mut task) };
    task.sums
}

/// The same where some taps fall on padding: those see the input's zero point.
#[inline(never)]
fn sum_border_window(
    p: &DepthwiseConv2d,
    add_taps: AddTaps,
    image: &[i8],
    weights: &[u32],
    (y, x): (usize, usize),
    mut sums: [i32; BLOCK],
) -> [i32; BLOCK] {
    let w = &p.window;
    let (top, bottom) = tap_range(y, 1, w.filter_h, w.dilation_h, w.pad_top, w.input_h);
    let (left, right) = tap_range(x, 1, w.filter_w, w.dilation_w, w.pad_left, w.input_w);
    let (height, width) = (w.filter_h, w.filter_w);
    let padding = [p.input_zero_point as i8; BLOCK];
    // Above, below, left, right of the taps inside.
    let outside = [(0, top, 0, width), (bottom, height, 0, width), (top, bottom, 0, left), (top, bottom, right, width)];
    for (first_y, end_y, first_x, end_x) in outside {
        add_rectangle(w, add_taps, weights, (first_y, end_y, first_x, end_x), &padding, (0, 0), &mut sums);
    }
    if top < bottom && left < right {
        let (in_y, in_x) = (y + top * w.dilation_h - w.pad_top, x + left * w.dilation_w - w.pad_left);
        let (row, column) = (w.dilation_h * w.input_w * p.channels, w.dilation_w * p.channels);
        let last = (bottom - top - 1) * row + (right - left - 1) * column;
        let inside = &image[(in_y * w.input_w + in_x) * p.channels..][..last + BLOCK];
        let row_step = row.wrapping_sub((right - left) * column);
        add_rectangle(w, add_taps, weights, (top, bottom, left, right), inside, (column, row_step), &mut sums);
    }
    sums
}

/// Adds the products of the taps of some rows and columns; `x` goes from the first to the last in `steps`, which are
/// those of [`Taps`].
fn add_rectangle(
    w: &Window2d,
    add_taps: AddTaps,
    weights: &[u32],
    (first_y, end_y, first_x, end_x): (usize, usize, usize, usize),
    x: &[i8],
    (x_step, row_step): (usize, usize),
    sums: &mut [i32; BLOCK],
) {
    if first_y >= end_y || first_x >= end_x {
        return;
    }
    let columns = end_x - first_x;
    let mut task = Taps {
        x: x.as_ptr(),
        weights: weights[first_y * w.filter_w + first_x..(end_y - 1) * w.filter_w + end_x].as_ptr(),
        columns,
        rows: end_y - first_y,
        x_step,
        row_step,
        weights_step: 4 * (w.filter_w - columns),
        sums: *sums,
    };
    // SAFETY: the weights were sliced from the first tap to the last, and the caller's elements are for those.
    unsafe { add_taps(&mut task) };
    *sums = task.sums;
}
