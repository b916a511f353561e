//! Pools, four channels a word. Refuses fewer than four channels, and averages over more taps than 16 bits can sum.

use super::requantize::{clamp_all, four};
use super::simd::{load4, max4, min4, store4, sxtab16, sxtab16_odd};
use crate::optimized::pool_windows::{PoolWindow, for_each_pool_window};
use crate::params::Pool2d;

/// Channels of a word.
const WORD: usize = 4;

/// Taps whose sum fits 16 bits.
const TAPS: usize = 256;

/// Whether [`max_pool2d`] runs this shape.
#[must_use]
pub const fn max_pool2d_takes(p: &Pool2d) -> bool {
    p.channels >= WORD
}

/// Whether [`average_pool2d`] runs this shape.
#[must_use]
pub const fn average_pool2d_takes(p: &Pool2d) -> bool {
    p.channels >= WORD && p.window.filter_h * p.window.filter_w <= TAPS
}

/// Keeps the largest value of each window, with or without dilation.
#[inline(never)]
pub fn max_pool2d(p: &Pool2d, input: &[i8], output: &mut [i8]) {
    // One copy for all layers.
    let p = core::hint::black_box(p);
    let (min, max) = (four(p.activation.min), four(p.activation.max));
    for_each_pool_window(p, |window| {
        let out = &mut output[window.output..window.output + p.channels];
        largest(window, window.of(p, input), [min, max], out);
    });
}

/// The largest elements of a window, between bounds.
#[inline(never)]
fn largest(window: &PoolWindow, input: &[i8], [min, max]: [u32; 2], out: &mut [i8]) {
    let mut channel = 0;
    while channel + 4 * WORD <= out.len() {
        let y = fold(window, &input[channel..], [min; 4], |y, x: [u32; 4]| {
            [max4(y[0], x[0]), max4(y[1], x[1]), max4(y[2], x[2]), max4(y[3], x[3])]
        });
        for (i, y) in y.into_iter().enumerate() {
            store4(min4(y, max), &mut out[channel + WORD * i..][..WORD]);
        }
        channel += 4 * WORD;
    }
    while channel < out.len() {
        // The last word ends with the last channel.
        let first = channel.min(out.len() - WORD);
        let [y] = fold(window, &input[first..], [min], |[y], [x]| [max4(y, x)]);
        store4(min4(y, max), &mut out[first..first + WORD]);
        channel = first + WORD;
    }
}

/// Averages each window over the taps inside the input, ties away from zero.
#[inline(never)]
pub fn average_pool2d(p: &Pool2d, input: &[i8], output: &mut [i8]) {
    // One copy for all layers.
    let p = core::hint::black_box(p);
    let mut mean = Mean::new(2);
    for_each_pool_window(p, |window| {
        let out = &mut output[window.output..window.output + p.channels];
        let count = (window.rows * window.columns).max(1) as i32;
        if count == 1 {
            // The element itself, or zeros where there is none.
            return largest(
                window,
                window.of(p, input),
                [if window.rows == 0 { 0 } else { four(-128) }, four(127)],
                out,
            );
        }
        if count != mean.count {
            mean = Mean::new(count);
        }
        average(window, window.of(p, input), &mean, out);
    });
    let output_len = p.batches * p.window.output_h * p.window.output_w * p.channels;
    clamp_all(&mut output[..output_len], p.activation.min, p.activation.max);
}

/// The means of a window.
#[inline(never)]
fn average(window: &PoolWindow, input: &[i8], mean: &Mean, out: &mut [i8]) {
    let mut channel = 0;
    while channel + 2 * WORD <= out.len() {
        let sums = fold(window, &input[channel..], [0; 4], |s, [x, y]| {
            [sxtab16(s[0], x), sxtab16_odd(s[1], x), sxtab16(s[2], y), sxtab16_odd(s[3], y)]
        });
        mean.store([sums[0], sums[1]], &mut out[channel..channel + WORD]);
        mean.store([sums[2], sums[3]], &mut out[channel + WORD..channel + 2 * WORD]);
        channel += 2 * WORD;
    }
    while channel < out.len() {
        let first = channel.min(out.len() - WORD);
        let sums = fold(window, &input[first..], [0; 2], |s, [x]| [sxtab16(s[0], x), sxtab16_odd(s[1], x)]);
        mean.store(sums, &mut out[first..first + WORD]);
        channel = first + WORD;
    }
}

/// Folds `N` words under each tap. The input begins with the first word of the first tap, and goes on to the last.
#[inline(always)]
fn fold<const N: usize, const S: usize>(
    window: &PoolWindow,
    input: &[i8],
    start: [u32; S],
    f: impl Fn([u32; S], [u32; N]) -> [u32; S],
) -> [u32; S] {
    let (mut x, mut folded) = (input.as_ptr(), start);
    for _ in 0..window.rows {
        for _ in 0..window.columns {
            // SAFETY: the input was sliced from the first tap to the last, with all channels.
            folded = f(folded, core::array::from_fn(|i| unsafe { load4(x.add(WORD * i)) }));
            x = x.wrapping_add(window.step);
        }
        x = x.wrapping_add(window.row_step);
    }
    folded
}

/// The mean of so many: a multiplication with `2^31 / count`, rounded up. It is exact, because the error is below 1 for
/// sums of up to 256 elements.
struct Mean {
    count: i32,
    half: i32,
    reciprocal: i32,
}

impl Mean {
    /// Of at least 2: for 1 it does not fit.
    fn new(count: i32) -> Self {
        Mean { count, half: count / 2, reciprocal: (1 << 30) / count * 2 + (1 << 30) % count * 2 / count + 1 }
    }

    /// To the nearest integer, ties away from zero.
    #[inline(always)]
    fn of(&self, sum: i32) -> i32 {
        let sign = sum >> 31;
        let nearer = (sum - sign) + (self.half ^ sign);
        // Rounded down, which is one too far for negative numbers.
        ((i64::from(2 * nearer) * i64::from(self.reciprocal)) >> 32) as i32 - sign
    }

    /// Means of the sums of lanes 0 and 2, and of 1 and 3.
    #[inline(always)]
    fn store(&self, [even, odd]: [u32; 2], out: &mut [i8]) {
        let [low, high] = [|x: u32| i32::from(x as i16), |x: u32| x as i32 >> 16];
        for (out, sum) in out.iter_mut().zip([low(even), low(odd), high(even), high(odd)]) {
            *out = self.of(sum) as i8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requant::divide_half_away;

    #[test]
    fn every_mean_of_up_to_256_elements_is_exact() {
        for count in 2..=TAPS as i32 {
            let mean = Mean::new(count);
            for sum in -128 * count..=127 * count {
                assert_eq!(mean.of(sum), divide_half_away(sum, count), "{sum} / {count}");
            }
        }
    }
}
