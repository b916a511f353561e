//! Layers with integer weights between float activations ("dynamic range"), as TFLite computes them: each batch of the
//! input is quantized from its own extremes when it arrives, products are summed in integers, sums become floats.
//!
//! The arithmetic is that of LiteRT 1.2.0's reference kernels for x86-64, down to the order of each product of scales.

mod conv2d;
mod depthwise_conv2d;
mod fully_connected;
mod quantize;

pub use conv2d::conv2d;
pub use depthwise_conv2d::depthwise_conv2d;
pub use fully_connected::fully_connected;
