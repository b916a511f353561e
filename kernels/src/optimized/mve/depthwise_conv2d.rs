//! Depthwise convolution with a 3x3 filter, sixteen channels at a time. Refuses other filters, dilation and multipliers.
//!
//! Four rows of the input are interleaved so that the word of a column and channel holds all of them. Four such columns
//! are one vector, and at stride 1 hold four windows: a dot product with the filter in each of its four places.

use super::columns::{BLOCK, COLUMN, OutputRows, Rows, interleave_rows, one_row, two_rows};
use crate::optimized::generic::clamp_all;
use crate::params::{Channel, DepthwiseConv2d};

/// Whether [`depthwise_conv2d`] runs this shape.
#[must_use]
pub const fn depthwise_conv2d_takes(p: &DepthwiseConv2d) -> bool {
    let w = &p.window;
    let plain = w.dilation_h == 1 && w.dilation_w == 1 && p.multiplier == 1;
    plain && w.filter_h == 3 && w.filter_w == 3
}

/// Words of packed weights: one a filter column.
#[must_use]
pub const fn depthwise_conv2d_packed(p: &DepthwiseConv2d) -> usize {
    3 * p.channels
}

/// Packs weights `[channels, 3, 3]`: of each channel and column the bytes `w0 w1 w2 0`. Runs on the host.
pub fn pack_depthwise_conv2d(p: &DepthwiseConv2d, weights: &[i8], packed: &mut [u32]) {
    for (i, word) in packed[..depthwise_conv2d_packed(p)].iter_mut().enumerate() {
        let (channel, column) = (i / 3, i % 3);
        let tap = |row: usize| weights[9 * channel + 3 * row + column] as u8;
        *word = u32::from_le_bytes([tap(0), tap(1), tap(2), 0]);
    }
}

/// Bytes of scratch: the columns under one row of windows, and what a last turn reads in excess.
#[must_use]
pub const fn depthwise_conv2d_scratch(p: &DepthwiseConv2d) -> usize {
    COLUMN * ((p.window.output_w + 2) * p.window.stride_w + 4)
}

/// Convolves. `weights` come from [`pack_depthwise_conv2d`]; each channel has its bias less the input's zero point times
/// its weights, and its factor, and [`is_exact`](crate::optimized::dsp::is_exact) holds.
#[inline(never)]
pub fn depthwise_conv2d(
    p: &DepthwiseConv2d,
    input: &[i8],
    weights: &[u32],
    channels: &[Channel],
    scratch: &mut [i8],
    output: &mut [i8],
) {
    // One copy for all layers: constants would pay in few places, and cost flash in each.
    let p = core::hint::black_box(p);
    let w = &p.window;
    let columns = &mut scratch[..depthwise_conv2d_scratch(p)];
    // Columns left and right of the input stay what they are.
    columns.fill(p.input_zero_point as i8);
    let (image_len, row_len) = (w.input_h * w.input_w * p.channels, w.output_w * p.channels);
    let weights = &weights[..depthwise_conv2d_packed(p)];
    let channels = &channels[..p.channels];
    let output = &mut output[..p.batches * w.output_h * row_len];
    let images = input[..p.batches * image_len].chunks_exact(image_len);
    for (image, output) in images.zip(output.chunks_exact_mut(w.output_h * row_len)) {
        for first in (0..p.channels).step_by(BLOCK) {
            let mut y = 0;
            while y < w.output_h {
                let both = w.stride_h == 1 && w.stride_w == 1 && y + 1 < w.output_h;
                pack_columns(p, image, y, first, columns);
                let (rows, pixels) = if both { (2, 2) } else { (1, 4) };
                let mut task = OutputRows {
                    columns: columns.as_ptr().wrapping_sub(4),
                    output: output[y * row_len + first..].as_mut_ptr().wrapping_sub(1),
                    channels: channels[first..].as_ptr().wrapping_sub(1),
                    weights: weights[3 * first..].as_ptr(),
                    count: w.output_w,
                    pixel_step: p.channels,
                    row_len,
                    step: COLUMN * w.stride_w,
                    zero_point: p.output_zero_point,
                    left: BLOCK.min(p.channels - first),
                    outputs: rows * w.output_w,
                    turn_step: pixels * p.channels,
                    turns: w.output_w.div_ceil(pixels),
                };
                // SAFETY: the scratch has columns for a whole turn behind the last, factors and weights go on for
                // so many channels, and so many rows are left of the output.
                unsafe { if both { two_rows(&mut task) } else { one_row(&mut task) } };
                y += rows;
            }
        }
    }
    clamp_all(output, p.activation.min, p.activation.max);
}

/// Interleaves the four input rows from where output row `out_y` begins, for the block of channels from `first`.
#[inline(never)]
fn pack_columns(p: &DepthwiseConv2d, image: &[i8], out_y: usize, first: usize, columns: &mut [i8]) {
    let w = &p.window;
    let padding = [p.input_zero_point as i8; BLOCK];
    let mut steps = [p.channels; 4];
    let rows: [*const i8; 4] = core::array::from_fn(|i| {
        let in_y = (out_y * w.stride_h + i).wrapping_sub(w.pad_top);
        if in_y < w.input_h {
            image[in_y * w.input_w * p.channels..(in_y + 1) * w.input_w * p.channels][first..].as_ptr()
        } else {
            // A row of padding is one pixel that is read again and again.
            steps[i] = 0;
            padding.as_ptr()
        }
    });
    let count = w.input_w.min((columns.len() / COLUMN).saturating_sub(w.pad_left));
    if count > 0 {
        let columns = columns[COLUMN * w.pad_left..].as_mut_ptr();
        let task = Rows { rows, columns, steps, count, channels: BLOCK.min(p.channels - first) };
        // SAFETY: a row has `input_w` pixels, and `columns` has room for `count`.
        unsafe { interleave_rows(&task) };
    }
}
