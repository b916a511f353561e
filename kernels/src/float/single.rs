//! Elementary functions in single precision, for kernels that run over whole tensors on cores without double precision.
//!
//! Only `+ - * /`, comparisons and integer operations in one order, so that every machine gives the same bits. Results
//! are within a few units in the last place of the real function: a relative error below `5e-7`. The coefficients are
//! fits of our own (Chebyshev, relative error below `1e-8`). What needs more digits inside goes through double precision,
//! which small cores compute in software: [`pow`], the inverse functions, and `sin` of large numbers.

mod inverse;
#[cfg(test)]
mod tests;

pub use inverse::{acos, acosh, asin, asinh, atan, atanh, cosh, sinh};

use super::{exp as exp64, ln as ln64};

const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// `e^x`.
#[must_use]
#[inline]
pub fn exp(x: f32) -> f32 {
    if x > 89.0 {
        return f32::INFINITY;
    }
    if x < -104.0 {
        return 0.0;
    }
    // `x = k ln 2 + r` with `|r| <= ln 2 / 2`, then the series of `e^r`. NaN makes `k` zero and stays.
    let k = round(x * core::f32::consts::LOG2_E);
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    let tail = polynomial(r, &[0.5, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0]);
    scale_by_power(1.0 + (r + r * r * tail), k as i32)
}

/// `e^x - 1`, exact to the last places near zero too.
#[must_use]
#[inline]
pub fn exp_minus_one(x: f32) -> f32 {
    if x.abs() < 0.35 {
        let tail = polynomial(x, &[0.5, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0]);
        x + x * x * tail
    } else {
        exp(x) - 1.0
    }
}

/// Natural logarithm; NaN of negative numbers.
#[must_use]
#[inline]
pub fn ln(x: f32) -> f32 {
    if x.is_nan() || x < 0.0 {
        return f32::NAN;
    }
    if x == 0.0 {
        return f32::NEG_INFINITY;
    }
    if x == f32::INFINITY {
        return x;
    }
    let (x, mut exponent) = if x < f32::MIN_POSITIVE { (x * 33_554_432.0, -25) } else { (x, 0) };
    let bits = x.to_bits();
    let mut mantissa = f32::from_bits(bits & 0x7F_FFFF | 0x3F80_0000);
    exponent += (bits >> 23) as i32 - 127;
    if mantissa > core::f32::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    // `ln m = 2 artanh((m - 1) / (m + 1))`, as a series.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let tail = square * polynomial(square, &[1.0 / 3.0, 1.0 / 5.0, 1.0 / 7.0, 1.0 / 9.0, 1.0 / 11.0]);
    let e = exponent as f32;
    e * LN_2_HIGH + (2.0 * (s + s * tail) + e * LN_2_LOW)
}

/// `ln(1 + x)`, exact to the last places near zero too.
#[must_use]
#[inline]
pub fn ln_of_one_plus(x: f32) -> f32 {
    let sum = 1.0 + x;
    // What the sum lost comes back as a factor.
    if sum == 1.0 || sum.is_infinite() { x } else { ln(sum) * (x / (sum - 1.0)) }
}

/// Hyperbolic tangent.
#[must_use]
#[inline]
pub fn tanh(x: f32) -> f32 {
    let size = x.abs();
    if size < 0.625 {
        let square = x * x;
        x + x * square * polynomial(square, &TANH)
    } else {
        let y = 1.0 - 2.0 / (exp(2.0 * size.min(20.0)) + 1.0);
        if x.is_nan() { x } else { y.copysign(x) }
    }
}

/// `1 / (1 + e^-x)`.
#[must_use]
#[inline]
pub fn logistic(x: f32) -> f32 {
    if x >= 0.0 {
        1.0 / (1.0 + exp(-x))
    } else {
        let power = exp(x);
        power / (1.0 + power)
    }
}

