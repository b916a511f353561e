//! Any function of one 8-bit element, as a table of 256 entries.
//!
//! ONNX Runtime computes `QLinearSigmoid`, `QLinearLeakyRelu` and the inputs of `QLinearConcat` from such tables, and a
//! float operator alone between a dequantize and a quantize is one by nature. Tables are built on the host, when a
//! model is compiled, so that the device needs neither the function nor a division.

use super::quantize::{dequantized, quantized};
use crate::byte::Byte;
use crate::params::Affine;

/// `output = table[input's bits]`.
pub fn lookup<X: Byte, Y: Copy>(table: &[Y; 256], input: &[X], output: &mut [Y]) {
    for i in 0..input.len() {
        output[i] = table[input[i].index()];
    }
}

/// The table of `f` between an input and an output of these parameters: dequantize, `f`, quantize. Runs on the host.
///
/// With the identity it is the change of scale that `QLinearConcat` makes. With [`logistic`](crate::float::single::logistic)
/// it is near to `QLinearSigmoid`, whose own approximation the compiler has.
pub fn table<X: Byte, Y: Byte>(input: &Affine, output: &Affine, f: impl Fn(f32) -> f32) -> [Y; 256] {
    let mut table = [Y::default(); 256];
    for number in X::MIN..=X::MAX {
        let x = X::saturate(number);
        table[x.index()] = quantized(output, f(dequantized(input, x)));
    }
    table
}
