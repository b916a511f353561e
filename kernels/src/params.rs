//! Parameters of the kernels: plain structs that can be constants in generated code.
//!
//! The `Debug` text of every struct here is valid Rust for the same value: the code emitter relies on it.
//! Sizes are counted in elements. Knows no arithmetic.

mod bands;
mod channel;
mod float;
mod onnx;
mod qlinear;
mod scale_map;
mod tflite;

pub use bands::{Band, Bands, Elements};
pub use channel::Channel;
pub use float::*;
pub use onnx::*;
pub use qlinear::*;
pub use scale_map::{Minifloat, QuantizeMapped, QuantizeMinifloat, ScaleMap};
pub use tflite::*;

pub use crate::requant::{Requant, ScaleF32};
use crate::shape::MAX_RANK;

/// Inclusive bounds applied after the output zero point has been added (the fused activation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clamp {
    /// Smallest value kept.
    pub min: i32,
    /// Largest value kept.
    pub max: i32,
}

/// A window sliding over the height and width of an NHWC tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window2d {
    /// Input height.
    pub input_h: usize,
    /// Input width.
    pub input_w: usize,
    /// Filter (or pool) height in taps.
    pub filter_h: usize,
    /// Filter (or pool) width in taps.
    pub filter_w: usize,
    /// Step between output rows.
    pub stride_h: usize,
    /// Step between output columns.
    pub stride_w: usize,
    /// Distance between taps in height; 1 is dense.
    pub dilation_h: usize,
    /// Distance between taps in width; 1 is dense.
    pub dilation_w: usize,
    /// Rows of padding above the input.
    pub pad_top: usize,
    /// Columns of padding left of the input.
    pub pad_left: usize,
    /// Output height.
    pub output_h: usize,
    /// Output width.
    pub output_w: usize,
}

/// Convolution. Input `[batches, input_h, input_w, input_channels]`, weights
/// `[output_channels, filter_h, filter_w, filter_channels]`, output `[batches, output_h, output_w, output_channels]`.
/// Groups are implied: `input_channels / filter_channels`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Number of images.
    pub batches: usize,
    /// Height and width geometry.
    pub window: Window2d,
    /// Channels of the input.
    pub input_channels: usize,
    /// Channels that one filter sees; equal to `input_channels` unless the convolution is grouped.
    pub filter_channels: usize,
    /// Channels of the output.
    pub output_channels: usize,
    /// Zero point of the input; padding has this value.
    pub input_zero_point: i32,
    /// Zero point of the output.
    pub output_zero_point: i32,
    /// Fused activation.
    pub activation: Clamp,
}

/// Depthwise convolution. Weights `[1, filter_h, filter_w, channels * multiplier]`; output channel
/// `c * multiplier + m` sees input channel `c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthwiseConv2d {
    /// Number of images.
    pub batches: usize,
    /// Height and width geometry.
    pub window: Window2d,
    /// Channels of the input.
    pub channels: usize,
    /// Output channels per input channel.
    pub multiplier: usize,
    /// Zero point of the input; padding has this value.
    pub input_zero_point: i32,
    /// Zero point of the output.
    pub output_zero_point: i32,
    /// Fused activation.
    pub activation: Clamp,
}

/// Fully connected layer. Input `[batches, input_depth]`, weights `[output_depth, input_depth]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullyConnected {
    /// Rows of the input.
    pub batches: usize,
    /// Length of a row.
    pub input_depth: usize,
    /// Number of outputs per row.
    pub output_depth: usize,
    /// Zero point of the input.
    pub input_zero_point: i32,
    /// Zero point of the weights (0 in nearly all models).
    pub weights_zero_point: i32,
    /// Zero point of the output.
    pub output_zero_point: i32,
    /// Fused activation.
    pub activation: Clamp,
}