/// `ln(1 + e^x)`.
#[must_use]
#[inline]
pub fn softplus(x: f32) -> f32 {
    if x > 0.0 { x + ln_of_one_plus(exp(-x)) } else { ln_of_one_plus(exp(x)) }
}

/// Error function.
#[must_use]
#[inline]
pub fn erf(x: f32) -> f32 {
    let (size, square) = (x.abs(), x * x);
    if size < 1.0 {
        return x * polynomial(square, &ERF);
    }
    if size < 4.0 {
        let t = 1.0 / (1.0 + 0.5 * size);
        return (1.0 - exp(-square) * polynomial(t, &ERF_COMPLEMENT)).copysign(x);
    }
    if x.is_nan() { x } else { 1.0_f32.copysign(x) }
}

/// Sine.
#[must_use]
#[inline]
pub fn sin(x: f32) -> f32 {
    let (quarter, r) = quarter_turns(x);
    let y = if quarter & 1 == 0 { sin_near_zero(r) } else { cos_near_zero(r) };
    if quarter & 2 == 0 { y } else { -y }
}

/// Cosine.
#[must_use]
#[inline]
pub fn cos(x: f32) -> f32 {
    let (quarter, r) = quarter_turns(x);
    let y = if quarter & 1 == 0 { cos_near_zero(r) } else { sin_near_zero(r) };
    if (quarter + 1) & 2 == 0 { y } else { -y }
}

/// Tangent.
#[must_use]
pub fn tan(x: f32) -> f32 {
    sin(x) / cos(x)
}

/// `x^y` by the rules of the C library: 1 when `y` is 0, NaN of a negative `x` unless `y` is whole.
#[must_use]
pub fn pow(x: f32, y: f32) -> f32 {
    if y == 0.0 || x == 1.0 {
        return 1.0;
    }
    if x.is_nan() || y.is_nan() {
        return f32::NAN;
    }
    let whole = floor(y) == y;
    let odd = whole && y.abs() < 16_777_216.0 && (y as i32) & 1 != 0;
    let size = if x == 0.0 {
        if y > 0.0 { 0.0 } else { f32::INFINITY }
    } else if x.is_infinite() {
        if y > 0.0 { f32::INFINITY } else { 0.0 }
    } else if y.is_infinite() {
        let grows = (x.abs() > 1.0) == (y > 0.0);
        if x == -1.0 {
            1.0
        } else if grows {
            f32::INFINITY
        } else {
            0.0
        }
    } else {
        exp64(f64::from(y) * ln64(f64::from(x.abs()))) as f32
    };
    if x < 0.0 && !x.is_infinite() && !whole && !y.is_infinite() {
        f32::NAN
    } else if x.is_sign_negative() && odd {
        -size
    } else {
        size
    }
}

/// Square root, correctly rounded.
#[must_use]
pub fn sqrt(x: f32) -> f32 {
    if x.is_nan() || x < 0.0 {
        return f32::NAN;
    }
    if x == 0.0 || x == f32::INFINITY {
        return x;
    }
    let (x, halved) = if x < f32::MIN_POSITIVE { (x * 16_777_216.0, 12) } else { (x, 0) };
    let exponent = (x.to_bits() >> 23) as i32 - 150;
    let significand = u64::from(x.to_bits() & 0x7F_FFFF | 0x80_0000);
    // An even exponent remains; the root has 25 or 26 bits, and one more that says whether it is exact.
    let odd = exponent & 1;
    let square = significand << (26 + odd);
    let root = square.isqrt();
    let sticky = u64::from(root * root != square);
    scale_by_power((root << 1 | sticky) as f32, (exponent - odd) / 2 - 14 - halved)
}

/// The whole number below.
#[must_use]
#[inline]
pub fn floor(x: f32) -> f32 {
    let whole = truncate(x);
    if whole > x { whole - 1.0 } else { whole }
}

