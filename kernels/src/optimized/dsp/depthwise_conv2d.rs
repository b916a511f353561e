//! Depthwise convolution with a 3x3 filter, four channels at a time. Refuses other filters, dilation, multipliers and
//! fewer than four channels.
//!
//! Rows of the input are paired: of each column and channel one word holds rows 0 and 1 of a window, one rows 2 and 3.
//! At a vertical stride of 1 these four rows are what two output rows read, six products an instruction pair:
//!
//! ```text
//! upper output   r0 w0 + r1 w1   r2 w2              words (r0, r1), (r2, r3) and weights (w0, w1), (w1, w2)
//! lower output           r1 w0   r2 w1 + r3 w2
//! ```

use super::columns::{COLUMN, Rows, TwoRows, pair_rows, two_rows};
use super::requantize::{Rescale, clamp_all};
use super::simd::{smlabt, smlad, sxtb16, sxtb16_odd};
use crate::params::{DepthwiseConv2d, Requant};

/// Channels of a block.
const BLOCK: usize = 4;

/// Whether [`depthwise_conv2d`] runs this shape.
#[must_use]
pub const fn depthwise_conv2d_takes(p: &DepthwiseConv2d) -> bool {
    let w = &p.window;
    let plain = w.dilation_h == 1 && w.dilation_w == 1 && p.multiplier == 1;
    plain && w.filter_h == 3 && w.filter_w == 3 && p.channels >= BLOCK
}

/// Words of packed weights: one a filter column.
#[must_use]
pub const fn depthwise_conv2d_packed(p: &DepthwiseConv2d) -> usize {
    3 * p.channels
}

/// Packs weights `[1, 3, 3, channels]`: of each channel and column the bytes `w0 w1 w1 w2`, so that widening the even
/// ones gives `(w0, w1)` and the odd ones `(w1, w2)`. Runs on the host.
pub fn pack_depthwise_conv2d(p: &DepthwiseConv2d, weights: &[i8], packed: &mut [u32]) {
    for (i, word) in packed[..depthwise_conv2d_packed(p)].iter_mut().enumerate() {
        let (channel, column) = (i / 3, i % 3);
        let tap = |row: usize| weights[(3 * row + column) * p.channels + channel] as u8;
        *word = u32::from_le_bytes([tap(0), tap(1), tap(1), tap(2)]);
    }
}

/// Words of scratch: the columns under one row of windows.
#[must_use]
pub const fn depthwise_conv2d_scratch(p: &DepthwiseConv2d) -> usize {
    COLUMN * columns(p)
}

/// Convolves. `weights` come from [`pack_depthwise_conv2d`]; `folded_bias` is the bias less the input's zero point times
/// the channel's weights; `requant` has one entry a channel, and [`is_exact`](super::is_exact) holds.
#[inline(never)]
pub fn depthwise_conv2d(
    p: &DepthwiseConv2d,
    input: &[i8],
    weights: &[u32],
    folded_bias: &[i32],
    requant: &[Requant],
    scratch: &mut [u32],
    output: &mut [i8],
) {
    let w = &p.window;
    let columns = &mut scratch[..COLUMN * columns(p)];
    let (image_len, row_len) = (w.input_h * w.input_w * p.channels, w.output_w * p.channels);
    let output = &mut output[..p.batches * w.output_h * row_len];
    let images = input[..p.batches * image_len].chunks_exact(image_len);
    for (image, output) in images.zip(output.chunks_exact_mut(w.output_h * row_len)) {
        let mut first = 0;
        loop {
            let facts: [Facts; BLOCK] = core::array::from_fn(|i| Facts {
                weights: &weights.as_chunks().0[first + i],
                bias: folded_bias[first + i],
                rescale: Rescale::new(requant[first + i], p.output_zero_point),
            });
            let mut y = 0;
            while y < w.output_h {
                let pair = w.stride_h == 1 && w.stride_w == 1 && y + 1 < w.output_h;
                pack_columns(p, image, y, first, columns);
                let rows = &mut output[y * row_len..];
                for (i, facts) in facts.iter().enumerate() {
                    if pair {
                        assert!(rows.len() >= 2 * row_len);
                        let columns = columns[2 * i..].as_ptr();
                        let task = TwoRows {
                            columns,
                            output: rows[first + i..].as_mut_ptr(),
                            bias: facts.bias,
                            rescale: facts.rescale,
                            row_len,
                            channels: p.channels,
                            end: columns.wrapping_add(COLUMN * w.output_w),
                            weights: facts.weights.as_ptr(),
                        };
                        // SAFETY: two rows are left, and `columns` has two columns more than the output.
                        unsafe { two_rows(&task) };
                    } else {
                        one_row(p, &columns[2 * i..], facts, &mut rows[first + i..]);
                    }
                }
                y += if pair { 2 } else { 1 };
            }
            // The last block ends with the last channel; channels that it shares with the block before are computed twice.
            if first + BLOCK == p.channels {
                break;
            }
            first = (first + BLOCK).min(p.channels - BLOCK);
        }
    }
    clamp_all(output, p.activation.min, p.activation.max);
}

