//! Layers with weights. Biases may be empty; there is one factor an output channel, or one for all.

use crate::params::{Clamp, Conv2d, DepthwiseConv2d, FullyConnected, QLinearConvTranspose2d, Requant};
use crate::requant::{clamp, requantize_wide};
use crate::shape::{tap_index, transposed_tap_index};

fn finish(sum: i64, channel: usize, bias: &[i64], requant: &[Requant], activation: Clamp) -> i16 {
    let acc = if bias.is_empty() { sum } else { sum.wrapping_add(bias[channel]) };
    let factor = if requant.len() == 1 { requant[0] } else { requant[channel] };
    clamp(requantize_wide(acc, factor), activation.min, activation.max) as i16
}

/// Convolution, grouped or not.
pub fn conv2d(p: &Conv2d, input: &[i16], weights: &[i8], bias: &[i64], requant: &[Requant], output: &mut [i16]) {
    let w = &p.window;
    let groups = p.input_channels / p.filter_channels;
    let filters_per_group = p.output_channels / groups;
    for batch in 0..p.batches {
        for out_y in 0..w.output_h {
            for out_x in 0..w.output_w {
                for out_channel in 0..p.output_channels {
                    let group = out_channel / filters_per_group;
                    let mut sum = 0_i64;
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
                            let x = ((batch * w.input_h + in_y) * w.input_w + in_x) * p.input_channels
                                + group * p.filter_channels;
                            let weight =
                                ((out_channel * w.filter_h + filter_y) * w.filter_w + filter_x) * p.filter_channels;
                            for c in 0..p.filter_channels {
                                sum += i64::from(i32::from(input[x + c]) * i32::from(weights[weight + c]));
                            }
                        }
                    }
                    output[((batch * w.output_h + out_y) * w.output_w + out_x) * p.output_channels + out_channel] =
                        finish(sum, out_channel, bias, requant, p.activation);
                }
            }
        }
    }
}

/// Convolution channel by channel.
pub fn depthwise_conv2d(
    p: &DepthwiseConv2d,
    input: &[i16],
    weights: &[i8],
    bias: &[i64],
    requant: &[Requant],
    output: &mut [i16],
) {
    let w = &p.window;
    let output_channels = p.channels * p.multiplier;
    for batch in 0..p.batches {
        for out_y in 0..w.output_h {
            for out_x in 0..w.output_w {
                for out_channel in 0..output_channels {
                    let in_channel = out_channel / p.multiplier;
                    let mut sum = 0_i64;
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
                            let x = input[((batch * w.input_h + in_y) * w.input_w + in_x) * p.channels + in_channel];
                            let weight = weights[(filter_y * w.filter_w + filter_x) * output_channels + out_channel];
                            sum += i64::from(i32::from(x) * i32::from(weight));
                        }
                    }
                    output[((batch * w.output_h + out_y) * w.output_w + out_x) * output_channels + out_channel] =
                        finish(sum, out_channel, bias, requant, p.activation);
                }
            }
        }
    }
}

/// Transposed convolution, seen from the output.
pub fn conv_transpose2d(
    p: &QLinearConvTranspose2d,
    input: &[i16],
    weights: &[i8],
    bias: &[i64],
    requant: &[Requant],
    output: &mut [i16],
) {
    let (c, w) = (&p.conv, &p.conv.window);
    for batch in 0..c.batches {
        for out_y in 0..w.output_h {
            for out_x in 0..w.output_w {
                for out_channel in 0..c.output_channels {
                    let mut sum = 0_i64;
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
                            let x = ((batch * w.input_h + in_y) * w.input_w + in_x) * c.input_channels;
                            let weight =
                                ((out_channel * w.filter_h + filter_y) * w.filter_w + filter_x) * c.filter_channels;
                            for i in 0..c.filter_channels {
                                sum += i64::from(i32::from(input[x + i]) * i32::from(weights[weight + i]));
                            }
                        }
                    }
                    output[((batch * w.output_h + out_y) * w.output_w + out_x) * c.output_channels + out_channel] =
                        finish(sum, out_channel, bias, requant, p.activation);
                }
            }
        }
    }
}

/// Every input row times the weights.
pub fn fully_connected(
    p: &FullyConnected,
    input: &[i16],
    weights: &[i8],
    bias: &[i64],
    requant: &[Requant],
    output: &mut [i16],
) {
    for batch in 0..p.batches {
        for out_channel in 0..p.output_depth {
            let mut sum = 0_i64;
            for d in 0..p.input_depth {
                let weight = weights[out_channel * p.input_depth + d];
                sum += i64::from(i32::from(input[batch * p.input_depth + d]) * i32::from(weight));
            }
            output[batch * p.output_depth + out_channel] = finish(sum, out_channel, bias, requant, p.activation);
        }
    }
}
