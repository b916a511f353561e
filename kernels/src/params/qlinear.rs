//! Parameters of the quantized operators of ONNX.

use super::{Affine, Broadcast, Clamp, Conv2d, ConvTranspose2d, DepthwiseConv2d, MatMul, Pool2d, ScaleF32};

/// Convolution in the arithmetic of ONNX `QLinearConv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QLinearConv2d {
    /// Shape, input and output zero points, activation.
    pub conv: Conv2d,
    /// Zero point of the weights; 0 when it has been taken off them already.
    pub weights_zero_point: i32,
}

/// Depthwise convolution in the arithmetic of ONNX `QLinearConv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QLinearDepthwiseConv2d {
    /// Shape, input and output zero points, activation.
    pub conv: DepthwiseConv2d,
    /// Zero point of the weights; 0 when it has been taken off them already.
    pub weights_zero_point: i32,
}

/// Matrix product in the arithmetic of ONNX `QLinearMatMul`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QLinearMatMul {
    /// Shape.
    pub matmul: MatMul,
    /// Zero point of the first operand.
    pub input1_zero_point: i32,
    /// Zero point of the second operand.
    pub input2_zero_point: i32,
    /// Zero point of the output.
    pub output_zero_point: i32,
    /// Fused activation.
    pub activation: Clamp,
}

/// Addition in the arithmetic of ONNX Runtime's `QLinearAdd`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QLinearAdd {
    /// How the operands spread over the output.
    pub broadcast: Broadcast,
    /// `scale1 / output_scale`.
    pub scale1: ScaleF32,
    /// `scale2 / output_scale`.
    pub scale2: ScaleF32,
    /// All three zero points in one: see [`crate::reference::qlinear::add_offset`].
    pub offset: f32,
    /// Fused activation.
    pub activation: Clamp,
}

/// Multiplication in the arithmetic of ONNX Runtime's `QLinearMul`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QLinearMul {
    /// How the operands spread over the output.
    pub broadcast: Broadcast,
    /// Zero point of the first operand.
    pub input1_zero_point: i32,
    /// Zero point of the second operand.
    pub input2_zero_point: i32,
    /// Zero point of the output.
    pub output_zero_point: i32,
    /// `scale1 * scale2 / output_scale`, multiplied before divided.
    pub scale: ScaleF32,
    /// Fused activation.
    pub activation: Clamp,
}

/// Average pooling in the arithmetic of ONNX Runtime's `QLinearAveragePool`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QLinearAveragePool2d {
    /// Shape and activation.
    pub pool: Pool2d,
    /// Scale and zero point of the input.
    pub input: Affine,
    /// Scale and zero point of the output.
    pub output: Affine,
    /// Divide by the size of the filter instead of the number of taps inside the input.
    pub count_include_pad: bool,
}

/// Mean over the height and width of an NHWC tensor in the arithmetic of ONNX Runtime's `QLinearGlobalAveragePool`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QLinearGlobalAveragePool {
    /// Number of images.
    pub batches: usize,
    /// Height times width.
    pub area: usize,
    /// Channels.
    pub channels: usize,
    /// Zero point of the input.
    pub input_zero_point: i32,
    /// Zero point of the output.
    pub output_zero_point: i32,
    /// `input_scale / (output_scale * area)`, every step in single precision.
    pub scale: ScaleF32,
    /// Fused activation.
    pub activation: Clamp,
}

/// Softmax over the innermost dimension in the arithmetic of ONNX Runtime's `QLinearSoftmax`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QLinearSoftmax {
    /// Number of rows.
    pub rows: usize,
    /// Length of a row.
    pub depth: usize,
    /// `floor(1 / output_scale)`, the quotient in single precision: 254 for an output scale of 1/255.
    pub inverse_scale: f32,
    /// Zero point of the output.
    pub output_zero_point: i32,
}

/// Transposed convolution in the arithmetic of ONNX `QLinearConv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QLinearConvTranspose2d {
    /// Shape.
    pub conv: ConvTranspose2d,
    /// Zero point of the input.
    pub input_zero_point: i32,
    /// Zero point of the weights; 0 when it has been taken off them already.
    pub weights_zero_point: i32,
    /// Zero point of the output.
    pub output_zero_point: i32,
    /// Fused activation.
    pub activation: Clamp,
}
