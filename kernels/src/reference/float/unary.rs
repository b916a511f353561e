//! Functions of one element. Each is a function of its own, so that a program holds only those it calls; those without
//! attributes take `()` for parameters.

use crate::float::single as f;
use crate::params::{ClampF32, UnaryF32};

macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident($p:ident: $params:ty) => |$x:ident| $y:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name($p: &$params, input: &[f32], output: &mut [f32]) {
            for i in 0..input.len() {
                let $x = input[i];
                output[i] = $y;
            }
        }
    )*};
}

unary! {
    /// Size without sign.
    abs(_p: ()) => |x| x.abs();
    /// Inverse of the cosine.
    acos(_p: ()) => |x| f::acos(x);
    /// Inverse of the hyperbolic cosine.
    acosh(_p: ()) => |x| f::acosh(x);
    /// Inverse of the sine.
    asin(_p: ()) => |x| f::asin(x);
    /// Inverse of the hyperbolic sine.
    asinh(_p: ()) => |x| f::asinh(x);
    /// Inverse of the tangent.
    atan(_p: ()) => |x| f::atan(x);
    /// Inverse of the hyperbolic tangent.
    atanh(_p: ()) => |x| f::atanh(x);
    /// The whole number above.
    ceil(_p: ()) => |x| f::ceil(x);
    /// `max(0, x) + min(0, alpha (e^(x / alpha) - 1))`.
    celu(p: UnaryF32) => |x| if x < 0.0 { p.alpha * f::exp_minus_one(x / p.alpha) } else { x };
    /// Bounds; also relu (`ClampF32::RELU`).
    clip(p: ClampF32) => |x| p.apply(x);
    /// Cosine.
    cos(_p: ()) => |x| f::cos(x);
    /// Hyperbolic cosine.
    cosh(_p: ()) => |x| f::cosh(x);
    /// `x`, or `alpha (e^x - 1)` below zero.
    elu(p: UnaryF32) => |x| if x < 0.0 { p.alpha * f::exp_minus_one(x) } else { x };
    /// Error function.
    erf(_p: ()) => |x| f::erf(x);
    /// `e^x`.
    exp(_p: ()) => |x| f::exp(x);
    /// The whole number below.
    floor(_p: ()) => |x| f::floor(x);
    /// `x / 2 (1 + erf(x / sqrt 2))`.
    gelu(_p: ()) => |x| 0.5 * x * (1.0 + f::erf(x * core::f32::consts::FRAC_1_SQRT_2));
    /// `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`, the approximation of `gelu`.
    gelu_tanh(_p: ()) => |x| {
        const SQRT_2_BY_PI: f32 = 0.797_884_6;
        0.5 * x * (1.0 + f::tanh(SQRT_2_BY_PI * (x + 0.044_715 * (x * x * x))))
    };
    /// `alpha x + beta` between 0 and 1.
    hard_sigmoid(p: UnaryF32) => |x| UNIT.apply(p.alpha * x + p.beta);
    /// `x` times `x / 6 + 1/2` between 0 and 1.
    hard_swish(_p: ()) => |x| x * UNIT.apply(x * (1.0 / 6.0) + 0.5);
    /// `x`, or `alpha x` below zero.
    leaky_relu(p: UnaryF32) => |x| if x < 0.0 { p.alpha * x } else { x };
    /// Natural logarithm.
    log(_p: ()) => |x| f::ln(x);
    /// `x tanh(softplus(x))`.
    mish(_p: ()) => |x| x * f::tanh(f::softplus(x));
    /// Opposite.
    neg(_p: ()) => |x| -x;
    /// `1 / x`.
    reciprocal(_p: ()) => |x| 1.0 / x;
    /// The nearest whole number, ties to even.
    round(_p: ()) => |x| f::round(x);
    /// `1 / sqrt(x)`.
    rsqrt(_p: ()) => |x| 1.0 / f::sqrt(x);
    /// `beta x`, or `beta alpha (e^x - 1)` below zero; `beta` is ONNX's gamma.
    selu(p: UnaryF32) => |x| p.beta * if x < 0.0 { p.alpha * f::exp_minus_one(x) } else { x };
    /// `1 / (1 + e^-x)`.
    sigmoid(_p: ()) => |x| f::logistic(x);
    /// -1, 0 or 1; NaN stays.
    sign(_p: ()) => |x| if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { x + 0.0 };
    /// `x / (1 + e^-x)`.
    silu(_p: ()) => |x| x * f::logistic(x);
    /// Sine.
    sin(_p: ()) => |x| f::sin(x);
    /// Hyperbolic sine.
    sinh(_p: ()) => |x| f::sinh(x);
    /// `ln(1 + e^x)`.
    softplus(_p: ()) => |x| f::softplus(x);
    /// `x / (1 + |x|)`.
    softsign(_p: ()) => |x| x / (1.0 + x.abs());
    /// Square root, correctly rounded.
    sqrt(_p: ()) => |x| f::sqrt(x);
    /// Square.
    square(_p: ()) => |x| x * x;
    /// Tangent.
    tan(_p: ()) => |x| f::tan(x);
    /// Hyperbolic tangent.
    tanh(_p: ()) => |x| f::tanh(x);
    /// `x` above `alpha`, else 0.
    thresholded_relu(p: UnaryF32) => |x| if x > p.alpha { x } else { 0.0 };
}

const UNIT: ClampF32 = ClampF32 { min: 0.0, max: 1.0 };
