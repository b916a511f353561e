//! Average pooling, a block of channels at a time.

use super::CHANNEL_BLOCK;
use crate::params::Pool2d;
use crate::requant::{clamp, divide_half_away};
use crate::shape::tap_range;

/// Averages each window over the taps inside the input, ties away from zero.
pub fn average_pool2d(p: &Pool2d, input: &[i8], output: &mut [i8]) {
    let w = &p.window;
    let image_len = w.input_h * w.input_w * p.channels;
    let output_len = p.batches * w.output_h * w.output_w * p.channels;
    let mut pixels = output[..output_len].chunks_exact_mut(p.channels);
    for image in input[..p.batches * image_len].chunks_exact(image_len) {
        for out_y in 0..w.output_h {
            let rows = tap_range(out_y, w.stride_h, w.filter_h, 1, w.pad_top, w.input_h);
            for (out_x, pixel) in (0..w.output_w).zip(&mut pixels) {
                let columns = tap_range(out_x, w.stride_w, w.filter_w, 1, w.pad_left, w.input_w);
                let count = ((rows.1 - rows.0) * (columns.1 - columns.0)).max(1) as i32;
                for (block, out) in pixel.chunks_mut(CHANNEL_BLOCK).enumerate() {
                    let mut sums = [0_i32; CHANNEL_BLOCK];
                    for filter_y in rows.0..rows.1 {
                        let in_y = out_y * w.stride_h + filter_y - w.pad_top;
                        for filter_x in columns.0..columns.1 {
                            let in_x = out_x * w.stride_w + filter_x - w.pad_left;
                            let from = (in_y * w.input_w + in_x) * p.channels + block * CHANNEL_BLOCK;
                            add_to(&mut sums, &image[from..from + out.len()]);
                        }
                    }
                    for (out, &sum) in out.iter_mut().zip(&sums) {
                        *out = clamp(divide_half_away(sum, count), p.activation.min, p.activation.max) as i8;
                    }
                }
            }
        }
    }
}

/// Adds each element to its sum; full blocks have a length that the compiler knows.
#[inline(always)]
fn add_to(sums: &mut [i32; CHANNEL_BLOCK], x: &[i8]) {
    if let Ok(x) = <&[i8; CHANNEL_BLOCK]>::try_from(x) {
        for i in 0..CHANNEL_BLOCK {
            sums[i] += i32::from(x[i]);
        }
    } else {
        for (sum, &x) in sums.iter_mut().zip(x) {
            *sum += i32::from(x);
        }
    }
}
