//! Depthwise convolution with a 3x3 filter, four channels at a time. Refuses other filters, dilation and multipliers.
//!
//! Rows of the input are paired: of each column and channel one word holds rows 0 and 1 of a window, one rows 2 and 3.
//! At a vertical stride of 1 these four rows are what two output rows read, six products an instruction pair:
//!
//! ```text
//! upper output   r0 w0 + r1 w1   r2 w2              words (r0, r1), (r2, r3) and weights (w0, w1), (w1, w2)
//! lower output           r1 w0   r2 w1 + r3 w2
//! ```

use super::columns::{COLUMN, OutputRows, Rows, one_row, pair_rows, two_rows};
use super::requantize::{Rescale, clamp_all};
use super::simd::sxtb16;
use crate::params::{Channel, DepthwiseConv2d};

/// Channels of a block.
const BLOCK: usize = 4;

/// Whether [`depthwise_conv2d`] runs this shape.
#[must_use]
pub const fn depthwise_conv2d_takes(p: &DepthwiseConv2d) -> bool {
    let w = &p.window;
    let plain = w.dilation_h == 1 && w.dilation_w == 1 && p.multiplier == 1;
    plain && w.filter_h == 3 && w.filter_w == 3
}

/// Bytes of packed weights: nine a channel, and one that is read behind the last.
#[must_use]
pub const fn depthwise_conv2d_packed(p: &DepthwiseConv2d) -> usize {
    9 * p.channels + 1
}

/// Packs weights `[channels, 3, 3]`, filter columns one after the other. Runs on the host.
pub fn pack_depthwise_conv2d(p: &DepthwiseConv2d, weights: &[i8], packed: &mut [i8]) {
    let (packed, behind) = packed[..depthwise_conv2d_packed(p)].split_at_mut(9 * p.channels);
    for (filter, columns) in weights.chunks_exact(9).zip(packed.chunks_exact_mut(9)) {
        for (i, tap) in columns.iter_mut().enumerate() {
            *tap = filter[i % 3 * 3 + i / 3];
        }
    }
    behind.fill(0);
}

/// Words of scratch: the columns under one row of windows, and for fewer than four channels the image's last row, with
/// room to read four.
#[must_use]
pub const fn depthwise_conv2d_scratch(p: &DepthwiseConv2d) -> usize {
    COLUMN * columns(p) + if p.channels < BLOCK { (p.window.input_w * p.channels).div_ceil(4) + 1 } else { 0 }
}

/// Convolves. `weights` come from [`pack_depthwise_conv2d`]; each channel has its bias less the input's zero point times
/// its weights, and its factor, and [`is_exact`](super::is_exact) holds.
#[inline(never)]
pub fn depthwise_conv2d(
    p: &DepthwiseConv2d,
    input: &[i8],
    weights: &[i8],
    channels: &[Channel],
    scratch: &mut [u32],
    output: &mut [i8],
) {
    // One copy for all layers: constants would pay in few places, and cost flash in each.
    let p = core::hint::black_box(p);
    let w = &p.window;
    let (columns, last_row) = scratch[..depthwise_conv2d_scratch(p)].split_at_mut(COLUMN * columns(p));
    let lanes = p.channels.min(BLOCK);
    // Columns left and right of the input stay what they are.
    columns.fill(sxtb16(padding(p)));
    let (image_len, row_len) = (w.input_h * w.input_w * p.channels, w.output_w * p.channels);
    let output = &mut output[..p.batches * w.output_h * row_len];
    let weights = &weights[..depthwise_conv2d_packed(p)];
    let images = input[..p.batches * image_len].chunks_exact(image_len);
    for (image, output) in images.zip(output.chunks_exact_mut(w.output_h * row_len)) {
        if p.channels < BLOCK {
            copy_row(&image[image_len - w.input_w * p.channels..], last_row);
        }
        let mut first = 0;
        loop {
            let mut tasks: [OutputRows; BLOCK] = core::array::from_fn(|i| {
                let i = i.min(lanes - 1);
                let columns = columns[2 * i..].as_ptr();
                OutputRows {
                    columns,
                    output: output[first + i..].as_mut_ptr(),
                    bias: channels[first + i].bias(),
                    rescale: Rescale::new(channels[first + i].requant(), p.output_zero_point),
                    row_len,
                    step: 4 * COLUMN * w.stride_w,
                    channels: p.channels,
                    end: columns.wrapping_add(COLUMN * w.stride_w * w.output_w),
                    weights: weights[9 * (first + i)..].as_ptr(),
                }
            });
            convolve_block(p, image, last_row, first, &mut tasks[..lanes], columns);
            // The last block ends with the last channel; channels that it shares with the block before are computed twice.
            if first + BLOCK >= p.channels {
                break;
            }
            first = (first + BLOCK).min(p.channels - BLOCK);
        }
    }
    clamp_all(output, p.activation.min, p.activation.max);
}

