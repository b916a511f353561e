//! Float to 8 bits, as ONNX defines it.

use crate::byte::Byte;
use crate::params::Affine;
use crate::requant::round_half_even;

/// `rint(x / scale) + zero_point`, saturated; the quotient is rounded to single precision, ties go to even. NaN becomes
/// the zero point.
pub fn quantize<T: Byte>(p: &Affine, input: &[f32], output: &mut [T]) {
    for i in 0..input.len() {
        output[i] = T::saturate(round_half_even(input[i] / p.scale).saturating_add(p.zero_point));
    }
}
