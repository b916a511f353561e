//! Kernels for x86-64 with AVX-512 VNNI: sixty-four products of 8 bits an instruction, four of which add up in each of
//! sixteen sums.
//!
//! One side of a product is unsigned, so inputs are read with 128 added, and biases have that taken off. Every function
//! takes an [`Avx512Vnni`], which only a processor that has it hands out, and needs
//! [`is_exact`](crate::optimized::dsp::is_exact) to hold for the layer's sums.

mod conv2d;
mod depthwise_conv2d;
mod flip;
mod requantize;
mod rows;
mod set;

pub use super::Avx512Vnni;
pub use conv2d::{conv2d, conv2d_lanes, conv2d_packed, conv2d_scratch, conv2d_takes, pack_conv2d};
pub use depthwise_conv2d::{
    depthwise_conv2d, depthwise_conv2d_lanes, depthwise_conv2d_packed, depthwise_conv2d_scratch,
    depthwise_conv2d_takes, pack_depthwise_conv2d,
};
pub use requantize::Lanes;
pub use set::SET;

/// Sums in a register.
const LANES: usize = 16;

/// Bytes in a register.
const BYTES: usize = 64;
