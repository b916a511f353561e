//! Sums of products by output channel, as convolutions and fully connected layers make them: which values they can
//! reach, which input channels they need, and what the others add to the bias. The same for every requantize form.

use std::ops::Range;

use hilbench_kernels::params::{Clamp, Conv2d, DepthwiseConv2d, FullyConnected, Requant, ScaleF32, Window2d};
use hilbench_kernels::requant::{Form, requantize};
use hilbench_kernels::shape::tap_range;

use super::channels::{Bounds, Cut, constant, union};

/// A layer of weighted sums.
pub(super) struct Products<'a> {
    /// `[output channels, taps, filter channels]`, the weights' zero point taken off.
    pub weights: &'a [i32],
    /// One an output channel, or none.
    pub bias: &'a [i32],
    /// Taps that some output sums up; a tap that falls on padding adds nothing. Each set once.
    pub sets: Vec<Vec<usize>>,
    /// Number of taps.
    pub taps: usize,
    /// Input channels that one output channel sees.
    pub filter_channels: usize,
    /// Output channels that see the same of them.
    pub filters_per_group: usize,
    /// Zero point of the input.
    pub zero_point: i32,
}

/// What bounds of a sum become of it.
pub(super) trait Finish {
    /// Bounds of the output where the sum lies within `low` and `high`.
    fn bounds(&self, channel: usize, low: i64, high: i64) -> Bounds;
}

/// One factor an output channel (or one for all), then zero point and clamp.
pub(super) struct Rescaled<'a, F> {
    /// The factors.
    pub factors: &'a [F],
    /// Zero point of the output.
    pub zero_point: i32,
    /// Fused activation.
    pub activation: Clamp,
}

/// A form that keeps the order of sums, unless they overflow.
pub(super) trait Monotonic: Form {
    /// Whether neither the factor nor the zero point makes `sum` wrap.
    fn is_plain(self, sum: i32, zero_point: i32) -> bool;
}

impl Monotonic for Requant {
    fn is_plain(self, sum: i32, zero_point: i32) -> bool {
        let shifted = i64::from(sum) << self.shift.max(0);
        i32::try_from(shifted).is_ok()
            && self.multiplier >= 0
            && requantize(sum, self).checked_add(zero_point).is_some()
    }
}

impl Monotonic for ScaleF32 {
    fn is_plain(self, _: i32, _: i32) -> bool {
        self.0 >= 0.0
    }
}

impl<F: Monotonic> Finish for Rescaled<'_, F> {
    fn bounds(&self, channel: usize, low: i64, high: i64) -> Bounds {
        let Clamp { min, max } = self.activation;
        let factor = self.factors[if self.factors.len() == 1 { 0 } else { channel }];
        match (i32::try_from(low), i32::try_from(high)) {
            (Ok(low), Ok(high)) if factor.is_plain(low, self.zero_point) && factor.is_plain(high, self.zero_point) => {
                let end = |sum| factor.finish(sum, self.zero_point, min, max);
                end(low)..=end(high)
            }
            // Crossing bounds answer the lower one, always.
            _ => min..=max.max(min),
        }
    }
}

/// The sets of taps that windows have inside of the input.
pub(super) fn tap_sets(w: &Window2d) -> Vec<Vec<usize>> {
    let distinct = |count: usize, range: &dyn Fn(usize) -> (usize, usize)| {
        let mut ranges: Vec<(usize, usize)> = (0..count).map(range).collect();
        ranges.sort_unstable();
        ranges.dedup();
        ranges
    };
    let rows = distinct(w.output_h, &|y| tap_range(y, w.stride_h, w.filter_h, w.dilation_h, w.pad_top, w.input_h));
    let columns = distinct(w.output_w, &|x| tap_range(x, w.stride_w, w.filter_w, w.dilation_w, w.pad_left, w.input_w));
    let taps = |rows: (usize, usize), columns: (usize, usize)| -> Vec<usize> {
        (rows.0..rows.1).flat_map(|y| (columns.0..columns.1).map(move |x| y * w.filter_w + x)).collect()
    };
    rows.iter().flat_map(|&r| columns.iter().map(move |&c| taps(r, c))).collect()
}

impl<'a> Products<'a> {
    /// A convolution, grouped or not.
    pub fn conv2d(p: &Conv2d, weights: &'a [i32], bias: &'a [i32]) -> Self {
        let groups = p.input_channels / p.filter_channels;
        Products {
            weights,
            bias,
            sets: tap_sets(&p.window),
            taps: p.window.filter_h * p.window.filter_w,
            filter_channels: p.filter_channels,
            filters_per_group: p.output_channels / groups,
            zero_point: p.input_zero_point,
        }
    }

    /// A depthwise convolution with weights `[output channels, taps]`.
    pub fn depthwise_conv2d(p: &DepthwiseConv2d, weights: &'a [i32], bias: &'a [i32]) -> Self {
        Products {
            weights,
            bias,
            sets: tap_sets(&p.window),
            taps: p.window.filter_h * p.window.filter_w,
            filter_channels: 1,
            filters_per_group: p.multiplier,
            zero_point: p.input_zero_point,
        }
    }

