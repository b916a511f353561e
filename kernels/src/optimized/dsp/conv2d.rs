//! Convolution, two filters and three pixels a pass. Refuses groups.
//!
//! The patches under three output pixels are widened to 16 bits into scratch, interleaved as the sums read them; all
//! filters pass over them. The taps of a filter row that lie side by side in the image are a run, which is read in whole
//! words: what lies behind a run meets weights of zero. Runs that meet padding, or the image's end, are copied first.

use super::dots::{PairsByThree, pairs_by_three, widen_three};
use super::requantize::clamp_all;
use crate::optimized::windows::Windows;
use crate::params::{Conv2d, Requant};

/// Output pixels a pass.
const PIXELS: usize = 3;

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

/// Words of scratch: three widened patches, and three runs that are copied.
#[must_use]
pub const fn conv2d_scratch(p: &Conv2d) -> usize {
    2 * PIXELS * groups(p) + if reads_in_place(p) { 0 } else { PIXELS * run_len(p).div_ceil(4) }
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
    let (patches, copies) = scratch[..conv2d_scratch(p)].split_at_mut(2 * PIXELS * groups);
    let weights = &weights[..conv2d_packed(p)];
    let (bias, requant) = (&folded_bias[..channels], &requant[..channels]);
    // A single filter has a partner without weights, and its results are brought out of here.
    let (one_bias, one_requant, mut results) = ([bias[0], 0], [requant[0]; 2], [0; 2 * PIXELS]);
    let single = channels == 1;
    let (bias, requant) = if single { (&one_bias[..], &one_requant[..]) } else { (bias, requant) };
    let mut task = PairsByThree {
        weights: weights.as_ptr(),
        pixels: patches.as_ptr(),
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
    let reading = Reading::new(p);
    let images = input[..p.batches * image_len].chunks_exact(image_len);
    for (image, output) in images.zip(output.chunks_exact_mut(pixel_count * channels)) {
        let mut windows = Windows::<PIXELS>::new(w, p.input_channels, 4 * reading.run_words);
        while windows.advance() {
            if windows.inside && reading.row_is_run {
                let mut from = windows.places.map(|place| image.as_ptr().wrapping_add(place));
                for to in patches.chunks_exact_mut(reading.run_patch) {
                    // SAFETY: the windows lie inside of the image, with whole words behind.
                    unsafe { widen(from, to) };
                    from = from.map(|from| from.wrapping_add(reading.row_step));
                }
            } else {
                widen_runs(p, &reading, image, &windows.at(), patches, copies);
            }
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

/// Taps of a filter row that lie side by side in the image.
const fn run_taps(p: &Conv2d) -> usize {
    if p.window.dilation_w == 1 { p.window.filter_w } else { 1 }
}

/// Elements of such a run.
const fn run_len(p: &Conv2d) -> usize {
    run_taps(p) * p.filter_channels
}

/// Words of four taps.
const fn groups(p: &Conv2d) -> usize {
    p.window.filter_h * (p.window.filter_w / run_taps(p)) * run_len(p).div_ceil(4)
}

/// Whether no run is ever copied.
const fn reads_in_place(p: &Conv2d) -> bool {
    let w = &p.window;
    let last_row = (w.output_h - 1) * w.stride_h + (w.filter_h - 1) * w.dilation_h;
    let last_column = (w.output_w - 1) * w.stride_w + (w.filter_w - 1) * w.dilation_w;
    let inside = w.pad_top == 0 && w.pad_left == 0 && last_row < w.input_h && last_column < w.input_w;
    run_len(p).is_multiple_of(4) && inside
}

/// Numbers that reading a patch takes.
struct Reading {
    run_taps: usize,
    run_words: usize,
    /// Widened words of a run of three patches.
    run_patch: usize,
    /// Whether a filter row is one run.
    row_is_run: bool,
    /// Elements of the image from filter row to filter row.
    row_step: usize,
}

impl Reading {
    fn new(p: &Conv2d) -> Self {
        let (run_taps, run_words) = (run_taps(p), run_len(p).div_ceil(4));
        Reading {
            run_taps,
            run_words,
            run_patch: 2 * PIXELS * run_words,
            row_is_run: run_taps == p.window.filter_w,
            row_step: p.window.dilation_h * p.window.input_w * p.input_channels,
        }
    }
}

/// Widens the patches under three output pixels, run by run. Runs that meet padding or the image's end are copied.
#[inline(never)]
fn widen_runs(
    p: &Conv2d,
    r: &Reading,
    image: &[i8],
    at: &[(usize, usize); PIXELS],
    patches: &mut [u32],
    copies: &mut [u32],
) {
    let w = &p.window;
    let (run_len, runs_of_row) = (run_len(p), w.filter_w / r.run_taps);
    assert!(copies.len() >= if reads_in_place(p) { 0 } else { PIXELS * r.run_words });
    let bytes = copies.as_mut_ptr().cast::<i8>();
    for (run, to) in patches.chunks_exact_mut(r.run_patch).enumerate() {
        let (filter_y, filter_x) = (run / runs_of_row, run % runs_of_row * r.run_taps);
        let mut from = [image.as_ptr(); PIXELS];
        for (i, &(y, x)) in at.iter().enumerate() {
            let y = (y * w.stride_h + filter_y * w.dilation_h) as isize - w.pad_top as isize;
            let x = (x * w.stride_w + filter_x * w.dilation_w) as isize - w.pad_left as isize;
            let row_inside = (y as usize) < w.input_h;
            let at = (y * w.input_w as isize + x) * p.input_channels as isize;
            let inside = row_inside && x >= 0 && x as usize + r.run_taps <= w.input_w;
            if inside && at as usize + 4 * r.run_words <= image.len() {
                from[i] = image[at as usize..].as_ptr();
                continue;
            }
            // SAFETY: there is room for three runs of whole words: only where no run is copied there is none.
            let copy = unsafe { core::slice::from_raw_parts_mut(bytes.add(i * 4 * r.run_words), run_len) };
            from[i] = copy.as_ptr();
            copy.fill(p.input_zero_point as i8);
            let first = x.clamp(0, w.input_w as isize);
            let end = (x + r.run_taps as isize).clamp(0, w.input_w as isize);
            if row_inside && first < end {
                let skipped = (first - x) as usize * p.input_channels;
                let part = (end - first) as usize * p.input_channels;
                let at = (at + skipped as isize) as usize;
                copy_run(&image[at..at + part], &mut copy[skipped..skipped + part]);
            }
        }
        // SAFETY: each run lies in the image or among the copies, with whole words.
        unsafe { widen(from, to) };
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
