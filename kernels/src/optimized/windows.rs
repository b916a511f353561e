//! Walks over the windows of an image in the order of the output, several at a time. Knows geometry; knows no values.

use crate::params::Window2d;

/// The windows of one image, `N` at a time. Behind the last window it comes again.
pub(super) struct Windows<const N: usize> {
    /// Number of the first output pixel.
    pub(super) first: usize,
    /// Output pixels from the first one to each.
    pub(super) steps: [usize; N],
    /// Element of the image under the first tap of each, if the windows lie inside.
    pub(super) places: [usize; N],
    /// Whether all windows lie inside of the image.
    pub(super) inside: bool,
    /// Output pixels of a row.
    width: usize,
    /// The same, or of all rows where they do not matter.
    output_w: usize,
    pixel_count: usize,
    /// Elements from window to window, down and to the right.
    step: (usize, usize),
    /// From the first window to the image: the padding before it.
    padding: usize,
    /// The first row of windows that lie inside of the image, and how many there are; the same of columns.
    inner: [(usize, usize); 2],
    /// Places from here on have too little behind them.
    end: usize,
    /// Number of the next output pixel, and its column.
    next: usize,
    x: usize,
    /// Columns of this row from which on all windows of a turn are inside, and how many; place of the first column.
    run: (usize, usize, usize),
}

impl<const N: usize> Windows<N> {
    /// All windows. Of the last filter row `read` elements are read; a window is inside only if so many are there.
    pub(super) fn new(w: &Window2d, channels: usize, read: usize) -> Self {
        let (mut input, mut output) = ([w.input_h, w.input_w], [w.output_h, w.output_w]);
        if w.filter_h * w.filter_w * w.stride_h * w.stride_w == 1 && w.pad_top + w.pad_left == 0 && input == output {
            // Rows do not matter to windows of one pixel.
            (input, output) = ([1, input[0] * input[1]], [1, output[0] * output[1]]);
        }
        let row_len = input[1] * channels;
        let last = (w.filter_h - 1) * w.dilation_h * row_len + read;
        let mut windows = Windows {
            first: 0,
            steps: [0; N],
            places: [0; N],
            inside: false,
            width: w.output_w,
            output_w: output[1],
            pixel_count: output[0] * output[1],
            step: (w.stride_h * row_len, w.stride_w * channels),
            padding: w.pad_top * row_len + w.pad_left * channels,
            inner: [
                inner(output[0], w.stride_h, (w.filter_h - 1) * w.dilation_h + 1, w.pad_top, input[0]),
                inner(output[1], w.stride_w, (w.filter_w - 1) * w.dilation_w + 1, w.pad_left, input[1]),
            ],
            end: (input[0] * row_len + 1).saturating_sub(last),
            next: 0,
            x: 0,
            run: (0, 0, 0),
        };
        windows.start_row(0);
        windows
    }

    /// Goes on to the next windows, if there are any.
    #[inline(always)]
    pub(super) fn advance(&mut self) -> bool {
        self.first = self.next;
        let (start, len, place) = self.run;
        if self.x.wrapping_sub(start) >= len {
            return self.advance_slowly();
        }
        let place = place.wrapping_add(self.x * self.step.1);
        self.places = core::array::from_fn(|i| place + i * self.step.1);
        self.steps = core::array::from_fn(|i| i);
        self.inside = true;
        self.next += N;
        self.x += N;
        if self.x == self.output_w {
            self.start_row(self.next / self.output_w);
        }
        true
    }

    /// Output row and column of each window.
    pub(super) fn at(&self) -> [(usize, usize); N] {
        self.steps.map(|step| ((self.first + step) / self.width, (self.first + step) % self.width))
    }

    /// Past the end of rows, and along the borders.
    #[inline(never)]
    fn advance_slowly(&mut self) -> bool {
        if self.next >= self.pixel_count {
            return false;
        }
        let last = self.pixel_count - 1 - self.first;
        self.steps = core::array::from_fn(|i| i.min(last));
        self.inside = true;
        let [(first_y, rows), (first_x, columns)] = self.inner;
        for (place, step) in self.places.iter_mut().zip(self.steps) {
            let (y, x) = ((self.first + step) / self.output_w, (self.first + step) % self.output_w);
            *place = (y * self.step.0 + x * self.step.1).wrapping_sub(self.padding);
            self.inside &= y.wrapping_sub(first_y) < rows && x.wrapping_sub(first_x) < columns && *place < self.end;
        }
        self.next += N;
        self.start_row(self.next / self.output_w);
        true
    }

    /// Finds the run of row `y`, with the next pixel in it.
    fn start_row(&mut self, y: usize) {
        let [(first_y, rows), (first_x, columns)] = self.inner;
        self.x = self.next - y * self.output_w;
        let place = (y * self.step.0).wrapping_sub(self.padding);
        let room = self.end.saturating_sub(place.wrapping_add(first_x * self.step.1)).div_ceil(self.step.1);
        let columns = if y.wrapping_sub(first_y) < rows { columns.min(room) } else { 0 };
        self.run = (first_x, (columns + 1).saturating_sub(N), place);
    }
}

/// The first window inside along one axis, and how many there are.
fn inner(output: usize, stride: usize, span: usize, pad: usize, input: usize) -> (usize, usize) {
    let first = pad.div_ceil(stride);
    let end = if input + pad < span { 0 } else { (input + pad - span) / stride + 1 };
    (first, end.min(output).saturating_sub(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_comes_in_order_and_inside_is_said_of_those_that_meet_no_padding() {
        let w = Window2d {
            input_h: 5,
            input_w: 7,
            filter_h: 3,
            filter_w: 2,
            stride_h: 2,
            stride_w: 3,
            dilation_h: 1,
            dilation_w: 2,
            pad_top: 1,
            pad_left: 2,
            output_h: 3,
            output_w: 3,
        };
        let mut windows = Windows::<2>::new(&w, 10, 30);
        let mut pixels = 0;
        while windows.advance() {
            assert_eq!(windows.first, pixels);
            let mut all_inside = true;
            for i in 0..2 {
                let pixel = (pixels + i).min(8);
                assert_eq!((pixels + windows.steps[i], windows.at()[i]), (pixel, (pixel / 3, pixel % 3)));
                let (y, x) = ((pixel / 3 * 2) as isize - 1, (pixel % 3 * 3) as isize - 2);
                let inside = y >= 0 && x >= 0 && y + 3 <= 5 && x + 3 <= 7;
                if inside {
                    assert_eq!(windows.places[i], (y * 70 + x * 10) as usize);
                }
                all_inside &= inside;
            }
            assert_eq!(windows.inside, all_inside, "pixel {pixels}");
            pixels += 2;
        }
        assert_eq!(pixels, 10);
    }

    #[test]
    fn windows_without_room_behind_them_are_not_inside() {
        let w = Window2d {
            input_h: 3,
            input_w: 4,
            filter_h: 1,
            filter_w: 1,
            stride_h: 1,
            stride_w: 1,
            dilation_h: 1,
            dilation_w: 1,
            pad_top: 0,
            pad_left: 0,
            output_h: 3,
            output_w: 4,
        };
        let mut windows = Windows::<3>::new(&w, 3, 4);
        let mut inside = [false; 4];
        for (turn, inside) in inside.iter_mut().enumerate() {
            assert!(windows.advance());
            *inside = windows.inside;
            assert_eq!(windows.at(), [3 * turn, 3 * turn + 1, 3 * turn + 2].map(|pixel| (pixel / 4, pixel % 4)));
        }
        assert!(!windows.advance());
        assert_eq!(inside, [true, true, true, false]);
    }
}
