//! Integer neural-network kernels with one stated arithmetic.
//!
//! The contract, for every kernel here:
//! - Tensors are dense, row major, channel last (NHWC); convolution weights are OHWI, depthwise weights 1HWO.
//! - Values are `i8` or `u8`, accumulators `i32` that wrap, and every rounding is made in [`requant`]: of a TFLite model
//!   by the reference rule with double rounding, of an ONNX model ([`reference::qlinear`]) by one single-precision factor
//!   as ONNX Runtime has it. The two are never mixed.
//! - What is not quantized runs in single precision ([`reference::float`]), in one order of operations.
//! - A kernel takes its parameters, its inputs, its constants, its scratch and its outputs, in that order.
//!   Slices have exactly the lengths that the parameters imply; a shorter one panics.
//!
//! [`mod@reference`] is the definition: loops in textbook order, obviously right, never fast. [`optimized`] holds
//! variants that must agree with it to the bit; [`agree`] checks that, on the host and on a board.
#![no_std]

pub mod agree;
pub mod byte;
pub mod fixed_point;
pub mod float;
pub mod optimized;
pub mod params;
pub mod reference;
pub mod requant;
pub mod shape;
