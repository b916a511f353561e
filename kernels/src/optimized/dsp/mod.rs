//! Kernels for the DSP extension of Armv7E-M and Armv8-M: weights packed by the compiler, two products an instruction.
//!
//! Each kernel has a `_takes` that says which shapes it runs, and needs [`is_exact`] to hold for the layer's sums;
//! everything else runs on [`generic`](super::generic).

mod bits;
mod columns;
mod conv2d;
mod depthwise_conv2d;
mod depthwise_taps;
mod dots;
mod elementwise;
mod fully_connected;
mod pairs;
mod patches;
mod pool2d;
mod qlinear;
mod requantize;
mod set;
mod simd;
mod single;

pub use conv2d::{conv2d, conv2d_packed, conv2d_scratch, conv2d_takes, pack_conv2d};
pub use depthwise_conv2d::{
    depthwise_conv2d, depthwise_conv2d_packed, depthwise_conv2d_scratch, depthwise_conv2d_takes, pack_depthwise_conv2d,
};
pub use depthwise_taps::{depthwise_taps, depthwise_taps_packed, depthwise_taps_takes, pack_depthwise_taps};
pub use elementwise::{add, add_takes, mul, mul_takes, sub};
pub use fully_connected::{
    fully_connected, fully_connected_packed, fully_connected_scratch, fully_connected_takes, pack_fully_connected,
};
pub use pool2d::{average_pool2d, average_pool2d_takes, max_pool2d, max_pool2d_takes};
pub use qlinear::{
    qlinear_add, qlinear_conv2d, qlinear_conv2d_scratch, qlinear_conv2d_takes, qlinear_depthwise_conv2d,
    qlinear_depthwise_conv2d_takes, qlinear_fully_connected, qlinear_mul,
};
pub use requantize::is_exact;
pub use set::SET;

pub(super) use elementwise::{HALF, for_each_row_pair};
pub(super) use set::{channels, transpose};
