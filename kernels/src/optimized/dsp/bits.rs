//! Activations of either signedness, read by their bits: kernels differ only in how they widen them.

use super::dots::{AddTaps, WidenThree, add_taps_i8, add_taps_u8, widen_three_i8, widen_three_u8};
use super::simd::{sxtb16, sxtb16_odd, uxtb16, uxtb16_odd};
use crate::byte::Byte;

/// An element whose tensors these kernels read.
pub trait Bits: Byte {
    #[doc(hidden)]
    const WIDEN_THREE: WidenThree;
    #[doc(hidden)]
    const ADD_TAPS: AddTaps;

    /// Lanes 0 and 2 of a word, and lanes 1 and 3, each widened to 16 bits.
    fn widen_word(x: u32) -> [u32; 2];

    /// The same elements as `i8`.
    fn bits(elements: &[Self]) -> &[i8];
}

impl Bits for i8 {
    const WIDEN_THREE: WidenThree = widen_three_i8;
    const ADD_TAPS: AddTaps = add_taps_i8;

    #[inline(always)]
    fn widen_word(x: u32) -> [u32; 2] {
        [sxtb16(x), sxtb16_odd(x)]
    }

    #[inline(always)]
    fn bits(elements: &[Self]) -> &[i8] {
        elements
    }
}

impl Bits for u8 {
    const WIDEN_THREE: WidenThree = widen_three_u8;
    const ADD_TAPS: AddTaps = add_taps_u8;

    #[inline(always)]
    fn widen_word(x: u32) -> [u32; 2] {
        [uxtb16(x), uxtb16_odd(x)]
    }

    #[inline(always)]
    fn bits(elements: &[Self]) -> &[i8] {
        // SAFETY: both types are one byte, of any value.
        unsafe { core::slice::from_raw_parts(elements.as_ptr().cast(), elements.len()) }
    }
}
