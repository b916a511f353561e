//! The kernels of this folder with the signatures of all sets: packs weights at every call. For checks and benches. On a
//! processor without AVX2 it is the generic set.

use super::{
    Avx2, conv2d_packed, conv2d_takes, depthwise_conv2d_packed, depthwise_conv2d_takes, pack_conv2d,
    pack_depthwise_conv2d,
};
use crate::optimized::{KernelSet, generic};
use crate::params::{Conv2d, DepthwiseConv2d, FullyConnected, Requant};

/// The kernels of this folder, and generic ones where it has none.
pub static SET: KernelSet = KernelSet {
    name: "avx2",
    available: || Avx2::detect().is_some(),
    conv2d_scratch,
    conv2d,
    depthwise_conv2d,
    fully_connected,
    ..generic::SET
};

/// Blocks of packed weights and pairs of scratch of kernels that are not given any; larger layers run on generic kernels.
const WEIGHTS: usize = 24 * 1024;
const PAIRS: usize = 16 * 1024;

fn conv2d_scratch(p: &Conv2d) -> usize {
    // Three more to align it.
    generic::conv2d_scratch(p).max(16 * conv2d_packed(p) + 4 * super::conv2d_scratch(p) + 3)
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
    let Some(avx2) = Avx2::detect().filter(|_| conv2d_takes(p)) else {
        return generic::conv2d(p, input, weights, bias, requant, scratch, output);
    };
    let (packed, rest) = scratch.split_at_mut(16 * conv2d_packed(p));
    let packed = packed.as_chunks_mut().0;
    pack_conv2d(p, weights, packed);
    // SAFETY: any bytes are a valid pair of numbers.
    let pairs = unsafe { rest.align_to_mut::<[i16; 2]>() }.1;
    super::conv2d(avx2, p, input, packed, bias, requant, pairs, output);
}

fn depthwise_conv2d(
    p: &DepthwiseConv2d,
    input: &[i8],
    weights: &[i8],
    bias: &[i32],
    requant: &[Requant],
    output: &mut [i8],
) {
    let mut packed = [[[0; 16]; 2]; WEIGHTS / 64];
    let fits = depthwise_conv2d_packed(p) <= packed.len();
    let Some(avx2) = Avx2::detect().filter(|_| depthwise_conv2d_takes(p) && fits) else {
        return generic::depthwise_conv2d(p, input, weights, bias, requant, output);
    };
    pack_depthwise_conv2d(p, weights, &mut packed);
    super::depthwise_conv2d(avx2, p, input, &packed, bias, requant, output);
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
    let mut packed = [[0; 16]; WEIGHTS / 16];
    let mut pairs = [[0; 2]; PAIRS];
    let fits = conv2d_packed(&conv) <= packed.len() && super::conv2d_scratch(&conv) <= pairs.len();
    let Some(avx2) = Avx2::detect().filter(|_| fits) else {
        return generic::fully_connected(p, input, weights, bias, requant, output);
    };
    pack_conv2d(&conv, weights, &mut packed);
    super::conv2d(avx2, &conv, input, &packed, bias, requant, &mut pairs, output);
}
