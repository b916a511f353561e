//! One case of each operator: drawn, laid out in the workspace, run by the reference and by the set, compared.

use super::draw::Draw;
use super::{Case, Workspace};
use crate::optimized::{BinaryKernel, KernelSet, UnaryKernel, fold_input_offset, fold_input_offset_of};
use crate::params::{Pool2d, Window2d};
use crate::reference::{self, qlinear};
use crate::shape::elements;

/// Draws a case and runs it on both sides; `None` when it does not fit the workspace.
pub(super) type Op = fn(&KernelSet, &mut Draw, &mut Workspace<'_>) -> Option<(Case, Outcome)>;

/// Every operator of a set.
pub(super) const OPS: &[Op] = &[
    conv2d,
    depthwise_conv2d,
    fully_connected,
    |set, draw, workspace| {
        let (p, len1, len2) = draw.add();
        let sizes = [len1, len2, elements(&p.broadcast.dims)];
        Some((Case::Add(p), binary(draw, workspace, sizes, &p, reference::add, set.add)?))
    },
    |set, draw, workspace| {
        let (p, len1, len2) = draw.add();
        let sizes = [len1, len2, elements(&p.broadcast.dims)];
        Some((Case::Sub(p), binary(draw, workspace, sizes, &p, reference::sub, set.sub)?))
    },
    |set, draw, workspace| {
        let (p, len1, len2) = draw.mul();
        let sizes = [len1, len2, elements(&p.broadcast.dims)];
        Some((Case::Mul(p), binary(draw, workspace, sizes, &p, reference::mul, set.mul)?))
    },
    |set, draw, workspace| {
        let p = draw.pool2d();
        let difference = unary(draw, workspace, pool_sizes(&p), &p, reference::average_pool2d, set.average_pool2d)?;
        Some((Case::AveragePool2d(p), difference))
    },
    |set, draw, workspace| {
        let p = draw.pool2d();
        let difference = unary(draw, workspace, pool_sizes(&p), &p, reference::max_pool2d, set.max_pool2d)?;
        Some((Case::MaxPool2d(p), difference))
    },
    |set, draw, workspace| {
        let p = draw.mean();
        let kept = (0..p.reduce.dims.len()).filter(|&i| !p.reduce.reduced[i]).map(|i| p.reduce.dims[i]);
        let sizes = [elements(&p.reduce.dims), kept.product()];
        Some((Case::Mean(p), unary(draw, workspace, sizes, &p, reference::mean, set.mean)?))
    },
    |set, draw, workspace| {
        let p = draw.softmax();
        let sizes = [p.rows * p.depth; 2];
        Some((Case::Softmax(p), unary(draw, workspace, sizes, &p, reference::softmax, set.softmax)?))
    },
    |set, draw, workspace| {
        let p = draw.resize_nearest_neighbor();
        let sizes = [p.input_h * p.input_w, p.output_h * p.output_w].map(|area| p.batches * area * p.channels);
        let kernels = (reference::resize_nearest_neighbor as UnaryKernel<_>, set.resize_nearest_neighbor);
        Some((Case::ResizeNearestNeighbor(p), unary(draw, workspace, sizes, &p, kernels.0, kernels.1)?))
    },
    |set, draw, workspace| {
        let len = draw.below(100);
        let mut table = [0; 256];
        draw.values(&mut table);
        Some((Case::Lookup { len }, unary(draw, workspace, [len, len], &table, reference::lookup, set.lookup)?))
    },
    strided_copy,
    |set, draw, workspace| {
        let len = draw.below(100);
        let mut value = [0];
        draw.values(&mut value);
        let [expected, got] = carve(workspace.bytes, [len, len])?;
        reference::fill(&value[0], expected);
        invert(expected, got);
        (set.fill)(&value[0], got);
        Some((Case::Fill { len }, compare(expected, got)))
    },
    qlinear_conv2d,
    qlinear_depthwise_conv2d,
    qlinear_fully_connected,
    |set, draw, workspace| {
        let (p, len1, len2) = draw.qlinear_add();
        let sizes = [len1, len2, elements(&p.broadcast.dims)];
        Some((Case::QLinearAdd(p), binary(draw, workspace, sizes, &p, qlinear::add, set.qlinear_add)?))
    },
    |set, draw, workspace| {
        let (p, len1, len2) = draw.qlinear_mul();
        let sizes = [len1, len2, elements(&p.broadcast.dims)];
        Some((Case::QLinearMul(p), binary(draw, workspace, sizes, &p, qlinear::mul, set.qlinear_mul)?))
    },
];

fn conv2d(set: &KernelSet, draw: &mut Draw, workspace: &mut Workspace<'_>) -> Option<(Case, Outcome)> {
    let p = draw.conv2d();
    let w = &p.window;
    let channels = p.output_channels;
    let input_len = p.batches * w.input_h * w.input_w * p.input_channels;
    let weights_len = channels * w.filter_h * w.filter_w * p.filter_channels;
    let output_len = p.batches * w.output_h * w.output_w * channels;
    let scratch_len = (set.conv2d_scratch)(&p);
    let [input, weights, scratch, expected, got] =
        carve(workspace.bytes, [input_len, weights_len, scratch_len, output_len, output_len])?;
    let (bias, folded) = bias_pair(draw, workspace.words, channels);
    let requant = &mut workspace.requants[..channels];
    draw.values(input);
    draw.values(weights);
    draw.values(scratch);
    draw.requants(requant);
    fold_input_offset(weights, bias, p.input_zero_point, channels, folded);
    reference::conv2d(&p, input, weights, bias, requant, expected);
    invert(expected, got);
    (set.conv2d)(&p, input, weights, folded, requant, scratch, got);
    Some((Case::Conv2d(p), compare(expected, got)))
}

fn depthwise_conv2d(set: &KernelSet, draw: &mut Draw, workspace: &mut Workspace<'_>) -> Option<(Case, Outcome)> {
    let p = draw.depthwise_conv2d();
    let w = &p.window;
    let channels = p.channels * p.multiplier;
    let input_len = p.batches * w.input_h * w.input_w * p.channels;
    let weights_len = w.filter_h * w.filter_w * channels;
    let output_len = p.batches * w.output_h * w.output_w * channels;
    let [input, weights, expected, got] = carve(workspace.bytes, [input_len, weights_len, output_len, output_len])?;
    let (bias, _) = bias_pair(draw, workspace.words, channels);
    let requant = &mut workspace.requants[..channels];
    draw.values(input);
    draw.values(weights);
    draw.requants(requant);
    reference::depthwise_conv2d(&p, input, weights, bias, requant, expected);
    invert(expected, got);
    (set.depthwise_conv2d)(&p, input, weights, bias, requant, got);
    Some((Case::DepthwiseConv2d(p), compare(expected, got)))
}

fn fully_connected(set: &KernelSet, draw: &mut Draw, workspace: &mut Workspace<'_>) -> Option<(Case, Outcome)> {
    let p = draw.fully_connected();
    let outputs = p.output_depth;
    let output_len = p.batches * outputs;
    let [input, weights, expected, got] =
        carve(workspace.bytes, [p.batches * p.input_depth, outputs * p.input_depth, output_len, output_len])?;
    let (bias, folded) = bias_pair(draw, workspace.words, outputs);
    let factors = if draw.below(2) == 0 { 1 } else { outputs };
    let requant = &mut workspace.requants[..factors];
    draw.values(input);
    draw.values(weights);
    draw.requants(requant);
    fold_input_offset(weights, bias, p.input_zero_point, outputs, folded);
    reference::fully_connected(&p, input, weights, bias, requant, expected);
    invert(expected, got);
    (set.fully_connected)(&p, input, weights, folded, requant, got);
    Some((Case::FullyConnected(p), compare(expected, got)))
}

fn qlinear_conv2d(set: &KernelSet, draw: &mut Draw, workspace: &mut Workspace<'_>) -> Option<(Case, Outcome)> {
    let p = draw.qlinear_conv2d();
    let (c, w) = (&p.conv, &p.conv.window);
    let channels = c.output_channels;
    let weights_len = channels * w.filter_h * w.filter_w * c.filter_channels;
    let output_len = c.batches * pixels(w) * channels;
    let scratch_len = (set.conv2d_scratch)(c);
    let sizes =
        [c.batches * w.input_h * w.input_w * c.input_channels, weights_len, scratch_len, output_len, output_len];
    let [input, weights, scratch, expected, got] = carve(workspace.bytes, sizes)?;
    let (bias, folded) = bias_pair(draw, workspace.words, channels);
    let factors = if draw.below(2) == 0 { 1 } else { channels };
    let scales = &mut workspace.scales[..factors];
    draw.values(input);
    draw.values(weights);
    draw.values(scratch);
    draw.scales(scales);
    fold_input_offset_of(weights, p.weights_zero_point, bias, c.input_zero_point, channels, folded);
    qlinear::conv2d(&p, input, weights, bias, scales, expected);
    invert(expected, got);
    (set.qlinear_conv2d)(&p, input, weights, folded, scales, scratch, got);
    Some((Case::QLinearConv2d(p), compare(expected, got)))
}

fn qlinear_depthwise_conv2d(
    set: &KernelSet,
    draw: &mut Draw,
    workspace: &mut Workspace<'_>,
) -> Option<(Case, Outcome)> {
    let p = draw.qlinear_depthwise_conv2d();
    let (c, w) = (&p.conv, &p.conv.window);
    let channels = c.channels * c.multiplier;
    let output_len = c.batches * pixels(w) * channels;
    let sizes =
        [c.batches * w.input_h * w.input_w * c.channels, w.filter_h * w.filter_w * channels, output_len, output_len];
    let [input, weights, expected, got] = carve(workspace.bytes, sizes)?;
    let (bias, _) = bias_pair(draw, workspace.words, channels);
    let factors = if draw.below(2) == 0 { 1 } else { channels };
    let scales = &mut workspace.scales[..factors];
    draw.values(input);
    draw.values(weights);
    draw.scales(scales);
    qlinear::depthwise_conv2d(&p, input, weights, bias, scales, expected);
    invert(expected, got);
    (set.qlinear_depthwise_conv2d)(&p, input, weights, bias, scales, got);
    Some((Case::QLinearDepthwiseConv2d(p), compare(expected, got)))
}

fn qlinear_fully_connected(set: &KernelSet, draw: &mut Draw, workspace: &mut Workspace<'_>) -> Option<(Case, Outcome)> {
    let p = draw.qlinear_fully_connected();
    let outputs = p.output_depth;
    let output_len = p.batches * outputs;
    let [input, weights, expected, got] =
        carve(workspace.bytes, [p.batches * p.input_depth, outputs * p.input_depth, output_len, output_len])?;
    let (bias, folded) = bias_pair(draw, workspace.words, outputs);
    let factors = if draw.below(2) == 0 { 1 } else { outputs };
    let scales = &mut workspace.scales[..factors];
    draw.values(input);
    draw.values(weights);
    draw.scales(scales);
    fold_input_offset_of(weights, p.weights_zero_point, bias, p.input_zero_point, outputs, folded);
    qlinear::fully_connected(&p, input, weights, bias, scales, expected);
    invert(expected, got);
    (set.qlinear_fully_connected)(&p, input, weights, folded, scales, got);
    Some((Case::QLinearFullyConnected(p), compare(expected, got)))
}

/// What the block leaves alone has to stay, so both outputs start out equal.
fn strided_copy(set: &KernelSet, draw: &mut Draw, workspace: &mut Workspace<'_>) -> Option<(Case, Outcome)> {
    let (p, input_len, output_len) = draw.strided_copy();
    let [input, expected, got] = carve(workspace.bytes, [input_len, output_len, output_len])?;
    draw.values(input);
    draw.values(expected);
    got.copy_from_slice(expected);
    reference::strided_copy(&p, input, expected);
    (set.strided_copy)(&p, input, got);
    Some((Case::StridedCopy(p), compare(expected, got)))
}

fn unary<P>(
    draw: &mut Draw,
    workspace: &mut Workspace<'_>,
    [input_len, output_len]: [usize; 2],
    p: &P,
    reference: UnaryKernel<P>,
    kernel: UnaryKernel<P>,
) -> Option<Outcome> {
    let [input, expected, got] = carve(workspace.bytes, [input_len, output_len, output_len])?;
    draw.values(input);
    reference(p, input, expected);
    invert(expected, got);
    kernel(p, input, got);
    Some(compare(expected, got))
}

fn binary<P>(
    draw: &mut Draw,
    workspace: &mut Workspace<'_>,
    [len1, len2, output_len]: [usize; 3],
    p: &P,
    reference: BinaryKernel<P>,
    kernel: BinaryKernel<P>,
) -> Option<Outcome> {
    let [input1, input2, expected, got] = carve(workspace.bytes, [len1, len2, output_len, output_len])?;
    draw.values(input1);
    draw.values(input2);
    reference(p, input1, input2, expected);
    invert(expected, got);
    kernel(p, input1, input2, got);
    Some(compare(expected, got))
}

fn pixels(w: &Window2d) -> usize {
    w.output_h * w.output_w
}

fn pool_sizes(p: &Pool2d) -> [usize; 2] {
    let w = &p.window;
    [p.batches * w.input_h * w.input_w * p.channels, p.batches * w.output_h * w.output_w * p.channels]
}

/// A drawn bias, empty now and then, and room for the folded one.
fn bias_pair<'a>(draw: &mut Draw, words: &'a mut [i32], channels: usize) -> (&'a [i32], &'a mut [i32]) {
    let (bias, rest) = words.split_at_mut(channels);
    draw.bias(bias);
    let len = if draw.below(4) == 0 { 0 } else { channels };
    (&bias[..len], &mut rest[..channels])
}

/// Consecutive parts of `bytes`, or `None` when there are not enough.
fn carve<const PARTS: usize>(bytes: &mut [i8], sizes: [usize; PARTS]) -> Option<[&mut [i8]; PARTS]> {
    if sizes.iter().sum::<usize>() > bytes.len() {
        return None;
    }
    let mut rest = bytes;
    Some(sizes.map(|size| {
        let (part, after) = core::mem::take(&mut rest).split_at_mut(size);
        rest = after;
        part
    }))
}

/// Makes every element wrong, so that one which a kernel forgets shows up.
fn invert(expected: &[i8], got: &mut [i8]) {
    got.iter_mut().zip(expected).for_each(|(got, expected)| *got = !expected);
}

/// The first element that differs.
pub(super) struct Difference {
    pub(super) index: usize,
    pub(super) expected: i8,
    pub(super) got: i8,
}

/// Nothing when both sides agree.
pub(super) type Outcome = Option<Difference>;

fn compare(expected: &[i8], got: &[i8]) -> Outcome {
    let index = expected.iter().zip(got).position(|(expected, got)| expected != got)?;
    Some(Difference { index, expected: expected[index], got: got[index] })
}
