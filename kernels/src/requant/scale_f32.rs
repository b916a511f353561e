//! The rounding of ONNX Runtime's integer kernels: one multiplication in single precision, then the nearest integer,
//! ties to even. Where the zero point is added differs from operator to operator: outside of the rounding, or inside.
//!
//! Every function here is IEEE single precision without contraction, so a core with a single-precision unit computes it
//! directly. A core without one has [`scale_in_integers`], which gives the same bits from 32-bit and 64-bit integers.

/// A real factor in single precision; finite. Negative ones occur (a `QGemm` with a negative `alpha`).
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(transparent)]
pub struct ScaleF32(pub f32);

/// The core this is built for has no single-precision unit: its calling convention passes floats in integer registers.
const SOFT_FLOAT: bool = cfg!(all(target_arch = "arm", target_abi = "eabi"));

/// The integer nearest to `x`, ties to even, saturated to `i32`; NaN becomes 0.
#[must_use]
#[inline]
pub const fn round_half_even(x: f32) -> i32 {
    /// From here on there is no fraction; below, adding this moves the point to the end of the significand.
    const TWO_23: f32 = 8_388_608.0;
    let size = f32::from_bits(x.to_bits() & 0x7FFF_FFFF);
    if size < TWO_23 {
        let rounded = ((size + TWO_23).to_bits() - TWO_23.to_bits()) as i32;
        if x < 0.0 { -rounded } else { rounded }
    } else {
        x as i32
    }
}

/// `rint(f32(acc) * scale)`, saturated to `i32`: two roundings in single precision, then the one to an integer.
#[must_use]
#[inline]
pub const fn scale_to_even(acc: i32, scale: ScaleF32) -> i32 {
    if SOFT_FLOAT { scale_in_integers(acc, scale) } else { round_half_even(acc as f32 * scale.0) }
}

/// The end of a kernel with the zero point outside of the rounding: `rint(f32(acc) * scale) + zero_point`, clamped to
/// `[min, max]`.
#[must_use]
#[inline]
pub const fn scale_then_offset(acc: i32, scale: ScaleF32, zero_point: i32, min: i32, max: i32) -> i32 {
    super::clamp(scale_to_even(acc, scale).saturating_add(zero_point), min, max)
}

/// The end of a kernel with the zero point inside: `rint(f32(f32(acc) * scale) + f32(zero_point))`, clamped to
/// `[min, max]`. The sum is rounded to single precision before it is rounded to an integer, so the zero point is that
/// of the model: one that is moved by 128, with the range, can round another way.
#[must_use]
#[inline]
pub const fn scale_with_offset(acc: i32, scale: ScaleF32, zero_point: i32, min: i32, max: i32) -> i32 {
    let sum = if SOFT_FLOAT {
        scale_with_offset_in_integers(acc, scale, zero_point)
    } else {
        round_half_even(acc as f32 * scale.0 + zero_point as f32)
    };
    super::clamp(sum, min, max)
}

/// `significand * 2^exponent`, the significand of at most 24 bits.
#[derive(Clone, Copy)]
struct Rounded {
    significand: u64,
    exponent: i32,
}

/// [`scale_to_even`] without a floating-point unit, equal for every finite scale.
#[must_use]
pub const fn scale_in_integers(acc: i32, scale: ScaleF32) -> i32 {
    let product = product(acc, scale);
    signed(to_integer(product), is_negative(acc, scale))
}

/// The sum in [`scale_with_offset`], rounded to an integer, without a floating-point unit; `zero_point` has at most 16 bits.
#[must_use]
pub const fn scale_with_offset_in_integers(acc: i32, scale: ScaleF32, zero_point: i32) -> i32 {
    let product = product(acc, scale);
    let negative = is_negative(acc, scale);
    if product.exponent >= 0 {
        // No fraction, and more than 16 bits unless it is zero.
        return signed(to_integer(product), negative).saturating_add(zero_point);
    }
    if product.exponent < -34 {
        // Less than 2^-10: too little to move a whole number.
        return zero_point;
    }
    let magnitude = product.significand as i64;
    let sum = (if negative { -magnitude } else { magnitude }) + ((zero_point as i64) << -product.exponent);
    let Rounded { significand, exponent } = to_24_bits(sum.unsigned_abs());
    signed(to_integer(Rounded { significand, exponent: exponent + product.exponent }), sum < 0)
}

