//! Pools, a vector of channels at a time. Refuses averages over more taps than 16 bits can sum.

use super::windows::{Window, average, largest};
use crate::optimized::generic::clamp_all;
use crate::optimized::pool_windows::{PoolWindow, for_each_pool_window};
use crate::params::Pool2d;

/// Taps whose sum fits 16 bits.
const TAPS: usize = 256;

/// Whether [`average_pool2d`] runs this shape.
#[must_use]
pub const fn average_pool2d_takes(p: &Pool2d) -> bool {
    p.window.filter_h * p.window.filter_w <= TAPS
}

/// Keeps the largest value of each window, with or without dilation.
#[inline(never)]
pub fn max_pool2d(p: &Pool2d, input: &[i8], output: &mut [i8]) {
    // One copy for all layers.
    let p = core::hint::black_box(p);
    for_each_pool_window(p, |window| {
        let out = &mut output[window.output..window.output + p.channels];
        if window.rows == 0 {
            return out.fill(p.activation.min.min(p.activation.max) as i8);
        }
        // SAFETY: the input was sliced from the first tap to the last, with all channels.
        unsafe { largest(&of(window, window.of(p, input), out), p.activation.min, p.activation.max) };
    });
}

/// Averages each window over the taps inside the input, ties away from zero.
#[inline(never)]
pub fn average_pool2d(p: &Pool2d, input: &[i8], output: &mut [i8]) {
    // One copy for all layers.
    let p = core::hint::black_box(p);
    let (mut count, mut reciprocal) = (0, 0);
    for_each_pool_window(p, |window| {
        let out = &mut output[window.output..window.output + p.channels];
        let taps = (window.rows * window.columns) as i32;
        if taps == 0 {
            return out.fill(0);
        }
        let task = of(window, window.of(p, input), out);
        if taps == 1 {
            // The element itself. SAFETY: as above.
            return unsafe { largest(&task, -128, 127) };
        }
        if taps != count {
            // `2^31 / count`, rounded up: see the same of the DSP extension.
            count = taps;
            reciprocal = (1 << 30) / count * 2 + (1 << 30) % count * 2 / count + 1;
        }
        // SAFETY: as above.
        unsafe { average(&task, count / 2, reciprocal) };
    });
    let output_len = p.batches * p.window.output_h * p.window.output_w * p.channels;
    clamp_all(&mut output[..output_len], p.activation.min, p.activation.max);
}

fn of(window: &PoolWindow, input: &[i8], out: &mut [i8]) -> Window {
    Window {
        first: input.as_ptr(),
        columns: window.columns,
        rows: window.rows,
        step: window.step,
        row_step: window.row_step,
        output: out.as_mut_ptr(),
        channels: out.len(),
    }
}
