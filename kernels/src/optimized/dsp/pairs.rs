//! The loops of addition, subtraction and multiplication: one row of two operands. In assembly on a core with the DSP
//! extension, the same steps in Rust elsewhere.

use super::requantize::Rescale;

/// What becomes of the two terms of a sum.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(super) enum Sum {
    /// Half term plus the other.
    Plus = 0,
    /// Half term less the other.
    HalfLess = 1,
    /// The other less the half term.
    OtherLess = 2,
}

/// A row of two terms: one that is shifted left, one that is rescaled.
#[repr(C)]
pub(super) struct AddRow {
    /// Elements of the term with the factor one half.
    pub(super) half: *const i8,
    /// Elements of the other.
    pub(super) other_input: *const i8,
    /// The output.
    pub(super) output: *mut i8,
    /// Behind it.
    pub(super) end: *mut i8,
    /// What is added to the other element times 2^21.
    pub(super) other_offset: i32,
    /// Its factor, of the element times 2^20.
    pub(super) other: Rescale,
    /// What is added to the half element times 2^20, which is the double of its term.
    pub(super) half_offset: i32,
    /// Factor of the sum.
    pub(super) rescale: Rescale,
}

/// Adds or subtracts one row.
///
/// # Safety
/// The output is not empty and the inputs are as long.
#[cfg(any(hilbench_isa = "dsp", hilbench_isa = "mve"))]
#[inline(never)]
pub(super) unsafe fn add_row(task: &AddRow, sum: Sum) {
    // r0 half, r1 other, r2 output, r3 end, r4-r7 the other's offset and factor, r8 the half's offset, r9-r11 the factor.
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            ".macro hilbench_terms operation:vararg",
            "2:",
            "ldrsb r12, [r1], #1",
            "ldrsb lr, [r0], #1",
            "add.w r12, r4, r12, lsl #21",
            "smmulr r12, r12, r5",
            "add.w lr, r8, lr, lsl #20",
            "add.w r12, r12, r12, asr #31",
            "add r12, r6",
            "asr.w r12, r12, r7",
            "\\operation",
            "smmulr lr, lr, r9",
            "add.w lr, lr, lr, asr #31",
            "add lr, r10",
            "asr.w lr, lr, r11",
            "ssat lr, #8, lr",
            "strb lr, [r2], #1",
            "cmp r2, r3",
            "bne 2b",
            ".endm",
            "push.w {{r4-r11, lr}}",
            "mov r12, r1",
            "ldm.w r0, {{r0-r11}}",
            "cmp.w r12, #1",
            "beq 3f",
            "bhi 4f",
            "hilbench_terms add.w lr, lr, r12, lsl #1",
            "b 5f",
            "3:",
            "hilbench_terms sub.w lr, lr, r12, lsl #1",
            "b 5f",
            "4:",
            "hilbench_terms rsb lr, lr, r12, lsl #1",
            "5:",
            "pop.w {{r4-r11, lr}}",
            ".purgem hilbench_terms",
            inout("r0") task => _,
            inout("r1") sum as u32 => _,
            out("r2") _,
            out("r3") _,
            out("r12") _,
        );
    }
}

/// The same in Rust.
#[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
pub(super) unsafe fn add_row(task: &AddRow, sum: Sum) {
    // SAFETY: both point into one row.
    let len = unsafe { task.end.offset_from(task.output) } as usize;
    for i in 0..len {
        // SAFETY: the caller answers for the rows.
        let (half, other) = unsafe { (i32::from(*task.half.add(i)), i32::from(*task.other_input.add(i))) };
        let (half, other) = (half * (1 << 20) + task.half_offset, other * (1 << 21) + task.other_offset);
        let other = 2 * task.other.round_high(other);
        let doubled = match sum {
            Sum::Plus => half + other,
            Sum::HalfLess => half - other,
            Sum::OtherLess => other - half,
        };
        let y = task.rescale.round_high(doubled).clamp(-128, 127) as i8;
        // SAFETY: as above.
        unsafe { task.output.add(i).write(y) };
    }
}

/// A row of two factors.
#[repr(C)]
pub(super) struct MulRow {
    /// Elements of both.
    pub(super) inputs: [*const i8; 2],
    /// The output.
    pub(super) output: *mut i8,
    /// Behind it.
    pub(super) end: *mut i8,
    /// What is added to the double of the first.
    pub(super) doubled_offset1: i32,
    /// What is added to the second.
    pub(super) offset2: i32,
    /// Factor of the product.
    pub(super) rescale: Rescale,
}

/// Multiplies one row.
///
/// # Safety
/// The output is not empty and the inputs are as long.
#[cfg(any(hilbench_isa = "dsp", hilbench_isa = "mve"))]
#[inline(never)]
pub(super) unsafe fn mul_row(task: &MulRow) {
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            "push.w {{r4-r8, lr}}",
            "ldm.w r0, {{r0-r8}}",
            "2:",
            "ldrsb r12, [r0], #1",
            "ldrsb lr, [r1], #1",
            "add.w r12, r4, r12, lsl #1",
            "add lr, r5",
            "mul r12, r12, lr",
            "smmulr r12, r12, r6",
            "add.w r12, r12, r12, asr #31",
            "add r12, r7",
            "asr.w r12, r12, r8",
            "ssat r12, #8, r12",
            "strb r12, [r2], #1",
            "cmp r2, r3",
            "bne 2b",
            "pop.w {{r4-r8, lr}}",
            inout("r0") task => _,
            out("r1") _,
            out("r2") _,
            out("r3") _,
            out("r12") _,
        );
    }
}

/// The same in Rust.
#[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
pub(super) unsafe fn mul_row(task: &MulRow) {
    // SAFETY: both point into one row.
    let len = unsafe { task.end.offset_from(task.output) } as usize;
    for i in 0..len {
        // SAFETY: the caller answers for the rows.
        let [x1, x2] = task.inputs.map(|row| i32::from(unsafe { *row.add(i) }));
        let doubled = (2 * x1 + task.doubled_offset1) * (x2 + task.offset2);
        let y = task.rescale.round_high(doubled).clamp(-128, 127) as i8;
        // SAFETY: as above.
        unsafe { task.output.add(i).write(y) };
    }
}
