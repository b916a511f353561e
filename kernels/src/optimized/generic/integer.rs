//! Integer products that stay 32 bits, with zero points that may be computed at run time. That of the first operand is
//! taken off each element once, before it meets the weights; those of the weights are taken off the sums.

use super::dot::for_each_dot;
use crate::byte::Byte;
use crate::params::{Conv2d, MatMul};
use crate::shape::{elements, offset, position, tap_index};

/// Scratch elements for [`conv2d_integer`]: one patch of one group.
#[must_use]
pub const fn conv2d_integer_scratch(p: &Conv2d) -> usize {
    p.window.filter_h * p.window.filter_w * p.filter_channels
}

/// Convolves and keeps the accumulators (`ConvInteger`). `scratch` has at least [`conv2d_integer_scratch`] elements.
pub fn conv2d_integer<X: Byte, W: Byte>(
    p: &Conv2d,
    input: &[X],
    weights: &[W],
    input_zero_point: &[X],
    weights_zero_points: &[W],
    scratch: &mut [i16],
    output: &mut [i32],
) {
    let w = &p.window;
    let groups = p.input_channels / p.filter_channels;
    let filters = p.output_channels / groups;
    let taps = conv2d_integer_scratch(p);
    let patch = &mut scratch[..taps];
    let mut pixels = output.chunks_exact_mut(p.output_channels);
    for image in input.chunks_exact(w.input_h * w.input_w * p.input_channels).take(p.batches) {
        for out_y in 0..w.output_h {
            for (out_x, pixel) in (0..w.output_w).zip(&mut pixels) {
                for group in 0..groups {
                    center(p, image, [out_y, out_x], group * p.filter_channels, input_zero_point[0], patch);
                    let sum = patch.iter().fold(0_i32, |sum, &x| sum.wrapping_add(i32::from(x)));
                    let first = group * filters;
                    let pixel = &mut pixel[first..first + filters];
                    let weights = &weights[first * taps..(first + filters) * taps];
                    for_each_dot(patch, weights, filters, |i, dot| {
                        let zero = weights_zero_points[(first + i) % weights_zero_points.len()].widen();
                        pixel[i] = dot.wrapping_sub(zero.wrapping_mul(sum));
                    });
                }
            }
        }
    }
}

/// Fills `patch` with the inputs under one window less their zero point, in the order of the weights.
fn center<X: Byte>(
    p: &Conv2d,
    image: &[X],
    [out_y, out_x]: [usize; 2],
    first: usize,
    zero_point: X,
    patch: &mut [i16],
) {
    let w = &p.window;
    let zero = zero_point.widen() as i16;
    for (tap, row) in patch.chunks_exact_mut(p.filter_channels).enumerate() {
        let (filter_y, filter_x) = (tap / w.filter_w, tap % w.filter_w);
        let in_y = tap_index(out_y, w.stride_h, filter_y, w.dilation_h, w.pad_top, w.input_h);
        let in_x = tap_index(out_x, w.stride_w, filter_x, w.dilation_w, w.pad_left, w.input_w);
        let (Some(in_y), Some(in_x)) = (in_y, in_x) else {
            row.fill(0);
            continue;
        };
        let from = (in_y * w.input_w + in_x) * p.input_channels + first;
        for (to, x) in row.iter_mut().zip(&image[from..from + p.filter_channels]) {
            *to = x.widen() as i16 - zero;
        }
    }
}

/// Multiplies and keeps the accumulators (`MatMulInteger`): each element of a row with a whole row of the second operand.
pub fn matmul_integer<A: Byte, B: Byte>(
    p: &MatMul,
    input1: &[A],
    input2: &[B],
    zero_point1: &[A],
    zero_points2: &[B],
    output: &mut [i32],
) {
    let zero_point1 = zero_point1[0].widen();
    let mut output_rows = output.chunks_exact_mut(p.columns);
    for batch in 0..elements(&p.batch.dims) {
        let at = position(batch, &p.batch.dims);
        let from1 = offset(&at, &p.batch.strides1) * p.rows * p.depth;
        let from2 = offset(&at, &p.batch.strides2) * p.depth * p.columns;
        let matrix = &input2[from2..from2 + p.depth * p.columns];
        for (row, output) in (0..p.rows).zip(&mut output_rows) {
            output.fill(0);
            let mut sum = 0_i32;
            let row = &input1[from1 + row * p.depth..from1 + (row + 1) * p.depth];
            for (x, weights) in row.iter().zip(matrix.chunks_exact(p.columns)) {
                let x = x.widen() - zero_point1;
                sum = sum.wrapping_add(x);
                for (acc, weight) in output.iter_mut().zip(weights) {
                    *acc = acc.wrapping_add(x * weight.widen());
                }
            }
            for (column, acc) in output.iter_mut().enumerate() {
                let zero = zero_points2[column % zero_points2.len()].widen();
                *acc = acc.wrapping_sub(zero.wrapping_mul(sum));
            }
        }
    }
}
