//! Parameters of ONNX operators that are the same for integers and floats.

use core::fmt;

use super::{Broadcast, Window2d};

/// Matrix product of two tensors that are both computed at run time. `[.., rows, depth]` by `[.., depth, columns]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatMul {
    /// How the matrices of the operands spread over those of the output. Strides count whole matrices.
    pub batch: Broadcast,
    /// Rows of the first operand and of the output.
    pub rows: usize,
    /// Columns of the first operand, rows of the second.
    pub depth: usize,
    /// Columns of the second operand and of the output.
    pub columns: usize,
}

/// Transposed convolution. Input `[batches, input_h, input_w, input_channels]`, weights
/// `[output_channels, filter_h, filter_w, filter_channels]`, output `[batches, output_h, output_w, output_channels]`.
/// Groups are implied: `input_channels / filter_channels`.
///
/// Input pixel `in_y` adds to output pixels `in_y * stride_h + filter_y * dilation_h - pad_top`. The model's weights,
/// `[input_channels, output_channels / groups, filter_h, filter_w]`, are transposed on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTranspose2d {
    /// Number of images.
    pub batches: usize,
    /// Height and width geometry: strides and dilations walk over the output.
    pub window: Window2d,
    /// Channels of the input.
    pub input_channels: usize,
    /// Input channels that one filter sees.
    pub filter_channels: usize,
    /// Channels of the output.
    pub output_channels: usize,
}

/// Resize of the height and width of an NHWC tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resize2d {
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
    /// Output over input height as the model says; `output_h / input_h` in single precision when it gives sizes.
    pub scale_h: f32,
    /// Output over input width.
    pub scale_w: f32,
    /// Which place of the input an output pixel is taken from.
    pub coordinates: Coordinates,
    /// Which pixel is nearest to a place; not used by linear interpolation.
    pub nearest: Nearest,
}

/// Where output pixel `x` lies in the input, in single precision from left to right (`coordinate_transformation_mode`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Coordinates {
    /// `(x + 0.5) / scale - 0.5`.
    HalfPixel,
    /// The same; 0 when the output has one pixel.
    PytorchHalfPixel,
    /// `x / scale`.
    Asymmetric,
    /// `x * (input - 1) / (output - 1)`; 0 when the output has one pixel.
    AlignCorners,
    /// `(x + 0.5) / scale`.
    TfHalfPixelForNn,
}

/// The whole number for a place between two pixels (`nearest_mode`). A place within a millionth of a half is a tie.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Nearest {
    /// To the nearest, ties down.
    RoundPreferFloor,
    /// To the nearest, ties up.
    RoundPreferCeil,
    /// Down.
    Floor,
    /// Up.
    Ceil,
    /// Up when the tensor shrinks, else towards zero: what `Resize` of opset 10 and `Upsample` do.
    CeilWhenShrinking,
}

/// Padding with elements of the tensor itself. Dimensions are right aligned; unused leading ones are 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PadWithin {
    /// Input dimensions, outermost first.
    pub input_dims: [usize; super::MAX_RANK],
    /// Elements added before each dimension.
    pub before: [usize; super::MAX_RANK],
    /// Output dimensions.
    pub output_dims: [usize; super::MAX_RANK],
    /// Which elements are taken.
    pub mode: PadMode,
}

/// Where padding comes from (`mode` of `Pad`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PadMode {
    /// The nearest element.
    Edge,
    /// The element as far inside as the place is outside; the edge itself is not repeated.
    Reflect,
    /// The same, but the edge is repeated.
    Symmetric,
    /// The element at the other end, as if the tensor were repeated.
    Wrap,
}

/// Index of the largest or smallest element along one axis of `[outer, depth, inner]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgPick {
    /// Product of the dimensions before the axis.
    pub outer: usize,
    /// Size of the axis.
    pub depth: usize,
    /// Product of the dimensions after the axis.
    pub inner: usize,
    /// Of equal elements, the last one instead of the first.
    pub last: bool,
}

/// Choice between two tensors by a third. All spread over the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Select {
    /// How the tensors that are chosen from spread.
    pub broadcast: Broadcast,
    /// Element strides of the condition.
    pub condition_strides: [usize; super::MAX_RANK],
}

/// Slices along one axis of `[outer, depth, inner]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gather {
    /// Product of the dimensions before the axis.
    pub outer: usize,
    /// Size of the axis; at least 1.
    pub depth: usize,
    /// Product of the dimensions after the axis.
    pub inner: usize,
}

/// The first `k` of `[outer, depth, inner]` along the axis, by size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopK {
    /// Product of the dimensions before the axis.
    pub outer: usize,
    /// Size of the axis; at least 1.
    pub depth: usize,
    /// Product of the dimensions after the axis.
    pub inner: usize,
    /// How many; at most `depth`.
    pub k: usize,
    /// The largest rather than the smallest.
    pub largest: bool,
}

/// `Debug` text of an enum that is a path, as generated source wants it.
macro_rules! path_as_debug_text {
    ($($name:ident { $($variant:ident),* })*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => concat!(stringify!($name), "::", stringify!($variant)),)*
                })
            }
        }
    )*};
}
path_as_debug_text! {
    Coordinates { HalfPixel, PytorchHalfPixel, Asymmetric, AlignCorners, TfHalfPixelForNn }
    Nearest { RoundPreferFloor, RoundPreferCeil, Floor, Ceil, CeilWhenShrinking }
    PadMode { Edge, Reflect, Symmetric, Wrap }
}
