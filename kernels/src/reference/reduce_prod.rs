//! Product over any set of axes, rescaled after every factor so that it stays within 32 bits.

use crate::params::ReduceProd;
use crate::requant::{clamp, requantize_wide};
use crate::shape::{dense_strides, elements, offset, position};

/// Multiplies; the output is dense, with the reduced axes of size 1. No axis may be empty.
pub fn reduce_prod(p: &ReduceProd, input: &[i8], output: &mut [i8]) {
    let r = &p.reduce;
    let strides = dense_strides(&r.dims);
    let kept = core::array::from_fn(|i| if r.reduced[i] { 1 } else { r.dims[i] });
    let folded = core::array::from_fn(|i| if r.reduced[i] { r.dims[i] } else { 1 });
    for out_index in 0..elements(&kept) {
        let first = offset(&position(out_index, &kept), &strides);
        let mut product = i32::from(input[first]) - p.input_zero_point;
        for i in 1..elements(&folded) {
            let x = i32::from(input[first + offset(&position(i, &folded), &strides)]) - p.input_zero_point;
            product = requantize_wide(i64::from(product) * i64::from(x), p.scale);
        }
        let y = requantize_wide(product.into(), p.scale).wrapping_add(p.output_zero_point);
        output[out_index] = clamp(y, -128, 127) as i8;
    }
}
