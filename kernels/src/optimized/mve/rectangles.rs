//! Copies of rectangles of an image. In assembly on a core with Helium, the same steps in Rust elsewhere.

/// Rectangles of an image that become patches, one behind the other.
#[repr(C)]
pub(super) struct Gather {
    /// The first row of each.
    pub(super) from: *const *const i8,
    /// Number of patches, at least 1.
    pub(super) patches: usize,
    /// Where they go.
    pub(super) to: *mut i8,
    /// From row to row of the image.
    pub(super) step: usize,
    /// Elements of a row, at least 1.
    pub(super) len: usize,
    /// Rows of a patch, at least 1.
    pub(super) rows: usize,
}

/// Copies the rectangles.
///
/// # Safety
/// Each has so many rows of so many elements, and there is room for all of them.
#[cfg(hilbench_isa = "mve")]
#[inline(never)]
pub(super) unsafe fn gather(task: &Gather) {
    // r1 the patches, r2 how many, r3 where they go, r4 the step, r5 the length, r6 the rows, r0 the row, r7 rows that
    // are left of a long patch, r8 and r12 within a row.
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            "push.w {{r4-r8, lr}}",
            "ldm.w r0, {{r1-r6}}",
            "cmp r5, #16",
            "bhi 3f",
            // Rows of one vector.
            "vctp.8 r5",
            "1:",
            "ldr r0, [r1], #4",
            "dls lr, r6",
            "2:",
            "vpstt",
            "vldrbt.u8 q0, [r0]",
            "vstrbt.8 q0, [r3]",
            "add r0, r4",
            "add r3, r5",
            "le lr, 2b",
            "subs r2, #1",
            "bne 1b",
            "b 6f",
            "3:",
            "ldr r0, [r1], #4",
            "mov r7, r6",
            "4:",
            "mov r8, r0",
            "mov r12, r3",
            "dlstp.8 lr, r5",
            "5:",
            "vldrb.u8 q0, [r8], #16",
            "vstrb.8 q0, [r12], #16",
            "letp lr, 5b",
            "add r0, r4",
            "add r3, r5",
            "subs r7, #1",
            "bne 4b",
            "subs r2, #1",
            "bne 3b",
            "6:",
            "pop.w {{r4-r8, lr}}",
            inout("r0") task => _,
            out("r1") _,
            out("r2") _,
            out("r3") _,
            out("r12") _,
            clobber_abi("C"),
        );
    }
}

/// The same in Rust.
#[cfg(not(hilbench_isa = "mve"))]
pub(super) unsafe fn gather(task: &Gather) {
    for row in 0..task.patches * task.rows {
        // SAFETY: the caller answers for the rows.
        unsafe {
            let from = (*task.from.add(row / task.rows)).add(row % task.rows * task.step);
            core::ptr::copy_nonoverlapping(from, task.to.add(row * task.len), task.len);
        }
    }
}

/// A rectangle of elements.
#[repr(C)]
pub(super) struct CopyRows {
    /// First row.
    pub(super) from: *const i8,
    /// Where it goes.
    pub(super) to: *mut i8,
    /// From row to row.
    pub(super) from_step: usize,
    /// From row to row.
    pub(super) to_step: usize,
    /// Elements of a row, at least 1.
    pub(super) len: usize,
    /// Number of rows, at least 1.
    pub(super) rows: usize,
}

/// Copies the rectangle.
///
/// # Safety
/// Both sides have so many rows of so many elements.
#[cfg(hilbench_isa = "mve")]
#[inline(never)]
pub(super) unsafe fn copy_rows(task: &CopyRows) {
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            "push.w {{r4-r7, lr}}",
            "ldm.w r0, {{r1-r6}}",
            "1:",
            "mov r0, r1",
            "mov r7, r2",
            "dlstp.8 lr, r5",
            "2:",
            "vldrb.u8 q0, [r0], #16",
            "vstrb.8 q0, [r7], #16",
            "letp lr, 2b",
            "add r1, r3",
            "add r2, r4",
            "subs r6, #1",
            "bne 1b",
            "pop.w {{r4-r7, lr}}",
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
pub(super) unsafe fn copy_rows(task: &CopyRows) {
    for row in 0..task.rows {
        // SAFETY: the caller answers for the rows; tensors and scratch do not overlap.
        unsafe {
            let (from, to) = (task.from.add(row * task.from_step), task.to.add(row * task.to_step));
            core::ptr::copy_nonoverlapping(from, to, task.len);
        }
    }
}
