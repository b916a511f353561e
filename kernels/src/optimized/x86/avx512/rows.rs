//! Input rows of a depthwise convolution as its windows meet them: padded, and columns that one tap of neighbouring
//! windows reads beside each other, whatever the stride.
//!
//! A row has `stride_w` runs. Run `r` has the padded columns `r`, `r + stride_w`, `r + 2 stride_w`, ...

use super::flip::{flip, flipped};
use crate::params::DepthwiseConv2d;

/// Columns of a run.
pub(super) const fn run_columns(p: &DepthwiseConv2d) -> usize {
    let w = &p.window;
    w.output_w + (w.filter_w - 1) * w.dilation_w / w.stride_w
}

/// Bytes of a row.
pub(super) const fn row_len(p: &DepthwiseConv2d) -> usize {
    p.window.stride_w * run_columns(p) * p.channels
}

/// Rows that a window spans.
pub(super) const fn span(p: &DepthwiseConv2d) -> usize {
    (p.window.filter_h - 1) * p.window.dilation_h + 1
}

/// Where a tap of the first window of an output row lies, within rows that are kept at their number modulo [`span`].
pub(super) const fn tap_offset(p: &DepthwiseConv2d, out_y: usize, tap: usize) -> usize {
    let w = &p.window;
    let (filter_y, column) = (tap / w.filter_w, tap % w.filter_w * w.dilation_w);
    let row = (out_y * w.stride_h + filter_y * w.dilation_h) % span(p);
    row * row_len(p) + (column % w.stride_w * run_columns(p) + column / w.stride_w) * p.channels
}

/// Writes the padded row of this number.
///
/// # Safety
/// The processor has AVX-512.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn write_row(p: &DepthwiseConv2d, image: &[i8], number: usize, row: &mut [u8]) {
    let (w, channels) = (&p.window, p.channels);
    let zero_point = flipped(p.input_zero_point);
    let y = match number.checked_sub(w.pad_top) {
        Some(y) if y < w.input_h => y,
        _ => return row.fill(zero_point),
    };
    let input = &image[y * w.input_w * channels..][..w.input_w * channels];
    if w.stride_w == 1 {
        let before = (w.pad_left * channels).min(row.len());
        let len = input.len().min(row.len() - before);
        row[..before].fill(zero_point);
        flip(&input[..len], &mut row[before..]);
        row[before + len..].fill(zero_point);
        return;
    }
    for (run, row) in row.chunks_exact_mut(run_columns(p) * channels).enumerate() {
        let mut column = run;
        for pixel in row.chunks_exact_mut(channels) {
            match column.checked_sub(w.pad_left) {
                Some(x) if x < w.input_w => flip(&input[x * channels..][..channels], pixel),
                _ => pixel.fill(zero_point),
            }
            column += w.stride_w;
        }
    }
}
