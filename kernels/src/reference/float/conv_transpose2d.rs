//! Transposed convolution, seen from the output: what each of its pixels receives.

use crate::params::ConvTranspose2dF32;
use crate::shape::transposed_tap_index;

/// Convolves: the products of an output pixel in the order of the weights, then the bias, then the activation. `bias`
/// may be empty.
pub fn conv_transpose2d(p: &ConvTranspose2dF32, input: &[f32], weights: &[f32], bias: &[f32], output: &mut [f32]) {
    let (c, w) = (&p.conv, &p.conv.window);
    let groups = c.input_channels / c.filter_channels;
    let filters_per_group = c.output_channels / groups;
    for batch in 0..c.batches {
        for out_y in 0..w.output_h {
            for out_x in 0..w.output_w {
                for out_channel in 0..c.output_channels {
                    let group = out_channel / filters_per_group;
                    let mut sum = 0.0_f32;
                    for filter_y in 0..w.filter_h {
                        let Some(in_y) =
                            transposed_tap_index(out_y, w.stride_h, filter_y, w.dilation_h, w.pad_top, w.input_h)
                        else {
                            continue;
                        };
                        for filter_x in 0..w.filter_w {
                            let Some(in_x) =
                                transposed_tap_index(out_x, w.stride_w, filter_x, w.dilation_w, w.pad_left, w.input_w)
                            else {
                                continue;
                            };
                            for filter_channel in 0..c.filter_channels {
                                let in_channel = group * c.filter_channels + filter_channel;
                                let x = input
                                    [((batch * w.input_h + in_y) * w.input_w + in_x) * c.input_channels + in_channel];
                                let weight = weights[((out_channel * w.filter_h + filter_y) * w.filter_w + filter_x)
                                    * c.filter_channels
                                    + filter_channel];
                                sum += x * weight;
                            }
                        }
                    }
                    if !bias.is_empty() {
                        sum += bias[out_channel];
                    }
                    output[((batch * w.output_h + out_y) * w.output_w + out_x) * c.output_channels + out_channel] =
                        p.activation.apply(sum);
                }
            }
        }
    }
}