impl FullyConnected {
    /// The same layer, if its weights have no zero point, as a convolution over images of one pixel.
    #[must_use]
    pub const fn as_conv2d(&self) -> Conv2d {
        let window = Window2d {
            input_h: 1,
            input_w: 1,
            filter_h: 1,
            filter_w: 1,
            stride_h: 1,
            stride_w: 1,
            dilation_h: 1,
            dilation_w: 1,
            pad_top: 0,
            pad_left: 0,
            output_h: 1,
            output_w: 1,
        };
        Conv2d {
            batches: self.batches,
            window,
            input_channels: self.input_depth,
            filter_channels: self.input_depth,
            output_channels: self.output_depth,
            input_zero_point: self.input_zero_point,
            output_zero_point: self.output_zero_point,
            activation: self.activation,
        }
    }
}

/// Average or max pooling. Output `[batches, output_h, output_w, channels]`; input and output share scale and zero point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2d {
    /// Number of images.
    pub batches: usize,
    /// Height and width geometry; dilation is 1.
    pub window: Window2d,
    /// Channels of input and output.
    pub channels: usize,
    /// Fused activation.
    pub activation: Clamp,
}

/// How two operands spread over the output of an elementwise operator: a stride of 0 repeats.
/// Unused leading dimensions have size 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broadcast {
    /// Output dimensions, outermost first.
    pub dims: [usize; MAX_RANK],
    /// Element strides of the first operand.
    pub strides1: [usize; MAX_RANK],
    /// Element strides of the second operand.
    pub strides2: [usize; MAX_RANK],
}

/// Addition or subtraction of tensors with different scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Add {
    /// How the operands spread over the output.
    pub broadcast: Broadcast,
    /// Zero point of the first operand.
    pub input1_zero_point: i32,
    /// Zero point of the second operand.
    pub input2_zero_point: i32,
    /// Zero point of the output.
    pub output_zero_point: i32,
    /// Bits both operands are shifted left before they are rescaled (20 for int8).
    pub left_shift: u32,
    /// Rescales the shifted first operand: `scale1 / (2 * max(scale1, scale2))`.
    pub input1: Requant,
    /// Rescales the shifted second operand.
    pub input2: Requant,
    /// Rescales the sum: `2 * max(scale1, scale2) / (2^left_shift * output_scale)`.
    pub output: Requant,
    /// Fused activation.
    pub activation: Clamp,
}

/// Multiplication of two tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mul {
    /// How the operands spread over the output.
    pub broadcast: Broadcast,
    /// Zero point of the first operand.
    pub input1_zero_point: i32,
    /// Zero point of the second operand.
    pub input2_zero_point: i32,
    /// Zero point of the output.
    pub output_zero_point: i32,
    /// `f64(scale1) * f64(scale2) / f64(output_scale)`.
    pub output: Requant,
    /// Fused activation.
    pub activation: Clamp,
}

/// Reduction over any set of axes. Dimensions are right aligned; unused leading ones are 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reduce {
    /// Input dimensions, outermost first.
    pub dims: [usize; MAX_RANK],
    /// Which of them are reduced.
    pub reduced: [bool; MAX_RANK],
}

/// Mean over axes, as the TFLite reference kernel rounds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mean {
    /// Shape and axes.
    pub reduce: Reduce,
    /// Zero point of the input.
    pub input_zero_point: i32,
    /// Zero point of the output.
    pub output_zero_point: i32,
    /// Rescales the sum and divides it by the number of elements reduced: see [`crate::reference::mean()`] for the formula.
    pub output: Requant,
}

/// Softmax over the innermost dimension; output scale 1/256, zero point -128.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax {
    /// Number of rows.
    pub rows: usize,
    /// Length of a row.
    pub depth: usize,
    /// `min(f64(beta) * f64(input_scale) * 2^26, 2^31 - 1)`, as a multiplier and a left shift.
    pub input: Requant,
    /// Differences to the row's maximum below this contribute nothing: `-floor(31 * 2^26 / 2^input.shift)`.
    pub diff_min: i32,
}