/// `x * factor + addend` with one rounding, for an `x` of at most 9 bits: what a fused multiply-add unit computes, from
/// integers. Right for normal results; `factor` and `addend` are finite.
#[must_use]
pub const fn fused_multiply_add(x: i32, factor: f32, addend: f32) -> f32 {
    // So far apart, the smaller term only says on which side of the larger one the sum lies.
    const FAR_PRODUCT: i32 = 30;
    const FAR_ADDEND: i32 = 38;
    let (factor_significand, factor_exponent) = parts(factor);
    let (addend_significand, addend_exponent) = parts(addend);
    let product = x as i64 * factor_significand;
    if product == 0 {
        return addend;
    }
    let distance = factor_exponent - addend_exponent;
    let (sum, exponent) = if addend_significand == 0 {
        (product, factor_exponent)
    } else if distance > FAR_PRODUCT {
        ((product << FAR_PRODUCT) + addend_significand.signum(), factor_exponent - FAR_PRODUCT)
    } else if distance >= 0 {
        ((product << distance) + addend_significand, addend_exponent)
    } else if distance >= -FAR_ADDEND {
        (product + (addend_significand << -distance), factor_exponent)
    } else {
        ((addend_significand << FAR_ADDEND) + product.signum(), addend_exponent - FAR_ADDEND)
    };
    let rounded = to_24_bits(sum.unsigned_abs());
    let size = power_of_two(rounded.exponent + exponent, rounded.significand as f32);
    if sum < 0 { -size } else { size }
}

/// `x * 2^exponent`, exact unless the result is not a normal number.
const fn power_of_two(exponent: i32, x: f32) -> f32 {
    // Two steps, because the power alone can leave the range while the result does not.
    let half = exponent / 2;
    x * normal_power(half) * normal_power(exponent - half)
}

const fn normal_power(exponent: i32) -> f32 {
    f32::from_bits((super::clamp(exponent, -126, 127) + 127) as u32 * (1 << 23))
}

/// Significand with its sign, and exponent of its last bit.
const fn parts(x: f32) -> (i64, i32) {
    let bits = x.to_bits();
    let fraction = (bits & 0x7F_FFFF) as i64;
    let field = (bits >> 23 & 0xFF) as i32;
    let (size, exponent) = if field == 0 { (fraction, -149) } else { (fraction | 0x80_0000, field - 150) };
    (if x < 0.0 { -size } else { size }, exponent)
}

const fn is_negative(acc: i32, scale: ScaleF32) -> bool {
    (acc < 0) != (scale.0 < 0.0)
}

/// Size of `f32(f32(acc) * scale)`, as if single precision had no smallest exponent.
const fn product(acc: i32, scale: ScaleF32) -> Rounded {
    let (significand, exponent) = parts(scale.0);
    let acc = to_24_bits(acc.unsigned_abs() as u64);
    let product = to_24_bits(acc.significand * significand.unsigned_abs());
    Rounded { significand: product.significand, exponent: acc.exponent + product.exponent + exponent }
}

/// The number of 24 significant bits nearest to `x`, ties to even.
const fn to_24_bits(x: u64) -> Rounded {
    let bits = 64 - x.leading_zeros() as i32;
    let excess = if bits > 24 { bits - 24 } else { 0 };
    Rounded { significand: shift_right_to_even(x, excess), exponent: excess }
}

/// The integer nearest to `x`, ties to even; more than `i32` holds once it does not fit.
const fn to_integer(x: Rounded) -> u64 {
    if x.exponent < 0 {
        shift_right_to_even(x.significand, -x.exponent)
    } else if x.exponent > 32 && x.significand != 0 {
        u64::MAX
    } else {
        x.significand << (x.exponent & 63)
    }
}

const fn shift_right_to_even(x: u64, shift: i32) -> u64 {
    if shift == 0 {
        return x;
    }
    if shift > 62 {
        return 0;
    }
    let quotient = x >> shift;
    let remainder = x & ((1 << shift) - 1);
    let half = 1 << (shift - 1);
    quotient + (remainder > half || (remainder == half && quotient & 1 == 1)) as u64
}

