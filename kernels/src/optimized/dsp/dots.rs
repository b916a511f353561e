//! Dot products over groups of four taps. On a core with the DSP extension each is a loop in assembly that keeps
//! fourteen registers busy, which no compiler is known to do; elsewhere the same steps one at a time.
//!
//! The loops take four groups a turn. The first turn is entered where as many groups are left as the others do not take.

use crate::params::Channel;

/// Pairs of filters with three pixels: what [`pairs_by_three`] reads, in the order in which it reads it.
#[repr(C)]
pub(super) struct PairsByThree {
    /// For each pair and group of four taps one word of the first filter and one of the second.
    pub(super) weights: *const u32,
    /// For each group the even taps of the three pixels, then their odd taps, widened.
    pub(super) pixels: *const u32,
    /// Groups of a filter, at least 1.
    pub(super) groups: usize,
    /// One a filter; of sums that are kept one pair for all.
    pub(super) channels: *const Channel,
    /// 0, or 1: then sums are stored as they are, of each pair those of the first filter's pixels, then of the second's.
    pub(super) keeps_sums: usize,
    /// First channel of the first pixel, or the first sum.
    pub(super) output: *mut i8,
    /// From there to the other two pixels.
    pub(super) others: [usize; 2],
    /// Behind the last channel of the first pixel, or behind the last sum.
    pub(super) end: *mut i8,
    /// `2 * zero_point + 1`.
    pub(super) odd_zero_point: i32,
}

/// Three outputs of each filter, rescaled and saturated: [`Rescale`](super::requantize::Rescale), spelled out.
///
/// # Safety
/// All pointers are good for so many elements as the number of filters (`end - output`, even and not 0, or a twelfth of it
/// for sums) and groups say.
#[cfg(any(hilbench_isa = "dsp", hilbench_isa = "mve"))]
#[inline(never)]
pub(super) unsafe fn pairs_by_three(task: &PairsByThree) {
    // r0 weights, r1 pixels (then the output), r2-r4 and r5-r7 the sums of the two filters.
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            ".macro hilbench_group",
            "ldrd r11, r12, [r0], #8",
            "ldm.w r1!, {{r8, r9, r10}}",
            "sxtb16 lr, r11",
            "smlad r2, lr, r8, r2",
            "smlad r3, lr, r9, r3",
            "smlad r4, lr, r10, r4",
            "sxtb16 lr, r12",
            "smlad r5, lr, r8, r5",
            "smlad r6, lr, r9, r6",
            "smlad r7, lr, r10, r7",
            "ldm.w r1!, {{r8, r9, r10}}",
            "sxtb16 r11, r11, ror #8",
            "smlad r2, r11, r8, r2",
            "smlad r3, r11, r9, r3",
            "smlad r4, r11, r10, r4",
            "sxtb16 r12, r12, ror #8",
            "smlad r5, r12, r8, r5",
            "smlad r6, r12, r9, r6",
            "smlad r7, r12, r10, r7",
            ".endm",
            // lr the channels, r11 and r12 the way to the other pixels. A shift looks at a register's lowest byte alone,
            // and that of the first word is what the factor shifts to the left: less than 0.
            ".macro hilbench_store a, b, c",
            "ldrd r9, r8, [lr], #8",
            "ldr r10, [sp, #36]",
            "mvn.w r9, r9",
            "lsl.w r10, r10, r9",
            "add.w r9, r9, #1",
            "lsl.w \\a, \\a, #1",
            "lsl.w \\b, \\b, #1",
            "lsl.w \\c, \\c, #1",
            "smmulr \\a, \\a, r8",
            "smmulr \\b, \\b, r8",
            "smmulr \\c, \\c, r8",
            "add.w \\a, \\a, \\a, asr #31",
            "add.w \\b, \\b, \\b, asr #31",
            "add.w \\c, \\c, \\c, asr #31",
            "add.w \\a, \\a, r10",
            "add.w \\b, \\b, r10",
            "add.w \\c, \\c, r10",
            "asr.w \\a, \\a, r9",
            "asr.w \\b, \\b, r9",
            "asr.w \\c, \\c, r9",
            "ssat \\a, #8, \\a",
            "ssat \\b, #8, \\b",
            "ssat \\c, #8, \\c",
            "strb.w \\b, [r1, r11]",
            "strb.w \\c, [r1, r12]",
            "strb.w \\a, [r1], #1",
            ".endm",
            "push.w {{r4-r11, lr}}",
            "sub sp, #44",
            "ldm.w r0, {{r0-r9}}",
            // The end of the pixels.
            "add.w r11, r2, r2, lsl #1",
            "add.w r11, r1, r11, lsl #3",
            // Where the first turn is entered: a group is 76 bytes of code.
            "subs r2, #1",
            "and r2, r2, #3",
            "adds r2, #1",
            "mov.w r12, #76",
            "mul r2, r2, r12",
            // The address is taken from a multiple of 4, which the code behind it has to keep.
            ".p2align 2",
            "adr.w lr, 3f",
            "sub.w r2, lr, r2",
            "orr r2, r2, #1",
            "mov r12, sp",
            "stm.w r12, {{r0-r9, r11}}",
            "1:",
            "ldr.w lr, [sp, #12]",
            "ldr r1, [sp, #4]",
            "ldr.w r2, [lr]",
            "ldr.w r5, [lr, #8]",
            "ldr.w lr, [sp, #8]",
            "asrs r2, r2, #8",
            "asrs r5, r5, #8",
            "mov r3, r2",
            "mov r4, r2",
            "mov r6, r5",
            "mov r7, r5",
            "bx lr",
            "2:",
            "hilbench_group",
            "hilbench_group",
            "hilbench_group",
            "hilbench_group",
            "3:",
            "ldr.w lr, [sp, #40]",
            "cmp r1, lr",
            "bne 2b",
            "ldr.w lr, [sp, #16]",
            "ldr r1, [sp, #20]",
            "cmp.w lr, #0",
            "bne 4f",
            "ldrd r11, r12, [sp, #24]",
            "ldr.w lr, [sp, #12]",
            "hilbench_store r2, r3, r4",
            "hilbench_store r5, r6, r7",
            "str.w lr, [sp, #12]",
            "str r1, [sp, #20]",
            "ldr.w r12, [sp, #32]",
            "cmp r1, r12",
            "bne 1b",
            "b 5f",
            "4:",
            "stm r1!, {{r2-r7}}",
            "str r1, [sp, #20]",
            "ldr.w r12, [sp, #32]",
            "cmp r1, r12",
            "bne 1b",
            "5:",
            "add sp, #44",
            "pop.w {{r4-r11, lr}}",
            ".purgem hilbench_group",
            ".purgem hilbench_store",
            inout("r0") task => _,
            out("r1") _,
            out("r2") _,
            out("r3") _,
            out("r12") _,
        );
    }
}

