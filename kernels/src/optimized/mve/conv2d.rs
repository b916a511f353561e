//! Convolution with weights as the model has them. Refuses groups. A patch that is one run of the image is read in place,
//! any other is gathered into scratch first.
//!
//! Patches of up to sixteen taps fill one vector: four pixels stay in registers while all filters pass. Longer ones are
//! summed two filters and three pixels a pass.

use super::dots::{PairsByThree, PixelsInVectors, pairs_by_three, pixels_in_vectors};
use super::rectangles::{CopyRows, Gather, copy_rows, gather};
use crate::optimized::generic::clamp_all;
use crate::optimized::windows::Windows;
use crate::params::{Channel, Conv2d};
use crate::shape::tap_range;

/// Taps of a vector.
const VECTOR: usize = 16;

/// Whether [`conv2d`] runs this shape.
#[must_use]
pub const fn conv2d_takes(p: &Conv2d) -> bool {
    p.filter_channels == p.input_channels && (p.output_channels >= 2 || taps(p) <= VECTOR)
}

/// Bytes of scratch: three or four patches, unless all are read in place.
#[must_use]
pub const fn conv2d_scratch(p: &Conv2d) -> usize {
    let pixels = if taps(p) <= VECTOR { 4 } else { 3 };
    if reads_in_place(p) { 0 } else { pixels * taps(p) }
}

/// Convolves. Each output channel has its bias from [`fold_input_offset`](crate::optimized::fold_input_offset) and its
/// factor, and [`is_exact`](crate::optimized::dsp::is_exact) holds.
#[inline(never)]
pub fn conv2d(p: &Conv2d, input: &[i8], weights: &[i8], channels: &[Channel], scratch: &mut [i8], output: &mut [i8]) {
    // One copy for all layers: constants would pay in few places, and cost flash in each.
    let p = core::hint::black_box(p);
    let w = &p.window;
    let (taps, count) = (taps(p), p.output_channels);
    let (image_len, pixel_count) = (w.input_h * w.input_w * p.input_channels, w.output_h * w.output_w);
    let (weights, channels) = (&weights[..count * taps], &channels[..count]);
    let output = &mut output[..p.batches * pixel_count * count];
    let images = input[..p.batches * image_len].chunks_exact(image_len);
    for (image, output) in images.zip(output.chunks_exact_mut(pixel_count * count)) {
        if taps <= VECTOR {
            short_patches(p, image, weights, channels, scratch, output);
        } else {
            long_patches(p, image, weights, channels, scratch, output);
        }
    }
    clamp_all(output, p.activation.min, p.activation.max);
}

fn short_patches(
    p: &Conv2d,
    image: &[i8],
    weights: &[i8],
    channels: &[Channel],
    scratch: &mut [i8],
    output: &mut [i8],
) {
    let mut task = PixelsInVectors {
        weights: weights.as_ptr(),
        taps: taps(p),
        channels: channels.as_ptr(),
        filters: p.output_channels,
        zero_point: p.output_zero_point,
        output: output.as_mut_ptr(),
        places: [0; 4],
        pixels: [image.as_ptr(); 4],
    };
    let mut patches = Patches::new(p, image, scratch);
    while let Some(pixels) = patches.next() {
        let windows = &patches.windows;
        task.pixels = pixels;
        task.places = windows.steps.map(|step| step * p.output_channels);
        task.output = output[windows.first * p.output_channels..].as_mut_ptr();
        // SAFETY: weights and factors of all channels were sliced by the caller, patches have `taps` elements.
        unsafe { pixels_in_vectors(&task) };
    }
}

fn long_patches(p: &Conv2d, image: &[i8], weights: &[i8], channels: &[Channel], scratch: &mut [i8], output: &mut [i8]) {
    let (taps, count) = (taps(p), p.output_channels);
    let mut patches = Patches::new(p, image, scratch);
    let mut task = PairsByThree {
        weights: weights.as_ptr(),
        taps,
        pixels: [image.as_ptr(); 3],
        zero_point: p.output_zero_point,
        end: output.as_mut_ptr(),
        channels: channels.as_ptr(),
        output: output.as_mut_ptr(),
        others: [0; 2],
        min: p.activation.min,
        max: p.activation.max,
    };
    // Of an odd number the last channel is computed with the one before once more.
    let before = count.saturating_sub(2);
    let mut last =
        PairsByThree { weights: weights[before * taps..].as_ptr(), channels: channels[before..].as_ptr(), ..task };
    while let Some(pixels) = patches.next() {
        let windows = &patches.windows;
        let out = output[windows.first * count..].as_mut_ptr();
        task.pixels = pixels;
        task.others = [windows.steps[1] * count, windows.steps[2] * count];
        (task.output, task.end) = (out, out.wrapping_add(count / 2 * 2));
        // SAFETY: weights and factors of all channels were sliced by the caller, patches have `taps` elements.
        unsafe { pairs_by_three(&task) };
        if count % 2 == 1 {
            (last.pixels, last.others) = (task.pixels, task.others);
            (last.output, last.end) = (out.wrapping_add(before), out.wrapping_add(count));
            // SAFETY: as above, for the last pair alone.
            unsafe { pairs_by_three(&last) };
        }
    }
}

