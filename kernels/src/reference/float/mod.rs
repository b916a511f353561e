//! Operators in single precision, each with one order of operations: sums run from the first element to the last in
//! row-major order, nothing is contracted, and transcendental functions are those of [`crate::float::single`]. Host and
//! board therefore agree to the bit. An interpreter sums in another order and differs in the last places.

mod binary;
mod conv2d;
mod conv_transpose2d;
mod depthwise_conv2d;
mod fully_connected;
mod gru;
mod l2_normalization;
mod lrn;
mod lstm;
mod lstm_sequence;
mod matmul;
mod pool2d;
mod reduce;
mod softmax;
mod unary;

pub use binary::*;
pub use conv_transpose2d::conv_transpose2d;
pub use conv2d::conv2d;
pub use depthwise_conv2d::depthwise_conv2d;
pub use fully_connected::fully_connected;
pub use gru::{gru, gru_scratch};
pub use l2_normalization::l2_normalization;
pub use lrn::lrn;
pub use lstm::{lstm, lstm_scratch};
pub use lstm_sequence::{lstm_sequence, lstm_sequence_scratch};
pub use matmul::matmul;
pub use pool2d::{average_pool2d, global_average_pool, max_pool2d};
pub use reduce::*;
pub use softmax::{log_softmax, softmax};
pub use unary::*;
