//! Depthwise convolution, a block of output channels at a time; the taps inside the input are found once a pixel.

use super::CHANNEL_BLOCK;
use crate::byte::{Byte, Small};
use crate::params::{DepthwiseConv2d, QLinearDepthwiseConv2d, Requant};
use crate::requant::Form;
use crate::shape::tap_range;

/// Convolves channel by channel. `bias` may be empty, which means zeros.
pub fn depthwise_conv2d(
    p: &DepthwiseConv2d,
    input: &[i8],
    weights: &[i8],
    bias: &[i32],
    requant: &[Requant],
    output: &mut [i8],
) {
    convolve(p, input, weights, bias, requant, output);
}

/// Convolves channel by channel in the arithmetic of `QLinearConv`. `bias` may be empty; `scales` has one entry, or one
/// an output channel. Panics when the weights have a zero point: it is taken off them on the host, into 16 bits if need be.
pub fn qlinear_depthwise_conv2d<X: Byte, W: Small, F: Form>(
    p: &QLinearDepthwiseConv2d,
    input: &[X],
    weights: &[W],
    bias: &[i32],
    scales: &[F],
    output: &mut [X],
) {
    assert!(p.weights_zero_point == 0, "the weights' zero point is taken off on the host");
    convolve(&p.conv, input, weights, bias, scales, output);
}

fn convolve<X: Byte, W: Small, F: Form>(
    p: &DepthwiseConv2d,
    input: &[X],
    weights: &[W],
    bias: &[i32],
    factors: &[F],
    output: &mut [X],
) {
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
                let window = Window { p, image, weights, out_y, out_x, rows, columns };
                let mut channel = 0;
                while channel < output_channels {
                    let mut acc = [0_i32; CHANNEL_BLOCK];
                    let len = if p.multiplier == 1 {
                        window.sum_channels(channel, &mut acc)
                    } else {
                        window.sum_multiples(channel, &mut acc)
                    };
                    for i in 0..len {
                        let start = if bias.is_empty() { 0 } else { bias[channel + i] };
                        let factor = if factors.len() == 1 { factors[0] } else { factors[channel + i] };
                        let acc = acc[i].wrapping_add(start);
                        let y = factor.finish(acc, p.output_zero_point, p.activation.min, p.activation.max);
                        pixel[channel + i] = X::saturate(y);
                    }
                    channel += len;
                }
            }
        }
    }
}

/// One window: where it stands, and which of its taps are inside the input.
struct Window<'a, X, W> {
    p: &'a DepthwiseConv2d,
    image: &'a [X],
    weights: &'a [W],
    out_y: usize,
    out_x: usize,
    rows: (usize, usize),
    columns: (usize, usize),
}

impl<X: Byte, W: Small> Window<'_, X, W> {
    /// Sums a block of channels that have one filter each. Returns how many.
    #[inline]
    fn sum_channels(&self, channel: usize, acc: &mut [i32; CHANNEL_BLOCK]) -> usize {
        let zero_point = self.p.input_zero_point as i16;
        let len = CHANNEL_BLOCK.min(self.p.channels - channel);
        if len == CHANNEL_BLOCK {
            self.for_each_tap(|pixel, tap| {
                let x = &self.image[pixel * self.p.channels + channel..][..CHANNEL_BLOCK];
                let weights = &self.weights[tap * self.p.channels + channel..][..CHANNEL_BLOCK];
                for i in 0..CHANNEL_BLOCK {
                    acc[i] = acc[i].wrapping_add(product(x[i], zero_point, weights[i]));
                }
            });
        } else {
            self.for_each_tap(|pixel, tap| {
                let x = &self.image[pixel * self.p.channels + channel..][..len];
                let weights = &self.weights[tap * self.p.channels + channel..][..len];
                for ((acc, &x), &weight) in acc.iter_mut().zip(x).zip(weights) {
                    *acc = acc.wrapping_add(product(x, zero_point, weight));
                }
            });
        }
        len
    }

    /// Sums a block of output channels that share one input channel. Returns how many.
    #[inline]
    fn sum_multiples(&self, out_channel: usize, acc: &mut [i32; CHANNEL_BLOCK]) -> usize {
        let zero_point = self.p.input_zero_point as i16;
        let in_channel = out_channel / self.p.multiplier;
        let len = CHANNEL_BLOCK.min((in_channel + 1) * self.p.multiplier - out_channel);
        let output_channels = self.p.channels * self.p.multiplier;
        self.for_each_tap(|pixel, tap| {
            let x = self.image[pixel * self.p.channels + in_channel];
            let weights = &self.weights[tap * output_channels + out_channel..][..len];
            for (acc, &weight) in acc.iter_mut().zip(weights) {
                *acc = acc.wrapping_add(product(x, zero_point, weight));
            }
        });
        len
    }

    /// Calls `visit(input pixel, filter tap)` for every tap inside the input.
    #[inline(always)]
    fn for_each_tap(&self, mut visit: impl FnMut(usize, usize)) {
        let w = &self.p.window;
        for filter_y in self.rows.0..self.rows.1 {
            let in_y = self.out_y * w.stride_h + filter_y * w.dilation_h - w.pad_top;
            for filter_x in self.columns.0..self.columns.1 {
                let in_x = self.out_x * w.stride_w + filter_x * w.dilation_w - w.pad_left;
                visit(in_y * w.input_w + in_x, filter_y * w.filter_w + filter_x);
            }
        }
    }
}

/// Sixteen bits hold the difference, which lets a compiler use 16-bit multiplies.
#[inline(always)]
fn product<X: Byte, W: Small>(x: X, zero_point: i16, weight: W) -> i32 {
    i32::from(x.widen() as i16 - zero_point) * weight.widen()
}