/// Log-softmax over the innermost dimension; output scale 16/256, zero point 127.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSoftmax {
    /// Number of rows.
    pub rows: usize,
    /// Length of a row.
    pub depth: usize,
    /// `min(f64(input_scale) * 2^26, 2^31 - 1)`, as a multiplier and a left shift.
    pub input: Requant,
    /// Inverse of `input`, for differences that leave the fixed-point range:
    /// `2^(31 - input.shift) / f64(input.multiplier)`.
    pub reverse: Requant,
    /// Differences to the row's maximum below this saturate to the smallest output: `-floor(31 * 2^26 / 2^input.shift)`.
    pub diff_min: i32,
}

/// Rows of floats, each worked on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Number of rows.
    pub rows: usize,
    /// Length of a row.
    pub depth: usize,
}

/// Logistic (output scale 1/256, zero point -128) or tanh (output scale 1/128, zero point 0).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sigmoidal {
    /// Scale and zero point of the input.
    pub input: Affine,
    /// Scale and zero point of the output.
    pub output: Affine,
}

/// Relu and relu6 with different input and output parameters: requantize, then clamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relu {
    /// Zero point of the input.
    pub input_zero_point: i32,
    /// Zero point of the output.
    pub output_zero_point: i32,
    /// `input_scale / output_scale`, divided in `f32`.
    pub output: Requant,
    /// Bounds in the output's own units.
    pub activation: Clamp,
}

/// Leaky relu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeakyRelu {
    /// Zero point of the input.
    pub input_zero_point: i32,
    /// Zero point of the output.
    pub output_zero_point: i32,
    /// For inputs at or above the zero point: `input_scale / output_scale`, divided in `f32`.
    pub identity: Requant,
    /// For the others: `(input_scale * alpha) / output_scale`, each step in `f32`; negative when alpha is.
    pub alpha: Requant,
}

/// Hard swish in 16-bit fixed point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HardSwish {
    /// Zero point of the input.
    pub input_zero_point: i32,
    /// Zero point of the output.
    pub output_zero_point: i32,
    /// Upper half, rounded, of the multiplier of `hires / (3.0 / 32768.0)`, where `hires` is
    /// `(1.0 / 128.0) * input_scale` and every step is in `f32`; at most `i16::MAX`.
    pub reluish_multiplier: i16,
    /// Its exponent, at least -15.
    pub reluish_exponent: i32,
    /// Upper half, rounded, of the multiplier of `hires / output_scale`, in `f32`; at most `i16::MAX`.
    pub output_multiplier: i16,
    /// Its exponent, from -15 to 0.
    pub output_exponent: i32,
}

/// Change of scale and zero point between 8-bit types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rescale {
    /// Zero point of the input.
    pub input_zero_point: i32,
    /// Zero point of the output.
    pub output_zero_point: i32,
    /// `f64(input_scale) / f64(output_scale)`.
    pub output: Requant,
}

/// Float to integer (`round_half_away(x / scale) + zero_point`) or back (`(q - zero_point) * scale`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// Scale of the integer side.
    pub scale: f32,
    /// Zero point of the integer side.
    pub zero_point: i32,
}

/// Nearest-neighbour resize of an NHWC tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResizeNearest {
    /// Number of images.
    pub batches: usize,
    /// Input height.
    pub input_h: usize,
    /// Input width.
    pub input_w: usize,
    /// Output height.
    pub output_h: usize,
    /// Output width.
    pub output_w: usize,
    /// Channels.
    pub channels: usize,
    /// The corners of input and output fall on each other.
    pub align_corners: bool,
    /// Samples sit in the middle of pixels.
    pub half_pixel_centers: bool,
}

/// Copies a block of elements between two dense tensors, each walked with its own strides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StridedCopy {
    /// Dimensions of the block, outermost first; unused leading ones are 1.
    pub dims: [usize; MAX_RANK],
    /// Index of the block's first element in the input.
    pub input_start: usize,
    /// Element strides in the input; negative ones walk backwards.
    pub input_strides: [isize; MAX_RANK],
    /// Index of the block's first element in the output.
    pub output_start: usize,
    /// Element strides in the output.
    pub output_strides: [isize; MAX_RANK],
}
