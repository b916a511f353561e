//! Folds over any set of axes, in row-major order. Outputs are dense, with the reduced axes of size 1.

use crate::float::single::{exp, ln, sqrt};
use crate::params::Reduce;
use crate::shape::{dense_strides, elements, offset, position};

macro_rules! reduce {
    ($($(#[$doc:meta])* $name:ident from $start:expr, |$folded:ident, $x:ident| $fold:expr, |$y:ident, $count:ident| $finish:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name(p: &Reduce, input: &[f32], output: &mut [f32]) {
            for_each_set(p, |out_index, $count, element| {
                let mut $folded = $start;
                for i in 0..$count {
                    let $x = input[element(i)];
                    $folded = $fold;
                }
                let $y = $folded;
                output[out_index] = $finish;
            });
        }
    )*};
}

reduce! {
    /// Sum of sizes.
    reduce_l1 from 0.0_f32, |sum, x| sum + x.abs(), |y, _n| y;
    /// Root of the sum of squares.
    reduce_l2 from 0.0_f32, |sum, x| sum + x * x, |y, _n| sqrt(y);
    /// Logarithm of the sum.
    reduce_log_sum from 0.0_f32, |sum, x| sum + x, |y, _n| ln(y);
    /// Largest element.
    reduce_max from f32::NEG_INFINITY, |largest, x| if x > largest { x } else { largest }, |y, _n| y;
    /// Sum divided by the count.
    reduce_mean from 0.0_f32, |sum, x| sum + x, |y, n| y / n as f32;
    /// Smallest element.
    reduce_min from f32::INFINITY, |smallest, x| if x < smallest { x } else { smallest }, |y, _n| y;
    /// Product.
    reduce_prod from 1.0_f32, |product, x| product * x, |y, _n| y;
    /// Sum.
    reduce_sum from 0.0_f32, |sum, x| sum + x, |y, _n| y;
    /// Sum of squares.
    reduce_sum_square from 0.0_f32, |sum, x| sum + x * x, |y, _n| y;
}

/// Logarithm of the sum of exponentials, computed from the distances to the largest element.
pub fn reduce_log_sum_exp(p: &Reduce, input: &[f32], output: &mut [f32]) {
    for_each_set(p, |out_index, count, element| {
        let mut largest = f32::NEG_INFINITY;
        for i in 0..count {
            largest = if input[element(i)] > largest { input[element(i)] } else { largest };
        }
        let start = if largest.is_infinite() { 0.0 } else { largest };
        let mut sum = 0.0_f32;
        for i in 0..count {
            sum += exp(input[element(i)] - start);
        }
        output[out_index] = ln(sum) + start;
    });
}

/// Calls `fold(output index, number of elements, index in the input of element number i)` for every output.
fn for_each_set(p: &Reduce, mut fold: impl FnMut(usize, usize, &dyn Fn(usize) -> usize)) {
    let strides = dense_strides(&p.dims);
    let kept = core::array::from_fn(|i| if p.reduced[i] { 1 } else { p.dims[i] });
    let folded = core::array::from_fn(|i| if p.reduced[i] { p.dims[i] } else { 1 });
    for out_index in 0..elements(&kept) {
        let first = offset(&position(out_index, &kept), &strides);
        fold(out_index, elements(&folded), &|i| first + offset(&position(i, &folded), &strides));
    }
}
