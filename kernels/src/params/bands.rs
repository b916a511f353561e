//! Calls cut into bands of output rows: the same kernel on a part of its input. What a band does not read any more may
//! be overwritten by its output, so that input and output of a layer can share memory and no slice overlaps another.

use core::ops::Range;

use super::{
    Add, Broadcast, Conv2d, Conv2dF32, DepthwiseConv2d, DepthwiseConv2dF32, Mul, Pool2d, QLinearAdd, QLinearConv2d,
    QLinearDepthwiseConv2d, QLinearMul, Window2d,
};
use crate::shape::MAX_RANK;

/// A part of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Band<P> {
    /// Parameters of the part.
    pub params: P,
    /// Elements that it reads of each operand; operators with one operand leave the second empty.
    pub inputs: [Range<usize>; 2],
    /// Elements that it writes.
    pub output: Range<usize>,
}

/// Parameters whose call can be cut.
pub trait Bands: Sized {
    /// Rows that it can be cut between; 1 where it cannot be cut.
    fn rows(&self) -> usize;

    /// The part that writes `rows` rows from row `first` on, which are there.
    fn band(&self, first: usize, rows: usize) -> Band<Self>;
}

/// So many elements, each computed from the one in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elements(pub usize);

impl Bands for Elements {
    fn rows(&self) -> usize {
        self.0
    }

    fn band(&self, first: usize, rows: usize) -> Band<Self> {
        let range = first..first + rows;
        Band { params: Elements(rows), inputs: [range.clone(), 0..0], output: range }
    }
}

/// One axis of a window, and how many windows there are.
struct Axis {
    input: usize,
    filter: usize,
    stride: usize,
    dilation: usize,
    pad: usize,
    output: usize,
}

impl Axis {
    /// Along which a window is cut: down, or across where there is but one row.
    fn of(w: &Window2d) -> Self {
        if is_flat(w) {
            Axis {
                input: w.input_w,
                filter: w.filter_w,
                stride: w.stride_w,
                dilation: w.dilation_w,
                pad: w.pad_left,
                output: w.output_w,
            }
        } else {
            Axis {
                input: w.input_h,
                filter: w.filter_h,
                stride: w.stride_h,
                dilation: w.dilation_h,
                pad: w.pad_top,
                output: w.output_h,
            }
        }
    }

    /// Whether every window has a tap inside of the input, so that no band reads nothing.
    fn meets_input(&self) -> bool {
        self.output > 0
            && self.pad <= (self.filter - 1) * self.dilation
            && (self.output - 1) * self.stride < self.input + self.pad
    }

    /// Input rows under output rows, and the padding before them.
    fn under(&self, first: usize, rows: usize) -> (Range<usize>, usize) {
        let (from, pad) = (first * self.stride, self.pad);
        let end = (from + (rows - 1) * self.stride + (self.filter - 1) * self.dilation + 1).saturating_sub(pad);
        (from.saturating_sub(pad)..end.min(self.input), pad.saturating_sub(from))
    }
}

/// Whether input and output are one row each.
fn is_flat(w: &Window2d) -> bool {
    w.input_h == 1 && w.output_h == 1
}

/// Rows of a window's output.
fn window_rows(batches: usize, w: &Window2d) -> usize {
    let axis = Axis::of(w);
    if batches == 1 && axis.meets_input() { axis.output } else { 1 }
}

/// Part of a window, with the input and output elements of it.
fn window_band(w: &Window2d, channels: (usize, usize), first: usize, rows: usize) -> (Window2d, [Range<usize>; 2]) {
    let (input, pad) = Axis::of(w).under(first, rows);
    let flat = is_flat(w);
    let (row, output_row) =
        if flat { (channels.0, channels.1) } else { (w.input_w * channels.0, w.output_w * channels.1) };
    let ranges = [input.start * row..input.end * row, first * output_row..(first + rows) * output_row];
    let part = if flat {
        Window2d { input_w: input.len(), pad_left: pad, output_w: rows, ..*w }
    } else {
        Window2d { input_h: input.len(), pad_top: pad, output_h: rows, ..*w }
    };
    (part, ranges)
}

/// Parameters with a window of their own: which fields hold input and output channels.
macro_rules! windowed {
    ($($params:ty: $p:ident => ($input:expr, $output:expr);)*) => {$(
        impl Bands for $params {
            fn rows(&self) -> usize {
                window_rows(self.batches, &self.window)
            }

            fn band(&self, first: usize, rows: usize) -> Band<Self> {
                let $p = self;
                let (window, [input, output]) = window_band(&self.window, ($input, $output), first, rows);
                Band { params: Self { window, ..*self }, inputs: [input, 0..0], output }
            }
        }
    )*};
}
windowed! {
    Conv2d: p => (p.input_channels, p.output_channels);
    Conv2dF32: p => (p.input_channels, p.output_channels);
    DepthwiseConv2d: p => (p.channels, p.channels * p.multiplier);
    DepthwiseConv2dF32: p => (p.channels, p.channels * p.multiplier);
    Pool2d: p => (p.channels, p.channels);
}

impl Bands for Broadcast {
    fn rows(&self) -> usize {
        if self.dims.contains(&0) { 1 } else { self.dims[self.outermost()] }
    }

    fn band(&self, first: usize, rows: usize) -> Band<Self> {
        let axis = self.outermost();
        let mut params = *self;
        params.dims[axis] = rows;
        let range = |strides: &[usize; MAX_RANK]| {
            let start = first * strides[axis];
            start..start + 1 + params.dims.iter().zip(strides).map(|(d, s)| (d - 1) * s).sum::<usize>()
        };
        let inner: usize = self.dims[axis + 1..].iter().product();
        let inputs = [range(&self.strides1), range(&self.strides2)];
        Band { params, inputs, output: first * inner..(first + rows) * inner }
    }
}

impl Broadcast {
    /// The outermost dimension that is not 1, or the last.
    fn outermost(&self) -> usize {
        self.dims.iter().position(|&d| d != 1).unwrap_or(MAX_RANK - 1)
    }
}

/// Parameters around others that can be cut.
macro_rules! around {
    ($($params:ty: $inner:ident;)*) => {$(
        impl Bands for $params {
            fn rows(&self) -> usize {
                self.$inner.rows()
            }

            fn band(&self, first: usize, rows: usize) -> Band<Self> {
                let band = self.$inner.band(first, rows);
                Band { params: Self { $inner: band.params, ..*self }, inputs: band.inputs, output: band.output }
            }
        }
    )*};
}
around! {
    Add: broadcast;
    Mul: broadcast;
    QLinearAdd: broadcast;
    QLinearConv2d: conv;
    QLinearDepthwiseConv2d: conv;
    QLinearMul: broadcast;
}
