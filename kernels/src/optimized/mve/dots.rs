//! Dot products of `i8` with whole filters, and what becomes of the sums. In assembly on a core with Helium, the same
//! steps in Rust elsewhere.
//!
//! Rescaling is [`requantize`](crate::requant::requantize) for sums below 2^30 and shifts to the right: VQRDMULH is
//! `srdhm`, and VRSHL by `-n` of `x + (x >> 31)` is `rdbpot(x, n)`.

use crate::params::{Channel, Requant};

/// Pairs of filters with three pixels.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct PairsByThree {
    /// Filters one after the other.
    pub(super) weights: *const i8,
    /// Taps of a filter, at least 1.
    pub(super) taps: usize,
    /// The patches under three pixels.
    pub(super) pixels: [*const i8; 3],
    /// Zero point of the output.
    pub(super) zero_point: i32,
    /// Behind the last channel of the first pixel; there is at least one pair of channels.
    pub(super) end: *mut i8,
    /// One a filter.
    pub(super) channels: *const Channel,
    /// First channel of the first pixel.
    pub(super) output: *mut i8,
    /// From there to the other two pixels.
    pub(super) others: [usize; 2],
    /// Smallest output.
    pub(super) min: i32,
    /// Largest output.
    pub(super) max: i32,
}

/// Writes three outputs of each filter.
///
/// # Safety
/// All pointers are good for so many elements as pairs and taps say.
#[cfg(hilbench_isa = "mve")]
#[inline(never)]
pub(super) unsafe fn pairs_by_three(task: &PairsByThree) {
    // r0, r2, r4 and r6, r8, r10 the sums; r7 and r9 the filters; r1, r3, r5 the pixels; r12 the output; r11 the channels;
    // q5 the way to the pixels, the last of them twice. On the stack, in this order: weights, taps, pixels, zero point,
    // end, channels. VRSHL looks at a register's lowest byte alone, which is what the factor shifts to the left.
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            "push.w {{r4-r11, lr}}",
            "vpush {{d8-d15}}",
            "movs r4, #0",
            "ldrd r6, r8, [r0, #36]",
            "vmov q5[2], q5[0], r4, r8",
            "vmov q5[3], q5[1], r6, r8",
            "ldrd r4, r6, [r0, #44]",
            "vdup.32 q6, r4",
            "vdup.32 q7, r6",
            "ldm.w r0, {{r1, r2, r3, r4, r5, r6, r7, r8, r12}}",
            "push {{r1, r2, r3, r4, r5, r6, r7, r8}}",
            "1:",
            "ldrd r7, r11, [sp]",
            "add.w r9, r7, r11",
            "add.w r1, r9, r11",
            "dlstp.8 lr, r11",
            "str r1, [sp]",
            "ldr.w r11, [sp, #28]",
            "ldr.w r0, [r11]",
            "ldr.w r6, [r11, #8]",
            "ldr r1, [sp, #8]",
            "asrs r0, r0, #8",
            "asrs r6, r6, #8",
            "ldrd r3, r5, [sp, #12]",
            "mov r2, r0",
            "mov r4, r0",
            "mov r8, r6",
            "mov r10, r6",
            "2:",
            "vldrb.u8 q0, [r7], #16",
            "vldrb.u8 q2, [r1], #16",
            "vmladava.s8 r0, q0, q2",
            "vldrb.u8 q1, [r9], #16",
            "vmladava.s8 r6, q1, q2",
            "vldrb.u8 q3, [r3], #16",
            "vmladava.s8 r2, q0, q3",
            "vldrb.u8 q4, [r5], #16",
            "vmladava.s8 r8, q1, q3",
            "vmladava.s8 r4, q0, q4",
            "vmladava.s8 r10, q1, q4",
            "letp lr, 2b",
            "vmov q0[2], q0[0], r0, r4",
            "vmov q0[3], q0[1], r2, r4",
            "vmov q1[2], q1[0], r6, r10",
            "vmov q1[3], q1[1], r8, r10",
            "ldrd r5, r3, [r11], #8",
            "ldrd r9, r7, [r11], #8",
            "ldrd r1, r2, [sp, #20]",
            "str.w r11, [sp, #28]",
            "vqrdmulh.s32 q0, q0, r3",
            "vqrdmulh.s32 q1, q1, r7",
            "vshr.s32 q2, q0, #31",
            "vshr.s32 q3, q1, #31",
            "vadd.i32 q0, q0, q2",
            "vadd.i32 q1, q1, q3",
            "vrshl.s32 q0, r5",
            "vrshl.s32 q1, r9",
            "vadd.i32 q0, q0, r1",
            "vadd.i32 q1, q1, r1",
            "vmin.s32 q0, q0, q7",
            "vmin.s32 q1, q1, q7",
            "vmax.s32 q0, q0, q6",
            "vmax.s32 q1, q1, q6",
            "vstrb.32 q0, [r12, q5]",
            "add.w r12, r12, #1",
            "vstrb.32 q1, [r12, q5]",
            "add.w r12, r12, #1",
            "cmp r12, r2",
            "bne 1b",
            "add sp, #32",
            "vpop {{d8-d15}}",
            "pop.w {{r4-r11, lr}}",
            inout("r0") task => _,
            out("r1") _,
            out("r2") _,
            out("r3") _,
            out("r12") _,
            clobber_abi("C"),
        );
    }
}

