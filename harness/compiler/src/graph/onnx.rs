//! Operators of a channel-first model with everything static already resolved.
//!
//! An importer reduces the many operators of ONNX to these: axes are positive, windows have explicit padding, what a
//! constant operand said is an attribute, and shapes are those of the tensors. Knows no file format and no arithmetic.

use hilbench_kernels::params::Minifloat;

/// What the codes of a quantized tensor are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codes {
    /// All integers of the type that holds them.
    Whole,
    /// Integers of this many bits, held in 8.
    Bits(u32),
    /// Floats of few bits, held in uint8.
    Float(Minifloat),
}

/// How the elements of a tensor are scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaling {
    /// Dimension that several scales run along.
    pub axis: usize,
    /// Elements along it that share a scale, where there are scales for each index of the other dimensions.
    pub block: Option<usize>,
    /// What the codes are.
    pub codes: Codes,
}

impl Scaling {
    /// One scale, or one an index of dimension `axis`, for all integers of a type.
    #[must_use]
    pub const fn along(axis: usize) -> Self {
        Scaling { axis, block: None, codes: Codes::Whole }
    }
}

/// A window sliding over the spatial dimensions; one entry a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Taps.
    pub kernel: Vec<usize>,
    /// Steps between windows.
    pub stride: Vec<usize>,
    /// Distances between taps.
    pub dilation: Vec<usize>,
    /// Padding before the input.
    pub before: Vec<usize>,
    /// Padding after the input.
    pub after: Vec<usize>,
}

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    /// `|x|`.
    Abs,
    /// Arc cosine.
    Acos,
    /// Area hyperbolic cosine.
    Acosh,
    /// Arc sine.
    Asin,
    /// Area hyperbolic sine.
    Asinh,
    /// Arc tangent.
    Atan,
    /// Area hyperbolic tangent.
    Atanh,
    /// Smallest integer not below.
    Ceil,
    /// Continuously differentiable ELU.
    Celu(f32),
    /// `min(max(x, low), high)`.
    Clip(f32, f32),
    /// Cosine.
    Cos,
    /// Hyperbolic cosine.
    Cosh,
    /// `x`, or `alpha (e^x - 1)` below zero.
    Elu(f32),
    /// Error function.
    Erf,
    /// `e^x`.
    Exp,
    /// Largest integer not above.
    Floor,
    /// `x Phi(x)`; true for the approximation by tanh.
    Gelu(bool),
    /// `max(0, min(1, alpha x + beta))`.
    HardSigmoid(f32, f32),
    /// `x max(0, min(1, x / 6 + 1 / 2))`.
    HardSwish,
    /// `x`, or `alpha x` below zero.
    LeakyRelu(f32),
    /// Natural logarithm.
    Log,
    /// `x tanh(ln(1 + e^x))`.
    Mish,
    /// `-x`.
    Neg,
    /// Logical not.
    Not,
    /// `1 / x`.
    Reciprocal,
    /// `max(x, 0)`.
    Relu,
    /// Nearest integer, ties to even.
    Round,
    /// `gamma x`, or `gamma (alpha e^x - alpha)` not above zero.
    Selu(f32, f32),
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// -1, 0 or 1.
    Sign,
    /// Sine.
    Sin,
    /// Hyperbolic sine.
    Sinh,
    /// `ln(1 + e^x)`.
    Softplus,
    /// `x / (1 + |x|)`.
    Softsign,
    /// Square root.
    Sqrt,
    /// Tangent.
    Tan,
    /// Hyperbolic tangent.
    Tanh,
    /// `x` above alpha, else 0.
    ThresholdedRelu(f32),
}

/// A function of two numbers, broadcasting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// `a + b`.
    Add,
    /// Logical and.
    And,
    /// `a / b`; of integers, truncated.
    Div,
    /// `a == b`.
    Equal,
    /// Remainder with the sign of the dividend.
    Fmod,
    /// `a > b`.
    Greater,
    /// `a >= b`.
    GreaterOrEqual,
    /// `a < b`.
    Less,
    /// `a <= b`.
    LessOrEqual,
    /// The larger.
    Max,
    /// The smaller.
    Min,
    /// Remainder with the sign of the divisor.
    Mod,
    /// `a b`.
    Mul,
    /// Logical or.
    Or,
    /// `a`, or `a b` where `a` is below zero.
    PRelu,
    /// `a^b`.
    Pow,
    /// `a - b`.
    Sub,
    /// Logical exclusive or.
    Xor,
}

/// What a reduction makes of its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Sum of magnitudes.
    L1,
    /// Root of the sum of squares.
    L2,
    /// Logarithm of the sum.
    LogSum,
    /// Logarithm of the sum of exponentials.
    LogSumExp,
    /// Largest.
    Max,
    /// Mean.
    Mean,
    /// Smallest.
    Min,
    /// Product.
    Prod,
    /// Sum.
    Sum,
    /// Sum of squares.
    SumSquare,
}

/// What a pool makes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The mean of the taps inside the input; true: padding counts as zeros.
    Average(bool),
    /// The largest.
    Max,
}

/// What stands outside of a padded tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PadMode {
    /// One value: operand 1, or zero.
    Constant,
    /// The outermost value.
    Edge,
    /// The values mirrored at the outermost one.
    Reflect,
    /// The values from the other end.
    Wrap,
}

