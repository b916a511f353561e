//! Parameters of the single-precision operators.

use super::{ConvTranspose2d, Window2d};

/// Inclusive bounds of a fused activation; infinite where there is none, which [`ClampF32::NONE`] says in finite numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClampF32 {
    /// Smallest value kept.
    pub min: f32,
    /// Largest value kept.
    pub max: f32,
}

impl ClampF32 {
    /// Keeps every finite number.
    pub const NONE: Self = Self { min: f32::MIN, max: f32::MAX };
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

/// Pooling of floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2dF32 {
    /// Number of images.
    pub batches: usize,
    /// Height and width geometry.
    pub window: Window2d,
    /// Channels of input and output.
    pub channels: usize,
    /// Averages divide by the size of the filter instead of the number of taps inside the input.
    pub count_include_pad: bool,
}

/// Linear functions that are clamped: `hard_sigmoid`, and the gate of `hard_swish`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// Factor.
    pub alpha: f32,
    /// Addend, or second factor.
    pub beta: f32,
}