/// The patches under some output pixels at a time.
struct Patches<'a, const N: usize> {
    p: &'a Conv2d,
    image: &'a [i8],
    windows: Windows<N>,
    /// Room for all patches; none where they are read in place.
    scratch: &'a mut [i8],
    /// Elements of a patch.
    taps: usize,
    run_len: usize,
    row_len: usize,
}

impl<'a, const N: usize> Patches<'a, N> {
    fn new(p: &'a Conv2d, image: &'a [i8], scratch: &'a mut [i8]) -> Self {
        let run_len = p.window.filter_w * p.filter_channels;
        let row_len = p.window.dilation_h * p.window.input_w * p.input_channels;
        // Taps that do not lie side by side are gathered one by one, as on the borders.
        let read = if p.window.dilation_w == 1 || p.window.filter_w == 1 { run_len } else { usize::MAX / 2 };
        let windows = Windows::new(&p.window, p.input_channels, read);
        let taps = taps(p);
        let scratch = if reads_in_place(p) { &mut [] } else { &mut scratch[..N * taps] };
        Patches { p, image, windows, scratch, taps, run_len, row_len }
    }

    /// The next patches, in the image or in scratch.
    #[inline(always)]
    fn next(&mut self) -> Option<[*const i8; N]> {
        if !self.windows.advance() {
            return None;
        }
        let from = self.windows.places.map(|place| self.image.as_ptr().wrapping_add(place));
        if self.scratch.is_empty() {
            return Some(from);
        }
        let to = self.scratch.as_mut_ptr();
        if self.windows.inside {
            let (step, len, rows) = (self.row_len, self.run_len, self.p.window.filter_h);
            // SAFETY: the windows lie inside of the image, and scratch has room for all patches.
            unsafe { gather(&Gather { from: from.as_ptr(), patches: N, to, step, len, rows }) };
        } else {
            for (patch, (y, x)) in self.scratch.chunks_exact_mut(self.taps).zip(self.windows.at()) {
                gather_border(self.p, self.image, y, x, patch);
            }
        }
        Some(core::array::from_fn(|i| to.wrapping_add(i * self.taps).cast_const()))
    }
}

const fn taps(p: &Conv2d) -> usize {
    p.window.filter_h * p.window.filter_w * p.filter_channels
}

/// Whether every patch is one run of the image.
const fn reads_in_place(p: &Conv2d) -> bool {
    let w = &p.window;
    let last_column = (w.output_w - 1) * w.stride_w + (w.filter_w - 1) * w.dilation_w;
    let inside = w.pad_top == 0 && (w.output_h - 1) * w.stride_h < w.input_h && last_column < w.input_w;
    w.filter_h == 1 && (w.filter_w == 1 || w.dilation_w == 1) && inside && w.pad_left == 0
}

/// Fills `patch` with the inputs under one window, in the order of the weights; zero points where it is padded.
#[inline(never)]
fn gather_border(p: &Conv2d, image: &[i8], out_y: usize, out_x: usize, patch: &mut [i8]) {
    let w = &p.window;
    let (first_y, end_y) = tap_range(out_y, w.stride_h, w.filter_h, w.dilation_h, w.pad_top, w.input_h);
    let (first_x, end_x) = tap_range(out_x, w.stride_w, w.filter_w, w.dilation_w, w.pad_left, w.input_w);
    if (end_y - first_y, end_x - first_x) != (w.filter_h, w.filter_w) {
        patch.fill(p.input_zero_point as i8);
    }
    if first_y == end_y || first_x == end_x {
        return;
    }
    let in_y = out_y * w.stride_h + first_y * w.dilation_h - w.pad_top;
    let in_x = out_x * w.stride_w + first_x * w.dilation_w - w.pad_left;
    // Taps of a filter row that lie side by side in the image are one run.
    let (runs, len) = if w.dilation_w == 1 { (1, end_x - first_x) } else { (end_x - first_x, 1) };
    for run in 0..runs {
        let at = (in_y * w.input_w + in_x + run * w.dilation_w) * p.input_channels;
        let to = (first_y * w.filter_w + first_x + run) * p.input_channels;
        let (from_step, to_step) = (w.dilation_h * w.input_w * p.input_channels, w.filter_w * p.input_channels);
        let (rows, len) = (end_y - first_y, len * p.input_channels);
        let from = image[at..at + (rows - 1) * from_step + len].as_ptr();
        let to = patch[to..to + (rows - 1) * to_step + len].as_mut_ptr();
        // SAFETY: both sides have been sliced from the first row to the last.
        unsafe { copy_rows(&CopyRows { from, to, from_step, to_step, len, rows }) };
    }
}
