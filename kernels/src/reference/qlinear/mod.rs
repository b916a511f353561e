//! The integer operators of ONNX, in the arithmetic of ONNX Runtime's fused kernels on a processor with AVX2.
//!
//! Accumulators are the same as everywhere; the factor back to 8 bits is a [`ScaleF32`](crate::requant::ScaleF32), and
//! every operator has its own habit of where the zero point and the division go. The formulas were measured against
//! ONNX Runtime 1.32 on inputs that crowd around ties; recorded vectors are in `tests/onnx_runtime`.
//!
//! Activations are `i8` or `u8`, weights besides these `i16` with the zero point already taken off. An `u8` tensor is
//! not the same as an `i8` tensor moved by 128: operators with the zero point inside of the rounding see the difference.

mod add;
mod average_pool2d;
mod conv2d;
mod conv_transpose2d;
mod depthwise_conv2d;
mod dynamic_quantize;
mod fully_connected;
mod lookup;
mod matmul;
mod max_pool2d;
mod minifloat;
mod mul;
mod quantize;
mod softmax;

pub use add::{add, add_offset};
pub use average_pool2d::{average_pool2d, global_average_pool};
pub use conv_transpose2d::conv_transpose2d;
pub use conv2d::{conv2d, conv2d_integer};
pub use depthwise_conv2d::depthwise_conv2d;
pub use dynamic_quantize::{dynamic_quantize, dynamic_scale, dynamic_zero_point};
pub use fully_connected::fully_connected;
pub use lookup::{lookup, table};
pub use matmul::{matmul, matmul_integer};
pub use max_pool2d::max_pool2d;
pub use minifloat::{decode_minifloat, quantize_minifloat, scale_codes};
pub use mul::mul;
pub use quantize::{dequantize, dequantize_accumulators, dequantize_mapped, quantize, quantize_mapped};
pub use softmax::{softmax, softmax_table};
