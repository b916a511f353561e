//! Softmax from a table of exponentials.

use crate::byte::Byte;
use crate::float;
use crate::params::QLinearSoftmax;

/// Softmax over the innermost dimension (`QLinearSoftmax`): exponentials from the table, their sum in single precision
/// from left to right, then `rint(exponential * inverse_scale / sum)` without any rounding before the last.
///
/// The inverse of the output's scale is cut to an integer: a model with the usual scale of 1/255 has results that are
/// a 255th too small. That is ONNX Runtime's arithmetic. `table` is [`softmax_table`] of the input's scale.
pub fn softmax<T: Byte>(p: &QLinearSoftmax, input: &[T], table: &[f32], output: &mut [T]) {
    for row in 0..p.rows {
        let input_row = &input[row * p.depth..(row + 1) * p.depth];
        let mut max_in_row = T::MIN;
        for &x in input_row {
            max_in_row = max_in_row.max(x.widen());
        }
        let mut sum = 0.0_f32;
        for &x in input_row {
            sum += table[(max_in_row - x.widen()) as usize];
        }
        for c in 0..p.depth {
            let exponential = table[(max_in_row - input_row[c].widen()) as usize];
            // The product has at most 48 bits; the quotient is never negative.
            let quotient = f64::from(exponential) * f64::from(p.inverse_scale) / f64::from(sum);
            output[row * p.depth + c] = T::saturate(round_half_even(quotient).saturating_add(p.output_zero_point));
        }
    }
}

/// The 256 exponentials for [`softmax`], by distance from the largest input. Runs on the host, when a model is compiled.
///
/// They are scaled up by a common factor that lets a row of `depth` elements just not overflow.
#[must_use]
pub fn softmax_table(input_scale: f32, depth: usize) -> [f32; 256] {
    const RESERVE: f64 = 5.0;
    let room = float::ln(f64::from(f32::MAX / depth as f32)) as f32;
    let shift = (f64::from(room) - RESERVE).max(0.0) / f64::from(input_scale);
    core::array::from_fn(|distance| float::exp((shift - distance as f64) * f64::from(input_scale)) as f32)
}

/// The integer nearest to `x`, ties to even, for `x` of at most 31 bits that is not negative.
fn round_half_even(x: f64) -> i32 {
    /// Adding this moves the point to the end of the significand.
    const TWO_52: f64 = 4_503_599_627_370_496.0;
    (x + TWO_52 - TWO_52) as i32
}
