//! Parameters of quantization with several scales, and to floats of few bits.

use super::Clamp;

/// Which scale and zero point an element has. The tensor is taken as `[outer, axis, inner]`; element `(o, a, i)` has those
/// at `o * stride_outer + a / block * stride_block + i * stride_inner`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaleMap {
    /// Size of the dimension that the scales run along.
    pub axis: usize,
    /// Elements of the dimensions behind it.
    pub inner: usize,
    /// Elements along the axis that share a scale.
    pub block: usize,
    /// From one index of the dimensions before the axis to the next.
    pub stride_outer: usize,
    /// From one block to the next.
    pub stride_block: usize,
    /// From one index of the dimensions behind the axis to the next.
    pub stride_inner: usize,
}

impl ScaleMap {
    /// Place of the scale of the element at `flat` in row-major order.
    #[must_use]
    #[inline]
    pub const fn place(&self, flat: usize) -> usize {
        let (o, a, i) = (flat / self.inner / self.axis, flat / self.inner % self.axis, flat % self.inner);
        o * self.stride_outer + a / self.block * self.stride_block + i * self.stride_inner
    }
}

/// Quantization with several scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuantizeMapped {
    /// Scale of each element.
    pub map: ScaleMap,
    /// Smallest and largest code.
    pub range: Clamp,
}

/// A float of at most 8 bits: a sign, `exponent_bits`, `mantissa_bits`; subnormal where the exponent is 0.
///
/// The formats are those of ONNX: E4M3FN, E4M3FNUZ, E5M2 and E5M2FNUZ of its `float8` types, E2M1 of `float4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minifloat {
    /// Bits of the exponent.
    pub exponent_bits: u32,
    /// Bits of the mantissa.
    pub mantissa_bits: u32,
    /// What is taken off the exponent.
    pub bias: i32,
    /// Bits of the largest finite number.
    pub largest: u8,
    /// Bits of infinity, where there is one.
    pub infinity: Option<u8>,
    /// Bits of what is not a number, where there is one.
    pub nan: Option<u8>,
    /// Whether quantization keeps the sign of zero. `float4` could, but its definition adds a zero point of 0, which
    /// takes it off.
    pub signed_zero: bool,
}

impl Minifloat {
    /// `float4e2m1`.
    pub const E2M1: Self = Self::new(2, 1, 1, 0x7, None, None, false);
    /// `float8e4m3fn`.
    pub const E4M3FN: Self = Self::new(4, 3, 7, 0x7E, None, Some(0x7F), true);
    /// `float8e4m3fnuz`.
    pub const E4M3FNUZ: Self = Self::new(4, 3, 8, 0x7F, None, Some(0x80), false);
    /// `float8e5m2`.
    pub const E5M2: Self = Self::new(5, 2, 15, 0x7B, Some(0x7C), Some(0x7F), true);
    /// `float8e5m2fnuz`.
    pub const E5M2FNUZ: Self = Self::new(5, 2, 16, 0x7F, None, Some(0x80), false);

    const fn new(
        exponent_bits: u32,
        mantissa_bits: u32,
        bias: i32,
        largest: u8,
        infinity: Option<u8>,
        nan: Option<u8>,
        signed_zero: bool,
    ) -> Self {
        Minifloat { exponent_bits, mantissa_bits, bias, largest, infinity, nan, signed_zero }
    }
}

/// Quantization to a float of few bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuantizeMinifloat {
    /// Scale of each element.
    pub map: ScaleMap,
    /// What it becomes.
    pub format: Minifloat,
    /// Whether a number too large becomes the largest one, rather than infinity or, without one, not a number.
    pub saturate: bool,
}
