//! The two loops of the depthwise convolution: pairing up rows, and two output rows of a channel. In assembly on a core
//! with the DSP extension, the same steps in Rust elsewhere.

use super::requantize::Rescale;

/// Words of one column of a block of four channels: two pairs of rows for each channel.
pub(super) const COLUMN: usize = 8;

/// Four rows of four channels, and where their columns go.
#[repr(C)]
pub(super) struct Rows {
    /// First pixel of each row.
    pub(super) rows: [*const i8; 4],
    /// First column.
    pub(super) columns: *mut u32,
    /// Bytes from pixel to pixel of each row.
    pub(super) steps: [usize; 4],
    /// Behind the last column.
    pub(super) end: *mut u32,
}

/// Writes for each channel of each column the pairs `(row 0, row 1)` and `(row 2, row 3)`.
///
/// # Safety
/// There is at least one column, and each row has a pixel of four elements for each.
#[cfg(hilbench_isa = "dsp")]
#[unsafe(naked)]
pub(super) unsafe extern "C" fn pair_rows(task: &Rows) {
    core::arch::naked_asm!(
        ".macro hilbench_pair a, b, step_a, step_b, place",
        "ldr.w r9, [\\a]",
        "ldr.w r10, [\\b]",
        "sxtb16 r11, r9",
        "sxtb16 r12, r10",
        "pkhbt lr, r11, r12, lsl #16",
        "pkhtb r12, r12, r11, asr #16",
        "str.w lr, [r4, #\\place]",
        "str.w r12, [r4, #\\place + 16]",
        "sxtb16 r9, r9, ror #8",
        "sxtb16 r10, r10, ror #8",
        "pkhbt lr, r9, r10, lsl #16",
        "pkhtb r10, r10, r9, asr #16",
        "str.w lr, [r4, #\\place + 8]",
        "str.w r10, [r4, #\\place + 24]",
        "add \\a, \\step_a",
        "add \\b, \\step_b",
        ".endm",
        "push {{r4-r11, lr}}",
        "ldm.w r0, {{r0-r9}}",
        "push {{r9}}",
        "2:",
        "hilbench_pair r0, r1, r5, r6, 0",
        "hilbench_pair r2, r3, r7, r8, 4",
        "ldr.w lr, [sp]",
        "adds r4, #32",
        "cmp r4, lr",
        "bne 2b",
        "add sp, #4",
        "pop {{r4-r11, pc}}",
        ".purgem hilbench_pair",
    )
}

/// The same in Rust.
#[cfg(not(hilbench_isa = "dsp"))]
pub(super) unsafe fn pair_rows(task: &Rows) {
    use super::simd::{high_halves, load4, low_halves, sxtb16, sxtb16_odd};
    let (mut rows, mut to) = (task.rows, task.columns);
    while to != task.end {
        // SAFETY: the caller answers for the pixels.
        let x = rows.map(|row| unsafe { load4(row) });
        // A pointer past the last pixel is not read.
        rows = core::array::from_fn(|i| rows[i].wrapping_add(task.steps[i]));
        let (even, odd) = (x.map(sxtb16), x.map(sxtb16_odd));
        let column = [
            low_halves(even[0], even[1]),
            low_halves(even[2], even[3]),
            low_halves(odd[0], odd[1]),
            low_halves(odd[2], odd[3]),
            high_halves(even[0], even[1]),
            high_halves(even[2], even[3]),
            high_halves(odd[0], odd[1]),
            high_halves(odd[2], odd[3]),
        ];
        // SAFETY: the columns go on to `end`.
        unsafe {
            to.cast::<[u32; COLUMN]>().write(column);
            to = to.add(COLUMN);
        }
    }
}

/// Two output rows of one channel.
#[repr(C)]
pub(super) struct TwoRows {
    /// The channel's words of the first column.
    pub(super) columns: *const u32,
    /// First pixel of the upper row.
    pub(super) output: *mut i8,
    /// Sum to begin with.
    pub(super) bias: i32,
    /// The channel's factor.
    pub(super) rescale: Rescale,
    /// From the upper row to the lower.
    pub(super) row_len: usize,
    /// From pixel to pixel.
    pub(super) channels: usize,
    /// The channel's words of the column where the next window would begin.
    pub(super) end: *const u32,
    /// Packed weights, one word a filter column.
    pub(super) weights: *const u32,
}

