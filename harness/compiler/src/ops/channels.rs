//! What becomes of channels, the indices along a tensor's last dimension, in a computation: which values they can
//! have, and which of them come and go together. Knows no graph.

use std::ops::RangeInclusive;

use hilbench_kernels::params::{Broadcast, Reduce};
use hilbench_kernels::shape::MAX_RANK;

use super::Computation;
use super::operands::{broadcast_strides, right_aligned};
use crate::graph::{DType, Tensor};
use crate::value::Value;

/// What one channel of a tensor can hold, whatever the model's input is: both ends included.
pub type Bounds = RangeInclusive<i32>;

/// A computation's surroundings.
pub struct Site<'a> {
    /// What is read.
    pub inputs: Vec<&'a Tensor>,
    /// What is written.
    pub outputs: Vec<&'a Tensor>,
    /// Bounds of each input, by channel.
    pub bounds: Vec<&'a [Bounds]>,
}

/// The channels that stay, ascending, by input and by output.
pub struct Cut<'a> {
    /// Of each input.
    pub inputs: Vec<&'a [usize]>,
    /// Of each output.
    pub outputs: Vec<&'a [usize]>,
}

/// How a computation's channels hang together. What is not named here can go by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Nothing can go.
    Whole,
    /// A channel of an input and a channel of an output, in pairs.
    Paired(Vec<Pair>),
    /// Row by channel of the only output: which channels of the only input it must be given.
    Mixed(Vec<Vec<bool>>),
}

/// A channel of an input and one of an output that depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Place among the inputs.
    pub input: usize,
    /// Its channel.
    pub from: usize,
    /// Place among the outputs.
    pub output: usize,
    /// Its channel.
    pub to: usize,
    /// The input's channel cannot stay without the output's either.
    pub both_ways: bool,
}

impl Pair {
    /// Channels of the first input and the first output that come and go together.
    pub(super) fn tied(from: usize, to: usize) -> Self {
        Pair { input: 0, from, output: 0, to, both_ways: true }
    }
}

/// Number of channels of a tensor; a scalar has one.
#[must_use]
pub fn channels(tensor: &Tensor) -> usize {
    tensor.shape.last().copied().unwrap_or(1)
}

/// Bounds that hold for every element of this type. Other types than the 8-bit ones have none worth knowing.
#[must_use]
pub fn bounds_of_type(dtype: DType) -> Bounds {
    match dtype {
        DType::I8 => -128..=127,
        DType::U8 => 0..=255,
        _ => i32::MIN..=i32::MAX,
    }
}

/// Whether elements of this type have bounds worth knowing.
#[must_use]
pub fn is_bounded(dtype: DType) -> bool {
    matches!(dtype, DType::I8 | DType::U8)
}

/// The one value that a channel has.
#[must_use]
pub fn constant(bounds: &Bounds) -> Option<i32> {
    (bounds.start() == bounds.end()).then_some(*bounds.start())
}

/// Bounds by channel of a tensor that holds `value`.
#[must_use]
pub fn bounds_of_value(tensor: &Tensor, value: &Value) -> Vec<Bounds> {
    let channels = channels(tensor);
    let all = vec![bounds_of_type(tensor.dtype); channels];
    let elements: Vec<i32> = match tensor.dtype {
        DType::I8 => value.as_slice::<i8>().iter().map(|&v| v.into()).collect(),
        DType::U8 => value.as_slice::<u8>().iter().map(|&v| v.into()).collect(),
        _ => return all,
    };
    let mut bounds: Vec<Option<Bounds>> = vec![None; channels];
    for (i, &v) in elements.iter().enumerate() {
        let seen = &mut bounds[i % channels];
        *seen = Some(seen.as_ref().map_or(v..=v, |b| union(b, &(v..=v))));
    }
    bounds.into_iter().zip(all).map(|(seen, all)| seen.unwrap_or(all)).collect()
}

/// A tensor that holds the lower end of its bounds everywhere.
#[must_use]
pub fn lowest(tensor: &Tensor, bounds: &[Bounds]) -> Value {
    filled(tensor, bounds, Bounds::start)
}

/// A tensor whose every channel holds one end of its bounds.
fn filled(tensor: &Tensor, bounds: &[Bounds], end: fn(&Bounds) -> &i32) -> Value {
    let channels = bounds.len().max(1);
    let element = |i: usize| end(&bounds[i % channels]).to_le_bytes();
    let size = tensor.dtype.size();
    let bytes = (0..tensor.elements()).flat_map(|i| element(i).into_iter().chain([0; 4]).take(size));
    Value::from_bytes(&bytes.collect::<Vec<u8>>())
}

