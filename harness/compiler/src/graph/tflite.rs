//! Kinds of TFLite operators that differ only in the function they compute. Knows no file format and no arithmetic.

/// A function of each element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    /// `|x|`.
    Abs,
    /// Smallest integer not below.
    Ceil,
    /// Cosine.
    Cos,
    /// `x`, or `e^x - 1` below zero.
    Elu,
    /// `e^x`.
    Exp,
    /// Largest integer not above.
    Floor,
    /// `x Phi(x)`.
    Gelu,
    /// The approximation of it by tanh.
    GeluTanh,
    /// Natural logarithm.
    Log,
    /// Logical not.
    LogicalNot,
    /// `-x`.
    Neg,
    /// `min(max(x, 0), 1)`.
    Relu0To1,
    /// `min(max(x, -1), 1)`.
    ReluN1To1,
    /// Nearest integer, ties to even.
    Round,
    /// `1 / sqrt(x)`.
    Rsqrt,
    /// -1, 0 or 1.
    Sign,
    /// Sine.
    Sin,
    /// Square root.
    Sqrt,
    /// `x x`.
    Square,
}

/// A function of each pair of elements, broadcasting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// `a / b`.
    Div,
    /// `a == b`.
    Equal,
    /// `a > b`.
    Greater,
    /// `a >= b`.
    GreaterEqual,
    /// `a < b`.
    Less,
    /// `a <= b`.
    LessEqual,
    /// Logical and.
    LogicalAnd,
    /// Logical or.
    LogicalOr,
    /// `a != b`.
    NotEqual,
    /// `a^b`.
    Pow,
    /// `a`, or `a b` where `a` is below zero.
    PRelu,
    /// `(a - b)^2`.
    SquaredDifference,
}

/// What a reduction makes of its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Smallest.
    Min,
    /// Product.
    Prod,
    /// Sum.
    Sum,
    /// Whether all are true.
    All,
    /// Whether any is true.
    Any,
}
