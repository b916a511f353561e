//! The loops of addition, subtraction and multiplication: one row of two operands. In assembly on a core with Helium, the
//! same steps in Rust elsewhere.

/// A row of two terms: one that is shifted left, one that is rescaled.
#[repr(C)]
pub(super) struct AddRow {
    /// Elements of the term with the factor one half.
    pub(super) half: *const i8,
    /// Elements of the other.
    pub(super) other: *const i8,
    /// The output.
    pub(super) output: *mut i8,
    /// Length of all three, at least 1.
    pub(super) len: usize,
    /// What is added to the other element times its scale.
    pub(super) other_offset: i32,
    /// Its factor; the shift goes right.
    pub(super) other_multiplier: i32,
    pub(super) other_shift: i32,
    /// What is added to the half element times its scale.
    pub(super) half_offset: i32,
    /// Factor of the sum; the shift goes right.
    pub(super) multiplier: i32,
    pub(super) shift: i32,
    /// Zero point of the output.
    pub(super) zero_point: i32,
    /// What the rescaled term is multiplied with: 1 or -1.
    pub(super) other_sign: i32,
    /// Scale of the other element.
    pub(super) other_scale: i32,
    /// Scale of the half element.
    pub(super) half_scale: i32,
    /// Smallest output.
    pub(super) min: i32,
    /// Largest output.
    pub(super) max: i32,
}

/// Adds or subtracts one row.
///
/// # Safety
/// The row is not empty, and inputs and output have its length.
#[cfg(hilbench_isa = "mve")]
#[inline(never)]
pub(super) unsafe fn add_row(task: &AddRow) {
    // r0-r3 the row, r4-r6 the other's offset and factor, r7 the half's offset, r8-r10 factor and zero point, r11 the
    // sign; q4 and q5 the scales, q6 and q7 the bounds.
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            "push.w {{r4-r11, lr}}",
            "vpush {{d8-d15}}",
            "ldrd r1, r2, [r0, #48]",
            "vdup.32 q4, r1",
            "vdup.32 q5, r2",
            "ldrd r1, r2, [r0, #56]",
            "vdup.32 q6, r1",
            "vdup.32 q7, r2",
            "ldm.w r0, {{r0-r11}}",
            "dlstp.32 lr, r3",
            "2:",
            "vldrb.s32 q1, [r1], #4",
            "vmlas.i32 q1, q4, r4",
            "vqrdmulh.s32 q1, q1, r5",
            "vldrb.s32 q0, [r0], #4",
            "vshr.s32 q2, q1, #31",
            "vmlas.i32 q0, q5, r7",
            "vadd.i32 q1, q1, q2",
            "vrshl.s32 q1, r6",
            "vmla.i32 q0, q1, r11",
            "vqrdmulh.s32 q0, q0, r8",
            "vshr.s32 q2, q0, #31",
            "vadd.i32 q0, q0, q2",
            "vrshl.s32 q0, r9",
            "vadd.i32 q0, q0, r10",
            "vmin.s32 q0, q0, q7",
            "vmax.s32 q0, q0, q6",
            "vstrb.32 q0, [r2], #4",
            "letp lr, 2b",
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

/// The same in Rust.
#[cfg(not(hilbench_isa = "mve"))]
pub(super) unsafe fn add_row(task: &AddRow) {
    use super::dots::{rescale, round};
    use crate::params::Requant;
    for i in 0..task.len {
        // SAFETY: the caller answers for the rows.
        let (half, other) = unsafe { (i32::from(*task.half.add(i)), i32::from(*task.other.add(i))) };
        let other_factor = Requant { multiplier: task.other_multiplier, shift: task.other_shift };
        let other = round(other * task.other_scale + task.other_offset, other_factor);
        let sum = half * task.half_scale + task.half_offset + task.other_sign * other;
        let factor = Requant { multiplier: task.multiplier, shift: task.shift };
        let y = rescale(sum, factor, task.zero_point, task.min, task.max);
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
    /// Length of all three, at least 1.
    pub(super) len: usize,
    /// What is added to the elements.
    pub(super) offsets: [i32; 2],
    /// Factor of the product; the shift goes right.
    pub(super) multiplier: i32,
    pub(super) shift: i32,
    /// Zero point of the output.
    pub(super) zero_point: i32,
    /// Smallest output.
    pub(super) min: i32,
    /// Largest output.
    pub(super) max: i32,
}

/// Multiplies one row.
///
/// # Safety
/// The row is not empty, and inputs and output have its length.
#[cfg(hilbench_isa = "mve")]
#[inline(never)]
pub(super) unsafe fn mul_row(task: &MulRow) {
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            "push.w {{r4-r10, lr}}",
            "vpush {{d8-d11}}",
            "ldm.w r0, {{r0-r10}}",
            "vdup.32 q4, r9",
            "vdup.32 q5, r10",
            "dlstp.32 lr, r3",
            "2:",
            "vldrb.s32 q0, [r0], #4",
            "vldrb.s32 q1, [r1], #4",
            "vadd.i32 q0, q0, r4",
            "vadd.i32 q1, q1, r5",
            "vmul.i32 q0, q0, q1",
            "vqrdmulh.s32 q0, q0, r6",
            "vshr.s32 q2, q0, #31",
            "vadd.i32 q0, q0, q2",
            "vrshl.s32 q0, r7",
            "vadd.i32 q0, q0, r8",
            "vmin.s32 q0, q0, q5",
            "vmax.s32 q0, q0, q4",
            "vstrb.32 q0, [r2], #4",
            "letp lr, 2b",
            "vpop {{d8-d11}}",
            "pop.w {{r4-r10, lr}}",
            inout("r0") task => _,
            out("r1") _,
            out("r2") _,
            out("r3") _,
            clobber_abi("C"),
        );
    }
}

/// The same in Rust.
#[cfg(not(hilbench_isa = "mve"))]
pub(super) unsafe fn mul_row(task: &MulRow) {
    use super::dots::rescale;
    use crate::params::Requant;
    for i in 0..task.len {
        // SAFETY: the caller answers for the rows.
        let [x1, x2] = task.inputs.map(|row| i32::from(unsafe { *row.add(i) }));
        let product = (x1 + task.offsets[0]) * (x2 + task.offsets[1]);
        let factor = Requant { multiplier: task.multiplier, shift: task.shift };
        let y = rescale(product, factor, task.zero_point, task.min, task.max);
        // SAFETY: as above.
        unsafe { task.output.add(i).write(y) };
    }
}