/// Bounds of the outputs of a computation of 8-bit tensors whose outputs never fall when an input rises, at each
/// element: what it answers to the lowest and to the highest inputs.
pub(super) fn monotonic(computation: &dyn Computation, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
    extremes(computation, site, &[&|_| false, &|_| true])
}

/// The same for two inputs, each of which moves outputs one way only, up or down, while the other is held.
pub(super) fn monotonic_in_each(computation: &dyn Computation, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
    extremes(computation, site, &[&|_| false, &|i| i == 0, &|i| i == 1, &|_| true])
}

/// The least and the largest of what is answered when every input holds one end of its bounds: the upper one, where a
/// row says so.
fn extremes(
    computation: &dyn Computation,
    site: &Site<'_>,
    uppers: &[&dyn Fn(usize) -> bool],
) -> Option<Vec<Vec<Bounds>>> {
    let dtype = site.outputs[0].dtype;
    if !is_bounded(dtype) || site.inputs.iter().chain(&site.outputs).any(|t| t.dtype != dtype) {
        return None;
    }
    let answers = uppers.iter().map(|upper| {
        let ends = |i: usize| if upper(i) { Bounds::end } else { Bounds::start };
        let inputs: Vec<Value> =
            (0..site.inputs.len()).map(|i| filled(site.inputs[i], site.bounds[i], ends(i))).collect();
        let mut outputs: Vec<Value> = site.outputs.iter().map(|t| Value::zeros(t.bytes())).collect();
        computation.reference(&inputs.iter().collect::<Vec<_>>(), &mut outputs);
        site.outputs.iter().zip(&outputs).map(|(tensor, value)| bounds_of_value(tensor, value)).collect()
    });
    answers.reduce(|a: Vec<Vec<Bounds>>, b| {
        let outputs = a.into_iter().zip(b);
        outputs.map(|(a, b)| a.iter().zip(&b).map(|(a, b)| union(a, b)).collect()).collect()
    })
}

/// The least bounds that hold both.
pub(super) fn union(a: &Bounds, b: &Bounds) -> Bounds {
    *a.start().min(b.start())..=*a.end().max(b.end())
}

/// `dims`, right aligned, of a tensor with so many channels.
pub(super) fn with_channels(mut dims: [usize; MAX_RANK], channels: usize) -> [usize; MAX_RANK] {
    dims[MAX_RANK - 1] = channels;
    dims
}

/// Every channel of the first input with the same of the first output.
pub(super) fn same_channels(site: &Site<'_>) -> Flow {
    if channels(site.inputs[0]) != channels(site.outputs[0]) {
        return Flow::Whole;
    }
    Flow::Paired((0..channels(site.outputs[0])).map(|c| Pair::tied(c, c)).collect())
}

/// Two operands that spread over the output: the same channels, or one channel that all of the output's read.
pub(super) fn broadcast_channels(site: &Site<'_>) -> Flow {
    let count = channels(site.outputs[0]);
    let mut pairs = Vec::new();
    for (input, tensor) in site.inputs.iter().enumerate() {
        let own = channels(tensor);
        if own != count && own != 1 {
            return Flow::Whole;
        }
        let pair = |c: usize| Pair { input, from: c.min(own - 1), output: 0, to: c, both_ways: own == count };
        pairs.extend((0..count).map(pair));
    }
    Flow::Paired(pairs)
}

/// How what is left of two operands spreads over what is left of the output.
pub(super) fn narrowed_broadcast(b: &Broadcast, site: &Site<'_>, cut: &Cut<'_>) -> Broadcast {
    let strides = |i: usize| {
        let dims = right_aligned(&site.inputs[i].shape).unwrap_or(b.dims);
        broadcast_strides(&with_channels(dims, cut.inputs[i].len()))
    };
    Broadcast { dims: with_channels(b.dims, cut.outputs[0].len()), strides1: strides(0), strides2: strides(1) }
}

/// Channels of a reduction: the same, unless they are reduced too.
pub(super) fn reduced_channels(reduce: &Reduce, site: &Site<'_>) -> Flow {
    if reduce.reduced[MAX_RANK - 1] { Flow::Whole } else { same_channels(site) }
}

/// A reduction of what is left of the channels.
pub(super) fn narrowed_reduce(reduce: &Reduce, cut: &Cut<'_>) -> Reduce {
    Reduce { dims: with_channels(reduce.dims, cut.inputs[0].len()), ..*reduce }
}
