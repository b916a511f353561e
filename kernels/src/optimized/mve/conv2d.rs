//! Convolution, two filters and three pixels a pass, with weights as the model has them. Refuses groups and a single
//! filter. A patch that is one run of the image is read in place, any other is gathered into scratch first.

use super::dots::{CopyRows, PairsByThree, copy_rows, pairs_by_three};
use crate::params::{Conv2d, Requant};
use crate::shape::tap_range;

/// Output pixels a pass.
const PIXELS: usize = 3;

/// Whether [`conv2d`] runs this shape.
#[must_use]
pub const fn conv2d_takes(p: &Conv2d) -> bool {
    p.filter_channels == p.input_channels && p.output_channels >= 2
}

/// Bytes of scratch: three patches, unless all are read in place.
#[must_use]
pub const fn conv2d_scratch(p: &Conv2d) -> usize {
    if reads_in_place(p) { 0 } else { PIXELS * taps(p) }
}

/// Convolves. `folded_bias` comes from [`fold_input_offset`](crate::optimized::fold_input_offset); `requant` has one entry
/// an output channel, and [`is_exact`](crate::optimized::dsp::is_exact) holds.
#[inline(never)]
pub fn conv2d(
    p: &Conv2d,
    input: &[i8],
    weights: &[i8],
    folded_bias: &[i32],
    requant: &[Requant],
    scratch: &mut [i8],
    output: &mut [i8],
) {
    // One copy for all layers: constants would pay in few places, and cost flash in each.
    let p = core::hint::black_box(p);
    let w = &p.window;
    let (taps, channels, in_place) = (taps(p), p.output_channels, reads_in_place(p));
    let (image_len, pixel_count) = (w.input_h * w.input_w * p.input_channels, w.output_h * w.output_w);
    let weights = &weights[..channels * taps];
    let (bias, requant) = (&folded_bias[..channels], &requant[..channels]);
    let output = &mut output[..p.batches * pixel_count * channels];
    let images = input[..p.batches * image_len].chunks_exact(image_len);
    for (image, output) in images.zip(output.chunks_exact_mut(pixel_count * channels)) {
        let mut first = 0;
        while first < pixel_count {
            // Behind the last pixel it is computed again and stored in the same place.
            let pixels = [first, (first + 1).min(pixel_count - 1), (first + 2).min(pixel_count - 1)];
            let patches: [*const i8; PIXELS] = core::array::from_fn(|i| {
                let (y, x) = (pixels[i] / w.output_w, pixels[i] % w.output_w);
                if in_place {
                    let at = (y * w.stride_h * w.input_w + x * w.stride_w) * p.input_channels;
                    image[at..at + taps].as_ptr()
                } else {
                    let patch = &mut scratch[i * taps..(i + 1) * taps];
                    gather(p, image, y, x, patch);
                    patch.as_ptr()
                }
            });
            // All pairs of channels; of an odd number the last one is computed with the one before once more.
            let mut from = 0;
            while from < channels {
                let channel = from.min(channels - 2);
                let pairs = (channels - channel) / 2;
                let out = output[first * channels + channel..].as_mut_ptr();
                let mut task = PairsByThree {
                    weights: weights[channel * taps..].as_ptr(),
                    taps,
                    pixels: patches,
                    bias: bias[channel..].as_ptr(),
                    requant: requant[channel..].as_ptr(),
                    output: out,
                    others: [(pixels[1] - first) * channels, (pixels[2] - first) * channels],
                    end: out.wrapping_add(2 * pairs),
                    zero_point: p.output_zero_point,
                    min: p.activation.min,
                    max: p.activation.max,
                };
                // SAFETY: weights, biases and factors of all channels were sliced above, patches have `taps` elements.
                unsafe { pairs_by_three(&mut task) };
                from = channel + 2 * pairs;
            }
            first += PIXELS;
        }
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
fn gather(p: &Conv2d, image: &[i8], out_y: usize, out_x: usize, patch: &mut [i8]) {
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
