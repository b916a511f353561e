//! Two-dimensional convolution, grouped or not, with the zero point outside of the rounding.

use crate::byte::{Byte, Small};
use crate::params::{Conv2d, QLinearConv2d};
use crate::requant::Form;
use crate::shape::tap_index;

/// Convolves (`QLinearConv`). `bias` may be empty, which means zeros; `scales` has one entry, or one an output channel:
/// `input_scale * weights_scale / output_scale` in single precision, multiplied before divided. With multipliers and
/// shifts instead it is TFLite's convolution with weights that have a zero point.
pub fn conv2d<X: Byte, W: Small, F: Form>(
    p: &QLinearConv2d,
    input: &[X],
    weights: &[W],
    bias: &[i32],
    scales: &[F],
    output: &mut [X],
) {
    let (zero_point, activation) = (p.conv.output_zero_point, p.conv.activation);
    let weights_zero_point = |_| p.weights_zero_point;
    accumulate(&p.conv, input, weights, p.conv.input_zero_point, weights_zero_point, |out_index, out_channel, sum| {
        let acc = if bias.is_empty() { sum } else { sum.wrapping_add(bias[out_channel]) };
        let scale = if scales.len() == 1 { scales[0] } else { scales[out_channel] };
        output[out_index] = X::saturate(scale.finish(acc, zero_point, activation.min, activation.max));
    });
}

/// Convolves and keeps the accumulators (`ConvInteger`). Zero points are operands, since they may be computed at run
/// time: one of the input, one of the weights or one an output channel. Those in `p` and its activation are not used.
pub fn conv2d_integer<X: Byte, W: Byte>(
    p: &Conv2d,
    input: &[X],
    weights: &[W],
    input_zero_point: &[X],
    weights_zero_points: &[W],
    output: &mut [i32],
) {
    let weights_zero_point = |channel: usize| weights_zero_points[channel % weights_zero_points.len()].widen();
    accumulate(p, input, weights, input_zero_point[0].widen(), weights_zero_point, |out_index, _, sum| {
        output[out_index] = sum;
    });
}

/// Calls `store(out_index, out_channel, sum)` for every element of the output. Padding has the input's zero point, so
/// it adds nothing.
fn accumulate<X: Byte, W: Small>(
    c: &Conv2d,
    input: &[X],
    weights: &[W],
    input_zero_point: i32,
    weights_zero_point: impl Fn(usize) -> i32,
    mut store: impl FnMut(usize, usize, i32),
) {
    let w = &c.window;
    let groups = c.input_channels / c.filter_channels;
    let filters_per_group = c.output_channels / groups;
    for batch in 0..c.batches {
        for out_y in 0..w.output_h {
            for out_x in 0..w.output_w {
                for out_channel in 0..c.output_channels {
                    let group = out_channel / filters_per_group;
                    let mut sum = 0_i32;
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
                                let x = input
                                    [((batch * w.input_h + in_y) * w.input_w + in_x) * c.input_channels + in_channel];
                                let weight = weights[((out_channel * w.filter_h + filter_y) * w.filter_w + filter_x)
                                    * c.filter_channels
                                    + filter_channel];
                                let product =
                                    (x.widen() - input_zero_point) * (weight.widen() - weights_zero_point(out_channel));
                                sum = sum.wrapping_add(product);
                            }
                        }
                    }
                    let out_index =
                        ((batch * w.output_h + out_y) * w.output_w + out_x) * c.output_channels + out_channel;
                    store(out_index, out_channel, sum);
                }
            }
        }
    }
}