/// The same, one step at a time.
#[cfg(not(hilbench_isa = "mve"))]
pub(super) unsafe fn pairs_by_three(task: &PairsByThree) {
    let places = [0, task.others[0], task.others[1]];
    // SAFETY: both point into one tensor.
    let filters = unsafe { task.end.offset_from(task.output) } as usize;
    for filter in 0..filters {
        for (pixel, place) in task.pixels.into_iter().zip(places) {
            // SAFETY: the caller answers for so many elements.
            unsafe {
                let channel = *task.channels.add(filter);
                let sum = dot(task.weights.add(filter * task.taps), pixel, task.taps, channel.bias());
                let y = rescale(sum, channel.requant(), task.zero_point, task.min, task.max);
                task.output.add(place + filter).write(y);
            }
        }
    }
}

/// All filters with four pixels of up to sixteen taps.
#[repr(C)]
pub(super) struct PixelsInVectors {
    /// Filters one after the other.
    pub(super) weights: *const i8,
    /// Taps of a filter, 1 to 16.
    pub(super) taps: usize,
    /// One a filter.
    pub(super) channels: *const Channel,
    /// Number of filters, at least 1.
    pub(super) filters: usize,
    /// Zero point of the output.
    pub(super) zero_point: i32,
    /// First channel of the first pixel.
    pub(super) output: *mut i8,
    /// From there to that of each pixel.
    pub(super) places: [usize; 4],
    /// The patches under the pixels.
    pub(super) pixels: [*const i8; 4],
}

/// Writes four outputs of each filter, saturated.
///
/// # Safety
/// All pointers are good for so many elements as filters and taps say.
#[cfg(hilbench_isa = "mve")]
#[inline(never)]
pub(super) unsafe fn pixels_in_vectors(task: &PixelsInVectors) {
    // q0-q3 the pixels, q4 a filter, q5 the results, q6 their places; r2, r4, r6, r8 the sums.
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            "push.w {{r4-r11, lr}}",
            "vpush {{d8-d15}}",
            "add.w r1, r0, #40",
            "ldm.w r1, {{r2, r4, r6, r8}}",
            "ldr r1, [r0, #4]",
            "vctp.8 r1",
            "vpstttt",
            "vldrbt.u8 q0, [r2]",
            "vldrbt.u8 q1, [r4]",
            "vldrbt.u8 q2, [r6]",
            "vldrbt.u8 q3, [r8]",
            "add.w r2, r0, #24",
            "vldrw.u32 q6, [r2]",
            "ldrd r3, r2, [r0, #8]",
            "ldrd r11, r7, [r0, #16]",
            "ldr r0, [r0]",
            "dls lr, r2",
            "1:",
            "vpst",
            "vldrbt.u8 q4, [r0]",
            "add r0, r1",
            "vmladav.s8 r2, q0, q4",
            "vmladav.s8 r4, q1, q4",
            "vmladav.s8 r6, q2, q4",
            "vmladav.s8 r8, q3, q4",
            "vmov q5[2], q5[0], r2, r6",
            "vmov q5[3], q5[1], r4, r8",
            "ldrd r4, r2, [r3], #8",
            "asr.w r10, r4, #8",
            "vadd.i32 q5, q5, r10",
            "vqrdmulh.s32 q5, q5, r2",
            "vshr.s32 q7, q5, #31",
            "vadd.i32 q5, q5, q7",
            "vrshl.s32 q5, r4",
            "vadd.i32 q5, q5, r11",
            "vqmovnb.s32 q5, q5",
            "vqmovnb.s16 q5, q5",
            "vstrb.32 q5, [r7, q6]",
            "adds r7, #1",
            "le lr, 1b",
            "vpop {{d8-d15}}",
            "pop.w {{r4-r11, lr}}",
            inout("r0") task => _,
            out("r1") _,
            out("r2") _,
            out("r3") _,
            clobber_abi("C"),
        );
    }
}

/// The same, one step at a time.
#[cfg(not(hilbench_isa = "mve"))]
pub(super) unsafe fn pixels_in_vectors(task: &PixelsInVectors) {
    for filter in 0..task.filters {
        for (pixel, place) in task.pixels.into_iter().zip(task.places) {
            // SAFETY: the caller answers for so many elements.
            unsafe {
                let channel = *task.channels.add(filter);
                let sum = dot(task.weights.add(filter * task.taps), pixel, task.taps, channel.bias());
                let y = rescale(sum, channel.requant(), task.zero_point, -128, 127);
                task.output.add(place + filter).write(y);
            }
        }
    }
}

