//! Seeded shapes, parameters and values that lean towards the edges. Knows no kernel.

use crate::params::{
    Add, Broadcast, Clamp, Conv2d, DepthwiseConv2d, FullyConnected, Mean, Mul, Pool2d, QLinearAdd, QLinearConv2d,
    QLinearDepthwiseConv2d, QLinearMul, Reduce, Requant, ResizeNearest, ScaleF32, Softmax, StridedCopy, Window2d,
};
use crate::reference::qlinear::add_offset;
use crate::shape::{MAX_RANK, dense_strides, elements, window_count};

/// Largest channel count drawn.
pub(super) const MAX_CHANNELS: usize = 40;

/// A pseudo-random source (xorshift) and the size that it draws up to.
pub(super) struct Draw {
    state: u32,
    shrink: usize,
}

impl Draw {
    pub(super) fn new(seed: u32) -> Self {
        // Zero is the one state that never changes.
        Self { state: seed.wrapping_mul(0x9E37_79B9).wrapping_add(0x7F4A_7C15) | 1, shrink: 1 }
    }

    /// The next shapes are smaller; enough calls make all of them one element.
    pub(super) fn shrink(&mut self) {
        self.shrink += 1;
    }

    /// The next shapes have any size again.
    pub(super) fn grow(&mut self) {
        self.shrink = 1;
    }

