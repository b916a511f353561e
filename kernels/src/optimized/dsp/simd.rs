//! Instructions of the Arm DSP extension: spelled out where the build says that the core has them, and as exact portable
//! arithmetic everywhere else, so that a host checks the very kernels that a board runs.

/// Lanes 0 and 2 of four `i8`, each widened to 16 bits.
#[inline(always)]
pub(super) fn sxtb16(x: u32) -> u32 {
    #[cfg(any(hilbench_isa = "dsp", hilbench_isa = "mve"))]
    {
        let out;
        // SAFETY: computes a register from a register.
        unsafe {
            core::arch::asm!("sxtb16 {}, {}", out(reg) out, in(reg) x, options(pure, nomem, nostack, preserves_flags))
        };
        out
    }
    #[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
    {
        widen(x) | widen(x >> 16) << 16
    }
}

/// Lanes 1 and 3 of four `i8`, each widened to 16 bits.
#[inline(always)]
pub(super) fn sxtb16_odd(x: u32) -> u32 {
    #[cfg(any(hilbench_isa = "dsp", hilbench_isa = "mve"))]
    {
        let out;
        // SAFETY: computes a register from a register.
        unsafe {
            core::arch::asm!("sxtb16 {}, {}, ror #8", out(reg) out, in(reg) x, options(pure, nomem, nostack, preserves_flags))
        };
        out
    }
    #[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
    {
        widen(x >> 8) | widen(x >> 24) << 16
    }
}

#[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
fn widen(x: u32) -> u32 {
    u32::from(x as i8 as u16)
}

macro_rules! widen_unsigned {
    ($(#[$doc:meta] $name:ident $rotation:literal $shift:literal;)*) => {$(
        #[$doc]
        #[inline(always)]
        pub(super) fn $name(x: u32) -> u32 {
            #[cfg(any(hilbench_isa = "dsp", hilbench_isa = "mve"))]
            {
                let out;
                // SAFETY: computes a register from a register.
                unsafe {
                    core::arch::asm!(concat!("uxtb16 {}, {}", $rotation), out(reg) out, in(reg) x,
                        options(pure, nomem, nostack, preserves_flags))
                };
                out
            }
            #[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
            {
                x.rotate_right($shift) & 0x00FF_00FF
            }
        }
    )*};
}

widen_unsigned! {
    /// Lanes 0 and 2 of four `u8`, each widened to 16 bits.
    uxtb16 "" 0;
    /// Lanes 1 and 3.
    uxtb16_odd ", ror #8" 8;
}

/// Lower halves of `a` and `b`: `a` below `b`. Compiles to PKHBT.
#[inline(always)]
pub(super) fn low_halves(a: u32, b: u32) -> u32 {
    a & 0xFFFF | b << 16
}

/// Upper halves of `a` and `b`: `a` below `b`. Compiles to PKHTB.
#[inline(always)]
pub(super) fn high_halves(a: u32, b: u32) -> u32 {
    a >> 16 | b & 0xFFFF_0000
}

macro_rules! multiply_accumulate {
    ($(#[$doc:meta] $name:ident $instruction:literal |$a:ident, $b:ident| $sum:expr;)*) => {$(
        #[$doc]
        #[inline(always)]
        pub(super) fn $name($a: u32, $b: u32, acc: i32) -> i32 {
            #[cfg(any(hilbench_isa = "dsp", hilbench_isa = "mve"))]
            {
                let out;
                // SAFETY: computes a register from registers. The saturation flag that a wrap sets is read by nobody.
                unsafe {
                    core::arch::asm!(concat!($instruction, " {}, {}, {}, {}"),
                        out(reg) out, in(reg) $a, in(reg) $b, in(reg) acc, options(pure, nomem, nostack, preserves_flags))
                };
                out
            }
            #[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
            {
                acc.wrapping_add($sum)
            }
        }
    )*};
}

multiply_accumulate! {
    /// `acc + a.low * b.low + a.high * b.high`, wrapping.
    smlad "smlad" |a, b| (low(a) * low(b)).wrapping_add(high(a) * high(b));
    /// `acc + a.low * b.high`, wrapping.
    smlabt "smlabt" |a, b| low(a) * high(b);
    /// `acc + a.high * b.low`, wrapping.
    smlatb "smlatb" |a, b| high(a) * low(b);
}

#[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
fn low(x: u32) -> i32 {
    i32::from(x as i16)
}

#[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
fn high(x: u32) -> i32 {
    i32::from((x >> 16) as i16)
}

macro_rules! select_lanes {
    ($(#[$doc:meta] $name:ident $order:literal $pick:ident;)*) => {$(
        #[$doc]
        #[inline(always)]
        pub(super) fn $name(a: u32, b: u32) -> u32 {
            #[cfg(any(hilbench_isa = "dsp", hilbench_isa = "mve"))]
            {
                let out;
                // SAFETY: computes a register from registers, and leaves flags behind.
                unsafe {
                    core::arch::asm!("ssub8 {0}, {1}, {2}", concat!("sel {0}, ", $order),
                        out(reg) out, in(reg) a, in(reg) b, options(pure, nomem, nostack))
                };
                out
            }
            #[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
            {
                let (a, b) = (a.to_le_bytes(), b.to_le_bytes());
                u32::from_le_bytes(core::array::from_fn(|i| (a[i] as i8).$pick(b[i] as i8) as u8))
            }
        }
    )*};
}

