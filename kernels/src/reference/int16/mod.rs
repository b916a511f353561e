//! Operators of int16 activations, whose zero points are all 0, with int8 weights and int64 sums ("16x8").
//!
//! Sums of products are rescaled as 64-bit numbers, by a multiplier of 16 bits ([`requantize_wide`]); all else by double
//! rounding, as in 8 bits.
//!
//! [`requantize_wide`]: crate::requant::requantize_wide

mod elementwise;
mod lstm;
mod pool2d;
mod products;
mod sigmoidal;
mod softmax;

pub use elementwise::*;
pub use lstm::{lstm_i8, lstm_i16, lstm_scratch};
pub use pool2d::{average_pool2d, max_pool2d};
pub use products::{conv_transpose2d, conv2d, depthwise_conv2d, fully_connected};
pub use sigmoidal::{logistic, tanh};
pub use softmax::softmax;

use crate::requant::clamp;

/// `x` within 16 bits.
fn saturate(x: i32) -> i16 {
    clamp(x, -32768, 32767) as i16
}
