//! The loops of the depthwise convolution: pairing up two rows, and one or two output rows of a channel. In assembly on a
//! core with the DSP extension, the same steps in Rust elsewhere.

use super::requantize::Rescale;

/// Words of one column of a block of four channels: for each channel a pair of rows in an even and in an odd place.
pub(super) const COLUMN: usize = 8;

/// Two rows of four channels, and where their pairs go.
#[repr(C)]
pub(super) struct Rows {
    /// First pixel of each row.
    pub(super) rows: [*const i8; 2],
    /// Place of the first channel in the first column.
    pub(super) columns: *mut u32,
    /// The same behind the last column.
    pub(super) end: *mut u32,
    /// Bytes from pixel to pixel of each row.
    pub(super) steps: [usize; 2],
}

/// Writes the pair `(row 0, row 1)` of each channel of each column.
///
/// # Safety
/// There is at least one column, and each row has a pixel of four elements for each.
#[cfg(any(hilbench_isa = "dsp", hilbench_isa = "mve"))]
#[inline(never)]
pub(super) unsafe fn pair_rows(task: &Rows) {
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            "push {{r4-r9, lr}}",
            "ldm.w r0, {{r0-r5}}",
            "2:",
            "ldr r6, [r0]",
            "ldr r7, [r1]",
            "sxtb16 r8, r6",
            "sxtb16 r9, r7",
            "sxtb16 r6, r6, ror #8",
            "sxtb16 r7, r7, ror #8",
            "pkhbt r12, r8, r9, lsl #16",
            "pkhbt lr, r6, r7, lsl #16",
            "pkhtb r8, r9, r8, asr #16",
            "pkhtb r6, r7, r6, asr #16",
            "str.w lr, [r2, #8]",
            "str.w r8, [r2, #16]",
            "str r6, [r2, #24]",
            "str.w r12, [r2], #32",
            "add r0, r4",
            "add r1, r5",
            "cmp r2, r3",
            "bne 2b",
            "pop.w {{r4-r9, lr}}",
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
pub(super) unsafe fn pair_rows(task: &Rows) {
    use super::simd::{high_halves, load4, low_halves, sxtb16, sxtb16_odd};
    let ([mut upper, mut lower], mut to) = (task.rows, task.columns);
    while to != task.end {
        // SAFETY: the caller answers for the pixels.
        let (a, b) = unsafe { (load4(upper), load4(lower)) };
        // A pointer past the last pixel is not read.
        (upper, lower) = (upper.wrapping_add(task.steps[0]), lower.wrapping_add(task.steps[1]));
        let (even, odd) = ((sxtb16(a), sxtb16(b)), (sxtb16_odd(a), sxtb16_odd(b)));
        let pairs = [
            low_halves(even.0, even.1),
            low_halves(odd.0, odd.1),
            high_halves(even.0, even.1),
            high_halves(odd.0, odd.1),
        ];
        for (channel, pair) in pairs.into_iter().enumerate() {
            // SAFETY: the columns go on to `end`.
            unsafe { to.add(2 * channel).write(pair) };
        }
        to = to.wrapping_add(COLUMN);
    }
}

/// One or two output rows of one channel.
#[repr(C)]
pub(super) struct OutputRows {
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
    /// Bytes of columns from window to window; those of one column where there are two rows.
    pub(super) step: usize,
    /// From pixel to pixel.
    pub(super) channels: usize,
    /// The channel's words of the column where the next window would begin.
    pub(super) end: *const u32,
    /// Packed weights, three bytes a filter column, and one more behind them.
    pub(super) weights: *const i8,
}

/// Convolves two rows at stride 1. The upper pair of input rows is in the even place, or with `odd` = 1 in the odd one.
///
/// # Safety
/// There is at least one window, each has three columns, and both rows have a pixel for each.
#[cfg(any(hilbench_isa = "dsp", hilbench_isa = "mve"))]
#[inline(never)]
pub(super) unsafe fn two_rows(task: &OutputRows, odd: usize) {
    // r1 columns, r2 output, r3 bias, r4 multiplier, r8-r10 weights 0 and 1, r5-r7 weights 1 and 2, r0 and lr the sums.
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            ".macro hilbench_row above, below",
            "4:",
            "ldrd \\above, \\below, [r1], #32",
            "smlad r0, r11, r8, r3",
            "smlatb lr, r11, r8, r3",
            "smlabt r0, r12, r5, r0",
            "smlad lr, r12, r5, lr",
            "ldrd \\above, \\below, [r1]",
            "smlad r0, r11, r9, r0",
            "smlatb lr, r11, r9, lr",
            "smlabt r0, r12, r6, r0",
            "smlad lr, r12, r6, lr",
            "ldrd \\above, \\below, [r1, #32]",
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
            "bne 4b",
            "b 5f",
            ".endm",
            // Of the bytes w0 w1 w2 the halfwords (w1, w2), and in `first` (w0, w1).
            ".macro hilbench_taps taps, first",
            "sxtb16 r0, \\taps",
            "sxtb16 \\first, \\taps, ror #8",
            "pkhbt \\taps, \\first, r0",
            "pkhbt \\first, r0, \\first, lsl #16",
            ".endm",
            "push.w {{r4-r11, lr}}",
            "mov r12, r1",
            "ldm.w r0, {{r1-r11}}",
            // The rounding, the shift, the way to the lower row, the way to the next pixel, the end.
            "push {{r5, r6, r7, r9, r10}}",
            "ldr.w r5, [r11]",
            "ldr.w r6, [r11, #3]",
            "ldr.w r7, [r11, #6]",
            "hilbench_taps r5, r8",
            "hilbench_taps r6, r9",
            "hilbench_taps r7, r10",
            "cmp.w r12, #0",
            "bne 3f",
            "hilbench_row r11, r12",
            "3:",
            "hilbench_row r12, r11",
            "5:",
            "add sp, #20",
            "pop.w {{r4-r11, lr}}",
            ".purgem hilbench_row",
            ".purgem hilbench_taps",
            inout("r0") task => _,
            inout("r1") odd => _,
            out("r2") _,
            out("r3") _,
            out("r12") _,
        );
    }
}

