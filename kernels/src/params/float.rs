//! Parameters of the single-precision operators.

use core::fmt;

use super::{ConvTranspose2d, Window2d};

/// Inclusive bounds of a fused activation.
#[derive(Clone, Copy, PartialEq)]
pub struct ClampF32 {
    /// Smallest value kept.
    pub min: f32,
    /// Largest value kept.
    pub max: f32,
}

impl ClampF32 {
    /// Keeps every number.
    pub const NONE: Self = Self { min: f32::NEG_INFINITY, max: f32::INFINITY };
    /// Keeps what is not negative.
    pub const RELU: Self = Self { min: 0.0, max: f32::INFINITY };

    /// `x` within the bounds; NaN stays.
    #[must_use]
    #[inline(always)]
    pub const fn apply(self, x: f32) -> f32 {
        let above = if x < self.min { self.min } else { x };
        if above > self.max { self.max } else { above }
    }
}

impl fmt::Debug for ClampF32 {
    /// As Rust source, which has no literal for infinity.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |x: f32| if x.is_infinite() { None } else { Some(x) };
        match (number(self.min), number(self.max)) {
            (None, None) => write!(f, "ClampF32::NONE"),
            (Some(min), None) => write!(f, "ClampF32 {{ min: {min:?}, max: f32::INFINITY }}"),
            (None, Some(max)) => write!(f, "ClampF32 {{ min: f32::NEG_INFINITY, max: {max:?} }}"),
            (Some(min), Some(max)) => write!(f, "ClampF32 {{ min: {min:?}, max: {max:?} }}"),
        }
    }
}

/// Convolution of floats; shapes as for [`Conv2d`](super::Conv2d).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conv2dF32 {
    /// Number of images.
    pub batches: usize,
    /// Height and width geometry.
    pub window: Window2d,
    /// Channels of the input.
    pub input_channels: usize,
    /// Channels that one filter sees.
    pub filter_channels: usize,
    /// Channels of the output.
    pub output_channels: usize,
    /// Fused activation.
    pub activation: ClampF32,
}

/// Depthwise convolution of floats; shapes as for [`DepthwiseConv2d`](super::DepthwiseConv2d).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthwiseConv2dF32 {
    /// Number of images.
    pub batches: usize,
    /// Height and width geometry.
    pub window: Window2d,
    /// Channels of the input.
    pub channels: usize,
    /// Output channels per input channel.
    pub multiplier: usize,
    /// Fused activation.
    pub activation: ClampF32,
}

/// Transposed convolution of floats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConvTranspose2dF32 {
    /// Shape.
    pub conv: ConvTranspose2d,
    /// Fused activation.
    pub activation: ClampF32,
}

/// Fully connected layer of floats. Input `[batches, input_depth]`, weights `[output_depth, input_depth]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FullyConnectedF32 {
    /// Rows of the input.
    pub batches: usize,
    /// Length of a row.
    pub input_depth: usize,
    /// Number of outputs per row.
    pub output_depth: usize,
    /// Fused activation.
    pub activation: ClampF32,
}

/// Fully connected layer of floats with integer weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FullyConnectedHybrid {
    /// Shape and activation.
    pub layer: FullyConnectedF32,
    /// Inputs are quantized with a zero point.
    pub asymmetric: bool,
}

/// Convolution of floats with integer weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conv2dHybrid {
    /// Shape and activation.
    pub conv: Conv2dF32,
    /// Inputs are quantized with a zero point.
    pub asymmetric: bool,
}

/// Pooling of floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2dF32 {
    /// Number of images.
    pub batches: usize,
    /// Height and width geometry.
    pub window: Window2d,
    /// Channels of input and output.
    pub channels: usize,
    /// Rows of padding below the input; they count with `count_include_pad`.
    pub pad_bottom: usize,
    /// Columns of padding right of the input.
    pub pad_right: usize,
    /// Averages divide by the number of taps inside the padded input instead of the input. A window that `ceil_mode`
    /// lets reach beyond the padding has fewer of them than the filter has.
    pub count_include_pad: bool,
}

/// The attributes of a unary operator that has any.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnaryF32 {
    /// `alpha`.
    pub alpha: f32,
    /// `beta` of `HardSigmoid`, `gamma` of `Selu`; 0 where there is none.
    pub beta: f32,
}

/// A recurrent layer in one direction. Input `[steps, batches, input_depth]`, output
/// `[steps, directions, batches, hidden]`, of which this layer writes one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recurrent {
    /// Length of the sequence.
    pub steps: usize,
    /// Number of sequences.
    pub batches: usize,
    /// Elements of one step of the input.
    pub input_depth: usize,
    /// Elements of the state.
    pub hidden: usize,
    /// Directions that share the output: 1, or 2 of a bidirectional layer.
    pub directions: usize,
    /// Which of them this one is.
    pub direction: usize,
    /// From the last step to the first.
    pub reverse: bool,
    /// `GRU` only: the reset gate is applied after the product with the recurrence weights.
    pub linear_before_reset: bool,
}

/// Long short-term memory whose states the caller keeps: shapes as for [`LstmInteger`](super::LstmInteger).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LstmSequence {
    /// Number of sequences.
    pub batches: usize,
    /// Length of a sequence.
    pub steps: usize,
    /// Elements of one step of the input.
    pub input_depth: usize,
    /// Elements of the state.
    pub hidden: usize,
    /// Input and output are `[steps, batches, ..]` rather than `[batches, steps, ..]`.
    pub time_major: bool,
    /// Bounds of the cells.
    pub cell_clip: ClampF32,
}

/// Normalization by the neighbours of an element in depth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lrn {
    /// Product of all dimensions but the channels, which lie innermost.
    pub rows: usize,
    /// Channels.
    pub depth: usize,
    /// Channels of a window; the element is in the middle, or left of it. At least 1.
    pub size: usize,
    /// Factor on the mean of squares.
    pub alpha: f32,
    /// Exponent.
    pub beta: f32,
    /// Addend.
    pub bias: f32,
}
