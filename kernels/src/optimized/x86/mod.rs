//! Kernels for x86-64, for hosts that compute many samples. One folder an extension; each of their functions takes a
//! value that only a processor with the extension hands out.

pub mod avx2;
pub mod avx512;

use core::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
use core::sync::atomic::{AtomicU8, Ordering};

/// The processor has AVX2, and the system keeps its registers.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(());

/// The processor has AVX-512 F, BW, VL and VNNI, and the system keeps its registers.
#[derive(Clone, Copy, Debug)]
pub struct Avx512Vnni(());

impl Avx2 {
    /// Asks the processor, once.
    #[must_use]
    pub fn detect() -> Option<Avx2> {
        (found() & HAS_AVX2 != 0).then_some(Avx2(()))
    }
}

impl Avx512Vnni {
    /// Asks the processor, once.
    #[must_use]
    pub fn detect() -> Option<Avx512Vnni> {
        (found() & HAS_AVX512_VNNI != 0).then_some(Avx512Vnni(()))
    }
}

const ASKED: u8 = 1;
const HAS_AVX2: u8 = 2;
const HAS_AVX512_VNNI: u8 = 4;

fn found() -> u8 {
    static FOUND: AtomicU8 = AtomicU8::new(0);
    let mut found = FOUND.load(Ordering::Relaxed);
    if found == 0 {
        found = ask();
        FOUND.store(found, Ordering::Relaxed);
    }
    found
}

/// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, sections 14.7.1 and 15.2.
fn ask() -> u8 {
    const OSXSAVE: u32 = 1 << 27;
    const AVX: u32 = 1 << 28;
    const AVX2: u32 = 1 << 5;
    /// F, BW and VL, in EBX of leaf 7.
    const AVX512: u32 = 1 << 16 | 1 << 30 | 1 << 31;
    /// In ECX of leaf 7.
    const VNNI: u32 = 1 << 11;
    const XMM_AND_YMM: u64 = 0b110;
    const MASKS_AND_ZMM: u64 = 0b1110_0000;
    let features = __cpuid(1).ecx;
    if __cpuid(0).eax < 7 || features & (OSXSAVE | AVX) != OSXSAVE | AVX {
        return ASKED;
    }
    // SAFETY: OSXSAVE says that the instruction is there.
    let kept = unsafe { _xgetbv(0) };
    let leaf = __cpuid_count(7, 0);
    if kept & XMM_AND_YMM != XMM_AND_YMM || leaf.ebx & AVX2 == 0 {
        return ASKED;
    }
    let wide = kept & MASKS_AND_ZMM == MASKS_AND_ZMM && leaf.ebx & AVX512 == AVX512 && leaf.ecx & VNNI != 0;
    ASKED | HAS_AVX2 | if wide { HAS_AVX512_VNNI } else { 0 }
}
