//! Convolution, four filters at a time; the taps inside the input are found once a pixel.

use super::{ROWS, add_products, starts};
use crate::params::Conv2dF32;
use crate::shape::tap_range;

/// Convolves. `bias` may be empty.
pub fn conv2d(p: &Conv2dF32, input: &[f32], weights: &[f32], bias: &[f32], output: &mut [f32]) {
    let w = &p.window;
    let groups = p.input_channels / p.filter_channels;
    let filters = p.output_channels / groups;
    let taps = w.filter_h * w.filter_w * p.filter_channels;
    let image_len = w.input_h * w.input_w * p.input_channels;
    let output_len = p.batches * w.output_h * w.output_w * p.output_channels;
    let mut pixels = output[..output_len].chunks_exact_mut(p.output_channels);
    for image in input[..p.batches * image_len].chunks_exact(image_len) {
        for out_y in 0..w.output_h {
            let rows = tap_range(out_y, w.stride_h, w.filter_h, w.dilation_h, w.pad_top, w.input_h);
            for (out_x, pixel) in (0..w.output_w).zip(&mut pixels) {
                let columns = tap_range(out_x, w.stride_w, w.filter_w, w.dilation_w, w.pad_left, w.input_w);
                for (group, pixel) in pixel.chunks_exact_mut(filters).enumerate() {
                    for (block, out) in pixel.chunks_mut(ROWS).enumerate() {
                        let first = group * filters + block * ROWS;
                        let rows_of_weights = starts(first, (group + 1) * filters, taps);
                        let mut sums = [0.0; ROWS];
                        for filter_y in rows.0..rows.1 {
                            let in_y = out_y * w.stride_h + filter_y * w.dilation_h - w.pad_top;
                            for filter_x in columns.0..columns.1 {
                                let in_x = out_x * w.stride_w + filter_x * w.dilation_w - w.pad_left;
                                let from = (in_y * w.input_w + in_x) * p.input_channels + group * p.filter_channels;
                                let tap = (filter_y * w.filter_w + filter_x) * p.filter_channels;
                                let x = &image[from..from + p.filter_channels];
                                add_products(&mut sums, x, weights, rows_of_weights.map(|start| start + tap));
                            }
                        }
                        for (i, out) in out.iter_mut().enumerate() {
                            let sum = if bias.is_empty() { sums[i] } else { sums[i] + bias[first + i] };
                            *out = p.activation.apply(sum);
                        }
                    }
                }
            }
        }
    }
}
