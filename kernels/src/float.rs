//! Elementary functions that give the same bits on every machine: one order of operations in double precision, no
//! library. Rounded to single precision they are the correctly rounded value, but for cases within `2^-27` of a tie.
//! [`single`] has functions in single precision, for kernels that run on a device.

pub mod single;

const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// `2^exponent`, 0 or infinite outside the range of normal numbers.
fn power_of_two(exponent: i32) -> f64 {
    if exponent < -1022 {
        0.0
    } else if exponent > 1023 {
        f64::INFINITY
    } else {
        f64::from_bits(((exponent + 1023) as u64) << 52)
    }
}

/// `e^x`; results below the normal range are 0.
#[must_use]
pub fn exp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let x = x.clamp(-800.0, 800.0);
    // `x = k ln 2 + r` with `|r| <= ln 2 / 2`, then the series of `e^r`.
    let halves = x * core::f64::consts::LOG2_E;
    let k = (halves + if halves < 0.0 { -0.5 } else { 0.5 }) as i32;
    let r = (x - f64::from(k) * LN_2_HIGH) - f64::from(k) * LN_2_LOW;
    let mut sum = 1.0;
    let mut n = 14.0;
    while n > 0.0 {
        sum = 1.0 + sum * r / n;
        n -= 1.0;
    }
    sum * power_of_two(k)
}

/// Natural logarithm of a positive normal number.
#[must_use]
pub fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = (bits >> 52 & 0x7FF) as i32 - 1023;
    let mut mantissa = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    if mantissa > core::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    // `ln m = 2 artanh((m - 1) / (m + 1))`, as a series.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut sum = 0.0;
    let mut n = 23.0;
    while n > 0.0 {
        sum = sum * square + 1.0 / n;
        n -= 2.0;
    }
    f64::from(exponent) * LN_2_HIGH + (2.0 * s * sum + f64::from(exponent) * LN_2_LOW)
}

/// Hyperbolic tangent.
#[must_use]
pub fn tanh(x: f64) -> f64 {
    let power = exp(2.0 * x.clamp(-40.0, 40.0));
    (power - 1.0) / (power + 1.0)
}

/// Square root of a number of the normal range; NaN of negative ones.
#[must_use]
pub fn sqrt(x: f64) -> f64 {
    if !(x > 0.0 && x.is_finite()) {
        return if x < 0.0 { f64::NAN } else { x };
    }
    // Half of the exponent is a start that is good to a few percent; each step doubles the digits.
    let mut root = f64::from_bits((x.to_bits() >> 1) + (511 << 52) + (1 << 51));
    for _ in 0..5 {
        root = 0.5 * (root + x / root);
    }
    root
}

/// Inverse of the tangent.
#[must_use]
pub fn atan(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let size = if x < 0.0 { -x } else { x };
    let inverted = size > 1.0;
    let mut reduced = if inverted { 1.0 / size } else { size };
    // Half of the angle, three times: small enough for a short series.
    for _ in 0..3 {
        reduced /= 1.0 + sqrt(1.0 + reduced * reduced);
    }
    let square = reduced * reduced;
    let mut sum = 0.0;
    let mut n = 17.0;
    while n > 0.0 {
        sum = 1.0 / n - square * sum;
        n -= 2.0;
    }
    let angle = 8.0 * reduced * sum;
    let angle = if inverted { core::f64::consts::FRAC_PI_2 - angle } else { angle };
    if x < 0.0 { -angle } else { angle }
}

/// The whole number below `x`.
#[must_use]
pub fn floor(x: f64) -> f64 {
    const TWO_52: f64 = 4_503_599_627_370_496.0;
    if x > -TWO_52 && x < TWO_52 {
        let whole = x as i64 as f64;
        if whole > x { whole - 1.0 } else { whole }
    } else {
        x
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    fn check(got: f64, expect: f64) {
        assert!((got - expect).abs() <= expect.abs() * 1e-14 + 1e-300, "got {got:e}, expected {expect:e}");
    }

    #[test]
    fn functions_are_within_rounding_of_the_library() {
        for step in -7000..=7000 {
            let x = f64::from(step) / 10.0;
            check(exp(x), x.exp());
            check(ln(1.0 + x.abs() * 13.7), (1.0 + x.abs() * 13.7).ln());
            assert!((tanh(x / 100.0) - (x / 100.0).tanh()).abs() < 1e-15);
            check(atan(x / 7.0), (x / 7.0).atan());
            check(sqrt(x.abs() * 17.3), (x.abs() * 17.3).sqrt());
            assert_eq!(floor(x), x.floor());
        }
        assert_eq!((exp(0.0), exp(-1e9), ln(1.0), tanh(0.0)), (1.0, 0.0, 0.0, 0.0));
        assert!(exp(1e9).is_infinite() && exp(f64::NAN).is_nan());
    }
}
