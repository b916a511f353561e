//! Max pooling: all channels of a tap against all channels of the output pixel.

use crate::byte::Byte;
use crate::params::Pool2d;
use crate::shape::tap_range;

/// Keeps the largest value of each window, with or without dilation.
pub fn max_pool2d<T: Byte>(p: &Pool2d, input: &[T], output: &mut [T]) {
    let w = &p.window;
    let (min, max) = (T::saturate(p.activation.min), T::saturate(p.activation.max));
    let image_len = w.input_h * w.input_w * p.channels;
    let output_len = p.batches * w.output_h * w.output_w * p.channels;
    let mut pixels = output[..output_len].chunks_exact_mut(p.channels);
    for image in input[..p.batches * image_len].chunks_exact(image_len) {
        for out_y in 0..w.output_h {
            let rows = tap_range(out_y, w.stride_h, w.filter_h, w.dilation_h, w.pad_top, w.input_h);
            for (out_x, pixel) in (0..w.output_w).zip(&mut pixels) {
                let columns = tap_range(out_x, w.stride_w, w.filter_w, w.dilation_w, w.pad_left, w.input_w);
                pixel.fill(min);
                for filter_y in rows.0..rows.1 {
                    let in_y = out_y * w.stride_h + filter_y * w.dilation_h - w.pad_top;
                    for filter_x in columns.0..columns.1 {
                        let in_x = out_x * w.stride_w + filter_x * w.dilation_w - w.pad_left;
                        let from = (in_y * w.input_w + in_x) * p.channels;
                        for (out, &x) in pixel.iter_mut().zip(&image[from..from + p.channels]) {
                            *out = (*out).max(x);
                        }
                    }
                }
                for out in pixel {
                    *out = (*out).min(max);
                }
            }
        }
    }
}
