//! Moves the input's zero point out of the inner loop and into the bias. Runs on the host, when a model is compiled.

use crate::byte::Small;

/// `out[c] = bias[c] - input_zero_point * sum(weights of c)`, wrapping like the accumulators it starts.
///
/// `weights` has one row for each output channel; `bias` may be empty, which means zeros. Only for kernels that see the
/// zero point where the input is padded.
pub fn fold_input_offset(weights: &[i8], bias: &[i32], input_zero_point: i32, output_channels: usize, out: &mut [i32]) {
    fold_input_offset_of(weights, 0, bias, input_zero_point, output_channels, out);
}

/// The same for weights of any type with a zero point of their own:
/// `out[c] = bias[c] - input_zero_point * sum(weights of c - weights_zero_point)`.
pub fn fold_input_offset_of<W: Small>(
    weights: &[W],
    weights_zero_point: i32,
    bias: &[i32],
    input_zero_point: i32,
    output_channels: usize,
    out: &mut [i32],
) {
    let taps = weights.len() / output_channels;
    for channel in 0..output_channels {
        let row = &weights[channel * taps..(channel + 1) * taps];
        let sum = row.iter().fold(0_i32, |sum, w| sum.wrapping_add(w.widen() - weights_zero_point));
        let start = if bias.is_empty() { 0 } else { bias[channel] };
        out[channel] = start.wrapping_sub(input_zero_point.wrapping_mul(sum));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zero_point_times_the_row_sum_is_taken_off() {
        let mut out = [0; 2];
        fold_input_offset(&[1, 2, 3, -4, -5, -6], &[100, i32::MAX], -128, 2, &mut out);
        assert_eq!(out, [100 + 128 * 6, i32::MAX - 128 * 15]);
        fold_input_offset(&[1, 2, 3, -4, -5, -6], &[], 10, 2, &mut out);
        assert_eq!(out, [-60, 150]);
    }
}
