//! Convolution, two filters and three pixels a pass. Refuses groups.
//!
//! The patches under three output pixels are widened to 16 bits into scratch, interleaved as the sums read them; all
//! filters pass over them. A patch whose rows are whole words is widened straight from the image.

use super::dots::{PairsByThree, pairs_by_three, widen_three};
use super::requantize::clamp_all;
use super::simd::load4;
use crate::params::{Conv2d, Requant};

/// Output pixels a pass.
const PIXELS: usize = 3;

/// Whether [`conv2d`] runs this shape.
#[must_use]
pub const fn conv2d_takes(p: &Conv2d) -> bool {
    p.filter_channels == p.input_channels
}

/// Words of packed weights: two filters interleaved, taps padded to whole words.
#[must_use]
pub const fn conv2d_packed(p: &Conv2d) -> usize {
    p.output_channels.next_multiple_of(2) * groups(p)
}

/// Packs weights `[output_channels, filter_h, filter_w, input_channels]`: of each pair of filters one word of the first
/// and one of the second, in turn. Runs on the host.
pub fn pack_conv2d(p: &Conv2d, weights: &[i8], packed: &mut [u32]) {
    let (taps, groups) = (taps(p), groups(p));
    for (pair, out) in packed.chunks_exact_mut(2 * groups).enumerate() {
        for (i, word) in out.iter_mut().enumerate() {
            let (filter, first) = (2 * pair + i % 2, i / 2 * 4);
            let tap = |k: usize| {
                if filter < p.output_channels && first + k < taps {
                    weights[filter * taps + first + k] as u8
                } else {
                    0
                }
            };
            *word = u32::from_le_bytes([tap(0), tap(1), tap(2), tap(3)]);
        }
    }
}

/// Words of scratch: three widened patches, and bytes of three runs that meet padding or are no whole words.
#[must_use]
pub const fn conv2d_scratch(p: &Conv2d) -> usize {
    2 * PIXELS * groups(p) + if reads_in_place(p) { 0 } else { PIXELS * gathered(p) / 4 }
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
    let (patches, gathered) = scratch.split_at_mut(2 * PIXELS * groups);
    let weights = &weights[..conv2d_packed(p)];
    let (bias, requant) = (&folded_bias[..channels], &requant[..channels]);
    let pairs = channels / 2;
    let images = input[..p.batches * image_len].chunks_exact(image_len);
    for (image, output) in images.zip(output.chunks_exact_mut(pixel_count * channels)) {
        let mut first = 0;
        while first < pixel_count {
            // Behind the last pixel it is computed again and stored in the same place.
            let others = [(first + 1).min(pixel_count - 1), (first + 2).min(pixel_count - 1)];
            widen_patches(p, image, [first, others[0], others[1]], patches, gathered);
            let out = output[first * channels..].as_mut_ptr();
            let task = PairsByThree {
                weights: weights.as_ptr(),
                pixels: patches.as_ptr(),
                groups,
                bias: bias.as_ptr(),
                requant: requant.as_ptr(),
                output: out,
                others: others.map(|pixel| (pixel - first) * channels),
                end: out.wrapping_add(2 * pairs),
                odd_zero_point: 2 * p.output_zero_point + 1,
            };
            if pairs > 0 {
                // SAFETY: weights, bias and factors of all pairs were sliced above, patches have six words a group, and
                // an output pixel has so many channels.
                unsafe { pairs_by_three(&task) };
            }
            if channels > 2 * pairs {
                let mut results = [0; 6];
                let (last_bias, last_requant) = ([bias[2 * pairs], 0], [requant[2 * pairs]; 2]);
                let last = PairsByThree {
                    weights: weights[2 * pairs * groups..].as_ptr(),
                    bias: last_bias.as_ptr(),
                    requant: last_requant.as_ptr(),
                    output: results.as_mut_ptr(),
                    others: [2, 4],
                    end: results.as_mut_ptr().wrapping_add(2),
                    ..task
                };
                // SAFETY: a pair of filters, the second of them zeros, with three pixels of two channels.
                unsafe { pairs_by_three(&last) };
                for (pixel, result) in [first, others[0], others[1]].into_iter().zip(results.as_chunks::<2>().0) {
                    output[pixel * channels + 2 * pairs] = result[0];
                }
            }
            first += PIXELS;
        }
    }
    clamp_all(output, p.activation.min, p.activation.max);
}

