//! The loops of the pools: one window of all channels. In assembly on a core with Helium, the same steps in Rust
//! elsewhere.

/// A window.
#[repr(C)]
pub(super) struct Window {
    /// Element under the first tap.
    pub(super) first: *const i8,
    /// Taps of a row, at least 1.
    pub(super) columns: usize,
    /// Rows, at least 1.
    pub(super) rows: usize,
    /// Elements from tap to tap.
    pub(super) step: usize,
    /// From behind the last tap of a row to the next row.
    pub(super) row_step: usize,
    /// The output pixel.
    pub(super) output: *mut i8,
    /// Its channels, at least 1.
    pub(super) channels: usize,
}

/// Writes the largest elements, limited to `[min, max]`.
///
/// # Safety
/// There are so many elements under each tap, and in the output pixel.
#[cfg(hilbench_isa = "mve")]
#[inline(never)]
pub(super) unsafe fn largest(window: &Window, min: i32, max: i32) {
    // r0 taps, r1 columns, r2 rows, r3 and r4 the steps, r5 output, r6 channels left, r7 and r8 taps and rows of a block.
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            "push.w {{r4-r8, lr}}",
            "vdup.8 q1, r1",
            "vdup.8 q2, r2",
            "ldm.w r0, {{r0-r6}}",
            "1:",
            "vctp.8 r6",
            "mov r7, r0",
            "mov r8, r2",
            "vmov q0, q1",
            "2:",
            "dls lr, r1",
            "3:",
            "vpst",
            "vldrbt.u8 q3, [r7]",
            "add r7, r3",
            "vmax.s8 q0, q0, q3",
            "le lr, 3b",
            "add r7, r4",
            "subs.w r8, r8, #1",
            "bne 2b",
            "vmin.s8 q0, q0, q2",
            "vpst",
            "vstrbt.8 q0, [r5]",
            "adds r5, #16",
            "adds r0, #16",
            "subs r6, #16",
            "bgt 1b",
            "pop.w {{r4-r8, lr}}",
            inout("r0") window => _,
            inout("r1") min => _,
            inout("r2") max => _,
            out("r3") _,
            clobber_abi("C"),
        );
    }
}

/// The same in Rust.
#[cfg(not(hilbench_isa = "mve"))]
pub(super) unsafe fn largest(window: &Window, min: i32, max: i32) {
    for channel in 0..window.channels {
        // SAFETY: the caller answers for the taps and the output.
        unsafe {
            let y = fold(window, channel, min as i8, |y, x| y.max(x));
            window.output.add(channel).write(y.min(max as i8));
        }
    }
}

/// Writes the means of a window, ties away from zero. `half` is half of the number of taps, `reciprocal` is 2^31 over it,
/// rounded up.
///
/// # Safety
/// As above, and there are 2 to 256 taps.
#[cfg(hilbench_isa = "mve")]
#[inline(never)]
pub(super) unsafe fn average(window: &Window, half: i32, reciprocal: i32) {
    // As above, with eight channels a block; q4 the half, r9 the reciprocal.
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            ".macro hilbench_mean sums, sign",
            "vshr.s32 \\sign, \\sums, #31",
            "vsub.i32 \\sums, \\sums, \\sign",
            "veor q5, q4, \\sign",
            "vadd.i32 \\sums, \\sums, q5",
            "vqdmulh.s32 \\sums, \\sums, r9",
            "vsub.i32 \\sums, \\sums, \\sign",
            ".endm",
            "push.w {{r4-r9, lr}}",
            "vpush {{d8-d11}}",
            "vdup.32 q4, r1",
            "mov r9, r2",
            "ldm.w r0, {{r0-r6}}",
            "1:",
            "vctp.16 r6",
            "mov r7, r0",
            "mov r8, r2",
            "vmov.i32 q0, #0",
            "2:",
            "dls lr, r1",
            "3:",
            "vpst",
            "vldrbt.s16 q3, [r7]",
            "add r7, r3",
            "vadd.i16 q0, q0, q3",
            "le lr, 3b",
            "add r7, r4",
            "subs.w r8, r8, #1",
            "bne 2b",
            "vmovlb.s16 q1, q0",
            "vmovlt.s16 q2, q0",
            "hilbench_mean q1, q3",
            "hilbench_mean q2, q3",
            "vmovnb.i32 q0, q1",
            "vmovnt.i32 q0, q2",
            "vpst",
            "vstrbt.16 q0, [r5]",
            "adds r5, #8",
            "adds r0, #8",
            "subs r6, #8",
            "bgt 1b",
            "vpop {{d8-d11}}",
            "pop.w {{r4-r9, lr}}",
            ".purgem hilbench_mean",
            inout("r0") window => _,
            inout("r1") half => _,
            inout("r2") reciprocal => _,
            out("r3") _,
            clobber_abi("C"),
        );
    }
}

/// The same in Rust.
#[cfg(not(hilbench_isa = "mve"))]
pub(super) unsafe fn average(window: &Window, half: i32, reciprocal: i32) {
    for channel in 0..window.channels {
        // SAFETY: the caller answers for the taps and the output.
        unsafe {
            let sum = i32::from(fold(window, channel, 0_i16, |sum, x| sum.wrapping_add(i16::from(x))));
            let sign = sum >> 31;
            let nearer = sum - sign + (half ^ sign);
            let mean = ((i64::from(nearer) * i64::from(reciprocal)) >> 31) as i32 - sign;
            window.output.add(channel).write(mean as i8);
        }
    }
}

/// # Safety
/// There is a channel of this number under each tap.
#[cfg(not(hilbench_isa = "mve"))]
unsafe fn fold<T>(window: &Window, channel: usize, start: T, f: impl Fn(T, i8) -> T) -> T {
    let (mut x, mut folded) = (window.first.wrapping_add(channel), start);
    for _ in 0..window.rows {
        for _ in 0..window.columns {
            // SAFETY: the caller answers for the taps.
            folded = f(folded, unsafe { *x });
            x = x.wrapping_add(window.step);
        }
        x = x.wrapping_add(window.row_step);
    }
    folded
}