    fn next(&mut self) -> u32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        self.state
    }

    /// From 0 to `end - 1`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() >> 8) as usize % end
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn between(&mut self, low: i32, high: i32) -> i32 {
        low + self.below((high - low + 1) as usize) as i32
    }

    /// From 1 to `max`, less when shapes shrink.
    fn size(&mut self, max: usize) -> usize {
        1 + self.below((max / self.shrink).max(1))
    }

    fn zero_point(&mut self) -> i32 {
        match self.below(4) {
            0 => -128,
            1 => 127,
            2 => 0,
            _ => self.between(-128, 127),
        }
    }

    fn clamp(&mut self) -> Clamp {
        if self.one_in(2) {
            return Clamp { min: -128, max: 127 };
        }
        let (a, b) = (self.between(-128, 127), self.between(-128, 127));
        Clamp { min: a.min(b), max: a.max(b) }
    }

    /// A factor whose results mostly fit eight bits, and now and then one that overflows, vanishes or is zero.
    fn requant(&mut self) -> Requant {
        let multiplier = match self.below(8) {
            0 => 0,
            1 => 1 << 30,
            2 => i32::MAX,
            _ => (1 << 30) + (self.next() >> 2) as i32,
        };
        let shift = match self.below(8) {
            0 => self.between(1, 30),
            1 => self.between(-31, -15),
            _ => self.between(-14, 0),
        };
        Requant { multiplier, shift }
    }

    /// Fills with values of one style: any, only extremes, one extreme, or small ones.
    pub(super) fn values(&mut self, out: &mut [i8]) {
        match self.below(6) {
            0 => out.iter_mut().for_each(|x| *x = if self.one_in(2) { -128 } else { 127 }),
            1 => out.fill(if self.one_in(2) { -128 } else { 127 }),
            2 => out.iter_mut().for_each(|x| *x = self.between(-2, 2) as i8),
            _ => out.iter_mut().for_each(|x| *x = self.next() as i8),
        }
    }

    /// Of any size, extremes among them, or all of a size that models have.
    pub(super) fn bias(&mut self, out: &mut [i32]) {
        let (bits, ordinary) = (self.below(32) as u32, self.one_in(2));
        out.iter_mut().for_each(|x| {
            *x = match self.below(16) {
                _ if ordinary => self.next() as i32 >> bits.max(6),
                0 => i32::MIN,
                1 => i32::MAX,
                _ => self.next() as i32 >> bits,
            }
        });
    }

    /// Any factors, or all of them below a half, as models have them.
    pub(super) fn requants(&mut self, out: &mut [Requant]) {
        let ordinary = self.one_in(2);
        out.iter_mut().for_each(|r| {
            *r = self.requant();
            if ordinary {
                r.shift = self.between(-14, -1);
            }
        });
    }

    /// A factor whose results mostly fit eight bits, a short one half of the time, for the sake of ties.
    fn scale(&mut self) -> ScaleF32 {
        let exponent = match self.below(8) {
            0 => self.between(-60, 30),
            _ => self.between(-14, 0),
        };
        let fraction = if self.one_in(2) { self.next() & 0x60_0000 } else { self.next() & 0x7F_FFFF };
        ScaleF32(f32::from_bits(((exponent + 127) as u32) << 23 | fraction))
    }

    pub(super) fn scales(&mut self, out: &mut [ScaleF32]) {
        out.iter_mut().for_each(|s| *s = self.scale());
    }

    /// With filters of any size, or all of one.
    fn window(&mut self, max_dilation: usize, filter: Option<usize>) -> Window2d {
        let (input_h, filter_h, stride_h, dilation_h, pad_top, output_h) = self.window_axis(max_dilation, filter);
        let (input_w, filter_w, stride_w, dilation_w, pad_left, output_w) = self.window_axis(max_dilation, filter);
        Window2d {
            input_h,
            input_w,
            filter_h,
            filter_w,
            stride_h,
            stride_w,
            dilation_h,
            dilation_w,
            pad_top,
            pad_left,
            output_h,
            output_w,
        }
    }

    /// `(input, filter, stride, dilation, padding before, output)`: with more padding than the filter needs, strides
    /// longer than the filter, and single elements among them.
    fn window_axis(
        &mut self,
        max_dilation: usize,
        filter: Option<usize>,
    ) -> (usize, usize, usize, usize, usize, usize) {
        loop {
            let input = self.size(9);
            let any = if self.one_in(3) { 1 } else { self.size(5) };
            let filter = filter.unwrap_or(any);
            let stride = if self.one_in(2) { 1 } else { self.size(7) };
            let dilation = self.size(max_dilation);
            let (before, after) = match self.below(3) {
                0 => (0, 0),
                1 => (filter / 2, filter / 2),
                _ => (self.size(7) - 1, self.size(7) - 1),
            };
            let output = window_count(input, filter, stride, dilation, before + after);
            if output > 0 {
                return (input, filter, stride, dilation, before, output);
            }
        }
    }

    pub(super) fn conv2d(&mut self) -> Conv2d {
        let groups = if self.one_in(4) { self.size(4) } else { 1 };
        let filter_channels = self.size(MAX_CHANNELS / groups);
        Conv2d {
            batches: self.size(2),
            window: if self.one_in(2) { self.window(1, None) } else { self.window(3, None) },
            input_channels: groups * filter_channels,
            filter_channels,
            output_channels: groups * self.size(MAX_CHANNELS / groups),
            input_zero_point: self.zero_point(),
            output_zero_point: self.zero_point(),
            activation: self.clamp(),
        }
    }

    pub(super) fn depthwise_conv2d(&mut self) -> DepthwiseConv2d {
        // Half of them as nearly all models have them.
        let plain = self.one_in(2);
        let multiplier = if plain || self.one_in(2) { 1 } else { self.size(20) };
        DepthwiseConv2d {
            batches: self.size(2),
            window: if plain { self.window(1, Some(3)) } else { self.window(3, None) },
            channels: self.size(MAX_CHANNELS / multiplier),
            multiplier,
            input_zero_point: self.zero_point(),
            output_zero_point: self.zero_point(),
            activation: self.clamp(),
        }
    }

    pub(super) fn fully_connected(&mut self) -> FullyConnected {
        FullyConnected {
            batches: self.size(3),
            input_depth: self.size(100),
            output_depth: self.size(MAX_CHANNELS),
            input_zero_point: self.zero_point(),
            weights_zero_point: 0,
            output_zero_point: self.zero_point(),
            activation: self.clamp(),
        }
    }

    pub(super) fn pool2d(&mut self) -> Pool2d {
        Pool2d {
            batches: self.size(2),
            window: self.window(1, None),
            channels: self.size(MAX_CHANNELS),
            activation: self.clamp(),
        }
    }

    /// Over any axes, or over height and width as nearly all models have it.
    pub(super) fn mean(&mut self) -> Mean {
        let any = self.one_in(2);
        let mut reduce = Reduce { dims: [1; MAX_RANK], reduced: [false; MAX_RANK] };
        for axis in 2..MAX_RANK {
            reduce.dims[axis] = self.size(if axis == MAX_RANK - 1 { MAX_CHANNELS } else { 7 });
            reduce.reduced[axis] = if any { self.one_in(2) } else { axis == 3 || axis == 4 };
        }
        Mean {
            reduce,
            input_zero_point: self.zero_point(),
            output_zero_point: self.zero_point(),
            output: self.requant(),
        }
    }

    pub(super) fn softmax(&mut self) -> Softmax {
        let shift = self.between(16, 30);
        Softmax {
            rows: self.size(4),
            depth: self.size(100),
            input: Requant { shift, multiplier: (1 << 30) + (self.next() >> 2) as i32 },
            diff_min: -((31 << 26) >> shift),
        }
    }

    pub(super) fn resize_nearest_neighbor(&mut self) -> ResizeNearest {
        ResizeNearest {
            batches: self.size(2),
            input_h: self.size(7),
            input_w: self.size(7),
            output_h: self.size(12),
            output_w: self.size(12),
            channels: self.size(MAX_CHANNELS),
            align_corners: self.one_in(2),
            half_pixel_centers: self.one_in(2),
        }
    }

    /// Operands that repeat along any axes, and the number of elements each has.
    fn broadcast(&mut self) -> (Broadcast, usize, usize) {
        let mut dims = [1; MAX_RANK];
        for size in &mut dims[1..] {
            *size = if self.one_in(2) { 1 } else { self.size(4) };
        }
        dims[MAX_RANK - 1] = self.size(MAX_CHANNELS);
        let (strides1, len1) = self.operand(&dims);
        let (strides2, len2) = self.operand(&dims);
        (Broadcast { dims, strides1, strides2 }, len1, len2)
    }

    fn operand(&mut self, dims: &[usize; MAX_RANK]) -> ([usize; MAX_RANK], usize) {
        let repeats = self.one_in(2);
        let own = dims.map(|size| if repeats && self.one_in(3) { 1 } else { size });
        let dense = dense_strides(&own);
        (core::array::from_fn(|i| if own[i] == 1 { 0 } else { dense[i] }), elements(&own))
    }

    /// Parameters, and the number of elements of each operand.
    pub(super) fn add(&mut self) -> (Add, usize, usize) {
        let (broadcast, len1, len2) = self.broadcast();
        let mut p = Add {
            broadcast,
            input1_zero_point: self.zero_point(),
            input2_zero_point: self.zero_point(),
            output_zero_point: self.zero_point(),
            left_shift: 20,
            input1: self.requant(),
            input2: self.requant(),
            output: Requant { shift: self.between(-24, -12), ..self.requant() },
            activation: self.clamp(),
        };
        if self.one_in(2) {
            // As models have it: one half for the coarser operand, less for the other.
            let half = Requant { multiplier: 1 << 30, shift: 0 };
            let other = Requant { shift: self.between(-8, 0), ..self.requant() };
            (p.input1, p.input2) = if self.one_in(2) { (half, other) } else { (other, half) };
        }
        (p, len1, len2)
    }

    /// Parameters, and the number of elements of each operand.
    pub(super) fn mul(&mut self) -> (Mul, usize, usize) {
        let (broadcast, len1, len2) = self.broadcast();
        let p = Mul {
            broadcast,
            input1_zero_point: self.zero_point(),
            input2_zero_point: self.zero_point(),
            output_zero_point: self.zero_point(),
            output: self.requant(),
            activation: self.clamp(),
        };
        (p, len1, len2)
    }

    pub(super) fn qlinear_conv2d(&mut self) -> QLinearConv2d {
        let conv = self.conv2d();
        QLinearConv2d { conv, weights_zero_point: self.weights_zero_point() }
    }

    pub(super) fn qlinear_depthwise_conv2d(&mut self) -> QLinearDepthwiseConv2d {
        QLinearDepthwiseConv2d { conv: self.depthwise_conv2d(), weights_zero_point: 0 }
    }

    pub(super) fn qlinear_fully_connected(&mut self) -> FullyConnected {
        let p = self.fully_connected();
        FullyConnected { weights_zero_point: self.weights_zero_point(), ..p }
    }

    fn weights_zero_point(&mut self) -> i32 {
        if self.one_in(2) { 0 } else { self.zero_point() }
    }

    /// Parameters, and the number of elements of each operand.
    pub(super) fn qlinear_add(&mut self) -> (QLinearAdd, usize, usize) {
        let (broadcast, len1, len2) = self.broadcast();
        let (scale1, scale2) = (self.scale(), self.scale());
        let (zero_point1, zero_point2, output) = (self.zero_point(), self.zero_point(), self.zero_point());
        let offset = add_offset(scale1.0, zero_point1, scale2.0, zero_point2, output);
        (QLinearAdd { broadcast, scale1, scale2, offset, activation: self.clamp() }, len1, len2)
    }

    /// Parameters, and the number of elements of each operand.
    pub(super) fn qlinear_mul(&mut self) -> (QLinearMul, usize, usize) {
        let (broadcast, len1, len2) = self.broadcast();
        let p = QLinearMul {
            broadcast,
            input1_zero_point: self.zero_point(),
            input2_zero_point: self.zero_point(),
            output_zero_point: self.zero_point(),
            scale: self.scale(),
            activation: self.clamp(),
        };
        (p, len1, len2)
    }

    /// A block that is walked in any direction and any order, and the sizes of both tensors.
    pub(super) fn strided_copy(&mut self) -> (StridedCopy, usize, usize) {
        let mut dims = [1; MAX_RANK];
        for size in &mut dims[2..] {
            *size = self.size(6);
        }
        let dense_rows = self.one_in(2);
        let (input_start, input_strides, input_len) = self.side(&dims, dense_rows);
        let (output_start, output_strides, output_len) = self.side(&dims, dense_rows);
        (StridedCopy { dims, input_start, input_strides, output_start, output_strides }, input_len, output_len)
    }

    fn side(&mut self, dims: &[usize; MAX_RANK], dense_rows: bool) -> (usize, [isize; MAX_RANK], usize) {
        let mut order: [usize; MAX_RANK] = core::array::from_fn(|i| i);
        if !dense_rows {
            for i in (1..MAX_RANK).rev() {
                order.swap(i, self.below(i + 1));
            }
        }
        let mut strides = [0; MAX_RANK];
        let (mut start, mut len) = (0, 1);
        for &axis in order.iter().rev() {
            let gap = if dense_rows && axis == MAX_RANK - 1 { 1 } else { 1 + self.below(2) };
            strides[axis] = (len * gap) as isize;
            if !dense_rows && self.one_in(4) {
                start += (dims[axis] - 1) * len * gap;
                strides[axis] = -strides[axis];
            }
            len *= dims[axis] * gap;
        }
        (start, strides, len)
    }
}
