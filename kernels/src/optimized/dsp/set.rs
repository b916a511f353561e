//! The kernels of this folder with the signatures of all sets: packs weights at every call. For checks and benches.

use super::{
    add_takes, average_pool2d_takes, conv2d_packed, conv2d_takes, depthwise_conv2d_scratch, depthwise_conv2d_takes,
    depthwise_taps_packed, depthwise_taps_takes, fully_connected_packed, fully_connected_scratch,
    fully_connected_takes, is_exact, max_pool2d_takes, mul_takes, pack_conv2d, pack_depthwise_conv2d,
    pack_depthwise_taps, pack_fully_connected, qlinear_conv2d_scratch, qlinear_conv2d_takes,
    qlinear_depthwise_conv2d_takes,
};
use crate::optimized::{KernelSet, generic};
use crate::params::{
    Channel, Conv2d, DepthwiseConv2d, FullyConnected, QLinearConv2d, QLinearDepthwiseConv2d, Requant, ScaleF32,
};

/// The kernels of this folder, and generic ones where it has none.
pub static SET: KernelSet = KernelSet {
    name: "dsp",
    conv2d_scratch,
    conv2d,
    depthwise_conv2d,
    fully_connected,
    add: |p, x1, x2, y| (if add_takes(p) { super::add } else { generic::add })(p, x1, x2, y),
    sub: |p, x1, x2, y| (if add_takes(p) { super::sub } else { generic::sub })(p, x1, x2, y),
    mul: |p, x1, x2, y| (if mul_takes(p) { super::mul } else { generic::mul })(p, x1, x2, y),
    average_pool2d: |p, x, y| {
        (if average_pool2d_takes(p) { super::average_pool2d } else { generic::average_pool2d })(p, x, y);
    },
    max_pool2d: |p, x, y| (if max_pool2d_takes(p) { super::max_pool2d } else { generic::max_pool2d })(p, x, y),
    qlinear_conv2d,
    qlinear_depthwise_conv2d,
    qlinear_fully_connected,
    qlinear_add: super::qlinear_add,
    qlinear_mul: super::qlinear_mul,
    ..generic::SET
};

/// Words for packed weights and scratch of kernels that are not given any; larger layers run on generic kernels.
const WORDS: usize = 1200;

/// A layer has so many output channels at most here.
const CHANNELS: usize = 64;

/// And so many weights.
const WEIGHTS: usize = 25 * CHANNELS;

fn conv2d_scratch(p: &Conv2d) -> usize {
    // Three more to align it.
    generic::conv2d_scratch(p).max(4 * (conv2d_packed(p) + qlinear_conv2d_scratch(p)) + 3)
}

fn conv2d(
    p: &Conv2d,
    input: &[i8],
    weights: &[i8],
    bias: &[i32],
    requant: &[Requant],
    scratch: &mut [i8],
    output: &mut [i8],
) {
    if !conv2d_takes(p) || p.output_channels > CHANNELS || !is_exact(weights, bias, requant) {
        return generic::conv2d(p, input, weights, bias, requant, scratch, output);
    }
    // SAFETY: any bytes are a valid word.
    let words = unsafe { scratch.align_to_mut::<u32>() }.1;
    let (packed, scratch) = words.split_at_mut(conv2d_packed(p));
    pack_conv2d(p, weights, packed);
    let mut memory = [Channel::ZERO; CHANNELS];
    super::conv2d(p, input, packed, channels(bias, requant, &mut memory), scratch, output);
}

fn depthwise_conv2d(
    p: &DepthwiseConv2d,
    input: &[i8],
    weights: &[i8],
    bias: &[i32],
    requant: &[Requant],
    output: &mut [i8],
) {
    let (rows, taps) = (depthwise_conv2d_takes(p), depthwise_taps_takes(p));
    let fits = depthwise_taps_packed(p).max(depthwise_conv2d_scratch(p)) <= WORDS
        && p.channels <= CHANNELS
        && weights.len() <= WEIGHTS;
    if !(rows || taps) || !fits {
        return generic::depthwise_conv2d(p, input, weights, bias, requant, output);
    }
    let (mut by_channel, mut folded) = ([0; WEIGHTS], [0_i32; CHANNELS]);
    transpose(weights, p.channels, &mut by_channel);
    let (folded, by_channel) = (&mut folded[..p.channels], &by_channel[..weights.len()]);
    crate::optimized::fold_input_offset(by_channel, bias, p.input_zero_point, p.channels, folded);
    if !is_exact(by_channel, folded, requant) {
        return generic::depthwise_conv2d(p, input, weights, bias, requant, output);
    }
    let mut memory = [Channel::ZERO; CHANNELS];
    let channels = channels(folded, requant, &mut memory);
    let mut words = [0; WORDS];
    if !rows {
        pack_depthwise_taps(p, by_channel, &mut words);
        return super::depthwise_taps(p, input, &words, channels, output);
    }
    let mut packed = [0; 9 * CHANNELS + 1];
    pack_depthwise_conv2d(p, by_channel, &mut packed);
    let (scratch, behind) = words.split_at_mut(depthwise_conv2d_scratch(p));
    super::depthwise_conv2d(p, input, &packed, channels, scratch, output);
    assert!(behind.iter().all(|&word| word == 0), "the kernel keeps to its scratch");
}