/// All rows of up to four channels.
fn convolve_block(
    p: &DepthwiseConv2d,
    image: &[i8],
    last_row: &[u32],
    first: usize,
    tasks: &mut [OutputRows],
    columns: &mut [u32],
) {
    let w = &p.window;
    // Where a step goes down two input rows, the lower pair of one step is the upper pair of the next.
    let two_at_once = w.stride_h == 1 && w.stride_w == 1;
    let keeps_pairs = two_at_once || w.stride_h == 2;
    let (mut y, mut odd) = (0, 0);
    while y < w.output_h {
        let in_y = (y * w.stride_h).wrapping_sub(w.pad_top);
        if y == 0 || !keeps_pairs {
            pack_columns(p, image, last_row, in_y, first, &mut columns[odd..]);
        }
        pack_columns(p, image, last_row, in_y.wrapping_add(2), first, &mut columns[1 - odd..]);
        let both = two_at_once && y + 1 < w.output_h;
        let rows = if both { 2 } else { 1 };
        for task in &mut *tasks {
            // SAFETY: there are `columns` for each window of a row, and so many rows are left of the output.
            unsafe { if both { two_rows(task, odd) } else { one_row(task, odd) } };
            // Behind the last row nothing is written.
            task.output = task.output.wrapping_add(rows * task.row_len);
        }
        y += rows;
        if keeps_pairs {
            odd = 1 - odd;
        }
    }
}

/// Columns under one row of windows, padding included.
const fn columns(p: &DepthwiseConv2d) -> usize {
    (p.window.output_w - 1) * p.window.stride_w + 3
}

/// Four elements of padding.
const fn padding(p: &DepthwiseConv2d) -> u32 {
    (p.input_zero_point as u8) as u32 * 0x0101_0101
}

/// Copies a row to where whole words may be read.
fn copy_row(row: &[i8], to: &mut [u32]) {
    for (word, elements) in to.iter_mut().zip(row.chunks(4)) {
        let mut bytes = [0; 4];
        bytes.iter_mut().zip(elements).for_each(|(byte, &x)| *byte = x as u8);
        *word = u32::from_le_bytes(bytes);
    }
}

/// Pairs up input rows `in_y` and `in_y + 1` of four channels from `channel`, in every other word of the columns.
/// `last_row` is a copy of the image's last row, if there are fewer channels.
#[inline(never)]
fn pack_columns(p: &DepthwiseConv2d, image: &[i8], last_row: &[u32], in_y: usize, channel: usize, columns: &mut [u32]) {
    let w = &p.window;
    let padding = padding(p);
    let mut steps = [p.channels; 2];
    let rows: [*const i8; 2] = core::array::from_fn(|i| {
        let in_y = in_y.wrapping_add(i);
        if !last_row.is_empty() && in_y == w.input_h - 1 {
            last_row.as_ptr().cast()
        } else if in_y < w.input_h {
            image[in_y * w.input_w * p.channels..(in_y + 1) * w.input_w * p.channels][channel..].as_ptr()
        } else {
            // A row of padding is one word that is read again and again.
            steps[i] = 0;
            (&raw const padding).cast()
        }
    });
    let columns_len = columns.len().div_ceil(COLUMN);
    let inside = w.input_w.min(columns_len.saturating_sub(w.pad_left));
    if inside > 0 {
        let columns = columns[COLUMN * w.pad_left..].as_mut_ptr();
        let task = Rows { rows, columns, end: columns.wrapping_add(COLUMN * inside), steps };
        // SAFETY: a row has `input_w` pixels of `channels` elements, and `channel` is at most four from their end, or
        // the next row or the room behind the last one follows; the last word that is written is the channel's of the
        // last column.
        unsafe { pair_rows(&task) };
    }
}
