//! Pooling. The output's size, with or without `ceil_mode`, is the caller's.

use crate::params::{Pool2dF32, Rows};
use crate::shape::{tap_index, tap_range};

/// Keeps the largest value of each window. A window that is all padding gives negative infinity.
pub fn max_pool2d(p: &Pool2dF32, input: &[f32], output: &mut [f32]) {
    fold_windows(p, input, output, f32::NEG_INFINITY, |largest, x| if x > largest { x } else { largest }, |y, _, _| y);
}

/// Averages each window: the sum in row-major order, divided by the count.
pub fn average_pool2d(p: &Pool2dF32, input: &[f32], output: &mut [f32]) {
    let w = &p.window;
    let padded_h = w.pad_top + w.input_h + p.pad_bottom;
    let padded_w = w.pad_left + w.input_w + p.pad_right;
    let finish = |sum: f32, inside: usize, [out_y, out_x]: [usize; 2]| {
        let rows = tap_range(out_y, w.stride_h, w.filter_h, w.dilation_h, 0, padded_h);
        let columns = tap_range(out_x, w.stride_w, w.filter_w, w.dilation_w, 0, padded_w);
        let padded = (rows.1 - rows.0) * (columns.1 - columns.0);
        sum / (if p.count_include_pad { padded } else { inside.max(1) }) as f32
    };
    fold_windows(p, input, output, 0.0, |sum, x| sum + x, finish);
}

/// Averages the `rows` pixels of an image, channel by channel; `depth` counts channels. Batches run one after another.
pub fn global_average_pool(p: &Rows, input: &[f32], output: &mut [f32]) {
    for batch in 0..output.len() / p.depth {
        for channel in 0..p.depth {
            let mut sum = 0.0_f32;
            for row in 0..p.rows {
                sum += input[(batch * p.rows + row) * p.depth + channel];
            }
            output[batch * p.depth + channel] = sum / p.rows as f32;
        }
    }
}

/// `finish(fold over the taps inside, number of them, [out_y, out_x])` for every window.
fn fold_windows(
    p: &Pool2dF32,
    input: &[f32],
    output: &mut [f32],
    start: f32,
    fold: impl Fn(f32, f32) -> f32,
    finish: impl Fn(f32, usize, [usize; 2]) -> f32,
) {
    let w = &p.window;
    for batch in 0..p.batches {
        for out_y in 0..w.output_h {
            for out_x in 0..w.output_w {
                for channel in 0..p.channels {
                    let mut folded = start;
                    let mut inside = 0;
                    for filter_y in 0..w.filter_h {
                        let Some(in_y) = tap_index(out_y, w.stride_h, filter_y, w.dilation_h, w.pad_top, w.input_h)
                        else {
                            continue;
                        };
                        for filter_x in 0..w.filter_w {
                            let Some(in_x) =
                                tap_index(out_x, w.stride_w, filter_x, w.dilation_w, w.pad_left, w.input_w)
                            else {
                                continue;
                            };
                            let x = input[((batch * w.input_h + in_y) * w.input_w + in_x) * p.channels + channel];
                            folded = fold(folded, x);
                            inside += 1;
                        }
                    }
                    output[((batch * w.output_h + out_y) * w.output_w + out_x) * p.channels + channel] =
                        finish(folded, inside, [out_y, out_x]);
                }
            }
        }
    }
}