/// What kernels read of biases and factors.
pub(in crate::optimized) fn channels<'a>(bias: &[i32], requant: &[Requant], to: &'a mut [Channel]) -> &'a [Channel] {
    for ((to, &bias), &requant) in to.iter_mut().zip(bias).zip(requant) {
        *to = Channel::new(bias, requant);
    }
    &to[..bias.len()]
}

/// Weights `[taps, channels]` as `[channels, taps]`.
pub(in crate::optimized) fn transpose(weights: &[i8], channels: usize, rows: &mut [i8]) {
    let taps = weights.len() / channels;
    for (i, &weight) in weights.iter().enumerate() {
        rows[i % channels * taps + i / channels] = weight;
    }
}

fn fully_connected(
    p: &FullyConnected,
    input: &[i8],
    weights: &[i8],
    bias: &[i32],
    requant: &[Requant],
    output: &mut [i8],
) {
    let mut words = [0; WORDS];
    let fits = fully_connected_packed(p) + fully_connected_scratch(p) <= WORDS;
    if !fully_connected_takes(p) || !fits || !is_exact(weights, bias, requant) {
        return generic::fully_connected(p, input, weights, bias, requant, output);
    }
    let (packed, scratch) = words.split_at_mut(fully_connected_packed(p));
    pack_fully_connected(p, weights, packed);
    let (scratch, behind) = scratch.split_at_mut(fully_connected_scratch(p));
    super::fully_connected(p, input, packed, bias, requant, scratch, output);
    assert!(behind.iter().all(|&word| word == 0), "the kernel keeps to its scratch");
}

fn qlinear_conv2d(
    p: &QLinearConv2d,
    input: &[i8],
    weights: &[i8],
    bias: &[i32],
    scales: &[ScaleF32],
    scratch: &mut [i8],
    output: &mut [i8],
) {
    if !qlinear_conv2d_takes(p) {
        return generic::qlinear_conv2d(p, input, weights, bias, scales, scratch, output);
    }
    // SAFETY: any bytes are a valid word.
    let words = unsafe { scratch.align_to_mut::<u32>() }.1;
    let (packed, scratch) = words.split_at_mut(conv2d_packed(&p.conv));
    pack_conv2d(&p.conv, weights, packed);
    super::qlinear_conv2d(p, input, packed, bias, scales, scratch, output);
}

fn qlinear_depthwise_conv2d(
    p: &QLinearDepthwiseConv2d,
    input: &[i8],
    weights: &[i8],
    bias: &[i32],
    scales: &[ScaleF32],
    output: &mut [i8],
) {
    let c = &p.conv;
    let fits = c.channels <= CHANNELS && weights.len() <= WEIGHTS && depthwise_taps_packed(c) <= WORDS;
    if !qlinear_depthwise_conv2d_takes(p) || !fits {
        return generic::qlinear_depthwise_conv2d(p, input, weights, bias, scales, output);
    }
    let (mut by_channel, mut folded, mut packed) = ([0; WEIGHTS], [0_i32; CHANNELS], [0; WORDS]);
    transpose(weights, c.channels, &mut by_channel);
    let (folded, by_channel) = (&mut folded[..c.channels], &by_channel[..weights.len()]);
    crate::optimized::fold_input_offset(by_channel, bias, c.input_zero_point, c.channels, folded);
    pack_depthwise_taps(c, by_channel, &mut packed);
    super::qlinear_depthwise_conv2d(p, input, &packed, folded, scales, output);
}

fn qlinear_fully_connected(
    p: &FullyConnected,
    input: &[i8],
    weights: &[i8],
    bias: &[i32],
    scales: &[ScaleF32],
    output: &mut [i8],
) {
    let mut words = [0; WORDS];
    if !fully_connected_takes(p) || fully_connected_packed(p) + fully_connected_scratch(p) > WORDS {
        return generic::qlinear_fully_connected(p, input, weights, bias, scales, output);
    }
    let (packed, scratch) = words.split_at_mut(fully_connected_packed(p));
    pack_fully_connected(p, weights, packed);
    super::qlinear_fully_connected(p, input, packed, bias, scales, scratch, output);
}
