//! Kernels for x86-64 with AVX2, for hosts that compute many samples: sixteen products of 16 bits an instruction, which
//! are exact for values of 8 bits.
//!
//! Every function takes an [`Avx2`], which only a processor that has it hands out.

mod conv2d;
mod depthwise_conv2d;
mod dots;
mod requantize;
mod set;

use core::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
use core::sync::atomic::{AtomicU8, Ordering};

pub use conv2d::{conv2d, conv2d_packed, conv2d_scratch, conv2d_takes, pack_conv2d};
pub use depthwise_conv2d::{depthwise_conv2d, depthwise_conv2d_packed, depthwise_conv2d_takes, pack_depthwise_conv2d};
pub use set::SET;

/// The processor has AVX2, and the system keeps its registers.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(());

impl Avx2 {
    /// Asks the processor, once.
    #[must_use]
    pub fn detect() -> Option<Avx2> {
        const UNKNOWN: u8 = 0;
        const THERE: u8 = 1;
        const MISSING: u8 = 2;
        static FOUND: AtomicU8 = AtomicU8::new(UNKNOWN);
        let found = match FOUND.load(Ordering::Relaxed) {
            UNKNOWN => {
                let found = if ask() { THERE } else { MISSING };
                FOUND.store(found, Ordering::Relaxed);
                found
            }
            found => found,
        };
        (found == THERE).then_some(Avx2(()))
    }
}

/// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, section 14.7.1.
fn ask() -> bool {
    const OSXSAVE: u32 = 1 << 27;
    const AVX: u32 = 1 << 28;
    const AVX2: u32 = 1 << 5;
    const XMM_AND_YMM: u64 = 0b110;
    let features = __cpuid(1).ecx;
    if __cpuid(0).eax < 7 || features & (OSXSAVE | AVX) != OSXSAVE | AVX {
        return false;
    }
    // SAFETY: OSXSAVE says that the instruction is there.
    let kept = unsafe { _xgetbv(0) };
    kept & XMM_AND_YMM == XMM_AND_YMM && __cpuid_count(7, 0).ebx & AVX2 != 0
}
