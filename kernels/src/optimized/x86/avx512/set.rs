//! The kernels of this folder with the signatures of all sets: packs weights at every call. For checks and benches. On a
//! processor without AVX-512 VNNI, and for sums that are not small, it is the set of AVX2.

use super::{
    Avx512Vnni, BYTES, Lanes, conv2d_lanes, conv2d_packed, conv2d_takes, depthwise_conv2d_lanes,
    depthwise_conv2d_packed, depthwise_conv2d_scratch, depthwise_conv2d_takes, pack_conv2d, pack_depthwise_conv2d,
};
use crate::optimized::dsp::{is_exact, transpose};
use crate::optimized::x86::avx2;
use crate::optimized::{KernelSet, fold_input_offset};
use crate::params::{Conv2d, DepthwiseConv2d, FullyConnected, Requant};

/// The kernels of this folder, and those of AVX2 where it has none.
pub static SET: KernelSet = KernelSet {
    name: "avx512",
    available: || Avx512Vnni::detect().is_some(),
    conv2d_scratch,
    conv2d,
    depthwise_conv2d,
    fully_connected,
    ..avx2::SET
};

/// Registers of weights, blocks of lanes, and bytes of kernels that are not given any memory; larger layers run elsewhere.
const WEIGHTS: usize = 2048;
const BLOCKS: usize = 128;
const SCRATCH: usize = 128 * 1024;

/// Weights and channels of a depthwise layer at most.
const TAPS: usize = 64 * CHANNELS;
const CHANNELS: usize = 64;

fn conv2d_scratch(p: &Conv2d) -> usize {
    let ours = BYTES * conv2d_packed(p) + size_of::<Lanes>() * conv2d_lanes(p) + 4 * super::conv2d_scratch(p);
    // Three more to align it.
    (avx2::SET.conv2d_scratch)(p).max(ours + 3)
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
    let takes = conv2d_takes(p) && is_exact(weights, bias, requant);
    let Some(avx512) = Avx512Vnni::detect().filter(|_| takes) else {
        return (avx2::SET.conv2d)(p, input, weights, bias, requant, scratch, output);
    };
    let (packed, rest) = scratch.split_at_mut(BYTES * conv2d_packed(p));
    let packed = packed.as_chunks_mut().0;
    let (patches, rest) = rest.split_at_mut(4 * super::conv2d_scratch(p));
    // SAFETY: any bytes are valid numbers.
    let (patches, lanes) = unsafe { (patches.align_to_mut().1, rest.align_to_mut::<Lanes>().1) };
    let lanes = &mut lanes[..conv2d_lanes(p)];
    pack_conv2d(p, weights, bias, requant, packed, lanes);
    super::conv2d(avx512, p, input, packed, lanes, patches, output);
}

fn depthwise_conv2d(
    p: &DepthwiseConv2d,
    input: &[i8],
    weights: &[i8],
    bias: &[i32],
    requant: &[Requant],
    output: &mut [i8],
) {
    let fits = depthwise_conv2d_packed(p) <= WEIGHTS
        && depthwise_conv2d_lanes(p) <= BLOCKS
        && depthwise_conv2d_scratch(p) <= SCRATCH
        && p.channels <= CHANNELS
        && weights.len() <= TAPS;
    let (mut rows, mut folded) = ([0; TAPS], [0; CHANNELS]);
    let Some(avx512) = Avx512Vnni::detect().filter(|_| depthwise_conv2d_takes(p) && fits) else {
        return (avx2::SET.depthwise_conv2d)(p, input, weights, bias, requant, output);
    };
    let (rows, folded) = (&mut rows[..weights.len()], &mut folded[..p.channels]);
    transpose(weights, p.channels, rows);
    fold_input_offset(rows, bias, p.input_zero_point, p.channels, folded);
    if !is_exact(rows, folded, requant) {
        return (avx2::SET.depthwise_conv2d)(p, input, weights, bias, requant, output);
    }
    let (mut packed, mut lanes, mut scratch) = ([[0; BYTES]; WEIGHTS], [Lanes::ZERO; BLOCKS], [0; SCRATCH]);
    pack_depthwise_conv2d(p, rows, folded, requant, &mut packed, &mut lanes);
    super::depthwise_conv2d(avx512, p, input, &packed, &lanes, &mut scratch, output);
}

fn fully_connected(
    p: &FullyConnected,
    input: &[i8],
    weights: &[i8],
    bias: &[i32],
    requant: &[Requant],
    output: &mut [i8],
) {
    let conv = p.as_conv2d();
    let fits = conv2d_packed(&conv) <= WEIGHTS
        && conv2d_lanes(&conv) <= BLOCKS
        && 4 * super::conv2d_scratch(&conv) <= SCRATCH
        && is_exact(weights, bias, requant);
    let Some(avx512) = Avx512Vnni::detect().filter(|_| fits) else {
        return (avx2::SET.fully_connected)(p, input, weights, bias, requant, output);
    };
    let (mut packed, mut lanes, mut scratch) = ([[0; BYTES]; WEIGHTS], [Lanes::ZERO; BLOCKS], [[0; 4]; SCRATCH / 4]);
    pack_conv2d(&conv, weights, bias, requant, &mut packed, &mut lanes);
    super::conv2d(avx512, &conv, input, &packed, &lanes[..conv2d_lanes(&conv)], &mut scratch, output);
}
