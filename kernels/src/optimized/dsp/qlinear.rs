//! The operators of ONNX Runtime's integer kernels, on the loops of the others: sums are the same, what becomes of them
//! is one factor in single precision. Activations are `i8` or `u8`; weights are `i8`, with no zero point.

use super::bits::Bits;
use super::conv2d::one_by_three;
use super::depthwise_taps::convolve;
use super::dots::{PairsByThree, pairs_by_three};
use super::fully_connected::multiply;
use super::patches::{PIXELS, Patches, groups, patches_scratch};
use super::single::{Finish, Scaled, scale_with_offset, scaled_sum};
use crate::optimized::generic::zip;
use crate::params::{
    Channel, Conv2d, FullyConnected, QLinearAdd, QLinearConv2d, QLinearDepthwiseConv2d, QLinearMul, ScaleF32,
};

/// What a pair of sums begins with that are kept.
static NOTHING: [Channel; 2] = [Channel::ZERO; 2];

/// Whether [`qlinear_conv2d`] runs this shape.
#[must_use]
pub const fn qlinear_conv2d_takes(p: &QLinearConv2d) -> bool {
    super::conv2d_takes(&p.conv) && p.weights_zero_point == 0
}

/// Words of scratch: patches, and the sums of three pixels.
#[must_use]
pub const fn qlinear_conv2d_scratch(p: &Conv2d) -> usize {
    patches_scratch(p) + PIXELS * p.output_channels
}

/// Convolves. `weights` come from [`pack_conv2d`](super::pack_conv2d), `folded_bias` from
/// [`fold_input_offset_of`](crate::optimized::fold_input_offset_of); `scales` has one entry, or one an output channel.
#[inline(never)]
pub fn qlinear_conv2d<X: Bits>(
    p: &QLinearConv2d,
    input: &[X],
    weights: &[u32],
    folded_bias: &[i32],
    scales: &[ScaleF32],
    scratch: &mut [u32],
    output: &mut [X],
) {
    // One copy for all layers.
    let p = &core::hint::black_box(p).conv;
    let w = &p.window;
    let (groups, channels) = (groups(p), p.output_channels);
    let (image_len, pixel_count) = (w.input_h * w.input_w * p.input_channels, w.output_h * w.output_w);
    let (scratch, sums) = scratch[..qlinear_conv2d_scratch(p)].split_at_mut(patches_scratch(p));
    let weights = &weights[..super::conv2d_packed(p)];
    let bias = &folded_bias[..channels];
    let (pairs, last) = weights.split_at(channels / 2 * 2 * groups);
    let pair_sums = sums[..channels / 2 * 2 * PIXELS].as_mut_ptr_range();
    let task = PairsByThree {
        weights: pairs.as_ptr(),
        pixels: scratch.as_ptr(),
        groups,
        channels: NOTHING.as_ptr(),
        keeps_sums: 1,
        output: pair_sums.start.cast(),
        others: [0; 2],
        end: pair_sums.end.cast(),
        odd_zero_point: 0,
    };
    let images = X::bits(input)[..p.batches * image_len].chunks_exact(image_len);
    let outputs = output[..p.batches * pixel_count * channels].chunks_exact_mut(pixel_count * channels);
    for (image, output) in images.zip(outputs) {
        let mut patches = Patches::new(p, image, X::WIDEN_THREE);
        while patches.next(scratch) {
            if !pairs.is_empty() {
                // SAFETY: weights of all pairs were sliced above, patches have six words a group, and there is room for
                // six sums a pair.
                unsafe { pairs_by_three(&task) };
            }
            if !last.is_empty() {
                let last_sums = &mut sums[(channels - 1) * PIXELS..];
                last_sums.copy_from_slice(&one_by_three(last, scratch, 0).map(|sum| sum as u32));
            }
            let windows = &patches.windows;
            let pixels = windows.steps.map(|step| (windows.first + step) * channels);
            for (channel, sums) in sums.as_chunks::<PIXELS>().0.iter().enumerate() {
                let factor = scaled(p, scales, channel);
                for (pixel, &sum) in pixels.iter().zip(sums) {
                    output[pixel + channel] = factor.finish(bias[channel].wrapping_add(sum as i32));
                }
            }
        }
    }
}