/// The same in Rust.
#[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
pub(super) unsafe fn two_rows(task: &OutputRows, odd: usize) {
    use super::simd::{smlabt, smlad, smlatb};
    let windows = windows(task, odd, |column, [first, second]| {
        let (mut upper, mut lower) = (task.bias, task.bias);
        for i in 0..3 {
            let [above, below] = column(i);
            upper = smlabt(below, second[i], smlad(above, first[i], upper));
            lower = smlad(below, second[i], smlatb(above, first[i], lower));
        }
        [upper, lower]
    });
    for (window, [upper, lower]) in windows.enumerate() {
        // SAFETY: the caller answers for the pixels.
        unsafe {
            task.output.add(window * task.channels).write(task.rescale.apply(upper));
            task.output.add(task.row_len + window * task.channels).write(task.rescale.apply(lower));
        }
    }
}

/// Convolves one row. The upper pair of input rows is in the even place, or with `odd` = 1 in the odd one.
///
/// # Safety
/// There is at least one window, each has three columns, and the row has a pixel for each.
#[cfg(any(hilbench_isa = "dsp", hilbench_isa = "mve"))]
#[inline(never)]
pub(super) unsafe fn one_row(task: &OutputRows, odd: usize) {
    // As above, but lr the rounding.
    // SAFETY: reads and writes what the caller answers for, and restores the registers that are not named below.
    unsafe {
        core::arch::asm!(
            ".macro hilbench_row above, below",
            "4:",
            "ldrd \\above, \\below, [r1]",
            "smlad r0, r11, r8, r3",
            "smlabt r0, r12, r5, r0",
            "ldrd \\above, \\below, [r1, #32]",
            "smlad r0, r11, r9, r0",
            "smlabt r0, r12, r6, r0",
            "ldrd \\above, \\below, [r1, #64]",
            "smlad r0, r11, r10, r0",
            "smlabt r0, r12, r7, r0",
            "ldrd r11, r12, [sp]",
            "lsl.w r0, r0, #1",
            "smmulr r0, r0, r4",
            "add r1, r12",
            "add.w r0, r0, r0, asr #31",
            "add r0, lr",
            "asr.w r0, r0, r11",
            "ssat r0, #8, r0",
            "ldrd r11, r12, [sp, #8]",
            "strb r0, [r2]",
            "add r2, r11",
            "cmp r1, r12",
            "bne 4b",
            "b 5f",
            ".endm",
            // Of the bytes w0 w1 w2 the halfwords (w1, w2), and in `first` (w0, w1).
            ".macro hilbench_taps taps, first",
            "sxtb16 r0, \\taps",
            "sxtb16 \\first, \\taps, ror #8",
            "pkhbt \\taps, \\first, r0",
            "pkhbt \\first, r0, \\first, lsl #16",
            ".endm",
            "push.w {{r4-r11, lr}}",
            "mov r12, r1",
            "ldm.w r0, {{r1-r11}}",
            "mov lr, r5",
            // The shift, the way to the next window, the way to the next pixel, the end.
            "push {{r6, r8, r9, r10}}",
            "ldr.w r5, [r11]",
            "ldr.w r6, [r11, #3]",
            "ldr.w r7, [r11, #6]",
            "hilbench_taps r5, r8",
            "hilbench_taps r6, r9",
            "hilbench_taps r7, r10",
            "cmp.w r12, #0",
            "bne 3f",
            "hilbench_row r11, r12",
            "3:",
            "hilbench_row r12, r11",
            "5:",
            "add sp, #16",
            "pop.w {{r4-r11, lr}}",
            ".purgem hilbench_row",
            ".purgem hilbench_taps",
            inout("r0") task => _,
            inout("r1") odd => _,
            out("r2") _,
            out("r3") _,
            out("r12") _,
        );
    }
}

