//! Transposed convolution with the zero point outside of the rounding.
//!
//! ONNX Runtime has no integer kernel for it and computes the dequantized operator in single precision. This one has the
//! arithmetic of `QLinearConv`; results differ only where the float sums of ONNX Runtime fall on the other side of a tie.

use crate::byte::{Byte, Small};
use crate::params::QLinearConvTranspose2d;
use crate::requant::Form;
use crate::shape::transposed_tap_index;

/// Convolves. `bias` may be empty, which means zeros; `scales` has one entry, or one an output channel.
pub fn conv_transpose2d<X: Byte, W: Small, F: Form>(
    p: &QLinearConvTranspose2d,
    input: &[X],
    weights: &[W],
    bias: &[i32],
    scales: &[F],
    output: &mut [X],
) {
    let (c, w) = (&p.conv, &p.conv.window);
    let groups = c.input_channels / c.filter_channels;
    let filters_per_group = c.output_channels / groups;
    for batch in 0..c.batches {
        for out_y in 0..w.output_h {
            for out_x in 0..w.output_w {
                for out_channel in 0..c.output_channels {
                    let group = out_channel / filters_per_group;
                    let mut acc = 0_i32;
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
                                let product =
                                    (x.widen() - p.input_zero_point) * (weight.widen() - p.weights_zero_point);
                                acc = acc.wrapping_add(product);
                            }
                        }
                    }
                    if !bias.is_empty() {
                        acc = acc.wrapping_add(bias[out_channel]);
                    }
                    let scale = if scales.len() == 1 { scales[0] } else { scales[out_channel] };
                    let y = scale.finish(acc, p.output_zero_point, p.activation.min, p.activation.max);
                    output[((batch * w.output_h + out_y) * w.output_w + out_x) * c.output_channels + out_channel] =
                        X::saturate(y);
                }
            }
        }
    }
}
