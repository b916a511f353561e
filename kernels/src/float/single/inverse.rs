//! Inverse trigonometric functions, and the hyperbolic ones with their inverses, through double precision.

use super::exp_minus_one;
use crate::float as double;

/// Inverse of the sine.
#[must_use]
pub fn asin(x: f32) -> f32 {
    let x = f64::from(x);
    double::atan(x / double::sqrt((1.0 - x) * (1.0 + x))) as f32
}

/// Inverse of the cosine.
#[must_use]
pub fn acos(x: f32) -> f32 {
    let x = f64::from(x);
    (2.0 * double::atan(double::sqrt((1.0 - x) / (1.0 + x)))) as f32
}

/// Inverse of the tangent.
#[must_use]
pub fn atan(x: f32) -> f32 {
    double::atan(f64::from(x)) as f32
}

/// Hyperbolic sine.
#[must_use]
pub fn sinh(x: f32) -> f32 {
    let size = x.abs();
    let y = if size < 45.0 {
        let grown = exp_minus_one(size);
        0.5 * (grown + grown / (grown + 1.0))
    } else {
        (0.5 * double::exp(f64::from(size))) as f32
    };
    y.copysign(x)
}

/// Hyperbolic cosine.
#[must_use]
pub fn cosh(x: f32) -> f32 {
    let power = double::exp(f64::from(x.abs()));
    (0.5 * (power + 1.0 / power)) as f32
}

/// Inverse of the hyperbolic sine.
#[must_use]
pub fn asinh(x: f32) -> f32 {
    let size = f64::from(x.abs());
    if size < 1e-4 {
        return x;
    }
    (double::ln(size + double::sqrt(size * size + 1.0)) as f32).copysign(x)
}

/// Inverse of the hyperbolic cosine.
#[must_use]
pub fn acosh(x: f32) -> f32 {
    let x = f64::from(x);
    if x < 1.0 { f32::NAN } else { double::ln(x + double::sqrt((x - 1.0) * (x + 1.0))) as f32 }
}

/// Inverse of the hyperbolic tangent.
#[must_use]
pub fn atanh(x: f32) -> f32 {
    let size = f64::from(x.abs());
    if size < 1e-4 {
        return x;
    }
    if size >= 1.0 {
        return if size == 1.0 { f32::INFINITY.copysign(x) } else { f32::NAN };
    }
    ((0.5 * double::ln((1.0 + size) / (1.0 - size))) as f32).copysign(x)
}