/// Fours of filters with one row of inputs. The pointers that walk are advanced.
#[repr(C)]
pub(super) struct FoursByOne {
    /// Filters one after the other.
    pub(super) weights: *const i8,
    /// Taps of a filter, at least 1.
    pub(super) taps: usize,
    /// The row.
    pub(super) input: *const i8,
    /// One a filter.
    pub(super) bias: *const i32,
    /// Four for the first four filters.
    pub(super) requant: *const Requant,
    /// From there to those of the next four, in bytes.
    pub(super) requant_step: usize,
    /// One a filter.
    pub(super) output: *mut i8,
    /// Number of fours, at least 1.
    pub(super) fours: usize,
    /// Zero point of the output.
    pub(super) zero_point: i32,
    /// Smallest output.
    pub(super) min: i32,
    /// Largest output.
    pub(super) max: i32,
}

/// Writes one output of each filter.
///
/// # Safety
/// All pointers are good for so many elements as fours and taps say.
#[cfg(hilbench_isa = "mve")]
#[inline(never)]
pub(super) unsafe fn fours_by_one(task: &mut FoursByOne) {
    // r0, r2, r4, r6 the sums; r1, r3, r5, r7 the filters; r9 the input.
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            "push.w {{r4-r11, lr}}",
            "vpush {{d8-d15}}",
            "mov r12, r0",
            "ldrd r4, r6, [r12, #36]",
            "vdup.32 q6, r4",
            "vdup.32 q7, r6",
            "1:",
            "ldrd r1, r11, [r12]",
            "ldr.w r8, [r12, #12]",
            "add.w r3, r1, r11",
            "add.w r5, r3, r11",
            "add.w r7, r5, r11",
            "add.w r9, r7, r11",
            "str.w r9, [r12]",
            "ldm.w r8!, {{r0, r2, r4, r6}}",
            "ldr.w r9, [r12, #8]",
            "str.w r8, [r12, #12]",
            "dlstp.8 lr, r11",
            "2:",
            "vldrb.u8 q0, [r9], #16",
            "vldrb.u8 q1, [r1], #16",
            "vmladava.s8 r0, q0, q1",
            "vldrb.u8 q2, [r3], #16",
            "vmladava.s8 r2, q0, q2",
            "vldrb.u8 q3, [r5], #16",
            "vmladava.s8 r4, q0, q3",
            "vldrb.u8 q4, [r7], #16",
            "vmladava.s8 r6, q0, q4",
            "letp lr, 2b",
            "ldrd r1, r3, [r12, #16]",
            "vmov q0[2], q0[0], r0, r4",
            "vmov q0[3], q0[1], r2, r6",
            "vld20.32 {{q1, q2}}, [r1]",
            "vld21.32 {{q1, q2}}, [r1]",
            "add r1, r3",
            "vqrdmulh.s32 q0, q0, q1",
            "str.w r1, [r12, #16]",
            "vshr.s32 q3, q0, #31",
            "ldr.w r11, [r12, #32]",
            "vadd.i32 q0, q0, q3",
            "ldrd r1, r3, [r12, #24]",
            "vrshl.s32 q0, q0, q2",
            "vadd.i32 q0, q0, r11",
            "vmin.s32 q0, q0, q7",
            "vmax.s32 q0, q0, q6",
            "vstrb.32 q0, [r1], #4",
            "subs r3, #1",
            "strd r1, r3, [r12, #24]",
            "bne 1b",
            "vpop {{d8-d15}}",
            "pop.w {{r4-r11, lr}}",
            inout("r0") task => _,
            out("r1") _,
            out("r2") _,
            out("r3") _,
            out("r12") _,
            clobber_abi("C"),
        );
    }
}

/// The same, one step at a time.
#[cfg(not(hilbench_isa = "mve"))]
pub(super) unsafe fn fours_by_one(task: &mut FoursByOne) {
    for filter in 0..4 * task.fours {
        // SAFETY: the caller answers for so many elements.
        unsafe {
            let sum = dot(task.weights.add(filter * task.taps), task.input, task.taps, *task.bias.add(filter));
            let requant = *task.requant.byte_add(filter / 4 * task.requant_step).add(filter % 4);
            task.output.add(filter).write(rescale(sum, requant, task.zero_point, task.min, task.max));
        }
    }
}

/// # Safety
/// Both sides have `taps` elements.
#[cfg(not(hilbench_isa = "mve"))]
unsafe fn dot(a: *const i8, b: *const i8, taps: usize, start: i32) -> i32 {
    // SAFETY: the caller answers for the lengths.
    let (a, b) = unsafe { (core::slice::from_raw_parts(a, taps), core::slice::from_raw_parts(b, taps)) };
    a.iter().zip(b).fold(start, |sum, (&a, &b)| sum.wrapping_add(i32::from(a) * i32::from(b)))
}

/// What the vector instructions compute in each lane.
#[cfg(not(hilbench_isa = "mve"))]
pub(super) fn rescale(sum: i32, r: Requant, zero_point: i32, min: i32, max: i32) -> i8 {
    round(sum, r).wrapping_add(zero_point).min(max).max(min) as i8
}

/// The same without zero point and bounds.
#[cfg(not(hilbench_isa = "mve"))]
pub(super) fn round(sum: i32, r: Requant) -> i32 {
    let x = crate::requant::srdhm(sum, r.multiplier);
    let x = i64::from(x.wrapping_add(x >> 31));
    ((x + (1 << (-r.shift - 1))) >> -r.shift) as i32
}