const fn taps(p: &Conv2d) -> usize {
    p.window.filter_h * p.window.filter_w * p.filter_channels
}

/// Words of four taps.
const fn groups(p: &Conv2d) -> usize {
    taps(p).div_ceil(4)
}

/// Taps of a filter row that lie side by side in the image.
const fn run_taps(p: &Conv2d) -> usize {
    if p.window.dilation_w == 1 { p.window.filter_w } else { 1 }
}

/// Elements of such a run.
const fn run_len(p: &Conv2d) -> usize {
    run_taps(p) * p.filter_channels
}

/// Whether runs are whole words, so that they need not be gathered unless they meet padding.
const fn has_word_runs(p: &Conv2d) -> bool {
    run_len(p).is_multiple_of(4)
}

/// Whether no run is ever gathered.
const fn reads_in_place(p: &Conv2d) -> bool {
    let w = &p.window;
    let last_row = (w.output_h - 1) * w.stride_h + (w.filter_h - 1) * w.dilation_h;
    let last_column = (w.output_w - 1) * w.stride_w + (w.filter_w - 1) * w.dilation_w;
    has_word_runs(p) && w.pad_top == 0 && w.pad_left == 0 && last_row < w.input_h && last_column < w.input_w
}

/// Bytes that are gathered for one pixel before they are widened: a run, or else the whole patch.
const fn gathered(p: &Conv2d) -> usize {
    if has_word_runs(p) { run_len(p) } else { 4 * groups(p) + 4 }
}

