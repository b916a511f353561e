//! Convolution, two filters and three pixels a pass. Refuses groups.
//!
//! The patches under three output pixels are widened into scratch, and all filters pass over them.

use super::dots::{PairsByThree, pairs_by_three, widen_three_i8};
use super::patches::{PIXELS, Patches, groups, patches_scratch, tap_at};
use super::requantize::{Rescale, clamp_all};
use super::simd::{smlad, sxtb16, sxtb16_odd};
use crate::params::{Channel, Conv2d};

/// Whether [`conv2d`] runs this shape.
#[must_use]
pub const fn conv2d_takes(p: &Conv2d) -> bool {
    p.filter_channels == p.input_channels
}

/// Words of packed weights: filters padded to whole words.
#[must_use]
pub const fn conv2d_packed(p: &Conv2d) -> usize {
    p.output_channels * groups(p)
}

/// Packs weights `[output_channels, filter_h, filter_w, input_channels]`: of each pair of filters one word of the first
/// and one of the second, in turn; of an odd number the last filter for itself. Runs on the host.
pub fn pack_conv2d(p: &Conv2d, weights: &[i8], packed: &mut [u32]) {
    let (groups, taps) = (groups(p), p.window.filter_h * p.window.filter_w * p.filter_channels);
    for (pair, out) in packed[..conv2d_packed(p)].chunks_mut(2 * groups).enumerate() {
        let filters = out.len() / groups;
        for (i, word) in out.iter_mut().enumerate() {
            let (filter, group) = (2 * pair + i % filters, i / filters);
            let byte = |k: usize| tap_at(p, 4 * group + k).map_or(0, |tap| weights[filter * taps + tap] as u8);
            *word = u32::from_le_bytes([0, 1, 2, 3].map(byte));
        }
    }
}

/// Words of scratch.
#[must_use]
pub const fn conv2d_scratch(p: &Conv2d) -> usize {
    patches_scratch(p)
}

/// Convolves. `weights` come from [`pack_conv2d`]; each output channel has its bias from
/// [`fold_input_offset`](crate::optimized::fold_input_offset) and its factor, and [`is_exact`](super::is_exact) holds.
#[inline(never)]
pub fn conv2d(p: &Conv2d, input: &[i8], weights: &[u32], channels: &[Channel], scratch: &mut [u32], output: &mut [i8]) {
    // One copy for all layers: constants would pay in few places, and cost flash in each.
    let p = core::hint::black_box(p);
    let w = &p.window;
    let (groups, count) = (groups(p), p.output_channels);
    let (image_len, pixel_count) = (w.input_h * w.input_w * p.input_channels, w.output_h * w.output_w);
    let output = &mut output[..p.batches * pixel_count * count];
    let scratch = &mut scratch[..conv2d_scratch(p)];
    let weights = &weights[..conv2d_packed(p)];
    let channels = &channels[..count];
    let (pairs, last) = weights.split_at(count / 2 * 2 * groups);
    let mut task = PairsByThree {
        weights: pairs.as_ptr(),
        pixels: scratch.as_ptr(),
        groups,
        channels: channels.as_ptr(),
        keeps_sums: 0,
        output: output.as_mut_ptr(),
        others: [0; 2],
        end: output.as_mut_ptr(),
        odd_zero_point: 2 * p.output_zero_point + 1,
    };
    let images = input[..p.batches * image_len].chunks_exact(image_len);
    for (image, output) in images.zip(output.chunks_exact_mut(pixel_count * count)) {
        let mut patches = Patches::new(p, image, widen_three_i8);
        while patches.next(scratch) {
            let windows = &patches.windows;
            if !pairs.is_empty() {
                let out = output[windows.first * count..].as_mut_ptr();
                task.output = out;
                task.others = [windows.steps[1] * count, windows.steps[2] * count];
                task.end = out.wrapping_add(count / 2 * 2);
                // SAFETY: weights and channels of all pairs were sliced above, patches have six words a group, and an
                // output pixel has so many channels.
                unsafe { pairs_by_three(&task) };
            }
            if !last.is_empty() {
                let channel = channels[count - 1];
                let rescale = Rescale::new(channel.requant(), p.output_zero_point);
                for (sum, step) in one_by_three(last, scratch, channel.bias()).into_iter().zip(windows.steps) {
                    output[(windows.first + step + 1) * count - 1] = rescale.apply(sum);
                }
            }
        }
    }
    clamp_all(output, p.activation.min, p.activation.max);
}

/// Three sums of one filter that has no partner.
#[inline(never)]
pub(super) fn one_by_three(weights: &[u32], patches: &[u32], start: i32) -> [i32; PIXELS] {
    let mut sums = [start; PIXELS];
    for (&weights, patches) in weights.iter().zip(patches.as_chunks::<{ 2 * PIXELS }>().0) {
        let (even, odd) = (sxtb16(weights), sxtb16_odd(weights));
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = smlad(odd, patches[PIXELS + i], smlad(even, patches[i], *sum));
        }
    }
    sums
}