fn scaled(p: &Conv2d, scales: &[ScaleF32], channel: usize) -> Scaled {
    let scale = scales[if scales.len() == 1 { 0 } else { channel }];
    Scaled { scale, zero_point: p.output_zero_point, activation: p.activation }
}

/// Whether [`qlinear_depthwise_conv2d`] runs this shape.
#[must_use]
pub const fn qlinear_depthwise_conv2d_takes(p: &QLinearDepthwiseConv2d) -> bool {
    super::depthwise_taps_takes(&p.conv) && p.weights_zero_point == 0
}

/// Convolves channel by channel. `weights` come from [`pack_depthwise_taps`](super::pack_depthwise_taps); `folded_bias` is
/// the bias less the input's zero point times the channel's weights; `scales` has one entry, or one a channel.
#[inline(never)]
pub fn qlinear_depthwise_conv2d<X: Bits>(
    p: &QLinearDepthwiseConv2d,
    input: &[X],
    weights: &[u32],
    folded_bias: &[i32],
    scales: &[ScaleF32],
    output: &mut [X],
) {
    // One copy for all layers.
    let p = &core::hint::black_box(p).conv;
    let factor = |channel| Scaled {
        scale: scales[if scales.len() == 1 { 0 } else { channel }],
        zero_point: p.output_zero_point,
        activation: p.activation,
    };
    convolve(p, input, weights, |channel| folded_bias[channel], factor, output);
}

/// Multiplies every input row with the weights. `weights` come from [`pack_fully_connected`](super::pack_fully_connected),
/// `folded_bias` from [`fold_input_offset_of`](crate::optimized::fold_input_offset_of); `scales` has one entry, or one an
/// output.
#[inline(never)]
pub fn qlinear_fully_connected<X: Bits>(
    p: &FullyConnected,
    input: &[X],
    weights: &[u32],
    folded_bias: &[i32],
    scales: &[ScaleF32],
    scratch: &mut [u32],
    output: &mut [X],
) {
    // One copy for all layers.
    let p = core::hint::black_box(p);
    let factor = |i| Scaled {
        scale: scales[if scales.len() == 1 { 0 } else { i }],
        zero_point: p.output_zero_point,
        activation: p.activation,
    };
    multiply(p, input, weights, folded_bias, factor, scratch, output);
}

/// Adds in the arithmetic of `QLinearAdd`.
pub fn qlinear_add<X: Bits>(p: &QLinearAdd, input1: &[X], input2: &[X], output: &mut [X]) {
    zip(&p.broadcast, input1, input2, output, |x1, x2| X::saturate(scaled_sum(p, x1.widen(), x2.widen())));
}

