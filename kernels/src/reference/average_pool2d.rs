//! Average pooling over the taps that fall inside the input.

use crate::byte::Byte;
use crate::params::Pool2d;
use crate::requant::{clamp, divide_half_away};
use crate::shape::tap_index;

/// Averages each window, ties away from zero; padding does not count. A window that is all padding gives 0, clamped.
pub fn average_pool2d(p: &Pool2d, input: &[i8], output: &mut [i8]) {
    average(p, input, output);
}

/// The same of unsigned values, whose ties all go up.
pub fn average_pool2d_u8(p: &Pool2d, input: &[u8], output: &mut [u8]) {
    average(p, input, output);
}

fn average<X: Byte>(p: &Pool2d, input: &[X], output: &mut [X]) {
    let w = &p.window;
    for batch in 0..p.batches {
        for out_y in 0..w.output_h {
            for out_x in 0..w.output_w {
                for channel in 0..p.channels {
                    let mut sum = 0_i32;
                    let mut count = 0_i32;
                    for filter_y in 0..w.filter_h {
                        let Some(in_y) = tap_index(out_y, w.stride_h, filter_y, 1, w.pad_top, w.input_h) else {
                            continue;
                        };
                        for filter_x in 0..w.filter_w {
                            let Some(in_x) = tap_index(out_x, w.stride_w, filter_x, 1, w.pad_left, w.input_w) else {
                                continue;
                            };
                            sum +=
                                input[((batch * w.input_h + in_y) * w.input_w + in_x) * p.channels + channel].widen();
                            count += 1;
                        }
                    }
                    let mean = divide_half_away(sum, count.max(1));
                    output[((batch * w.output_h + out_y) * w.output_w + out_x) * p.channels + channel] =
                        X::saturate(clamp(mean, p.activation.min, p.activation.max));
                }
            }
        }
    }
}