/// The same, one step at a time.
#[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
pub(super) unsafe fn pairs_by_three(task: &PairsByThree) {
    use super::requantize::Rescale;
    use super::simd::{smlad, sxtb16, sxtb16_odd};
    let keeps_sums = task.keeps_sums != 0;
    // SAFETY: both point into one tensor.
    let bytes = unsafe { task.end.offset_from(task.output) } as usize;
    let places = [0, task.others[0], task.others[1]];
    for filter in 0..if keeps_sums { bytes / 12 } else { bytes } {
        // SAFETY: the caller answers for so many elements.
        let channel = unsafe { *task.channels.add(if keeps_sums { filter % 2 } else { filter }) };
        let weights = filter / 2 * 2 * task.groups + filter % 2;
        for (pixel, place) in places.into_iter().enumerate() {
            let mut sum = channel.bias();
            for group in 0..task.groups {
                // SAFETY: as above.
                let (weights, even, odd) = unsafe {
                    let pixels = task.pixels.add(6 * group + pixel);
                    (*task.weights.add(weights + 2 * group), *pixels, *pixels.add(3))
                };
                sum = smlad(sxtb16_odd(weights), odd, smlad(sxtb16(weights), even, sum));
            }
            // SAFETY: as above.
            unsafe {
                if keeps_sums {
                    task.output.cast::<i32>().add(3 * filter + pixel).write(sum);
                } else {
                    let rescale = Rescale::new(channel.requant(), (task.odd_zero_point - 1) / 2);
                    task.output.add(place + filter).write(rescale.apply(sum));
                }
            }
        }
    }
}

/// Widens three runs, as [`PairsByThree::pixels`] has them.
///
/// # Safety
/// `to` is 6 words, or several times 6, before `end`, and each run has 4 elements for each 6 words.
pub type WidenThree = unsafe fn(from: &[*const i8; 3], to: *mut u32, end: *mut u32);

