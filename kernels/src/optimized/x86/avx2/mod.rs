//! Kernels for x86-64 with AVX2: sixteen products of 16 bits an instruction, which are exact for values of 8 bits.
//!
//! Every function takes an [`Avx2`], which only a processor that has it hands out.

mod conv2d;
mod depthwise_conv2d;
mod dots;
mod requantize;
mod set;

pub use super::Avx2;
pub use conv2d::{conv2d, conv2d_packed, conv2d_scratch, conv2d_takes, pack_conv2d};
pub use depthwise_conv2d::{depthwise_conv2d, depthwise_conv2d_packed, depthwise_conv2d_takes, pack_depthwise_conv2d};
pub use set::SET;
