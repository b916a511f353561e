//! Single precision by the instructions of a float unit, where the core has one: conversions that round ties to even, and
//! fused multiply-adds. Elsewhere the portable functions of [`requant`](crate::requant), which compute the same.
//!
//! The rounding mode is the one after reset, which nobody changes.

use crate::byte::Byte;
use crate::params::{Clamp, QLinearAdd, ScaleF32};
use crate::requant;

/// `rint(f32(acc) * scale)`, saturated to `i32`.
#[inline(always)]
fn scale_to_even(acc: i32, scale: ScaleF32) -> i32 {
    #[cfg(all(any(hilbench_isa = "dsp", hilbench_isa = "mve"), target_abi = "eabihf"))]
    {
        let out;
        // SAFETY: computes a register from registers.
        unsafe {
            core::arch::asm!(
                "vmov s0, {0}",
                "vmov s1, {1}",
                "vcvt.f32.s32 s0, s0",
                "vmul.f32 s0, s0, s1",
                "vcvtr.s32.f32 s0, s0",
                "vmov {0}, s0",
                inout(reg) acc => out,
                in(reg) scale.0.to_bits(),
                out("s0") _,
                out("s1") _,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        out
    }
    #[cfg(not(all(any(hilbench_isa = "dsp", hilbench_isa = "mve"), target_abi = "eabihf")))]
    {
        requant::scale_to_even(acc, scale)
    }
}

/// `rint(f32(f32(acc) * scale) + f32(zero_point))`, clamped.
#[inline(always)]
pub(super) fn scale_with_offset(acc: i32, scale: ScaleF32, zero_point: i32, c: Clamp) -> i32 {
    #[cfg(all(any(hilbench_isa = "dsp", hilbench_isa = "mve"), target_abi = "eabihf"))]
    {
        let out;
        // SAFETY: computes a register from registers.
        unsafe {
            core::arch::asm!(
                "vmov s0, {0}",
                "vmov s1, {1}",
                "vmov s2, {2}",
                "vcvt.f32.s32 s0, s0",
                "vcvt.f32.s32 s2, s2",
                "vmul.f32 s0, s0, s1",
                "vadd.f32 s0, s0, s2",
                "vcvtr.s32.f32 s0, s0",
                "vmov {0}, s0",
                inout(reg) acc => out,
                in(reg) scale.0.to_bits(),
                in(reg) zero_point,
                out("s0") _,
                out("s1") _,
                out("s2") _,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        requant::clamp(out, c.min, c.max)
    }
    #[cfg(not(all(any(hilbench_isa = "dsp", hilbench_isa = "mve"), target_abi = "eabihf")))]
    {
        requant::scale_with_offset(acc, scale, zero_point, c.min, c.max)
    }
}

/// `rint(fma(x1, scale1, fma(x2, scale2, offset)))` for elements of 8 bits, clamped.
#[inline(always)]
pub(super) fn scaled_sum(p: &QLinearAdd, x1: i32, x2: i32) -> i32 {
    #[cfg(all(any(hilbench_isa = "dsp", hilbench_isa = "mve"), target_abi = "eabihf"))]
    let sum = {
        let out;
        // SAFETY: computes a register from registers.
        unsafe {
            core::arch::asm!(
                "vmov s0, {0}",
                "vmov s1, {1}",
                "vmov s2, {4}",
                "vmov s3, {3}",
                "vmov s4, {2}",
                "vcvt.f32.s32 s0, s0",
                "vcvt.f32.s32 s1, s1",
                "vfma.f32 s2, s1, s3",
                "vfma.f32 s2, s0, s4",
                "vcvtr.s32.f32 s2, s2",
                "vmov {0}, s2",
                inout(reg) x1 => out,
                in(reg) x2,
                in(reg) p.scale1.0.to_bits(),
                in(reg) p.scale2.0.to_bits(),
                in(reg) p.offset.to_bits(),
                out("s0") _,
                out("s1") _,
                out("s2") _,
                out("s3") _,
                out("s4") _,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        out
    };
    #[cfg(not(all(any(hilbench_isa = "dsp", hilbench_isa = "mve"), target_abi = "eabihf")))]
    let sum = {
        let tail = requant::fused_multiply_add(x2, p.scale2.0, p.offset);
        requant::round_half_even(requant::fused_multiply_add(x1, p.scale1.0, tail))
    };
    requant::clamp(sum, p.activation.min, p.activation.max)
}

/// What becomes of a sum.
pub(super) trait Finish<X>: Copy {
    fn finish(self, sum: i32) -> X;
}

impl Finish<i8> for super::requantize::Rescale {
    #[inline(always)]
    fn finish(self, sum: i32) -> i8 {
        self.apply(sum)
    }
}

/// A factor of ONNX Runtime's integer kernels, with the zero point outside of the rounding.
#[derive(Clone, Copy)]
pub(super) struct Scaled {
    pub(super) scale: ScaleF32,
    pub(super) zero_point: i32,
    pub(super) activation: Clamp,
}

impl<X: Byte> Finish<X> for Scaled {
    #[inline(always)]
    fn finish(self, sum: i32) -> X {
        let y = scale_to_even(sum, self.scale).saturating_add(self.zero_point);
        X::saturate(requant::clamp(y, self.activation.min, self.activation.max))
    }
}
