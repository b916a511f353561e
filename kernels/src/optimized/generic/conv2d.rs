//! Convolution as dot products of a patch with every filter. A window of one dense row is read in place; any other is
//! gathered into scratch first, zero points where it is padded.

use super::dot::{for_each_dot, weights_offset};
use crate::byte::{Byte, Small};
use crate::params::{Conv2d, QLinearConv2d, Requant};
use crate::requant::Form;
use crate::shape::{tap_index, tap_range};

/// Scratch bytes for [`conv2d`]: one patch of one group, or none when every window can be read in place.
#[must_use]
pub const fn conv2d_scratch(p: &Conv2d) -> usize {
    let w = &p.window;
    let rows_inside = w.pad_top == 0 && (w.output_h - 1) * w.stride_h < w.input_h;
    let last_column = (w.output_w - 1) * w.stride_w + (w.filter_w - 1) * w.dilation_w;
    let columns_inside = w.pad_left == 0 && last_column < w.input_w;
    if is_dense_row(p) && rows_inside && columns_inside { 0 } else { patch_len(p) }
}

/// Convolves. `folded_bias` comes from [`fold_input_offset`](crate::optimized::fold_input_offset), `scratch` has at least
/// [`conv2d_scratch`] elements.
pub fn conv2d(
    p: &Conv2d,
    input: &[i8],
    weights: &[i8],
    folded_bias: &[i32],
    requant: &[Requant],
    scratch: &mut [i8],
    output: &mut [i8],
) {
    convolve(p, 0, input, weights, folded_bias, requant, scratch, output);
}

/// Convolves in the arithmetic of `QLinearConv`. `folded_bias` comes from
/// [`fold_input_offset_of`](crate::optimized::fold_input_offset_of), `scales` has one entry, or one an output channel,
/// `scratch` has at least [`conv2d_scratch`] elements.
pub fn qlinear_conv2d<X: Byte, W: Small, F: Form>(
    p: &QLinearConv2d,
    input: &[X],
    weights: &[W],
    folded_bias: &[i32],
    scales: &[F],
    scratch: &mut [X],
    output: &mut [X],
) {
    convolve(&p.conv, p.weights_zero_point, input, weights, folded_bias, scales, scratch, output);
}

#[expect(clippy::too_many_arguments, reason = "the arguments of a kernel, and one that only one of the two has")]
fn convolve<X: Byte, W: Small, F: Form>(
    p: &Conv2d,
    weights_zero_point: i32,
    input: &[X],
    weights: &[W],
    folded_bias: &[i32],
    factors: &[F],
    scratch: &mut [X],
    output: &mut [X],
) {
    let w = &p.window;
    let groups = p.input_channels / p.filter_channels;
    let filters = p.output_channels / groups;
    let taps = patch_len(p);
    let image_len = w.input_h * w.input_w * p.input_channels;
    let output_len = p.batches * w.output_h * w.output_w * p.output_channels;
    let mut pixels = output[..output_len].chunks_exact_mut(p.output_channels);
    for image in input[..p.batches * image_len].chunks_exact(image_len) {
        for out_y in 0..w.output_h {
            for (out_x, pixel) in (0..w.output_w).zip(&mut pixels) {
                for group in 0..groups {
                    let first = group * filters;
                    let patch = match place_of_dense_row(p, out_y, out_x) {
                        Some(start) => &image[start..start + taps],
                        None => {
                            gather(p, image, out_y, out_x, group, &mut scratch[..taps]);
                            &scratch[..taps]
                        }
                    };
                    let weights = &weights[first * taps..(first + filters) * taps];
                    let bias = &folded_bias[first..first + filters];
                    let pixel = &mut pixel[first..first + filters];
                    let offset = weights_offset(weights_zero_point, patch);
                    for_each_dot(patch, weights, filters, |i, dot| {
                        let acc = dot.wrapping_add(bias[i]).wrapping_sub(offset);
                        let factor = if factors.len() == 1 { factors[0] } else { factors[first + i] };
                        let y = factor.finish(acc, p.output_zero_point, p.activation.min, p.activation.max);
                        pixel[i] = X::saturate(y);
                    });
                }
            }
        }
    }
}

const fn patch_len(p: &Conv2d) -> usize {
    p.window.filter_h * p.window.filter_w * p.filter_channels
}

/// Whether a window that meets no padding is one run of input elements.
const fn is_dense_row(p: &Conv2d) -> bool {
    let w = &p.window;
    w.filter_h == 1 && (w.filter_w == 1 || w.dilation_w == 1) && p.filter_channels == p.input_channels
}

/// Where in the image this window starts, if it is one run.
#[inline]
fn place_of_dense_row(p: &Conv2d, out_y: usize, out_x: usize) -> Option<usize> {
    let w = &p.window;
    if !is_dense_row(p) {
        return None;
    }
    let in_y = tap_index(out_y, w.stride_h, 0, 1, w.pad_top, w.input_h)?;
    let in_x = tap_index(out_x, w.stride_w, 0, 1, w.pad_left, w.input_w)?;
    (in_x + w.filter_w <= w.input_w).then_some((in_y * w.input_w + in_x) * p.input_channels)
}

/// Fills `patch` with the inputs under one window, in the order of the weights.
fn gather<X: Byte>(p: &Conv2d, image: &[X], out_y: usize, out_x: usize, group: usize, patch: &mut [X]) {
    let w = &p.window;
    let (first_y, end_y) = tap_range(out_y, w.stride_h, w.filter_h, w.dilation_h, w.pad_top, w.input_h);
    let (first_x, end_x) = tap_range(out_x, w.stride_w, w.filter_w, w.dilation_w, w.pad_left, w.input_w);
    if (first_y, end_y, first_x, end_x) != (0, w.filter_h, 0, w.filter_w) {
        patch.fill(X::saturate(p.input_zero_point));
    }
    if first_x == end_x {
        return;
    }
    let in_x = out_x * w.stride_w + first_x * w.dilation_w - w.pad_left;
    for filter_y in first_y..end_y {
        let in_y = out_y * w.stride_h + filter_y * w.dilation_h - w.pad_top;
        let from = (in_y * w.input_w + in_x) * p.input_channels + group * p.filter_channels;
        let to = (filter_y * w.filter_w + first_x) * p.filter_channels;
        let row = &mut patch[to..to + (end_x - first_x) * p.filter_channels];
        if w.dilation_w == 1 && p.filter_channels == p.input_channels {
            row.copy_from_slice(&image[from..from + row.len()]);
        } else {
            let step = w.dilation_w * p.input_channels;
            for (i, tap) in row.chunks_exact_mut(p.filter_channels).enumerate() {
                tap.copy_from_slice(&image[from + i * step..from + i * step + p.filter_channels]);
            }
        }
    }
}