macro_rules! widen_three {
    ($($(#[$doc:meta])* $name:ident $instruction:literal $even:ident $odd:ident;)*) => {$(
        $(#[$doc])*
        #[cfg(any(hilbench_isa = "dsp", hilbench_isa = "mve"))]
        #[inline(never)]
        pub(super) unsafe fn $name(from: &[*const i8; 3], to: *mut u32, end: *mut u32) {
            // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
            unsafe {
                core::arch::asm!(
                    "push {{r4-r9, lr}}",
                    "ldm.w r0, {{r3, r12, lr}}",
                    "2:",
                    "ldr r7, [r3], #4",
                    "ldr r8, [r12], #4",
                    "ldr r9, [lr], #4",
                    concat!($instruction, " r4, r7"),
                    concat!($instruction, " r5, r8"),
                    concat!($instruction, " r6, r9"),
                    concat!($instruction, " r7, r7, ror #8"),
                    concat!($instruction, " r8, r8, ror #8"),
                    concat!($instruction, " r9, r9, ror #8"),
                    "stm.w r1!, {{r4-r9}}",
                    "cmp r1, r2",
                    "bne 2b",
                    "pop.w {{r4-r9, lr}}",
                    inout("r0") from => _,
                    inout("r1") to => _,
                    inout("r2") end => _,
                    out("r3") _,
                    out("r12") _,
                );
            }
        }

        $(#[$doc])*
        #[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
        pub(super) unsafe fn $name(from: &[*const i8; 3], mut to: *mut u32, end: *mut u32) {
            use super::simd::{$even, $odd, load4};
            let mut from = *from;
            while to != end {
                // SAFETY: the caller answers for the runs and the words.
                unsafe {
                    let x = from.map(|run| load4(run));
                    to.cast::<[[u32; 3]; 2]>().write([x.map($even), x.map($odd)]);
                    to = to.add(6);
                }
                from = from.map(|run| run.wrapping_add(4));
            }
        }
    )*};
}

widen_three! {
    /// Of `i8`. A [`WidenThree`].
    widen_three_i8 "sxtb16" sxtb16 sxtb16_odd;
    /// Of `u8`. A [`WidenThree`].
    widen_three_u8 "uxtb16" uxtb16 uxtb16_odd;
}

/// Four filters with one row of inputs over `groups` groups of four taps.
///
/// `weights`: for each group one word a filter. `input`: for each group the even taps, then the odd taps, widened.
/// `sums`: the start of each filter, then its sum.
///
/// # Safety
/// `weights` has `4 * groups` words, `input` `2 * groups`, and `groups` is at least 1.
#[cfg(any(hilbench_isa = "dsp", hilbench_isa = "mve"))]
#[inline(never)]
pub(super) unsafe fn four_by_one(weights: *const u32, input: *const u32, groups: usize, sums: &mut [i32; 4]) {
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            ".macro hilbench_group",
            "ldrd r6, r7, [r1], #8",
            "ldm.w r0!, {{r8, r9, r10, r11}}",
            "sxtb16 r12, r8",
            "smlad r2, r12, r6, r2",
            "sxtb16 r12, r9",
            "smlad r3, r12, r6, r3",
            "sxtb16 r12, r10",
            "smlad r4, r12, r6, r4",
            "sxtb16 r12, r11",
            "smlad r5, r12, r6, r5",
            "sxtb16 r8, r8, ror #8",
            "smlad r2, r8, r7, r2",
            "sxtb16 r9, r9, ror #8",
            "smlad r3, r9, r7, r3",
            "sxtb16 r10, r10, ror #8",
            "smlad r4, r10, r7, r4",
            "sxtb16 r11, r11, ror #8",
            "smlad r5, r11, r7, r5",
            ".endm",
            "push {{r3-r11, lr}}",
            "add.w lr, r1, r2, lsl #3",
            // Where the first turn is entered: a group is 72 bytes of code.
            "subs r2, #1",
            "and r2, r2, #3",
            "adds r2, #1",
            "mov.w r12, #72",
            "mul r12, r2, r12",
            // The address is taken from a multiple of 4, which the code behind it has to keep.
            ".p2align 2",
            "adr.w r6, 3f",
            "sub.w r6, r6, r12",
            "orr r6, r6, #1",
            "mov r12, r3",
            "ldm.w r12, {{r2-r5}}",
            "bx r6",
            "2:",
            "hilbench_group",
            "hilbench_group",
            "hilbench_group",
            "hilbench_group",
            "3:",
            "cmp r1, lr",
            "bne 2b",
            "pop {{r0}}",
            "stm r0!, {{r2-r5}}",
            "pop.w {{r4-r11, lr}}",
            ".purgem hilbench_group",
            inout("r0") weights => _,
            inout("r1") input => _,
            inout("r2") groups => _,
            inout("r3") sums => _,
            out("r12") _,
        );
    }
}

/// The same, one step at a time.
#[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
pub(super) unsafe fn four_by_one(weights: *const u32, input: *const u32, groups: usize, sums: &mut [i32; 4]) {
    use super::simd::{smlad, sxtb16, sxtb16_odd};
    for group in 0..groups {
        for (filter, sum) in sums.iter_mut().enumerate() {
            // SAFETY: the caller answers for the lengths.
            let weights = unsafe { *weights.add(4 * group + filter) };
            // SAFETY: as above.
            let (even, odd) = unsafe { (*input.add(2 * group), *input.add(2 * group + 1)) };
            *sum = smlad(sxtb16_odd(weights), odd, smlad(sxtb16(weights), even, *sum));
        }
    }
}

/// A rectangle of taps of four channels.
#[repr(C)]
pub struct Taps {
    /// Four elements under the first tap.
    pub(super) x: *const i8,
    /// One word a tap, one tap after the other.
    pub(super) weights: *const u32,
    /// Taps of a row, at least 1.
    pub(super) columns: usize,
    /// Rows, at least 1.
    pub(super) rows: usize,
    /// From tap to tap.
    pub(super) x_step: usize,
    /// From behind the last tap of a row to the first of the next.
    pub(super) row_step: usize,
    /// The same of the weights, in bytes.
    pub(super) weights_step: usize,
    /// What the products are added to.
    pub(super) sums: [i32; 4],
}

/// Adds the products of all taps.
///
/// # Safety
/// There are four elements under each tap, and as many weights as taps.
pub type AddTaps = unsafe fn(task: &mut Taps);

macro_rules! add_taps {
    ($($(#[$doc:meta])* $name:ident $element:ty, $instruction:literal;)*) => {$(
        $(#[$doc])*
        #[cfg(any(hilbench_isa = "dsp", hilbench_isa = "mve"))]
        #[inline(never)]
        pub(super) unsafe fn $name(task: &mut Taps) {
            // r0 the elements, r1 the weights, r2 the taps that are left, r3 the step, r4-r7 the sums, r12 the task.
            // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
            unsafe {
                core::arch::asm!(
                    "push.w {{r4-r11, lr}}",
                    "mov r12, r0",
                    "ldm.w r0, {{r0, r1, r2, r3, r4, r5}}",
                    "mov lr, r3",
                    "mov r3, r4",
                    "add.w r8, r12, #28",
                    "ldm.w r8, {{r4-r7}}",
                    "1:",
                    "ldr.w r2, [r12, #8]",
                    "2:",
                    "ldr.w r8, [r0]",
                    "ldr r9, [r1], #4",
                    "add r0, r3",
                    concat!($instruction, " r10, r8"),
                    "sxtb16 r11, r9",
                    "smlabb r4, r10, r11, r4",
                    "smlatt r6, r10, r11, r6",
                    concat!($instruction, " r8, r8, ror #8"),
                    "sxtb16 r9, r9, ror #8",
                    "smlabb r5, r8, r9, r5",
                    "smlatt r7, r8, r9, r7",
                    "subs r2, #1",
                    "bne 2b",
                    "ldrd r8, r9, [r12, #20]",
                    "add r0, r8",
                    "add r1, r9",
                    "subs.w lr, lr, #1",
                    "bne 1b",
                    "add.w r12, r12, #28",
                    "stm.w r12, {{r4-r7}}",
                    "pop.w {{r4-r11, lr}}",
                    inout("r0") task => _,
                    out("r1") _,
                    out("r2") _,
                    out("r3") _,
                    out("r12") _,
                );
            }
        }

        $(#[$doc])*
        #[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
        pub(super) unsafe fn $name(task: &mut Taps) {
            let (mut x, mut weights) = (task.x, task.weights);
            for _ in 0..task.rows {
                for _ in 0..task.columns {
                    // SAFETY: the caller answers for elements and weights.
                    let (elements, taps) = unsafe { (*x.cast::<[$element; 4]>(), (*weights).to_le_bytes()) };
                    for ((sum, x), weight) in task.sums.iter_mut().zip(elements).zip(taps) {
                        *sum = sum.wrapping_add(i32::from(x) * i32::from(weight as i8));
                    }
                    (x, weights) = (x.wrapping_add(task.x_step), weights.wrapping_add(1));
                }
                x = x.wrapping_add(task.row_step);
                weights = weights.wrapping_byte_add(task.weights_step);
            }
        }
    )*};
}

add_taps! {
    /// Of `i8`. An [`AddTaps`].
    add_taps_i8 i8, "sxtb16";
    /// Of `u8`. An [`AddTaps`].
    add_taps_u8 u8, "uxtb16";
}
