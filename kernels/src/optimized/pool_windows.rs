//! The windows of a pool, with the taps that lie inside of the image. Knows geometry; knows no values.

use crate::params::Pool2d;
use crate::shape::tap_range;

/// A window of all channels.
pub(super) struct PoolWindow {
    /// Element under the first tap inside.
    pub(super) place: usize,
    /// Rows and columns of taps inside: none of either, or some of both.
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Elements from tap to tap.
    pub(super) step: usize,
    /// From behind the last tap of a row to the next row.
    pub(super) row_step: usize,
    /// First element of the output pixel.
    pub(super) output: usize,
}

impl PoolWindow {
    /// The input from the first tap to the last, with all channels.
    #[inline(always)]
    pub(super) fn of<'a>(&self, p: &Pool2d, input: &'a [i8]) -> &'a [i8] {
        let row = self.row_step.wrapping_add(self.columns * self.step);
        let last = self.rows.saturating_sub(1) * row + self.columns.saturating_sub(1) * self.step;
        &input[self.place..self.place + last + p.channels]
    }
}

/// Visits every window, in the order of the output.
#[inline(always)]
pub(super) fn for_each_pool_window(p: &Pool2d, mut visit: impl FnMut(&PoolWindow)) {
    let w = &p.window;
    let (step, row_len) = (w.dilation_w * p.channels, w.input_w * p.channels);
    let mut output = 0;
    for batch in 0..p.batches {
        for out_y in 0..w.output_h {
            let (first_y, end_y) = tap_range(out_y, w.stride_h, w.filter_h, w.dilation_h, w.pad_top, w.input_h);
            let in_y = (out_y * w.stride_h + first_y * w.dilation_h).wrapping_sub(w.pad_top);
            let row = (batch * w.input_h).wrapping_add(in_y).wrapping_mul(row_len);
            for out_x in 0..w.output_w {
                let x = out_x * w.stride_w;
                let inside = x >= w.pad_left && x - w.pad_left + (w.filter_w - 1) * w.dilation_w < w.input_w;
                let (first_x, end_x) = if inside {
                    (0, w.filter_w)
                } else {
                    tap_range(out_x, w.stride_w, w.filter_w, w.dilation_w, w.pad_left, w.input_w)
                };
                let (mut rows, mut columns) = (end_y - first_y, end_x - first_x);
                let mut place =
                    row.wrapping_add((x + first_x * w.dilation_w).wrapping_sub(w.pad_left).wrapping_mul(p.channels));
                if rows == 0 || columns == 0 {
                    (rows, columns, place) = (0, 0, 0);
                }
                let row_step = (w.dilation_h * row_len).wrapping_sub(columns * step);
                visit(&PoolWindow { place, rows, columns, step, row_step, output });
                output += p.channels;
            }
        }
    }
}