/// Multiplies in the arithmetic of `QLinearMul`.
pub fn qlinear_mul<X: Bits>(p: &QLinearMul, input1: &[X], input2: &[X], output: &mut [X]) {
    zip(&p.broadcast, input1, input2, output, |x1, x2| {
        let product = (x1.widen() - p.input1_zero_point) * (x2.widen() - p.input2_zero_point);
        X::saturate(scale_with_offset(product, p.scale, p.output_zero_point, p.activation))
    });
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::optimized::{dsp, fold_input_offset};
    use crate::params::{Clamp, DepthwiseConv2d, Window2d};
    use crate::reference::qlinear;
    use std::vec;
    use std::vec::Vec;

    /// Agreement is drawn for `i8` only: unsigned activations differ in how they are widened, and in the padding.
    #[test]
    fn unsigned_activations_agree_with_the_reference() {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let activation = Clamp { min: 3, max: 250 };
        for (channels, filter, pad) in [(5, 3, 1), (8, 1, 0), (4, 5, 2), (13, 3, 0)] {
            let size = 7 + 2 * pad - filter + 1;
            let window = Window2d {
                input_h: 7,
                input_w: 7,
                filter_h: filter,
                filter_w: filter,
                stride_h: 1,
                stride_w: 1,
                dilation_h: 1,
                dilation_w: 1,
                pad_top: pad,
                pad_left: pad,
                output_h: size,
                output_w: size,
            };
            let scales = [ScaleF32(0.0021)];
            let input: Vec<u8> = (0..49 * channels).map(|_| next()).collect();
            let taps = filter * filter;

            let conv = Conv2d {
                batches: 1,
                window,
                input_channels: channels,
                filter_channels: channels,
                output_channels: 3,
                input_zero_point: 131,
                output_zero_point: 120,
                activation,
            };
            let p = QLinearConv2d { conv, weights_zero_point: 0 };
            let weights: Vec<i8> = (0..3 * taps * channels).map(|_| next() as i8).collect();
            let (mut expected, mut got) = (vec![0; 3 * size * size], vec![0; 3 * size * size]);
            let (mut folded, mut packed) = ([0; 3], vec![0; dsp::conv2d_packed(&conv)]);
            fold_input_offset(&weights, &[40, 50, 60], 131, 3, &mut folded);
            dsp::pack_conv2d(&conv, &weights, &mut packed);
            qlinear::conv2d(&p, &input, &weights, &[40, 50, 60], &scales, &mut expected);
            let mut scratch = vec![0; qlinear_conv2d_scratch(&conv)];
            qlinear_conv2d(&p, &input, &packed, &folded, &scales, &mut scratch, &mut got);
            assert_eq!(got, expected, "convolution of {channels} channels, {filter}x{filter}");

            let conv = DepthwiseConv2d {
                batches: 1,
                window,
                channels,
                multiplier: 1,
                input_zero_point: 131,
                output_zero_point: 120,
                activation,
            };
            let p = QLinearDepthwiseConv2d { conv, weights_zero_point: 0 };
            let weights = &weights[..taps * channels];
            let mut rows = vec![0; weights.len()];
            dsp::set::transpose(weights, channels, &mut rows);
            let (mut folded, mut packed) = (vec![0; channels], vec![0; dsp::depthwise_taps_packed(&conv)]);
            fold_input_offset(&rows, &[], 131, channels, &mut folded);
            dsp::pack_depthwise_taps(&conv, &rows, &mut packed);
            let (mut expected, mut got) = (vec![0; channels * size * size], vec![0; channels * size * size]);
            qlinear::depthwise_conv2d(&p, &input, weights, &[], &scales, &mut expected);
            qlinear_depthwise_conv2d(&p, &input, &packed, &folded, &scales, &mut got);
            assert_eq!(got, expected, "depthwise convolution of {channels} channels, {filter}x{filter}");

            let p = FullyConnected {
                batches: 7,
                input_depth: 7 * channels,
                output_depth: 6,
                input_zero_point: 131,
                weights_zero_point: 0,
                output_zero_point: 120,
                activation,
            };
            let weights: Vec<i8> = (0..6 * 7 * channels).map(|_| next() as i8).collect();
            let (mut folded, mut packed) = ([0; 6], vec![0; dsp::fully_connected_packed(&p)]);
            fold_input_offset(&weights, &[], 131, 6, &mut folded);
            dsp::pack_fully_connected(&p, &weights, &mut packed);
            let (mut expected, mut got) = ([0; 42], [0; 42]);
            qlinear::fully_connected(&p, &input, &weights, &[], &scales, &mut expected);
            let mut scratch = vec![0; dsp::fully_connected_scratch(&p)];
            qlinear_fully_connected(&p, &input, &packed, &folded, &scales, &mut scratch, &mut got);
            assert_eq!(got, expected, "{channels} times 7 inputs");
        }
    }
}
