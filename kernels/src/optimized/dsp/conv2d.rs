//! Convolution, two filters and three pixels a pass. Refuses groups.
//!
//! The patches under three output pixels are widened into scratch, and all filters pass over them.

use super::dots::{PairsByThree, pairs_by_three, widen_three_i8};
use super::patches::{PIXELS, Patches, groups, patches_scratch, run_len};
use super::requantize::clamp_all;
use crate::params::{Conv2d, Requant};

/// Whether [`conv2d`] runs this shape.
#[must_use]
pub const fn conv2d_takes(p: &Conv2d) -> bool {
    p.filter_channels == p.input_channels
}

/// Words of packed weights: two filters interleaved, runs padded to whole words.
#[must_use]
pub const fn conv2d_packed(p: &Conv2d) -> usize {
    p.output_channels.next_multiple_of(2) * groups(p)
}

/// Packs weights `[output_channels, filter_h, filter_w, input_channels]`: of each pair of filters one word of the first
/// and one of the second, in turn. Of an odd number the last filter has the one before it as its partner once more; a
/// single one has zeros. Runs on the host.
pub fn pack_conv2d(p: &Conv2d, weights: &[i8], packed: &mut [u32]) {
    let (groups, run_len, run_words) = (groups(p), run_len(p), run_len(p).div_ceil(4));
    let taps = groups / run_words * run_len;
    for (pair, out) in packed.chunks_exact_mut(2 * groups).enumerate() {
        for (i, word) in out.iter_mut().enumerate() {
            let filter = first_of_pair(p, pair) + i % 2;
            let (run, first) = (i / 2 / run_words, i / 2 % run_words * 4);
            let tap = |k: usize| {
                if filter < p.output_channels && first + k < run_len {
                    weights[filter * taps + run * run_len + first + k] as u8
                } else {
                    0
                }
            };
            *word = u32::from_le_bytes([tap(0), tap(1), tap(2), tap(3)]);
        }
    }
}

/// Words of scratch.
#[must_use]
pub const fn conv2d_scratch(p: &Conv2d) -> usize {
    patches_scratch(p)
}

/// Convolves. `weights` come from [`pack_conv2d`], `folded_bias` from
/// [`fold_input_offset`](crate::optimized::fold_input_offset); `requant` has one entry an output channel, and
/// [`is_exact`](super::is_exact) holds.
#[inline(never)]
pub fn conv2d(
    p: &Conv2d,
    input: &[i8],
    weights: &[u32],
    folded_bias: &[i32],
    requant: &[Requant],
    scratch: &mut [u32],
    output: &mut [i8],
) {
    // One copy for all layers: constants would pay in few places, and cost flash in each.
    let p = core::hint::black_box(p);
    let w = &p.window;
    let (groups, channels) = (groups(p), p.output_channels);
    let (image_len, pixel_count) = (w.input_h * w.input_w * p.input_channels, w.output_h * w.output_w);
    let output = &mut output[..p.batches * pixel_count * channels];
    let scratch = &mut scratch[..conv2d_scratch(p)];
    let weights = &weights[..conv2d_packed(p)];
    let (bias, requant) = (&folded_bias[..channels], &requant[..channels]);
    // A single filter has a partner without weights, and its results are brought out of here.
    let (one_bias, one_requant, mut results) = ([bias[0], 0], [requant[0]; 2], [0; 2 * PIXELS]);
    let single = channels == 1;
    let (bias, requant) = if single { (&one_bias[..], &one_requant[..]) } else { (bias, requant) };
    let mut task = PairsByThree {
        weights: weights.as_ptr(),
        pixels: scratch.as_ptr(),
        groups,
        bias: bias.as_ptr(),
        requant: requant.as_ptr(),
        output: results.as_mut_ptr(),
        others: [2, 4],
        end: results.as_mut_ptr().wrapping_add(2),
        odd_zero_point: 2 * p.output_zero_point + 1,
    };
    // Of an odd number the last filter is computed with the one before it once more.
    let before = bias.len() - 2;
    let mut last = PairsByThree {
        weights: weights[weights.len() - 2 * groups..].as_ptr(),
        bias: bias[before..].as_ptr(),
        requant: requant[before..].as_ptr(),
        ..task
    };
    let images = input[..p.batches * image_len].chunks_exact(image_len);
    for (image, output) in images.zip(output.chunks_exact_mut(pixel_count * channels)) {
        let mut patches = Patches::new(p, image, widen_three_i8);
        while patches.next(scratch) {
            let windows = &patches.windows;
            if single {
                // SAFETY: a pair of filters, the second of them zeros, with three pixels of two channels.
                unsafe { pairs_by_three(&task) };
                for (step, result) in windows.steps.into_iter().zip(results.as_chunks::<2>().0) {
                    output[windows.first + step] = result[0];
                }
                continue;
            }
            let out = output[windows.first * channels..].as_mut_ptr();
            task.output = out;
            task.others = [windows.steps[1] * channels, windows.steps[2] * channels];
            task.end = out.wrapping_add(channels / 2 * 2);
            // SAFETY: weights, bias and factors of all pairs were sliced above, patches have six words a group, and an
            // output pixel has so many channels.
            unsafe { pairs_by_three(&task) };
            if channels % 2 == 1 {
                last.output = out.wrapping_add(before);
                last.others = task.others;
                last.end = out.wrapping_add(channels);
                // SAFETY: as above, for the last pair alone.
                unsafe { pairs_by_three(&last) };
            }
        }
    }
    clamp_all(output, p.activation.min, p.activation.max);
}

/// The first filter of pair number `pair`.
fn first_of_pair(p: &Conv2d, pair: usize) -> usize {
    (2 * pair).min(p.output_channels.saturating_sub(2))
}
