//! Against the library's functions in double precision.

extern crate std;
use super::*;
use std::vec::Vec;

/// Numbers of all sizes and both signs, within `limit`.
fn arguments(limit: f32) -> Vec<f32> {
    let mut state = 1_u32;
    let random = (0..400_000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let exponent = f32::from_bits((90 + (state >> 8) % 60) << 23 | state & 0x807F_FFFF | (state >> 3 & 1) << 31);
        exponent % limit
    });
    let even = (-20_000..=20_000).map(|i| i as f32 / 20_000.0 * limit);
    random.chain(even).collect()
}

fn check(name: &str, limit: f32, f: fn(f32) -> f32, real: fn(f64) -> f64) {
    let mut worst = (0.0, 0.0);
    for x in arguments(limit) {
        let (got, expect) = (f64::from(f(x)), real(f64::from(x)));
        if expect.is_nan() && got.is_nan() {
            continue;
        }
        // Below this, single precision itself has fewer digits.
        let error = (got - expect).abs() / expect.abs().max(1e-37);
        if error > worst.0 {
            worst = (error, x);
        }
    }
    assert!(worst.0 < 5e-7, "{name}({}) is wrong by {:e}", worst.1, worst.0);
}

/// The library has no error function: the series, which has no cancellation.
fn real_erf(x: f64) -> f64 {
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while term.abs() > sum.abs() * 1e-17 {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    sum * (-x * x).exp() * core::f64::consts::FRAC_2_SQRT_PI
}

#[test]
fn functions_are_within_a_few_last_places() {
    check("exp", 87.0, exp, f64::exp);
    check("exp_minus_one", 87.0, exp_minus_one, f64::exp_m1);
    check("ln", 1e30, ln, f64::ln);
    check("ln_of_one_plus", 1e30, ln_of_one_plus, f64::ln_1p);
    check("tanh", 30.0, tanh, f64::tanh);
    check("logistic", 80.0, logistic, |x| 1.0 / (1.0 + (-x).exp()));
    check("softplus", 80.0, softplus, |x| x.max(0.0) + (-x.abs()).exp().ln_1p());
    check("erf", 5.0, erf, real_erf);
    check("sqrt", 1e30, sqrt, f64::sqrt);
    check("asin", 1.0, asin, f64::asin);
    check("acos", 1.0, acos, f64::acos);
    check("atan", 1e6, atan, f64::atan);
    check("sinh", 87.0, sinh, f64::sinh);
    check("cosh", 87.0, cosh, f64::cosh);
    check("asinh", 1e6, asinh, f64::asinh);
    check("acosh", 1e6, acosh, f64::acosh);
    check("atanh", 1.0, atanh, f64::atanh);
}

#[test]
fn sine_and_cosine_are_within_a_few_last_places_of_one() {
    for limit in [3.0, 100.0, 8000.0, 1e6] {
        for x in arguments(limit) {
            let real = f64::from(x);
            assert!((f64::from(sin(x)) - real.sin()).abs() < 2e-7, "sin({x})");
            assert!((f64::from(cos(x)) - real.cos()).abs() < 2e-7, "cos({x})");
        }
    }
    for x in arguments(1.5) {
        assert!((f64::from(sin(x)) - f64::from(x).sin()).abs() <= f64::from(x).sin().abs() * 5e-7, "sin({x})");
    }
}

#[test]
fn square_root_and_rounding_are_exact() {
    for x in arguments(1e30).into_iter().chain((1..200).map(|i| f32::from_bits(i * 41_943))) {
        assert_eq!(sqrt(x.abs()), x.abs().sqrt(), "sqrt({x})");
    }
    for x in arguments(1e9).into_iter().chain((-40..40).map(|i| i as f32 / 4.0)) {
        let got = [floor(x), ceil(x), round(x), truncate(x)];
        assert_eq!(got, [x.floor(), x.ceil(), x.round_ties_even(), x.trunc()], "{x}");
    }
}

#[test]
fn powers_are_those_of_the_library() {
    let numbers = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 2.5, 10.0, -7.0, 1e-3, 31.7, 1e20];
    let special = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    for x in numbers.into_iter().chain(special) {
        for y in numbers.into_iter().chain(special) {
            let (got, expect) = (pow(x, y), x.powf(y));
            let close = (got - expect).abs() <= expect.abs() * 2e-7;
            assert!(close || got == expect || got.is_nan() && expect.is_nan(), "{x}^{y} is {got}, not {expect}");
        }
    }
}

#[test]
fn edges_of_the_range_are_those_of_the_library() {
    for (got, expect) in [
        (exp(1000.0), f32::INFINITY),
        (exp(88.7), 88.7_f32.exp()),
        (exp(-1000.0), 0.0),
        (ln(0.0), f32::NEG_INFINITY),
        (ln(f32::INFINITY), f32::INFINITY),
        (tanh(f32::NEG_INFINITY), -1.0),
        (logistic(f32::NEG_INFINITY), 0.0),
        (softplus(f32::INFINITY), f32::INFINITY),
        (erf(f32::INFINITY), 1.0),
    ] {
        assert!((got - expect).abs() <= expect.abs() * 1e-6 || got == expect, "{got}, not {expect}");
    }
    for nan in [exp(f32::NAN), ln(-1.0), tanh(f32::NAN), logistic(f32::NAN), erf(f32::NAN), sin(f32::INFINITY)] {
        assert!(nan.is_nan());
    }
}