/// Where a resize finds its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coordinates {
    /// `x / scale`.
    Asymmetric,
    /// Corners on corners.
    AlignCorners,
    /// `(x + 1/2) / scale - 1/2`.
    HalfPixel,
    /// The same, and 0 where the output is one pixel.
    PytorchHalfPixel,
}

/// How a resize makes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// Linear in every resized dimension.
    Linear,
    /// The nearest sample.
    Nearest(Nearest),
}

/// Which sample is the nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nearest {
    /// Rounded up.
    Ceil,
    /// Rounded down.
    Floor,
    /// Nearest, ties up.
    RoundPreferCeil,
    /// Nearest, ties down.
    RoundPreferFloor,
}

/// An operator with its attributes.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Input x; index of the extreme along an axis.
    ArgExtreme {
        /// Dimension.
        axis: usize,
        /// Largest rather than smallest.
        max: bool,
        /// The last of equal ones.
        last: bool,
    },
    /// Inputs x, scale, bias, mean, variance; over dimension 1.
    BatchNormalization {
        /// Added to the variance.
        epsilon: f32,
    },
    /// Inputs a, b.
    Binary(Binary),
    /// Input x; to the type of the output.
    Cast,
    /// Inputs: any number.
    Concat {
        /// Dimension.
        axis: usize,
    },
    /// Inputs x, weights `[out, in / groups, spatial...]`, optional bias.
    Conv {
        /// Geometry.
        window: Window,
        /// Number of groups.
        groups: usize,
    },
    /// Inputs x, weights, optional zero points of both; an integer result.
    ConvInteger {
        /// Geometry.
        window: Window,
        /// Number of groups.
        groups: usize,
    },
    /// Inputs x, weights `[in, out / groups, spatial...]`, optional bias.
    ConvTranspose {
        /// Geometry; padding is taken away from the output.
        window: Window,
        /// Number of groups.
        groups: usize,
    },
    /// Inputs x, scale, zero point (both constant).
    Dequantize(Scaling),
    /// Input x; results q, scale, zero point.
    DynamicQuantize,
    /// Input x, repeated along dimensions of 1 to the shape of the output.
    Expand,
    /// Input x; the slices at `indices` of one dimension.
    Gather {
        /// Dimension.
        axis: usize,
        /// Which, from the start.
        indices: Vec<usize>,
    },
    /// Inputs a, b, optional c: `alpha a b + beta c`.
    Gemm {
        /// Factor on the product.
        alpha: f32,
        /// Factor on c.
        beta: f32,
        /// a is transposed.
        trans_a: bool,
        /// b is transposed.
        trans_b: bool,
    },
    /// Input x; the mean over all spatial dimensions, which stay as 1.
    GlobalAveragePool,
    /// Input x.
    Lrn {
        /// Factor on the mean of squares.
        alpha: f32,
        /// Exponent.
        beta: f32,
        /// Addend.
        bias: f32,
        /// Channels of a window; at least 1.
        size: usize,
    },
    /// Inputs a, b.
    MatMul,
    /// Inputs a, b, optional zero points of both; an integer result.
    MatMulInteger,
    /// Inputs x, optional value.
    Pad {
        /// What stands outside.
        mode: PadMode,
        /// Elements before, one entry a dimension. Those after follow from the shape of the output.
        before: Vec<usize>,
    },
    /// Input x.
    Pool {
        /// Mean or maximum.
        pooling: Pooling,
        /// Geometry. `after` covers windows that begin inside and end outside.
        window: Window,
    },
    /// Inputs x, scale, zero point (both constant).
    Quantize {
        /// Which scale each element has, and what the codes are.
        scaling: Scaling,
        /// Whether a number too large for floats of few bits becomes the largest one. Integers always saturate.
        saturate: bool,
    },
    /// Inputs x `[steps, batch, in]`, weights, recurrence, optional bias, initial state and cell, each of one direction.
    Recurrent {
        /// LSTM rather than GRU.
        lstm: bool,
        /// From the last step to the first.
        reverse: bool,
        /// GRU: the reset gate comes after the product.
        linear_before_reset: bool,
    },
    /// Input x.
    Reduce {
        /// Kind.
        reduction: Reduction,
        /// Which dimensions, in order.
        axes: Vec<usize>,
    },
    /// Input x; the same elements in the same order under the shape of the output.
    Reshape,
    /// Input x.
    Resize {
        /// How a value is made.
        interpolation: Interpolation,
        /// Where samples lie.
        coordinates: Coordinates,
        /// Output size over input size, one entry a dimension.
        scales: Vec<f32>,
    },
    /// Input x.
    Slice {
        /// First element, one entry a dimension.
        begin: Vec<usize>,
        /// Steps; counts follow from the shape of the output.
        step: Vec<isize>,
    },
    /// Input x.
    Softmax {
        /// Dimension.
        axis: usize,
        /// Its logarithm instead.
        log: bool,
    },
    /// Input x; results values and indices, as many along the axis as their shape says.
    TopK {
        /// Dimension.
        axis: usize,
        /// Largest rather than smallest.
        largest: bool,
    },
    /// Input x.
    Transpose {
        /// Output dimension i is input dimension `permutation[i]`.
        permutation: Vec<usize>,
    },
    /// Input x.
    Unary(Unary),
    /// Inputs condition, a, b.
    Where,
}