/// Convolves at stride 1.
///
/// # Safety
/// There are two more columns than windows, at least one window, and a pixel in both rows for each.
#[cfg(hilbench_isa = "dsp")]
#[unsafe(naked)]
pub(super) unsafe extern "C" fn two_rows(task: &TwoRows) {
    core::arch::naked_asm!(
        "push {{r4-r11, lr}}",
        "ldm.w r0, {{r1-r10}}",
        // The rounding, the shift, the way to the lower row, the way to the next pixel, the end.
        "push {{r5-r9}}",
        "ldm.w r10, {{r5-r7}}",
        "sxtb16 r8, r5",
        "sxtb16 r9, r6",
        "sxtb16 r10, r7",
        "sxtb16 r5, r5, ror #8",
        "sxtb16 r6, r6, ror #8",
        "sxtb16 r7, r7, ror #8",
        "2:",
        "ldrd r11, r12, [r1], #32",
        "smlad r0, r11, r8, r3",
        "smlatb lr, r11, r8, r3",
        "smlabt r0, r12, r5, r0",
        "smlad lr, r12, r5, lr",
        "ldrd r11, r12, [r1]",
        "smlad r0, r11, r9, r0",
        "smlatb lr, r11, r9, lr",
        "smlabt r0, r12, r6, r0",
        "smlad lr, r12, r6, lr",
        "ldrd r11, r12, [r1, #32]",
        "smlad r0, r11, r10, r0",
        "smlatb lr, r11, r10, lr",
        "smlabt r0, r12, r7, r0",
        "smlad lr, r12, r7, lr",
        "ldrd r11, r12, [sp]",
        "lsl.w r0, r0, #1",
        "lsl.w lr, lr, #1",
        "smmulr r0, r0, r4",
        "smmulr lr, lr, r4",
        "add.w r0, r0, r0, asr #31",
        "add.w lr, lr, lr, asr #31",
        "add.w r0, r0, r11",
        "add.w lr, lr, r11",
        "asr.w r0, r0, r12",
        "asr.w lr, lr, r12",
        "ssat r0, #8, r0",
        "ssat lr, #8, lr",
        "ldrd r11, r12, [sp, #8]",
        "strb.w lr, [r2, r11]",
        "ldr.w r11, [sp, #16]",
        "strb r0, [r2]",
        "add r2, r12",
        "cmp r1, r11",
        "bne 2b",
        "add sp, #20",
        "pop {{r4-r11, pc}}",
    )
}

/// The same in Rust.
#[cfg(not(hilbench_isa = "dsp"))]
pub(super) unsafe fn two_rows(task: &TwoRows) {
    use super::simd::{smlabt, smlad, smlatb, sxtb16, sxtb16_odd};
    // SAFETY: a filter has three columns.
    let weights = unsafe { *task.weights.cast::<[u32; 3]>() };
    let (first, second) = (weights.map(sxtb16), weights.map(sxtb16_odd));
    let (mut column, mut out) = (task.columns, task.output);
    while column != task.end {
        let (mut upper, mut lower) = (task.bias, task.bias);
        for i in 0..3 {
            // SAFETY: the caller answers for the columns.
            let (above, below) = unsafe { (*column.add(COLUMN * i), *column.add(COLUMN * i + 1)) };
            upper = smlabt(below, second[i], smlad(above, first[i], upper));
            lower = smlad(below, second[i], smlatb(above, first[i], lower));
        }
        // SAFETY: the caller answers for the pixels; past the last one nothing is read.
        unsafe {
            out.write(task.rescale.apply(upper));
            out.add(task.row_len).write(task.rescale.apply(lower));
        }
        column = column.wrapping_add(COLUMN);
        out = out.wrapping_add(task.channels);
    }
}
