//! Kernels for Helium, the vector extension of Armv8.1-M: sixteen products an instruction, sums in general registers.
//!
//! Each kernel has a `_takes` that says which shapes it runs, and needs [`is_exact`](super::dsp::is_exact) to hold for
//! the layer's sums; everything else runs on [`generic`](super::generic).

mod columns;
mod conv2d;
mod depthwise_conv2d;
mod dots;
mod elementwise;
mod fully_connected;
mod pairs;
mod pool2d;
mod rectangles;
mod set;
mod windows;

pub use conv2d::{conv2d, conv2d_scratch, conv2d_takes};
pub use depthwise_conv2d::{
    depthwise_conv2d, depthwise_conv2d_packed, depthwise_conv2d_scratch, depthwise_conv2d_takes, pack_depthwise_conv2d,
};
pub use elementwise::{add, mul, sub};
pub use fully_connected::{fully_connected, fully_connected_takes};
pub use pool2d::{average_pool2d, average_pool2d_takes, max_pool2d};
pub use set::SET;
