//! The kernels of this folder with the signatures of all sets. For checks and benches.

use super::{
    average_pool2d_takes, conv2d_takes, depthwise_conv2d_packed, depthwise_conv2d_scratch, depthwise_conv2d_takes,
    fully_connected_takes, pack_depthwise_conv2d,
};
use crate::optimized::dsp::{self, is_exact};
use crate::optimized::{KernelSet, generic};
use crate::params::{Channel, Conv2d, DepthwiseConv2d, FullyConnected, Requant};

/// The kernels of this folder, and generic ones where it has none.
pub static SET: KernelSet = KernelSet {
    name: "mve",
    conv2d_scratch,
    conv2d,
    depthwise_conv2d,
    fully_connected,
    add: |p, x1, x2, y| (if dsp::add_takes(p) { super::add } else { generic::add })(p, x1, x2, y),
    sub: |p, x1, x2, y| (if dsp::add_takes(p) { super::sub } else { generic::sub })(p, x1, x2, y),
    mul: |p, x1, x2, y| (if dsp::mul_takes(p) { super::mul } else { generic::mul })(p, x1, x2, y),
    average_pool2d: |p, x, y| {
        (if average_pool2d_takes(p) { super::average_pool2d } else { generic::average_pool2d })(p, x, y);
    },
    max_pool2d: super::max_pool2d,
    // Cores with Helium have the DSP extension too.
    qlinear_conv2d: dsp::SET.qlinear_conv2d,
    qlinear_depthwise_conv2d: dsp::SET.qlinear_depthwise_conv2d,
    qlinear_fully_connected: dsp::SET.qlinear_fully_connected,
    qlinear_add: dsp::qlinear_add,
    qlinear_mul: dsp::qlinear_mul,
    ..generic::SET
};

/// Channels and bytes of scratch that a depthwise layer has at most here; larger ones run on the generic kernel.
const CHANNELS: usize = 64;
const SCRATCH: usize = 8192;

fn conv2d_scratch(p: &Conv2d) -> usize {
    (dsp::SET.conv2d_scratch)(p).max(super::conv2d_scratch(p))
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
    let mut memory = [Channel::ZERO; CHANNELS];
    super::conv2d(p, input, weights, dsp::channels(bias, requant, &mut memory), scratch, output);
}

fn depthwise_conv2d(
    p: &DepthwiseConv2d,
    input: &[i8],
    weights: &[i8],
    bias: &[i32],
    requant: &[Requant],
    output: &mut [i8],
) {
    if !depthwise_conv2d_takes(p) {
        return (dsp::SET.depthwise_conv2d)(p, input, weights, bias, requant, output);
    }
    if p.channels <= CHANNELS && depthwise_conv2d_scratch(p) <= SCRATCH {
        let (mut rows, mut folded) = ([0; 9 * CHANNELS], [0; CHANNELS]);
        let (rows, folded) = (&mut rows[..9 * p.channels], &mut folded[..p.channels]);
        dsp::transpose(weights, p.channels, rows);
        crate::optimized::fold_input_offset(rows, bias, p.input_zero_point, p.channels, folded);
        if is_exact(rows, folded, requant) {
            let (mut packed, mut scratch) = ([0; 3 * CHANNELS], [0; SCRATCH]);
            let packed = &mut packed[..depthwise_conv2d_packed(p)];
            pack_depthwise_conv2d(p, rows, packed);
            let (scratch, behind) = scratch.split_at_mut(depthwise_conv2d_scratch(p));
            let mut memory = [Channel::ZERO; CHANNELS];
            let channels = dsp::channels(folded, requant, &mut memory);
            super::depthwise_conv2d(p, input, packed, channels, scratch, output);
            assert!(behind.iter().all(|&byte| byte == 0), "the kernel keeps to its scratch");
            return;
        }
    }
    generic::depthwise_conv2d(p, input, weights, bias, requant, output);
}

fn fully_connected(
    p: &FullyConnected,
    input: &[i8],
    weights: &[i8],
    bias: &[i32],
    requant: &[Requant],
    output: &mut [i8],
) {
    let takes = fully_connected_takes(p) && is_exact(weights, bias, requant);
    (if takes { super::fully_connected } else { generic::fully_connected })(p, input, weights, bias, requant, output);
}
