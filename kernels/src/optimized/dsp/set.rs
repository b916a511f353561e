//! The kernels of this folder with the signatures of all sets: packs weights at every call. For checks and benches.

use super::{
    add_takes, conv2d_packed, conv2d_takes, depthwise_conv2d_packed, depthwise_conv2d_scratch, depthwise_conv2d_takes,
    fully_connected_packed, fully_connected_scratch, fully_connected_takes, is_exact, pack_conv2d,
    pack_depthwise_conv2d, pack_fully_connected,
};
use crate::optimized::{KernelSet, generic};
use crate::params::{Add, Conv2d, DepthwiseConv2d, FullyConnected, Requant};

/// The kernels of this folder, and generic ones where it has none.
pub static SET: KernelSet =
    KernelSet { name: "dsp", conv2d_scratch, conv2d, depthwise_conv2d, fully_connected, add, ..generic::SET };

/// Words for packed weights and scratch of kernels that are not given any; larger layers run on generic kernels.
const WORDS: usize = 1200;

/// A depthwise layer has so many channels at most here.
const CHANNELS: usize = 64;

fn conv2d_scratch(p: &Conv2d) -> usize {
    // Three more to align it.
    generic::conv2d_scratch(p).max(4 * (conv2d_packed(p) + super::conv2d_scratch(p)) + 3)
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
    if !conv2d_takes(p) || !is_exact(weights, bias, requant) {
        return generic::conv2d(p, input, weights, bias, requant, scratch, output);
    }
    // SAFETY: any bytes are a valid word.
    let words = unsafe { scratch.align_to_mut::<u32>() }.1;
    let (packed, scratch) = words.split_at_mut(conv2d_packed(p));
    pack_conv2d(p, weights, packed);
    super::conv2d(p, input, packed, bias, requant, scratch, output);
}

fn depthwise_conv2d(
    p: &DepthwiseConv2d,
    input: &[i8],
    weights: &[i8],
    bias: &[i32],
    requant: &[Requant],
    output: &mut [i8],
) {
    let mut words = [0; WORDS];
    let mut folded = [0_i32; CHANNELS];
    let fits = depthwise_conv2d_packed(p) + depthwise_conv2d_scratch(p) <= WORDS && p.channels <= CHANNELS;
    if !depthwise_conv2d_takes(p) || !fits {
        return generic::depthwise_conv2d(p, input, weights, bias, requant, output);
    }
    let mut rows = [0; 9 * CHANNELS];
    transpose(weights, p.channels, &mut rows);
    let (folded, rows) = (&mut folded[..p.channels], &rows[..weights.len()]);
    crate::optimized::fold_input_offset(rows, bias, p.input_zero_point, p.channels, folded);
    if !is_exact(rows, folded, requant) {
        return generic::depthwise_conv2d(p, input, weights, bias, requant, output);
    }
    let (packed, scratch) = words.split_at_mut(depthwise_conv2d_packed(p));
    pack_depthwise_conv2d(p, rows, packed);
    let (scratch, behind) = scratch.split_at_mut(depthwise_conv2d_scratch(p));
    super::depthwise_conv2d(p, input, packed, folded, requant, scratch, output);
    assert!(behind.iter().all(|&word| word == 0), "the kernel keeps to its scratch");
}

fn add(p: &Add, input1: &[i8], input2: &[i8], output: &mut [i8]) {
    (if add_takes(p) { super::add } else { generic::add })(p, input1, input2, output);
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
