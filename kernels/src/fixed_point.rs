//! Elementary functions on Q-format integers: exp, reciprocal, log.
//!
//! A raw `i32` in format Qm.n (`m + n = 31`) stands for `raw / 2^n`. The product of Qa and Qb values by
//! [`srdhm`] has format Q(a+b). The polynomials, their order of evaluation and every rounding are part of the
//! arithmetic: another expansion of the same function gives other last bits. Refuses nothing; outside of the stated
//! domain the result is some number.

use crate::requant::{Requant, half_sum, rdbpot, srdhm};

/// One in Q0.31, as near as it gets.
pub const ONE_Q0: i32 = i32::MAX;

/// `x * 2^exponent`, saturated.
#[must_use]
#[inline]
pub const fn saturating_shl(x: i32, exponent: u32) -> i32 {
    let wide = (x as i64) << exponent;
    if wide > i32::MAX as i64 {
        i32::MAX
    } else if wide < i32::MIN as i64 {
        i32::MIN
    } else {
        wide as i32
    }
}

/// The value `x` of format Q`from` in format Q`to`: saturates towards fewer integer bits, rounds towards more.
#[must_use]
#[inline]
pub const fn rescale(x: i32, from: i32, to: i32) -> i32 {
    if from >= to { saturating_shl(x, (from - to) as u32) } else { rdbpot(x, to - from) }
}

/// `1 / sqrt(x)` for `x >= 0` as a multiplier and a shift (`GetInvSqrtQuantizedMultiplierExp`); 0 is taken for 1.
#[must_use]
pub const fn inverse_square_root(x: i32) -> Requant {
    const HALF_SQRT_2: i32 = 1_518_500_250;
    const THREE_HALVES_Q3: i32 = (1 << 28) + (1 << 27);
    if x <= 1 {
        return Requant { multiplier: i32::MAX, shift: 0 };
    }
    let (mut x, mut right) = (x, 11);
    while x >= 1 << 29 {
        x /= 4;
        right += 1;
    }
    // Brought to [2^27, 2^29) by pairs of bits.
    let pairs = (x.leading_zeros() as i32 - 1) / 2 - 1;
    right -= pairs;
    x <<= 2 * pairs;
    let half = rdbpot(x >> 1, 1);
    // Newton's iteration from one, in Q3.
    let mut y: i32 = 1 << 28;
    let mut i = 0;
    while i < 5 {
        let cube = rescale(srdhm(srdhm(y, y), y), 9, 3);
        y = rescale(srdhm(THREE_HALVES_Q3, y).wrapping_sub(srdhm(half, cube)), 6, 3);
        i += 1;
    }
    let multiplier = srdhm(y, HALF_SQRT_2);
    if right < 0 {
        Requant { multiplier: multiplier << -right, shift: 0 }
    } else {
        Requant { multiplier, shift: -right }
    }
}

/// `exp(x)` for `x` in `[-1/4, 0)`, both Q0: fourth-order Taylor polynomial around -1/8.
const fn exp_near_zero(x: i32) -> i32 {
    const EXP_MINUS_EIGHTH: i32 = 1_895_147_668;
    const THIRD: i32 = 715_827_883;
    let x = x.wrapping_add(1 << 28);
    let x2 = srdhm(x, x);
    let x3 = srdhm(x2, x);
    let x4_4 = rdbpot(srdhm(x2, x2), 2);
    let tail = rdbpot(srdhm(x4_4.wrapping_add(x3), THIRD).wrapping_add(x2), 1);
    EXP_MINUS_EIGHTH.wrapping_add(srdhm(EXP_MINUS_EIGHTH, x.wrapping_add(tail)))
}

/// `exp(x)` in Q0 for `x <= 0` in Q`INTEGER_BITS` (at most 5).
#[must_use]
pub const fn exp_of_negative<const INTEGER_BITS: i32>(x: i32) -> i32 {
    /// `exp(-2^k)` in Q0 for k from -2 to 4.
    const EXP_MINUS_POWER: [i32; 7] =
        [1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242];
    if x == 0 {
        return ONE_Q0;
    }
    let fraction_bits = 31 - INTEGER_BITS;
    let quarter = 1 << (fraction_bits - 2);
    // x = modulo - remainder with modulo in [-1/4, 0): the polynomial takes the first, the table the bits of the second.
    let modulo = (x & (quarter - 1)) - quarter;
    let remainder = modulo.wrapping_sub(x);
    let mut result = exp_near_zero(rescale(modulo, INTEGER_BITS, 0));
    let mut k = 0;
    while k < 7 && k - 2 < INTEGER_BITS {
        if remainder & (quarter << k) != 0 {
            result = srdhm(result, EXP_MINUS_POWER[k as usize]);
        }
        k += 1;
    }
    result
}

