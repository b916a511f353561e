//! Depthwise convolution with the zero point outside of the rounding.

use crate::byte::{Byte, Small};
use crate::params::QLinearDepthwiseConv2d;
use crate::requant::Form;
use crate::shape::tap_index;

/// Convolves channel by channel (`QLinearConv` with as many groups as input channels). `bias` may be empty, which means
/// zeros; `scales` has one entry, or one an output channel, as for [`conv2d`](super::conv2d()).
pub fn depthwise_conv2d<X: Byte, W: Small, F: Form>(
    p: &QLinearDepthwiseConv2d,
    input: &[X],
    weights: &[W],
    bias: &[i32],
    scales: &[F],
    output: &mut [X],
) {
    let (c, w) = (&p.conv, &p.conv.window);
    let output_channels = c.channels * c.multiplier;
    for batch in 0..c.batches {
        for out_y in 0..w.output_h {
            for out_x in 0..w.output_w {
                for out_channel in 0..output_channels {
                    let in_channel = out_channel / c.multiplier;
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
                            let x = input[((batch * w.input_h + in_y) * w.input_w + in_x) * c.channels + in_channel];
                            let weight = weights[(filter_y * w.filter_w + filter_x) * output_channels + out_channel];
                            let product = (x.widen() - c.input_zero_point) * (weight.widen() - p.weights_zero_point);
                            acc = acc.wrapping_add(product);
                        }
                    }
                    if !bias.is_empty() {
                        acc = acc.wrapping_add(bias[out_channel]);
                    }
                    let scale = if scales.len() == 1 { scales[0] } else { scales[out_channel] };
                    let y = scale.finish(acc, c.output_zero_point, c.activation.min, c.activation.max);
                    output[((batch * w.output_h + out_y) * w.output_w + out_x) * output_channels + out_channel] =
                        X::saturate(y);
                }
            }
        }
    }
}