/// The whole number above.
#[must_use]
#[inline]
pub fn ceil(x: f32) -> f32 {
    let whole = truncate(x);
    if whole < x { (whole + 1.0).copysign(x) } else { whole }
}

/// The nearest whole number, ties to even.
#[must_use]
#[inline]
pub fn round(x: f32) -> f32 {
    const TWO_23: f32 = 8_388_608.0;
    // NaN goes the other way, and stays.
    if x.abs() < TWO_23 { (x.abs() + TWO_23 - TWO_23).copysign(x) } else { x }
}

/// The whole number towards zero.
#[must_use]
#[inline]
pub fn truncate(x: f32) -> f32 {
    if x.abs() < 8_388_608.0 { (x as i32 as f32).copysign(x) } else { x }
}

const TANH: [f32; 6] = [-0.333_333_34, 0.133_333_04, -0.053_959_407, 0.021_769_96, -0.008_346_979, 0.002_295_839_8];
const ERF: [f32; 8] = [
    core::f32::consts::FRAC_2_SQRT_PI,
    -0.376_126_38,
    0.112_837_83,
    -0.026_865_438,
    0.005_221_053_5,
    -0.000_848_439_64,
    0.000_112_682_54,
    -9.673_591e-6,
];
/// `erfc(x) e^(x^2)` by `1 / (1 + x / 2)`, for `x` from 1 to 4.
const ERF_COMPLEMENT: [f32; 8] = [
    -0.000_160_457_62,
    0.285_005_54,
    0.259_104_46,
    0.349_807_62,
    -0.107_693_17,
    0.568_191_23,
    -0.474_458,
    0.120_262_11,
];
const SIN: [f32; 4] = [-0.166_666_67, 0.008_333_332, -0.000_198_400_64, 2.724_690_8e-6];
const COS: [f32; 4] = [0.041_666_668, -0.001_388_888_8, 2.480_058_2e-5, -2.729_859e-7];

/// Horner's scheme, lowest coefficient first.
#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: &[f32; N]) -> f32 {
    let mut sum = coefficients[N - 1];
    let mut i = N - 1;
    while i > 0 {
        i -= 1;
        sum = sum * x + coefficients[i];
    }
    sum
}

/// `x * 2^exponent` in two steps, so that subnormal results are rounded once.
#[inline(always)]
fn scale_by_power(x: f32, exponent: i32) -> f32 {
    let half = exponent >> 1;
    let power = |exponent: i32| f32::from_bits(((exponent + 127) as u32) << 23);
    x * power(half) * power(exponent - half)
}

/// `x = quarter * pi / 2 + r` with `|r| <= pi / 4`; only the last two bits of `quarter` matter.
#[inline]
fn quarter_turns(x: f32) -> (i32, f32) {
    /// Half of pi in three parts; the first two have few enough bits for exact products.
    const PARTS: [f32; 3] = [1.570_312_5, 4.837_513e-4, 7.549_79e-8];
    if x.abs() < 8192.0 {
        let quarter = round(x * core::f32::consts::FRAC_2_PI);
        return (quarter as i32, ((x - quarter * PARTS[0]) - quarter * PARTS[1]) - quarter * PARTS[2]);
    }
    // NaN and infinity come out as NaN. Beyond 2^31 quarters the number itself says too little about its angle.
    let x = f64::from(x);
    let quarter = super::floor(x * core::f64::consts::FRAC_2_PI + 0.5);
    let r = (x - quarter * 1.570_796_326_734_125_6) - quarter * 6.077_100_506_506_192e-11;
    ((quarter % 4.0) as i32, r as f32)
}

#[inline]
fn sin_near_zero(x: f32) -> f32 {
    let square = x * x;
    x + x * square * polynomial(square, &SIN)
}

#[inline]
fn cos_near_zero(x: f32) -> f32 {
    let square = x * x;
    1.0 - 0.5 * square + square * square * polynomial(square, &COS)
}