select_lanes! {
    /// The larger of each of four `i8`.
    max4 "{1}, {2}" max;
    /// The smaller of each of four `i8`.
    min4 "{2}, {1}" min;
}

macro_rules! add_lanes {
    ($(#[$doc:meta] $name:ident $rotation:literal $shift:literal;)*) => {$(
        #[$doc]
        #[inline(always)]
        pub(super) fn $name(sums: u32, x: u32) -> u32 {
            #[cfg(any(hilbench_isa = "dsp", hilbench_isa = "mve"))]
            {
                let out;
                // SAFETY: computes a register from registers.
                unsafe {
                    core::arch::asm!(concat!("sxtab16 {}, {}, {}", $rotation), out(reg) out, in(reg) sums, in(reg) x,
                        options(pure, nomem, nostack, preserves_flags))
                };
                out
            }
            #[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
            {
                let x = x.rotate_right($shift);
                let low = (sums as u16).wrapping_add(x as i8 as u16);
                let high = ((sums >> 16) as u16).wrapping_add((x >> 16) as i8 as u16);
                u32::from(low) | u32::from(high) << 16
            }
        }
    )*};
}

add_lanes! {
    /// Adds lanes 0 and 2 of four `i8` to two sums of 16 bits.
    sxtab16 "" 0;
    /// Adds lanes 1 and 3.
    sxtab16_odd ", ror #8" 8;
}

/// Upper word of `a * b`, rounded: `floor((ab + 2^31) / 2^32)`.
#[inline(always)]
pub(super) fn smmulr(a: i32, b: i32) -> i32 {
    #[cfg(any(hilbench_isa = "dsp", hilbench_isa = "mve"))]
    {
        let out;
        // SAFETY: computes a register from registers.
        unsafe {
            core::arch::asm!("smmulr {}, {}, {}", out(reg) out, in(reg) a, in(reg) b, options(pure, nomem, nostack, preserves_flags))
        };
        out
    }
    #[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
    {
        ((i64::from(a) * i64::from(b) + (1 << 31)) >> 32) as i32
    }
}

/// `x` limited to the range of `i8`.
#[inline(always)]
pub(super) fn saturate_i8(x: i32) -> i8 {
    #[cfg(any(hilbench_isa = "dsp", hilbench_isa = "mve"))]
    {
        let out: i32;
        // SAFETY: computes a register from a register. The saturation flag is read by nobody.
        unsafe {
            core::arch::asm!("ssat {}, #8, {}", out(reg) out, in(reg) x, options(pure, nomem, nostack, preserves_flags))
        };
        out as i8
    }
    #[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
    {
        x.clamp(-128, 127) as i8
    }
}

/// Four elements at `at` as a word, whatever its alignment: the cores with this extension load any.
///
/// # Safety
/// `at` to `at + 4` may be read.
#[inline(always)]
pub(super) unsafe fn load4(at: *const i8) -> u32 {
    // SAFETY: the caller answers for the four bytes.
    u32::from_le(unsafe { at.cast::<u32>().read_unaligned() })
}

/// Stores a word as four elements.
#[inline(always)]
pub(super) fn store4(x: u32, to: &mut [i8]) {
    assert!(to.len() >= 4);
    // SAFETY: there are four elements.
    unsafe { to.as_mut_ptr().cast::<u32>().write_unaligned(x.to_le()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_widen_with_their_sign() {
        assert_eq!((sxtb16(0x80FF_7F01), sxtb16_odd(0x80FF_7F01)), (0xFFFF_0001, 0xFF80_007F));
        assert_eq!(
            (low_halves(0xAAAA_1111, 0xBBBB_2222), high_halves(0xAAAA_1111, 0xBBBB_2222)),
            (0x2222_1111, 0xBBBB_AAAA)
        );
    }

    #[test]
    fn lanes_compare_and_add_with_their_sign() {
        let (a, b) = (0x80FF_7F01, 0x7FFE_8001);
        assert_eq!((max4(a, b), min4(a, b)), (0x7FFF_7F01, 0x80FE_8001));
        assert_eq!((sxtab16(0x0001_0002, a), sxtab16_odd(0x0001_0002, a)), (0x0000_0003, 0xFF81_0081));
    }

    #[test]
    fn halves_multiply_as_named() {
        let (a, b) = (0xFFFE_0003, 0x0007_FFFB);
        assert_eq!(smlad(a, b, 100), 100 - 15 - 14);
        assert_eq!((smlabt(a, b, 100), smlatb(a, b, 100)), (121, 110));
        assert_eq!(smlad(0x8000_8000, 0x8000_8000, 1), i32::MIN + 1);
    }
}
