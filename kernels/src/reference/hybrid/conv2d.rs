//! Convolution.

use super::quantize::{asymmetric, symmetric};
use crate::params::Conv2dHybrid;
use crate::shape::tap_index;

/// Convolves: the sum of a window's products as a float, times the scales, then the bias, then the activation. With
/// `asymmetric` inputs there is one scale an output channel, else `scales` holds one for all; `bias` may be empty;
/// `scratch` has as many elements as one batch of the input.
pub fn conv2d(
    p: &Conv2dHybrid,
    input: &[f32],
    weights: &[i8],
    scales: &[f32],
    bias: &[f32],
    scratch: &mut [i8],
    output: &mut [f32],
) {
    let (c, w) = (&p.conv, &p.conv.window);
    let groups = c.input_channels / c.filter_channels;
    let filters_per_group = c.output_channels / groups;
    let image = w.input_h * w.input_w * c.input_channels;
    for batch in 0..c.batches {
        let floats = &input[batch * image..(batch + 1) * image];
        let from = if p.asymmetric { asymmetric(floats, scratch) } else { symmetric(floats, scratch) };
        for out_y in 0..w.output_h {
            for out_x in 0..w.output_w {
                for out_channel in 0..c.output_channels {
                    let group = out_channel / filters_per_group;
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
                            for filter_channel in 0..c.filter_channels {
                                let in_channel = group * c.filter_channels + filter_channel;
                                let x = scratch[(in_y * w.input_w + in_x) * c.input_channels + in_channel];
                                let weight = weights[((out_channel * w.filter_h + filter_y) * w.filter_w + filter_x)
                                    * c.filter_channels
                                    + filter_channel];
                                acc = acc.wrapping_add(i32::from(weight) * (i32::from(x) - from.zero_point));
                            }
                        }
                    }
                    let mut sum = if p.asymmetric {
                        acc as f32 * scales[out_channel] * from.scale
                    } else {
                        acc as f32 * (from.scale * scales[0])
                    };
                    if !bias.is_empty() {
                        sum += bias[out_channel];
                    }
                    output[((batch * w.output_h + out_y) * w.output_w + out_x) * c.output_channels + out_channel] =
                        c.activation.apply(sum);
                }
            }
        }
    }
}
