//! Fully connected layer, four outputs a pass. Refuses weights with a zero point.

use super::bits::Bits;
use super::dots::four_by_one;
use super::requantize::{Rescale, clamp_all};
use super::simd::{load4, smlad, sxtb16, sxtb16_odd};
use super::single::Finish;
use crate::params::{FullyConnected, Requant};

/// Outputs a pass.
const OUTPUTS: usize = 4;

/// Whether [`fully_connected`] runs this layer.
#[must_use]
pub const fn fully_connected_takes(p: &FullyConnected) -> bool {
    p.weights_zero_point == 0
}

/// Words of packed weights: four rows interleaved, the rows that are left one after the other.
#[must_use]
pub const fn fully_connected_packed(p: &FullyConnected) -> usize {
    p.output_depth * groups(p)
}

/// Packs weights `[output_depth, input_depth]`. Runs on the host.
pub fn pack_fully_connected(p: &FullyConnected, weights: &[i8], packed: &mut [u32]) {
    let groups = groups(p);
    let whole = p.output_depth / OUTPUTS * OUTPUTS;
    for row in 0..p.output_depth {
        for (group, taps) in weights[row * p.input_depth..(row + 1) * p.input_depth].chunks(4).enumerate() {
            let mut bytes = [0; 4];
            bytes.iter_mut().zip(taps).for_each(|(byte, &tap)| *byte = tap as u8);
            let place = if row < whole {
                (row / OUTPUTS * groups + group) * OUTPUTS + row % OUTPUTS
            } else {
                row * groups + group
            };
            packed[place] = u32::from_le_bytes(bytes);
        }
    }
}

/// Words of scratch: one widened row of the input.
#[must_use]
pub const fn fully_connected_scratch(p: &FullyConnected) -> usize {
    2 * groups(p)
}

/// Multiplies every input row with the weights. `weights` come from [`pack_fully_connected`], `folded_bias` from
/// [`fold_input_offset`](crate::optimized::fold_input_offset); `requant` has one entry, or one an output, and
/// [`is_exact`](super::is_exact) holds.
#[inline(never)]
pub fn fully_connected(
    p: &FullyConnected,
    input: &[i8],
    weights: &[u32],
    folded_bias: &[i32],
    requant: &[Requant],
    scratch: &mut [u32],
    output: &mut [i8],
) {
    // One copy for all layers: constants would pay in few places, and cost flash in each.
    let p = core::hint::black_box(p);
    let factor = |i: usize| Rescale::new(requant[if requant.len() == 1 { 0 } else { i }], p.output_zero_point);
    multiply(p, input, weights, folded_bias, factor, scratch, output);
    clamp_all(&mut output[..p.batches * p.output_depth], p.activation.min, p.activation.max);
}

/// Multiplies, and finishes each sum by the factor of its output.
#[inline(always)]
pub(super) fn multiply<X: Bits, F: Finish<X>>(
    p: &FullyConnected,
    input: &[X],
    weights: &[u32],
    folded_bias: &[i32],
    factor: impl Fn(usize) -> F,
    scratch: &mut [u32],
    output: &mut [X],
) {
    let groups = groups(p);
    let output = &mut output[..p.batches * p.output_depth];
    let x = &mut scratch[..2 * groups];
    let (weights, rest) = weights[..p.output_depth * groups].split_at(p.output_depth / OUTPUTS * OUTPUTS * groups);
    for (row, output) in X::bits(input).chunks_exact(p.input_depth).zip(output.chunks_exact_mut(p.output_depth)) {
        widen::<X>(row, x);
        let (biases, rest_bias) = folded_bias[..p.output_depth].as_chunks::<OUTPUTS>();
        let (outputs, rest_output) = output.as_chunks_mut::<OUTPUTS>();
        let mut first = 0;
        for ((out, bias), weights) in outputs.iter_mut().zip(biases).zip(weights.chunks_exact(OUTPUTS * groups)) {
            let mut sums = *bias;
            // SAFETY: `weights` has four words a group, `x` two.
            unsafe { four_by_one(weights.as_ptr(), x.as_ptr(), groups, &mut sums) };
            for i in 0..OUTPUTS {
                out[i] = factor(first + i).finish(sums[i]);
            }
            first += OUTPUTS;
        }
        for ((out, &bias), weights) in rest_output.iter_mut().zip(rest_bias).zip(rest.chunks_exact(groups)) {
            let products = weights.iter().zip(x.as_chunks::<2>().0);
            let sum = products.fold(bias, |sum, (&w, x)| smlad(sxtb16_odd(w), x[1], smlad(sxtb16(w), x[0], sum)));
            *out = factor(first).finish(sum);
            first += 1;
        }
    }
}

const fn groups(p: &FullyConnected) -> usize {
    p.input_depth.div_ceil(4)
}

/// Widens a row: of each four elements the even ones, then the odd ones; zeros behind the last.
fn widen<X: Bits>(row: &[i8], to: &mut [u32]) {
    let (words, rest) = row.as_chunks::<4>();
    let mut to = to.as_chunks_mut::<2>().0.iter_mut();
    for (word, to) in words.iter().zip(&mut to) {
        // SAFETY: four elements lie there.
        let x = unsafe { load4(word.as_ptr()) };
        *to = X::widen_word(x);
    }
    if let Some(to) = to.next() {
        let mut last = [0; 4];
        last.iter_mut().zip(rest).for_each(|(byte, &x)| *byte = x as u8);
        let x = u32::from_le_bytes(last);
        *to = X::widen_word(x);
    }
}
