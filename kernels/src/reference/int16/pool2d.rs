//! Pooling over the taps that fall inside the input.

use crate::params::Pool2d;
use crate::requant::{clamp, divide_half_away};
use crate::shape::tap_index;

/// Averages each window, ties away from zero. A window that is all padding gives 0, clamped.
pub fn average_pool2d(p: &Pool2d, input: &[i16], output: &mut [i16]) {
    fold(p, input, output, 0, |sum, x| sum + x, divide_half_away);
}

/// Keeps the largest of each window.
pub fn max_pool2d(p: &Pool2d, input: &[i16], output: &mut [i16]) {
    fold(p, input, output, -32768, i32::max, |largest, _| largest);
}

fn fold(
    p: &Pool2d,
    input: &[i16],
    output: &mut [i16],
    start: i32,
    fold: fn(i32, i32) -> i32,
    finish: fn(i32, i32) -> i32,
) {
    let w = &p.window;
    for batch in 0..p.batches {
        for out_y in 0..w.output_h {
            for out_x in 0..w.output_w {
                for channel in 0..p.channels {
                    let mut folded = start;
                    let mut count = 0_i32;
                    for filter_y in 0..w.filter_h {
                        let Some(in_y) = tap_index(out_y, w.stride_h, filter_y, 1, w.pad_top, w.input_h) else {
                            continue;
                        };
                        for filter_x in 0..w.filter_w {
                            let Some(in_x) = tap_index(out_x, w.stride_w, filter_x, 1, w.pad_left, w.input_w) else {
                                continue;
                            };
                            let x = input[((batch * w.input_h + in_y) * w.input_w + in_x) * p.channels + channel];
                            folded = fold(folded, x.into());
                            count += 1;
                        }
                    }
                    let y = clamp(finish(folded, count.max(1)), p.activation.min, p.activation.max);
                    output[((batch * w.output_h + out_y) * w.output_w + out_x) * p.channels + channel] = y as i16;
                }
            }
        }
    }
}
