//! Portable and safe kernels, shaped so that a compiler vectorises them where the target has vectors and keeps the
//! accumulators in registers where it has none.

mod average_pool2d;
mod clamp;
mod conv2d;
mod depthwise_conv2d;
mod dot;
mod elementwise;
mod fill;
pub mod float;
mod fully_connected;
mod integer;
mod lookup;
mod max_pool2d;
mod mean;
mod resize_nearest_neighbor;
mod softmax;
mod strided_copy;

pub use average_pool2d::average_pool2d;
pub use conv2d::{conv2d, conv2d_scratch, qlinear_conv2d};
pub use depthwise_conv2d::{depthwise_conv2d, qlinear_depthwise_conv2d};
pub use elementwise::{add, mul, qlinear_add, qlinear_mul, sub};
pub use fill::fill;
pub use fully_connected::{fully_connected, qlinear_fully_connected};
pub use integer::{conv2d_integer, conv2d_integer_scratch, matmul_integer};
pub use lookup::lookup;
pub use max_pool2d::max_pool2d;
pub use mean::mean;
pub use resize_nearest_neighbor::resize_nearest_neighbor;
pub use softmax::softmax;
pub use strided_copy::strided_copy;

pub(super) use clamp::clamp_all;
pub(super) use elementwise::zip;

/// The kernels of this folder.
pub static SET: super::KernelSet = super::KernelSet {
    name: "generic",
    available: || true,
    conv2d_scratch,
    conv2d,
    depthwise_conv2d,
    fully_connected,
    add,
    sub,
    mul,
    average_pool2d,
    max_pool2d,
    mean,
    softmax,
    lookup,
    resize_nearest_neighbor,
    strided_copy,
    fill,
    qlinear_conv2d,
    qlinear_depthwise_conv2d,
    qlinear_fully_connected,
    qlinear_add,
    qlinear_mul,
};

/// Channels summed side by side. Small Arm cores have registers for four sums; others have vectors.
const CHANNEL_BLOCK: usize = if cfg!(all(target_arch = "arm", not(hilbench_isa = "mve"))) { 4 } else { 16 };