/// Widens the patches of three output pixels.
#[inline(never)]
fn widen_patches(p: &Conv2d, image: &[i8], pixels: [usize; PIXELS], patches: &mut [u32], scratch: &mut [u32]) {
    let w = &p.window;
    if w.filter_h * w.filter_w * w.stride_h * w.stride_w == 1 && reads_in_place(p) {
        let channels = p.input_channels;
        let from = pixels.map(|pixel| image[pixel * channels..(pixel + 1) * channels].as_ptr());
        // SAFETY: a pixel has as many elements as a patch.
        return unsafe { widen(from, patches) };
    }
    let origins = pixels.map(|pixel| {
        let (y, x) = (pixel / w.output_w, pixel % w.output_w);
        ((y * w.stride_h) as isize - w.pad_top as isize, (x * w.stride_w) as isize - w.pad_left as isize)
    });
    let (run_taps, run_len, in_words, gathered) = (run_taps(p), run_len(p), has_word_runs(p), gathered(p));
    assert!(scratch.len() >= if reads_in_place(p) { 0 } else { PIXELS * gathered / 4 });
    let bytes = scratch.as_mut_ptr().cast::<i8>();
    // Windows inside of the image, with room to read whole words, need no look at each run.
    let (span_h, span_w) = ((w.filter_h - 1) * w.dilation_h + 1, (w.filter_w - 1) * w.dilation_w + 1);
    let row_len = w.input_w * p.input_channels;
    let last = (span_h - 1) * row_len + (span_w * p.input_channels).next_multiple_of(4);
    let inside = origins.iter().all(|&(y, x)| {
        let place = y * row_len as isize + x * p.input_channels as isize;
        y >= 0 && x >= 0 && x as usize + span_w <= w.input_w && place as usize + last <= image.len()
    });
    if inside && run_taps == w.filter_w {
        let mut from =
            origins.map(|(y, x)| image.as_ptr().wrapping_add(y as usize * row_len + x as usize * p.input_channels));
        let mut to = patches;
        for filter_y in 0..w.filter_h {
            if in_words {
                let (now, later) = to.split_at_mut(run_len / 2 * PIXELS);
                // SAFETY: the windows lie inside of the image.
                unsafe { widen(from, now) };
                to = later;
            } else {
                for (i, &from) in from.iter().enumerate() {
                    // SAFETY: the image goes on for whole words, which may cover the place of the next run or, behind
                    // the last one, the four bytes that each place has to spare.
                    unsafe { copy_words(from, bytes.add(i * gathered + filter_y * run_len), run_len) };
                }
            }
            from = from.map(|from| from.wrapping_add(w.dilation_h * row_len));
        }
        if !in_words {
            // SAFETY: as below.
            unsafe { widen(core::array::from_fn(|i| bytes.add(i * gathered).cast_const()), to) };
        }
        return;
    }
    let mut to = patches;
    let mut place = 0;
    for filter_y in 0..w.filter_h {
        let mut filter_x = 0;
        while filter_x < w.filter_w {
            let mut from = [image.as_ptr(); PIXELS];
            for (i, &(y, x)) in origins.iter().enumerate() {
                let (y, x) = (y + (filter_y * w.dilation_h) as isize, x + (filter_x * w.dilation_w) as isize);
                let row_inside = (y as usize) < w.input_h;
                let inside = row_inside && x >= 0 && x as usize + run_taps <= w.input_w;
                let at = (y * w.input_w as isize + x) * p.input_channels as isize;
                if inside && in_words {
                    from[i] = image[at as usize..at as usize + run_len].as_ptr();
                    continue;
                }
                // SAFETY: `scratch` has room for what is gathered of three pixels; a run ends inside of a patch.
                let run = unsafe { core::slice::from_raw_parts_mut(bytes.add(i * gathered + place), run_len) };
                from[i] = run.as_ptr();
                if inside {
                    copy_run(&image[at as usize..at as usize + run_len], run);
                } else {
                    run.fill(p.input_zero_point as i8);
                    let first = x.clamp(0, w.input_w as isize);
                    let end = (x + run_taps as isize).clamp(0, w.input_w as isize);
                    if row_inside && first < end {
                        let skipped = (first - x) as usize * p.input_channels;
                        let part = (end - first) as usize * p.input_channels;
                        let at = (at + skipped as isize) as usize;
                        copy_run(&image[at..at + part], &mut run[skipped..skipped + part]);
                    }
                }
            }
            if in_words {
                let (now, later) = to.split_at_mut(run_len / 2 * PIXELS);
                // SAFETY: each run has `run_len` elements.
                unsafe { widen(from, now) };
                to = later;
            } else {
                place += run_len;
            }
            filter_x += run_taps;
        }
    }
    if !in_words {
        // SAFETY: each patch has a place of `gathered` bytes. What is behind its last tap meets weights of zero.
        unsafe { widen(core::array::from_fn(|i| bytes.add(i * gathered).cast_const()), to) };
    }
}

/// Copies `len` elements, and as many more as make whole words.
///
/// # Safety
/// Both sides have so many elements.
#[inline(always)]
unsafe fn copy_words(from: *const i8, to: *mut i8, len: usize) {
    let mut done = 0;
    while done < len {
        // SAFETY: the caller answers for whole words.
        unsafe { to.add(done).cast::<u32>().write_unaligned(load4(from.add(done))) };
        done += 4;
    }
}

/// Copies a short run.
#[inline(never)]
fn copy_run(from: &[i8], to: &mut [i8]) {
    let (words, rest) = from.as_chunks::<4>();
    let (to_words, to_rest) = to.as_chunks_mut::<4>();
    for (to, from) in to_words.iter_mut().zip(words) {
        *to = *from;
    }
    for (to, from) in to_rest.iter_mut().zip(rest) {
        *to = *from;
    }
}

/// Widens three runs of `to.len() / 6` words: of each word the even elements of all runs, then the odd ones.
///
/// # Safety
/// Each run has so many words, at least one.
unsafe fn widen(from: [*const i8; PIXELS], to: &mut [u32]) {
    let words = to.len() / (2 * PIXELS);
    // SAFETY: the caller answers for the runs.
    unsafe { widen_three(&from, to.as_mut_ptr(), to.as_mut_ptr().add(2 * PIXELS * words)) };
}
