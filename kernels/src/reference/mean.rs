//! Mean over any set of axes.

use crate::params::Mean;
use crate::requant::requantize_to_i8;
use crate::shape::{dense_strides, elements, offset, position};

/// Sums, takes the input's zero point off `count` times, rescales. The division by `count` is part of
/// [`Mean::output`]: `divide_by_count(quantize_multiplier(f64(input_scale) / f64(output_scale)), count)`, with
/// [`divide_by_count`](crate::requant::divide_by_count). The output is dense, with the reduced axes of size 1.
pub fn mean(p: &Mean, input: &[i8], output: &mut [i8]) {
    let strides = dense_strides(&p.reduce.dims);
    let kept = core::array::from_fn(|i| if p.reduce.reduced[i] { 1 } else { p.reduce.dims[i] });
    let folded = core::array::from_fn(|i| if p.reduce.reduced[i] { p.reduce.dims[i] } else { 1 });
    let count = elements(&folded);
    for out_index in 0..elements(&kept) {
        let first = offset(&position(out_index, &kept), &strides);
        let mut sum = 0_i32;
        for i in 0..count {
            sum = sum.wrapping_add(i32::from(input[first + offset(&position(i, &folded), &strides)]));
        }
        let centered = sum.wrapping_sub(p.input_zero_point.wrapping_mul(count as i32));
        output[out_index] = requantize_to_i8(centered, p.output, p.output_zero_point, -128, 127);
    }
}
