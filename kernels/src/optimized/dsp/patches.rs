//! The patches under three output pixels of a convolution, widened to 16 bits and interleaved as the sums read them.
//!
//! The taps of a filter row that lie side by side in the image are a run, which is read in whole words: what lies behind
//! a run meets weights of zero. Runs that meet padding, or the image's end, are copied first. Where runs are so short that
//! much would be multiplied with zeros, all are copied, without a gap between them.

use super::dots::WidenThree;
use crate::optimized::windows::Windows;
use crate::params::Conv2d;

/// Output pixels a pass.
pub(super) const PIXELS: usize = 3;

/// Taps of a filter row that lie side by side in the image.
const fn run_taps(p: &Conv2d) -> usize {
    if p.window.dilation_w == 1 { p.window.filter_w } else { 1 }
}

/// Elements of such a run.
const fn run_len(p: &Conv2d) -> usize {
    run_taps(p) * p.filter_channels
}

const fn runs(p: &Conv2d) -> usize {
    p.window.filter_h * (p.window.filter_w / run_taps(p))
}

/// Words of four taps when every run is padded to whole words, and when all are copied without a gap between them.
const fn padded_and_dense(p: &Conv2d) -> (usize, usize) {
    (runs(p) * run_len(p).div_ceil(4), (runs(p) * run_len(p)).div_ceil(4))
}

/// Whether runs are copied without a gap between them: where that saves more than it takes. A word of a pair of filters
/// takes nineteen instructions, copying a word of three patches eight.
const fn is_dense(p: &Conv2d) -> bool {
    let (padded, dense) = padded_and_dense(p);
    (padded - dense) * 19 * p.output_channels.div_ceil(2) > 8 * padded
}

/// Words of four taps.
pub(super) const fn groups(p: &Conv2d) -> usize {
    let (padded, dense) = padded_and_dense(p);
    if is_dense(p) { dense } else { padded }
}

/// The tap at byte `byte` of a filter's words, or nothing.
pub(super) fn tap_at(p: &Conv2d, byte: usize) -> Option<usize> {
    let (run_len, run_bytes) = (run_len(p), run_len(p).next_multiple_of(4));
    if is_dense(p) {
        return (byte < runs(p) * run_len).then_some(byte);
    }
    (byte % run_bytes < run_len).then_some(byte / run_bytes * run_len + byte % run_bytes)
}

/// Whether no run is ever copied.
const fn reads_in_place(p: &Conv2d) -> bool {
    let w = &p.window;
    let last_row = (w.output_h - 1) * w.stride_h + (w.filter_h - 1) * w.dilation_h;
    let last_column = (w.output_w - 1) * w.stride_w + (w.filter_w - 1) * w.dilation_w;
    let inside = w.pad_top == 0 && w.pad_left == 0 && last_row < w.input_h && last_column < w.input_w;
    run_len(p).is_multiple_of(4) && inside
}

/// Words of scratch: three widened patches, and three runs that are copied, or three patches, with room behind each for
/// what its last word reads in excess.
pub(super) const fn patches_scratch(p: &Conv2d) -> usize {
    let copied = if is_dense(p) {
        groups(p) + 1
    } else if reads_in_place(p) {
        0
    } else {
        run_len(p).div_ceil(4)
    };
    PIXELS * (2 * groups(p) + copied)
}

/// Widens the patches of one image.
pub(super) struct Patches<'a> {
    p: &'a Conv2d,
    /// Elements of either signedness, by their bits.
    image: &'a [i8],
    /// The pixels whose patches are widened.
    pub(super) windows: Windows<PIXELS>,
    widen: WidenThree,
    /// Widened words of three patches.
    patch_words: usize,
    run_taps: usize,
    run_words: usize,
    /// Widened words of a run of three patches.
    run_patch: usize,
    /// Whether a filter row is one run.
    row_is_run: bool,
    /// Elements of the image from filter row to filter row.
    row_step: usize,
    dense: bool,
}

impl<'a> Patches<'a> {
    pub(super) fn new(p: &'a Conv2d, image: &'a [i8], widen: WidenThree) -> Self {
        let (run_taps, run_words) = (run_taps(p), run_len(p).div_ceil(4));
        Patches {
            p,
            image,
            windows: Windows::new(&p.window, p.input_channels, 4 * run_words),
            widen,
            patch_words: 2 * PIXELS * groups(p),
            run_taps,
            run_words,
            run_patch: 2 * PIXELS * run_words,
            row_is_run: run_taps == p.window.filter_w,
            row_step: p.window.dilation_h * p.window.input_w * p.input_channels,
            dense: is_dense(p),
        }
    }

    /// Widens the next patches into scratch, if there are any.
    #[inline(always)]
    pub(super) fn next(&mut self, scratch: &mut [u32]) -> bool {
        if !self.windows.advance() {
            return false;
        }
        let (patches, copies) = scratch.split_at_mut(self.patch_words);
        if self.dense {
            self.widen_dense(patches, copies);
            return true;
        }
        if !(self.windows.inside && self.row_is_run) {
            self.widen_runs(patches, copies);
            return true;
        }
        let mut from = self.windows.places.map(|place| self.image.as_ptr().wrapping_add(place));
        for to in patches.chunks_exact_mut(self.run_patch) {
            let to = to.as_mut_ptr_range();
            // SAFETY: the windows lie inside of the image, with whole words behind.
            unsafe { (self.widen)(&from, to.start, to.end) };
            from = from.map(|from| from.wrapping_add(self.row_step));
        }
        true
    }

