//! Max pooling over the taps that fall inside the input.

use crate::params::Pool2d;
use crate::requant::clamp;
use crate::shape::tap_index;

/// Keeps the largest value of each window. A window that is all padding gives the smallest value, clamped.
pub fn max_pool2d(p: &Pool2d, input: &[i8], output: &mut [i8]) {
    let w = &p.window;
    for batch in 0..p.batches {
        for out_y in 0..w.output_h {
            for out_x in 0..w.output_w {
                for channel in 0..p.channels {
                    let mut largest = i8::MIN;
                    for filter_y in 0..w.filter_h {
                        let Some(in_y) = tap_index(out_y, w.stride_h, filter_y, 1, w.pad_top, w.input_h) else {
                            continue;
                        };
                        for filter_x in 0..w.filter_w {
                            let Some(in_x) = tap_index(out_x, w.stride_w, filter_x, 1, w.pad_left, w.input_w) else {
                                continue;
                            };
                            let x = input[((batch * w.input_h + in_y) * w.input_w + in_x) * p.channels + channel];
                            largest = largest.max(x);
                        }
                    }
                    output[((batch * w.output_h + out_y) * w.output_w + out_x) * p.channels + channel] =
                        clamp(i32::from(largest), p.activation.min, p.activation.max) as i8;
                }
            }
        }
    }
}
