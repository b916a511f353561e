//! Depthwise convolution.

use super::quantize::asymmetric;
use crate::params::DepthwiseConv2dF32;
use crate::shape::tap_index;

/// Convolves channel by channel: the sum of a window's products as a float, times the scales (one an output channel),
/// then the bias, then the activation. `bias` may be empty; `scratch` has as many elements as one batch of the input.
pub fn depthwise_conv2d(
    p: &DepthwiseConv2dF32,
    input: &[f32],
    weights: &[i8],
    scales: &[f32],
    bias: &[f32],
    scratch: &mut [i8],
    output: &mut [f32],
) {
    let w = &p.window;
    let output_channels = p.channels * p.multiplier;
    let image = w.input_h * w.input_w * p.channels;
    for batch in 0..p.batches {
        let from = asymmetric(&input[batch * image..(batch + 1) * image], scratch);
        for out_y in 0..w.output_h {
            for out_x in 0..w.output_w {
                for out_channel in 0..output_channels {
                    let in_channel = out_channel / p.multiplier;
                    let mut acc = 0_i32;
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
                            let x = scratch[(in_y * w.input_w + in_x) * p.channels + in_channel];
                            let weight = weights[(filter_y * w.filter_w + filter_x) * output_channels + out_channel];
                            acc = acc.wrapping_add(i32::from(weight) * (i32::from(x) - from.zero_point));
                        }
                    }
                    let mut sum = acc as f32 * (scales[out_channel] * from.scale);
                    if !bias.is_empty() {
                        sum += bias[out_channel];
                    }
                    output[((batch * w.output_h + out_y) * w.output_w + out_x) * output_channels + out_channel] =
                        p.activation.apply(sum);
                }
            }
        }
    }
}
