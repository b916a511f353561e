//! Kernels for the DSP extension of Armv7E-M and Armv8-M: weights packed by the compiler, two products an instruction.
//!
//! Each kernel has a `_takes` that says which shapes it runs, and needs [`is_exact`] to hold for the layer's sums;
//! everything else runs on [`generic`](super::generic).

mod add;
mod columns;
mod conv2d;
mod depthwise_conv2d;
mod dots;
mod fully_connected;
mod requantize;
mod set;
mod simd;

pub use add::{add, add_takes};
pub use conv2d::{conv2d, conv2d_packed, conv2d_scratch, conv2d_takes, pack_conv2d};
pub use depthwise_conv2d::{
    depthwise_conv2d, depthwise_conv2d_packed, depthwise_conv2d_scratch, depthwise_conv2d_takes, pack_depthwise_conv2d,
};
pub use fully_connected::{
    fully_connected, fully_connected_packed, fully_connected_scratch, fully_connected_takes, pack_fully_connected,
};
pub use requantize::is_exact;
pub use set::SET;

pub(super) use requantize::clamp_all;
pub(super) use set::transpose;