    /// A fully connected layer over a tensor of so many channels. A row may be several of its pixels: as many taps. `None`
    /// if it is something else.
    pub fn fully_connected(p: &FullyConnected, weights: &'a [i32], bias: &'a [i32], channels: usize) -> Option<Self> {
        if channels == 0 || !p.input_depth.is_multiple_of(channels) || weights.len() != p.input_depth * p.output_depth {
            return None;
        }
        let taps = p.input_depth / channels;
        Some(Products {
            weights,
            bias,
            sets: vec![(0..taps).collect()],
            taps,
            filter_channels: channels,
            filters_per_group: p.output_depth,
            zero_point: p.input_zero_point,
        })
    }

    fn outputs(&self) -> usize {
        self.weights.len() / (self.taps * self.filter_channels).max(1)
    }

    fn seen(&self, output: usize) -> Range<usize> {
        let first = output / self.filters_per_group * self.filter_channels;
        first..first + self.filter_channels
    }

    fn weight(&self, output: usize, tap: usize, seen: usize) -> i64 {
        self.weights[(output * self.taps + tap) * self.filter_channels + seen].into()
    }

    /// Bounds of every output channel. The sums are taken exactly, so bounds that fit in 32 bits are those of sums that
    /// wrap on their way too.
    pub fn bounds(&self, input: &[Bounds], finish: &dyn Finish) -> Vec<Bounds> {
        let bounds = |output: usize| {
            let tap = |tap: usize| {
                let (mut low, mut high) = (0, 0);
                for (i, c) in self.seen(output).enumerate() {
                    let w = self.weight(output, tap, i);
                    let ends =
                        [input[c].start(), input[c].end()].map(|&x| w * (i64::from(x) - i64::from(self.zero_point)));
                    low += ends[0].min(ends[1]);
                    high += ends[0].max(ends[1]);
                }
                (low, high)
            };
            let by_tap: Vec<(i64, i64)> = (0..self.taps).map(tap).collect();
            let bias = self.bias.get(output).map_or(0, |&b| b.into());
            let over_set = |set: &Vec<usize>| {
                let (low, high) = set.iter().fold((bias, bias), |(l, h), &t| (l + by_tap[t].0, h + by_tap[t].1));
                finish.bounds(output, low, high)
            };
            self.sets
                .iter()
                .map(over_set)
                .reduce(|a, b| union(&a, &b))
                .unwrap_or_else(|| finish.bounds(output, bias, bias))
        };
        (0..self.outputs()).map(bounds).collect()
    }

    /// What input channel number `i` of those that `output` sees adds to its sum: one number, if it is one constant that
    /// adds the same everywhere.
    fn addend(&self, output: usize, i: usize, input: &Bounds) -> Option<i64> {
        let sums = self.sets.iter().map(|set| set.iter().map(|&t| self.weight(output, t, i)).sum::<i64>());
        match constant(input) {
            Some(value) => {
                let distance = i64::from(value) - i64::from(self.zero_point);
                let mut addends = sums.map(|sum| distance * sum);
                let first = addends.next().unwrap_or(0);
                addends.all(|addend| addend == first).then_some(first)
            }
            None => self.sets.iter().flatten().all(|&t| self.weight(output, t, i) == 0).then_some(0),
        }
    }

    /// For each output channel, which of the input's channels it must be given. Ungrouped layers only.
    pub fn needs(&self, input: &[Bounds]) -> Vec<Vec<bool>> {
        let need = |output| (0..self.filter_channels).map(|c| self.addend(output, c, &input[c]).is_none()).collect();
        (0..self.outputs()).map(need).collect()
    }

    /// The biases of the output channels `outputs` when only the input channels `inputs` are left. Ungrouped layers only.
    pub fn folded_bias(&self, input: &[Bounds], inputs: &[usize], outputs: &[usize]) -> Vec<i32> {
        let stays = membership(inputs, self.filter_channels);
        let folded = |&output: &usize| {
            let gone = (0..self.filter_channels).filter(|&c| !stays[c]);
            let sum: i64 = gone.filter_map(|c| self.addend(output, c, &input[c])).sum();
            // The sum of a layer wraps, and so may this one: what is left wraps to the same.
            (i64::from(self.bias.get(output).copied().unwrap_or(0)) + sum) as i32
        };
        outputs.iter().map(folded).collect()
    }
}

fn membership(indices: &[usize], count: usize) -> Vec<bool> {
    let mut member = vec![false; count];
    indices.iter().for_each(|&i| member[i] = true);
    member
}

/// The elements of `values`, of shape `[outer, inner]`, whose place in the inner dimension is one of `kept`.
pub(super) fn keep<T: Copy>(values: &[T], inner: usize, kept: &[usize]) -> Vec<T> {
    values.chunks_exact(inner.max(1)).flat_map(|row| kept.iter().map(|&k| row[k])).collect()
}

/// What is left of weights `[outputs, taps, inputs]` when channels go.
pub(super) fn keep_filters<T: Copy>(values: &[T], outputs: usize, inputs: usize, cut: &Cut<'_>) -> Vec<T> {
    let filter = values.len() / outputs.max(1);
    let rows: Vec<T> = cut.outputs[0].iter().flat_map(|&o| &values[o * filter..(o + 1) * filter]).copied().collect();
    keep(&rows, inputs, cut.inputs[0])
}