/// The same in Rust.
#[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
pub(super) unsafe fn one_row(task: &OutputRows, odd: usize) {
    use super::simd::{smlabt, smlad};
    let windows = windows(task, odd, |column, [first, second]| {
        (0..3).fold(task.bias, |sum, i| smlabt(column(i)[1], second[i], smlad(column(i)[0], first[i], sum)))
    });
    for (window, sum) in windows.enumerate() {
        // SAFETY: the caller answers for the pixels.
        unsafe { task.output.add(window * task.channels).write(task.rescale.apply(sum)) };
    }
}

/// What `sum` makes of each window: of its columns `[above, below]` and the weights.
#[cfg(not(any(hilbench_isa = "dsp", hilbench_isa = "mve")))]
fn windows<T>(
    task: &OutputRows,
    odd: usize,
    sum: impl Fn(&dyn Fn(usize) -> [u32; 2], [[u32; 3]; 2]) -> T,
) -> impl Iterator<Item = T> {
    use super::simd::sxtb16;
    // SAFETY: a filter has three columns of three bytes.
    let weights = unsafe { *task.weights.cast::<[[u8; 3]; 3]>() };
    let halves = |taps: [u8; 2]| sxtb16(u32::from_le_bytes([taps[0], 0, taps[1], 0]));
    let weights = [weights.map(|[w0, w1, _]| halves([w0, w1])), weights.map(|[_, w1, w2]| halves([w1, w2]))];
    let mut columns = task.columns;
    core::iter::from_fn(move || {
        let column = |i: usize| {
            // SAFETY: the caller answers for the columns.
            let [even, odd_place] = unsafe { *columns.add(COLUMN * i).cast::<[u32; 2]>() };
            if odd == 0 { [even, odd_place] } else { [odd_place, even] }
        };
        let result = (columns != task.end).then(|| sum(&column, weights));
        columns = columns.wrapping_add(task.step / 4);
        result
    })
}