/// What is known of one channel.
struct Facts<'a> {
    weights: &'a [u32; 3],
    bias: i32,
    rescale: Rescale,
}

/// Columns under one row of windows, padding included.
const fn columns(p: &DepthwiseConv2d) -> usize {
    (p.window.output_w - 1) * p.window.stride_w + 3
}

/// Pairs up the four input rows from where output row `out_y` begins, for four channels from `channel`.
#[inline(never)]
fn pack_columns(p: &DepthwiseConv2d, image: &[i8], out_y: usize, channel: usize, columns: &mut [u32]) {
    let w = &p.window;
    let zeros = u32::from(p.input_zero_point as u8) * 0x0101_0101;
    let padding = zeros.to_le_bytes();
    let mut steps = [p.channels; 4];
    let rows: [*const i8; 4] = core::array::from_fn(|i| {
        let in_y = (out_y * w.stride_h + i).wrapping_sub(w.pad_top);
        if in_y < w.input_h {
            image[in_y * w.input_w * p.channels..(in_y + 1) * w.input_w * p.channels][channel..].as_ptr()
        } else {
            // A row of padding is one word that is read again and again.
            steps[i] = 0;
            padding.as_ptr().cast()
        }
    });
    let columns = columns.as_chunks_mut::<COLUMN>().0;
    let left = w.pad_left.min(columns.len());
    let (before, columns) = columns.split_at_mut(left);
    let (inside, after) = columns.split_at_mut(w.input_w.min(columns.len()));
    let zero = sxtb16(zeros);
    before.iter_mut().chain(after).for_each(|column| *column = [zero; COLUMN]);
    if inside.is_empty() {
        return;
    }
    let inside = inside.as_flattened_mut();
    let columns = inside.as_mut_ptr();
    let task = Rows { rows, columns, steps, end: columns.wrapping_add(inside.len()) };
    // SAFETY: a row has `input_w` pixels of `channels` elements, and `channel` is at most four from their end.
    unsafe { pair_rows(&task) };
}

/// One output row of one channel.
#[inline(never)]
fn one_row(p: &DepthwiseConv2d, columns: &[u32], facts: &Facts<'_>, output: &mut [i8]) {
    let w = &p.window;
    assert!(columns.len() >= COLUMN * ((w.output_w - 1) * w.stride_w + 2) + 2);
    assert!(output.len() > (w.output_w - 1) * p.channels);
    let (first, second) = (facts.weights.map(sxtb16), facts.weights.map(sxtb16_odd));
    let (mut column, mut out) = (columns.as_ptr(), output.as_mut_ptr());
    for _ in 0..w.output_w {
        let mut sum = facts.bias;
        for i in 0..3 {
            // SAFETY: within the length that was asserted.
            let (above, below) = unsafe { (*column.add(COLUMN * i), *column.add(COLUMN * i + 1)) };
            sum = smlabt(below, second[i], smlad(above, first[i], sum));
        }
        // SAFETY: within the length that was asserted.
        unsafe { out.write(facts.rescale.apply(sum)) };
        column = column.wrapping_add(COLUMN * w.stride_w);
        out = out.wrapping_add(p.channels);
    }
}
