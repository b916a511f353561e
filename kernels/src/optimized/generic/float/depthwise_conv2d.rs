//! Depthwise convolution, a block of output channels at a time.

use super::super::CHANNEL_BLOCK;
use crate::params::DepthwiseConv2dF32;
use crate::shape::tap_range;

/// Convolves channel by channel. `bias` may be empty.
pub fn depthwise_conv2d(p: &DepthwiseConv2dF32, input: &[f32], weights: &[f32], bias: &[f32], output: &mut [f32]) {
    let w = &p.window;
    let output_channels = p.channels * p.multiplier;
    let image_len = w.input_h * w.input_w * p.channels;
    let output_len = p.batches * w.output_h * w.output_w * output_channels;
    let mut pixels = output[..output_len].chunks_exact_mut(output_channels);
    for image in input[..p.batches * image_len].chunks_exact(image_len) {
        for out_y in 0..w.output_h {
            let rows = tap_range(out_y, w.stride_h, w.filter_h, w.dilation_h, w.pad_top, w.input_h);
            for (out_x, pixel) in (0..w.output_w).zip(&mut pixels) {
                let columns = tap_range(out_x, w.stride_w, w.filter_w, w.dilation_w, w.pad_left, w.input_w);
                for (block, out) in pixel.chunks_mut(CHANNEL_BLOCK).enumerate() {
                    let first = block * CHANNEL_BLOCK;
                    let mut sums = [0.0_f32; CHANNEL_BLOCK];
                    for filter_y in rows.0..rows.1 {
                        let in_y = out_y * w.stride_h + filter_y * w.dilation_h - w.pad_top;
                        for filter_x in columns.0..columns.1 {
                            let in_x = out_x * w.stride_w + filter_x * w.dilation_w - w.pad_left;
                            let pixel = &image[(in_y * w.input_w + in_x) * p.channels..][..p.channels];
                            let tap = &weights[(filter_y * w.filter_w + filter_x) * output_channels + first..];
                            if p.multiplier == 1 {
                                for ((sum, x), weight) in sums.iter_mut().zip(&pixel[first..]).zip(tap) {
                                    *sum += x * weight;
                                }
                            } else {
                                for (i, (sum, weight)) in sums[..out.len()].iter_mut().zip(tap).enumerate() {
                                    *sum += pixel[(first + i) / p.multiplier] * weight;
                                }
                            }
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