/// `2 / (1 + x)` in Q2 for `x` in `[0, 1]` in Q0: three Newton-Raphson steps from a linear estimate.
const fn twice_reciprocal_of_one_plus(x: i32) -> i32 {
    const FORTY_EIGHT_17THS_Q2: i32 = 1_515_870_810;
    const MINUS_THIRTY_TWO_17THS_Q2: i32 = -1_010_580_540;
    const ONE_Q2: i32 = 1 << 29;
    let half_denominator = half_sum(x, ONE_Q0);
    let mut estimate = FORTY_EIGHT_17THS_Q2.wrapping_add(srdhm(half_denominator, MINUS_THIRTY_TWO_17THS_Q2));
    let mut step = 0;
    while step < 3 {
        let error = ONE_Q2.wrapping_sub(srdhm(half_denominator, estimate));
        estimate = estimate.wrapping_add(rescale(srdhm(estimate, error), 4, 2));
        step += 1;
    }
    estimate
}

/// `1 / (1 + x)` in Q0 for `x` in `[0, 1]` in Q0.
#[must_use]
pub const fn reciprocal_of_one_plus(x: i32) -> i32 {
    // Half of a Q2 number is the same raw number in Q1.
    rescale(twice_reciprocal_of_one_plus(x), 1, 0)
}

/// `1 / x` for `x` at least 1 in Q12.19, as a Q0 number in `[1/2, 1]` and the power of two to divide it by.
#[must_use]
pub const fn reciprocal_q12(x: i32) -> (i32, i32) {
    let leading_zeros = x.leading_zeros();
    let fraction = ((x as u32).wrapping_shl(leading_zeros)).wrapping_sub(1 << 31) as i32;
    (reciprocal_of_one_plus(fraction), 12 - leading_zeros as i32)
}

/// Natural logarithm in Q5.26 of `x` at least 1 in Q12.19.
///
/// `x` is scaled by a power of two, or of two times the root of two, to `r` near `2^(-1/4)`; the logarithm of `r` is a
/// quotient of polynomials in `q = 2r - 2^(3/4)`.
#[must_use]
pub const fn log_q12(x: i32) -> i32 {
    const LOG_2: i32 = 1_488_522_236;
    const FOURTH_ROOT_OF_HALF: i32 = 1_805_811_301;
    const ROOT_OF_HALF: i32 = 1_518_500_250;
    const QUARTER_Q6: i32 = 1 << 23;
    const ALPHA_N: i32 = 117_049_297;
    const ALPHA_D: i32 = 127_690_142;
    const ALPHA_I: i32 = 1_057_819_769;
    const ALPHA_F: i32 = 638_450_708;

    let zeros_a = x.leading_zeros() as i32;
    let normal_a = saturating_shl(x, max_0(zeros_a - 1));
    let r_a = saturating_shl(srdhm(normal_a, ROOT_OF_HALF), 1);
    let power_a = saturating_shl(12 - zeros_a, 25).saturating_add(QUARTER_Q6);

    let headroom_b = srdhm(x, ROOT_OF_HALF).leading_zeros() as i32 - 1;
    let r_b = saturating_shl(x, max_0(headroom_b));
    let power_b = saturating_shl(12 - headroom_b, 25).saturating_sub(QUARTER_Q6);

    let r = if r_a < r_b { r_a } else { r_b };
    let power = if power_a > power_b { power_a } else { power_b };

    let p = half_sum(r, FOURTH_ROOT_OF_HALF);
    let half_q = r.wrapping_sub(FOURTH_ROOT_OF_HALF);
    let q = half_q.wrapping_add(half_q);
    let q2 = srdhm(q, q);
    let numerator = srdhm(q, r).wrapping_add(srdhm(srdhm(q, q2), ALPHA_N));
    let denominator_minus_one =
        srdhm(p, ALPHA_I.wrapping_add(q).wrapping_add(srdhm(ALPHA_D, q2))).wrapping_add(srdhm(ALPHA_F, q));
    let reciprocal = reciprocal_of_one_plus(denominator_minus_one);
    let log_r = srdhm(rescale(numerator, 0, 6), reciprocal);
    rescale(srdhm(power, LOG_2).wrapping_add(log_r), 6, 5)
}

const fn max_0(x: i32) -> u32 {
    if x > 0 { x as u32 } else { 0 }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    fn check(raw: i32, scale: f64, expect: f64, tolerance: f64) {
        let got = f64::from(raw) / scale;
        assert!((got - expect).abs() <= tolerance, "got {got}, expected {expect}");
    }

    const Q0: f64 = 2_147_483_648.0;

    #[test]
    fn exp_is_near_the_real_function() {
        for step in 0..=1600 {
            let x = -f64::from(step) / 100.0;
            let q5 = (x * 67_108_864.0) as i32;
            check(exp_of_negative::<5>(q5), Q0, x.exp(), 5e-7);
        }
    }

    #[test]
    fn reciprocal_and_logarithm_are_near_the_real_functions() {
        for x in [1.0, 1.001, 1.19, 1.41, 1.5, 1.99, 2.0, 3.7, 10.0, 255.0, 1000.3, 4095.0] {
            let q12 = (x * 524_288.0) as i32;
            let exact = f64::from(q12) / 524_288.0;
            check(log_q12(q12), 67_108_864.0, exact.ln(), 1e-6);
            let (fraction, power) = reciprocal_q12(q12);
            check(fraction, Q0 * f64::powi(2.0, power), exact.recip(), 1e-7);
        }
    }
}
