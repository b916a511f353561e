//! The loops of the depthwise convolution: bringing four rows together, and one or two output rows of a channel. In
//! assembly on a core with Helium, the same steps in Rust elsewhere.

/// Channels of a block.
pub(super) const BLOCK: usize = 16;

/// Bytes of one column of a block: four rows for each channel.
pub(super) const COLUMN: usize = 4 * BLOCK;

/// Four rows of up to sixteen channels, and where their columns go.
#[repr(C)]
pub(super) struct Rows {
    /// First pixel of each row.
    pub(super) rows: [*const i8; 4],
    /// First column.
    pub(super) columns: *mut i8,
    /// Bytes from pixel to pixel of each row.
    pub(super) steps: [usize; 4],
    /// Number of columns, at least 1.
    pub(super) count: usize,
    /// Channels that there are, 1 to 16.
    pub(super) channels: usize,
}

/// Writes four rows of each channel of each column side by side.
///
/// # Safety
/// Each row has `count` pixels of `channels` elements, and there is room for so many columns.
#[cfg(hilbench_isa = "mve")]
#[inline(never)]
pub(super) unsafe fn interleave_rows(task: &Rows) {
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            "push.w {{r4-r11, lr}}",
            "ldm.w r0, {{r0-r10}}",
            "vctp.8 r10",
            "dls lr, r9",
            "2:",
            "vpstttt",
            "vldrbt.u8 q0, [r0]",
            "vldrbt.u8 q1, [r1]",
            "vldrbt.u8 q2, [r2]",
            "vldrbt.u8 q3, [r3]",
            "vst40.8 {{q0, q1, q2, q3}}, [r4]",
            "add r0, r5",
            "vst41.8 {{q0, q1, q2, q3}}, [r4]",
            "add r1, r6",
            "vst42.8 {{q0, q1, q2, q3}}, [r4]",
            "add r2, r7",
            "vst43.8 {{q0, q1, q2, q3}}, [r4]!",
            "add r3, r8",
            "le lr, 2b",
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
pub(super) unsafe fn interleave_rows(task: &Rows) {
    for column in 0..task.count {
        for (row, (&from, step)) in task.rows.iter().zip(task.steps).enumerate() {
            for channel in 0..BLOCK {
                // SAFETY: the caller answers for the pixels and the columns.
                unsafe {
                    let x = if channel < task.channels { *from.add(column * step + channel) } else { 0 };
                    task.columns.add(column * COLUMN + 4 * channel + row).write(x);
                }
            }
        }
    }
}

/// One or two output rows of some channels. The first four pointers walk, and step ahead before they are used: they
/// begin one channel before the first, except for the weights.
#[repr(C)]
pub(super) struct OutputRows {
    /// The channel's bytes of the first column.
    pub(super) columns: *const i8,
    /// First pixel of the upper row.
    pub(super) output: *mut i8,
    /// What sums begin with and are finished by.
    pub(super) channels: *const crate::params::Channel,
    /// Packed weights, three words a channel.
    pub(super) weights: *const u32,
    /// Windows of a row, at least 1.
    pub(super) count: usize,
    /// From pixel to pixel.
    pub(super) pixel_step: usize,
    /// From the upper row to the lower, where there are two.
    pub(super) row_len: usize,
    /// Bytes of columns from window to window, where there is one row.
    pub(super) step: usize,
    /// Zero point of the output.
    pub(super) zero_point: i32,
    /// Channels to compute, at least 1.
    pub(super) left: usize,
    /// Outputs of a channel, in one row or two.
    pub(super) outputs: usize,
    /// From pixel to pixel, times the pixels of a row that a turn writes.
    pub(super) turn_step: usize,
    /// Turns that a channel takes.
    pub(super) turns: usize,
}

/// Convolves two rows at stride 1: of four columns two windows in both rows.
///
/// # Safety
/// There are pixels for so many windows in both rows, and `count + 3` columns.
#[cfg(hilbench_isa = "mve")]
#[inline(never)]
pub(super) unsafe fn two_rows(task: &mut OutputRows) {
    // r12 the task, r1 columns, r3 output, r10 multiplier, r7 shift (its lowest byte, the only one that VRSHL looks at), r5
    // the way to the next pixels, r9 zero point, r11 bias, r8 outputs that are left. q2 the way to
    // the four columns, q3 the way to the outputs: upper and lower left, upper and lower right. q4-q7 their weights.
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            "push.w {{r4-r11, lr}}",
            "vpush {{d8-d15}}",
            "mov r12, r0",
            "movs r4, #0",
            "vidup.u32 q2, r4, #8",
            "vshl.i32 q2, q2, #3",
            "ldrd r2, r6, [r12, #20]",
            "movs r4, #0",
            "add r0, r2, r6",
            "vmov q3[2], q3[0], r4, r2",
            "vmov q3[3], q3[1], r6, r0",
            "ldr.w r9, [r12, #32]",
            "1:",
            "ldm.w r12, {{r1, r3, r5, r8}}",
            "ldrd r7, r10, [r5, #8]!",
            "ldm.w r8!, {{r2, r4, r6}}",
            "adds r1, #4",
            "adds r3, #1",
            "stm.w r12, {{r1, r3, r5, r8}}",
            "asr.w r11, r7, #8",
            "movs r0, #0",
            "vmov q4[2], q4[0], r2, r6",
            "vmov q4[3], q4[1], r4, r0",
            "vmov q6[2], q6[0], r0, r4",
            "vmov q6[3], q6[1], r2, r6",
            "vshl.i32 q5, q4, #8",
            "vshl.i32 q7, q6, #8",
            "ldrd r8, r5, [r12, #40]",
            "ldr.w r4, [r12, #48]",
            "dls lr, r4",
            "2:",
            "vldrw.u32 q0, [r1, q2]",
            "vmladav.s8 r0, q0, q4",
            "vmladav.s8 r2, q0, q5",
            "vmladav.s8 r4, q0, q6",
            "vmladav.s8 r6, q0, q7",
            "vmov q0[2], q0[0], r0, r4",
            "vmov q0[3], q0[1], r2, r6",
            "vadd.i32 q0, q0, r11",
            "vqrdmulh.s32 q0, q0, r10",
            "vshr.s32 q1, q0, #31",
            "vadd.i32 q0, q0, q1",
            "vrshl.s32 q0, r7",
            "vadd.i32 q0, q0, r9",
            "vqmovnb.s32 q1, q0",
            "vqmovnb.s16 q1, q1",
            "vctp.32 r8",
            "vpst",
            "vstrbt.32 q1, [r3, q3]",
            "adds r1, #128",
            "sub.w r8, r8, #4",
            "add r3, r5",
            "le lr, 2b",
            "ldr.w r0, [r12, #36]",
            "subs r0, #1",
            "str.w r0, [r12, #36]",
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

/// The same in Rust.
#[cfg(not(hilbench_isa = "mve"))]
pub(super) unsafe fn two_rows(task: &mut OutputRows) {
    for channel in 0..task.left {
        // SAFETY: the caller answers for pixels and columns.
        unsafe {
            windows(task, channel, COLUMN, 0, 0);
            windows(task, channel, COLUMN, 1, task.row_len);
        }
    }
}

/// Convolves one row, four windows a turn.
///
/// # Safety
/// There are pixels for so many windows, and columns for so many and three more, each reading four.
#[cfg(hilbench_isa = "mve")]
#[inline(never)]
pub(super) unsafe fn one_row(task: &mut OutputRows) {
    // As above, but q3 the way to four pixels, and r6 the way to the next window until it is a sum.
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            "push.w {{r4-r11, lr}}",
            "vpush {{d8-d15}}",
            "mov r12, r0",
            "movs r4, #0",
            "vidup.u32 q2, r4, #8",
            "vshl.i32 q2, q2, #3",
            "movs r4, #0",
            "ldr.w r6, [r12, #20]",
            "vidup.u32 q3, r4, #1",
            "vmul.i32 q3, q3, r6",
            "ldr.w r9, [r12, #32]",
            "1:",
            "ldm.w r12, {{r1, r3, r5, r8}}",
            "ldrd r7, r10, [r5, #8]!",
            "ldm.w r8!, {{r2, r4, r6}}",
            "adds r1, #4",
            "adds r3, #1",
            "stm.w r12, {{r1, r3, r5, r8}}",
            "asr.w r11, r7, #8",
            "movs r0, #0",
            "vmov q4[2], q4[0], r2, r6",
            "vmov q4[3], q4[1], r4, r0",
            "ldrd r8, r5, [r12, #40]",
            "ldr.w r4, [r12, #48]",
            "dls lr, r4",
            "2:",
            "ldr.w r6, [r12, #28]",
            "vldrw.u32 q0, [r1, q2]",
            "add r1, r6",
            "vldrw.u32 q1, [r1, q2]",
            "vmladav.s8 r0, q0, q4",
            "add r1, r6",
            "vldrw.u32 q0, [r1, q2]",
            "vmladav.s8 r2, q1, q4",
            "add r1, r6",
            "vldrw.u32 q1, [r1, q2]",
            "vmladav.s8 r4, q0, q4",
            "add r1, r6",
            "vmladav.s8 r6, q1, q4",
            "vmov q0[2], q0[0], r0, r4",
            "vmov q0[3], q0[1], r2, r6",
            "vadd.i32 q0, q0, r11",
            "vqrdmulh.s32 q0, q0, r10",
            "vshr.s32 q1, q0, #31",
            "vadd.i32 q0, q0, q1",
            "vrshl.s32 q0, r7",
            "vadd.i32 q0, q0, r9",
            "vqmovnb.s32 q1, q0",
            "vqmovnb.s16 q1, q1",
            "vctp.32 r8",
            "vpst",
            "vstrbt.32 q1, [r3, q3]",
            "sub.w r8, r8, #4",
            "add r3, r5",
            "le lr, 2b",
            "ldr.w r0, [r12, #36]",
            "subs r0, #1",
            "str.w r0, [r12, #36]",
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

/// The same in Rust.
#[cfg(not(hilbench_isa = "mve"))]
pub(super) unsafe fn one_row(task: &mut OutputRows) {
    for channel in 0..task.left {
        // SAFETY: the caller answers for pixels and columns.
        unsafe { windows(task, channel, task.step, 0, 0) };
    }
}

/// Windows of one channel and output row, whose first input row is `row` of the columns.
#[cfg(not(hilbench_isa = "mve"))]
unsafe fn windows(task: &OutputRows, channel: usize, step: usize, row: usize, place: usize) {
    // SAFETY: the caller answers for so many channels.
    let factors = unsafe { *task.channels.wrapping_add(channel + 1) };
    for window in 0..task.count {
        let mut sum = factors.bias();
        for column in 0..3 {
            // SAFETY: the caller answers for the columns; a filter has three.
            let weights = unsafe { *task.weights.add(3 * channel + column) }.to_le_bytes();
            for (tap, weight) in weights[..3].iter().enumerate() {
                // SAFETY: as above.
                let x = unsafe {
                    *task.columns.wrapping_add(window * step + column * COLUMN + 4 * (channel + 1) + row + tap)
                };
                sum = sum.wrapping_add(i32::from(x) * i32::from(*weight as i8));
            }
        }
        let y = super::dots::rescale(sum, factors.requant(), task.zero_point, -128, 127);
        // SAFETY: the caller answers for the pixels.
        unsafe { task.output.wrapping_add(place + window * task.pixel_step + channel + 1).write(y) };
    }
}