const fn signed(size: u64, negative: bool) -> i32 {
    if negative {
        if size >= 1 << 31 { i32::MIN } else { -(size as i32) }
    } else if size >= 1 << 31 {
        i32::MAX
    } else {
        size as i32
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    /// A pseudo-random sequence (xorshift).
    struct Draw(u64);

    impl Draw {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        /// Any size is as likely as any other.
        fn acc(&mut self) -> i32 {
            self.next() as i32 >> (self.next() % 32)
        }

        /// Bits that favour short significands, so that products land on ties.
        fn scale(&mut self) -> f32 {
            let keep = 0x7F_FFFF_u32 << (self.next() % 24);
            let field = if self.next().is_multiple_of(8) { self.next() % 255 } else { 100 + self.next() % 40 };
            f32::from_bits(
                (self.next() as u32 & 0x7F_FFFF & keep) | (field as u32) << 23 | (self.next() as u32 & 1) << 31,
            )
        }
    }

    #[test]
    fn rounding_agrees_with_the_library_and_saturates() {
        let mut draw = Draw(1);
        for _ in 0..2_000_000 {
            let x = f32::from_bits(draw.next() as u32);
            assert_eq!(round_half_even(x), x.round_ties_even() as i32, "{x}");
        }
        for (x, expect) in
            [(0.5, 0), (1.5, 2), (-0.5, 0), (-1.5, -2), (-2.5, -2), (0.499_999_97, 0), (4_194_304.5, 4_194_304)]
        {
            assert_eq!(round_half_even(x), expect, "{x}");
        }
        assert_eq!(
            (round_half_even(1e20), round_half_even(f32::NEG_INFINITY), round_half_even(f32::NAN)),
            (i32::MAX, i32::MIN, 0)
        );
    }

    #[test]
    fn integers_scale_as_single_precision_does() {
        let mut draw = Draw(2);
        for _ in 0..4_000_000 {
            let (acc, scale) = (draw.acc(), ScaleF32(draw.scale()));
            let expect = round_half_even(acc as f32 * scale.0);
            assert_eq!(scale_in_integers(acc, scale), expect, "{acc} by {scale:?}");
            let zero_point = draw.next() as i32 % 512;
            let expect = round_half_even(acc as f32 * scale.0 + zero_point as f32);
            // The sum saturates in another place; 8 bits are far below it.
            let expect = expect.clamp(-70_000, 70_000);
            let got = scale_with_offset_in_integers(acc, scale, zero_point).clamp(-70_000, 70_000);
            assert_eq!(got, expect, "{acc} by {scale:?} and {zero_point}");
        }
    }

    #[test]
    fn every_accumulator_near_a_tie_scales_as_single_precision_does() {
        for scale in [0.5, 0.25, 1.5, 0.003_906_25, 0.001_953_125, 0.007_812_501, 0.1, 1.0 / 3.0, 0.999_999_94, -0.75] {
            for acc in -150_000..=150_000 {
                let expect = round_half_even(acc as f32 * scale);
                assert_eq!(scale_in_integers(acc, ScaleF32(scale)), expect, "{acc} by {scale}");
            }
        }
    }

    #[test]
    fn fused_multiply_add_agrees_with_the_library() {
        let mut draw = Draw(3);
        for _ in 0..4_000_000 {
            let x = (draw.next() % 512) as i32 - 256;
            let (factor, addend) = (draw.scale(), draw.scale());
            let expect = (x as f32).mul_add(factor, addend);
            if expect == 0.0 || expect.is_normal() {
                assert_eq!(fused_multiply_add(x, factor, addend), expect, "{x} * {factor:e} + {addend:e}");
            }
        }
    }

    #[test]
    fn zero_point_inside_of_the_rounding_decides_ties_by_its_parity() {
        let half = ScaleF32(0.5);
        for (acc, zero_point, outside, inside) in
            [(1, 0, 0, 0), (1, 1, 1, 2), (3, 0, 2, 2), (3, 1, 3, 2), (-1, 1, 1, 0)]
        {
            assert_eq!(scale_then_offset(acc, half, zero_point, -128, 127), outside, "{acc} outside");
            assert_eq!(scale_with_offset(acc, half, zero_point, -128, 127), inside, "{acc} inside");
        }
        assert_eq!(scale_then_offset(i32::MAX, ScaleF32(1e30), 127, -128, 127), 127);
        assert_eq!(scale_with_offset(i32::MIN, ScaleF32(1e30), 127, -128, 127), -128);
    }

    #[test]
    fn debug_text_is_the_same_value_in_rust() {
        for scale in [0.1, 1e-10, 16_777_216.0, f32::MIN_POSITIVE, 0.003_921_569] {
            let text = std::format!("{:?}", ScaleF32(scale));
            let literal = text.trim_start_matches("ScaleF32(").trim_end_matches(')');
            assert_eq!(literal.parse::<f32>(), Ok(scale), "{text}");
        }
    }
}