    /// Run by run. Runs that meet padding or the image's end are copied.
    #[inline(never)]
    fn widen_runs(&self, patches: &mut [u32], copies: &mut [u32]) {
        let (p, image, at) = (self.p, self.image, self.windows.at());
        let w = &p.window;
        let (run_len, runs_of_row) = (run_len(p), w.filter_w / self.run_taps);
        assert!(copies.len() >= if reads_in_place(p) { 0 } else { PIXELS * self.run_words });
        let bytes = copies.as_mut_ptr().cast::<i8>();
        for (run, to) in patches.chunks_exact_mut(self.run_patch).enumerate() {
            let (filter_y, filter_x) = (run / runs_of_row, run % runs_of_row * self.run_taps);
            let mut from = [image.as_ptr(); PIXELS];
            for (i, &(y, x)) in at.iter().enumerate() {
                let y = (y * w.stride_h + filter_y * w.dilation_h) as isize - w.pad_top as isize;
                let x = (x * w.stride_w + filter_x * w.dilation_w) as isize - w.pad_left as isize;
                let at = (y * w.input_w as isize + x) * p.input_channels as isize;
                let inside = (y as usize) < w.input_h && x >= 0 && x as usize + self.run_taps <= w.input_w;
                if inside && at as usize + 4 * self.run_words <= image.len() {
                    from[i] = image[at as usize..].as_ptr();
                    continue;
                }
                // SAFETY: there is room for three runs of whole words: only where no run is copied there is none.
                let copy = unsafe { core::slice::from_raw_parts_mut(bytes.add(i * 4 * self.run_words), run_len) };
                from[i] = copy.as_ptr();
                self.copy_padded(y, x, copy);
            }
            let to = to.as_mut_ptr_range();
            // SAFETY: each run lies in the image or among the copies, with whole words.
            unsafe { (self.widen)(&from, to.start, to.end) };
        }
    }

    /// All runs copied, one behind the other.
    #[inline(never)]
    fn widen_dense(&self, patches: &mut [u32], copies: &mut [u32]) {
        let (w, run_len) = (&self.p.window, run_len(self.p));
        let words = copies.len() / PIXELS;
        let bytes = copies.as_mut_ptr().cast::<i8>();
        let places: [*mut i8; PIXELS] = core::array::from_fn(|i| bytes.wrapping_add(4 * words * i));
        if self.windows.inside && self.row_is_run {
            let mut from = self.windows.places.map(|place| self.image.as_ptr().wrapping_add(place));
            let mut to = places;
            for _ in 0..w.filter_h {
                for word in 0..self.run_words {
                    for i in 0..PIXELS {
                        // SAFETY: the windows lie inside of the image, with whole words behind; a patch has its groups and
                        // a word more.
                        unsafe {
                            let four = from[i].add(4 * word).cast::<u32>().read_unaligned();
                            to[i].add(4 * word).cast::<u32>().write_unaligned(four);
                        }
                    }
                }
                from = from.map(|from| from.wrapping_add(self.row_step));
                to = to.map(|to| to.wrapping_add(run_len));
            }
        } else {
            let runs_of_row = w.filter_w / self.run_taps;
            for (&place, (y, x)) in places.iter().zip(self.windows.at()) {
                // SAFETY: a patch has so many bytes, and more.
                let patch = unsafe { core::slice::from_raw_parts_mut(place, runs(self.p) * run_len) };
                for (run, copy) in patch.chunks_exact_mut(run_len).enumerate() {
                    let (filter_y, filter_x) = (run / runs_of_row, run % runs_of_row * self.run_taps);
                    let y = (y * w.stride_h + filter_y * w.dilation_h) as isize - w.pad_top as isize;
                    let x = (x * w.stride_w + filter_x * w.dilation_w) as isize - w.pad_left as isize;
                    self.copy_padded(y, x, copy);
                }
            }
        }
        let to = patches.as_mut_ptr_range();
        // SAFETY: each patch has its groups.
        unsafe { (self.widen)(&places.map(<*mut i8>::cast_const), to.start, to.end) };
    }

    /// The run that begins at row `y` and column `x`, zero points where it is padded.
    fn copy_padded(&self, y: isize, x: isize, copy: &mut [i8]) {
        let (p, w) = (self.p, &self.p.window);
        copy.fill(p.input_zero_point as i8);
        let first = x.clamp(0, w.input_w as isize);
        let end = (x + self.run_taps as isize).clamp(0, w.input_w as isize);
        if (y as usize) < w.input_h && first < end {
            let skipped = (first - x) as usize * p.input_channels;
            let part = (end - first) as usize * p.input_channels;
            let at = (y as usize * w.input_w + first as usize) * p.input_channels;
            copy_run(&self.image[at..at + part], &mut copy[skipped..skipped + part]);
        }
    }
}

/// Copies a short run.
#[inline(never)]
fn copy_run(from: &[i8], to: &mut [i8]) {
    let (words, rest) = from.as_chunks::<4>();
    let (to_words, to_rest) = to.as_chunks_mut::<4>();
    for (to, from) in to_words.iter_mut().zip(words) {
        *to = *from;
    }
    for (to, from) in to_rest.iter_mut().zip(rest) {
        *to = *from;
    }
}
