//! STRIDED_SLICE, SLICE and SPLIT: blocks of a tensor, each copied with its own steps.

use hilbench_kernels::params::StridedCopy;
use hilbench_kernels::reference;
use hilbench_kernels::shape::{MAX_RANK, dense_strides};

use super::channels::{self, Bounds, Cut, Flow, Pair, Site};
use super::operands::right_aligned;
use super::{Computation, Operands, QOp, Quantized};
use crate::graph::Op;
use crate::lower::{Call, Lowering, Operand, Step};
use crate::qgraph::QNode;
use crate::value::Value;
use crate::{Error, Result};

/// Runs `$body` with `$t` an unsigned integer of `$size` bytes.
macro_rules! by_width {
    ($size:expr, $t:ident => $body:expr) => {
        match $size {
            1 => {
                type $t = u8;
                $body
            }
            2 => {
                type $t = u16;
                $body
            }
            4 => {
                type $t = u32;
                $body
            }
            _ => {
                type $t = u64;
                $body
            }
        }
    };
}
pub(super) use by_width;

/// One block for each output.
#[derive(Clone, Debug)]
pub struct Strided {
    element_bytes: usize,
    blocks: Vec<Block>,
}

/// A block of a tensor; unused leading dimensions are 1.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Block {
    input_dims: [usize; MAX_RANK],
    begin: [usize; MAX_RANK],
    strides: [isize; MAX_RANK],
    dims: [usize; MAX_RANK],
}

impl Block {
    /// From per-dimension begin, stride and count, not yet aligned.
    fn new(operands: &Operands<'_>, shape: &[usize], ranges: &[(usize, isize, usize)]) -> Result<Self> {
        Block::aligned(shape, ranges)
            .ok_or_else(|| operands.unsupported(format!("{} dimensions; up to {MAX_RANK} are accepted", shape.len())))
    }

    fn aligned(shape: &[usize], ranges: &[(usize, isize, usize)]) -> Option<Self> {
        let leading = MAX_RANK.checked_sub(shape.len())?;
        let mut block = Block {
            input_dims: right_aligned(shape)?,
            begin: [0; MAX_RANK],
            strides: [1; MAX_RANK],
            dims: [1; MAX_RANK],
        };
        for (i, &(begin, stride, count)) in ranges.iter().enumerate() {
            block.begin[leading + i] = begin;
            block.strides[leading + i] = stride;
            block.dims[leading + i] = count;
        }
        Some(block)
    }

    fn copy(&self) -> StridedCopy {
        let dense = dense_strides(&self.input_dims);
        StridedCopy {
            dims: self.dims,
            input_start: (0..MAX_RANK).map(|i| self.begin[i] * dense[i]).sum(),
            input_strides: std::array::from_fn(|i| self.strides[i] * dense[i] as isize),
            output_start: 0,
            output_strides: dense_strides(&self.dims).map(|s| s as isize),
        }
    }
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let data = if matches!(operands.node.op, Op::Split) { 1 } else { 0 };
    let x = operands.input(data)?;
    let blocks = match &operands.node.op {
        Op::Slice => vec![slice(operands, &x.shape)?],
        Op::Split => split(operands, &x.shape)?,
        Op::SplitV => split_v(operands, &x.shape)?,
        &Op::Unpack { axis } => unpack(operands, &x.shape, axis)?,
        Op::StridedSlice { .. } => vec![strided_slice(operands, &x.shape)?],
        _ => return Err(operands.invalid("is not a slice")),
    };
    for &output in &operands.node.outputs {
        operands.expect_same_values(x, &operands.tensors[output])?;
    }
    Ok((Strided { element_bytes: x.dtype.size(), blocks }.into(), vec![operands.input_id(data)?]))
}

fn slice(operands: &Operands<'_>, shape: &[usize]) -> Result<Block> {
    let (begin, size) = (operands.integers(1)?, operands.integers(2)?);
    if begin.len() != shape.len() || size.len() != shape.len() {
        return Err(operands.invalid(format!("begin {begin:?} and size {size:?} do not fit shape {shape:?}")));
    }
    let mut ranges = Vec::new();
    for ((&b, &n), &dim) in begin.iter().zip(&size).zip(shape) {
        let count = if n == -1 { dim as i64 - b } else { n };
        if b < 0 || count < 0 || b.saturating_add(count) > dim as i64 {
            return Err(operands.invalid(format!("begin {begin:?} and size {size:?} leave shape {shape:?}")));
        }
        ranges.push((b as usize, 1, count as usize));
    }
    operands.expect_shape(0, &ranges.iter().map(|r| r.2).collect::<Vec<_>>())?;
    Block::new(operands, shape, &ranges)
}

fn split(operands: &Operands<'_>, shape: &[usize]) -> Result<Vec<Block>> {
    let axes = operands.integers(0)?;
    let &[axis] = &axes[..] else { return Err(operands.invalid(format!("axis is {axes:?}; one is expected"))) };
    let axis = operands.axis(axis, shape.len())?;
    let parts = operands.node.outputs.len();
    if parts == 0 || !shape[axis].is_multiple_of(parts) {
        return Err(operands.invalid(format!("dimension {axis} of {shape:?} does not divide into {parts}")));
    }
    let size = shape[axis] / parts;
    let mut blocks = Vec::new();
    for part in 0..parts {
        let mut ranges: Vec<_> = shape.iter().map(|&dim| (0, 1, dim)).collect();
        ranges[axis] = (part * size, 1, size);
        operands.expect_shape(part, &ranges.iter().map(|r| r.2).collect::<Vec<_>>())?;
        blocks.push(Block::new(operands, shape, &ranges)?);
    }
    Ok(blocks)
}

/// Pieces of the given sizes, one of which may be -1: the rest.
fn split_v(operands: &Operands<'_>, shape: &[usize]) -> Result<Vec<Block>> {
    let (sizes, axes) = (operands.integers(1)?, operands.integers(2)?);
    let &[axis] = &axes[..] else { return Err(operands.invalid(format!("axis is {axes:?}; one is expected"))) };
    let axis = operands.axis(axis, shape.len())?;
    let mismatch = || operands.invalid(format!("sizes {sizes:?} do not fit dimension {axis} of {shape:?}"));
    let known: i64 = sizes.iter().filter(|&&n| n != -1).fold(0, |sum, &n| i64::saturating_add(sum, n));
    let rest = shape[axis] as i64 - known;
    let unknown = sizes.iter().filter(|&&n| n == -1).count();
    let negative = sizes.iter().any(|&n| n < -1);
    if sizes.len() != operands.node.outputs.len() || negative || rest < 0 || unknown > 1 || (unknown == 0 && rest > 0) {
        return Err(mismatch());
    }
    let mut blocks = Vec::new();
    let mut begin = 0;
    for (part, &size) in sizes.iter().enumerate() {
        let size = if size == -1 { rest } else { size } as usize;
        let mut ranges: Vec<_> = shape.iter().map(|&dim| (0, 1, dim)).collect();
        ranges[axis] = (begin, 1, size);
        operands.expect_shape(part, &ranges.iter().map(|r| r.2).collect::<Vec<_>>())?;
        blocks.push(Block::new(operands, shape, &ranges)?);
        begin += size;
    }
    Ok(blocks)
}

/// The slices of one dimension, which goes.
fn unpack(operands: &Operands<'_>, shape: &[usize], axis: i64) -> Result<Vec<Block>> {
    let axis = operands.axis(axis, shape.len())?;
    if operands.node.outputs.len() != shape[axis] {
        let reason = format!("dimension {axis} of {shape:?} has not {} slices", operands.node.outputs.len());
        return Err(operands.invalid(reason));
    }
    let rest: Vec<usize> = shape.iter().enumerate().filter(|&(i, _)| i != axis).map(|(_, &d)| d).collect();
    let mut blocks = Vec::new();
    for part in 0..shape[axis] {
        let mut ranges: Vec<_> = shape.iter().map(|&dim| (0, 1, dim)).collect();
        ranges[axis] = (part, 1, 1);
        operands.expect_shape(part, &rest)?;
        blocks.push(Block::new(operands, shape, &ranges)?);
    }
    Ok(blocks)
}

/// Resolves the masks as TFLite does: an ellipsis stands for full dimensions, a new axis takes none of the input.
fn strided_slice(operands: &Operands<'_>, shape: &[usize]) -> Result<Block> {
    let Op::StridedSlice { begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask, offset } =
        operands.node.op
    else {
        return Err(operands.invalid("is not STRIDED_SLICE"));
    };
    let (begin, end, strides) = (operands.integers(1)?, operands.integers(2)?, operands.integers(3)?);
    if begin.len() != end.len() || begin.len() != strides.len() || begin.len() > 32 {
        return Err(operands.invalid(format!("begin {begin:?}, end {end:?} and strides {strides:?} differ in length")));
    }
    let set = |mask: u32, i: usize| mask >> i & 1 == 1;
    let taken = (0..begin.len()).filter(|&i| !set(new_axis_mask, i) && !set(ellipsis_mask, i)).count();
    let full = shape
        .len()
        .checked_sub(taken)
        .ok_or_else(|| operands.invalid(format!("{taken} slices of a tensor with {} dimensions", shape.len())))?;
    let mut ranges = Vec::new();
    let mut output = Vec::new();
    let mut ellipsis_seen = false;
    for i in 0..begin.len() {
        if set(ellipsis_mask, i) {
            if ellipsis_seen {
                return Err(operands.invalid("has more than one ellipsis"));
            }
            ellipsis_seen = true;
            for _ in 0..full {
                output.push(shape[ranges.len()]);
                ranges.push((0, 1, shape[ranges.len()]));
            }
            continue;
        }
        if set(new_axis_mask, i) {
            output.push(1);
            continue;
        }
        let dim = shape[ranges.len()] as i64;
        let stride = strides[i];
        if stride == 0 {
            return Err(operands.invalid("has a stride of 0"));
        }
        let wrap = |index: i64| if index < 0 { index.saturating_add(dim) } else { index };
        let (low, high) = if stride > 0 { (0, dim) } else { (-1, dim - 1) };
        if set(shrink_axis_mask, i) {
            let index = if set(begin_mask, i) { if stride > 0 { 0 } else { dim - 1 } } else { wrap(begin[i]) };
            if index < 0 || index >= dim {
                return Err(operands.invalid(format!("index {} leaves a dimension of {dim}", begin[i])));
            }
            ranges.push((index as usize, 1, 1));
            continue;
        }
        let first =
            if set(begin_mask, i) { if stride > 0 { 0 } else { dim - 1 } } else { wrap(begin[i]).clamp(low, high) };
        let stop = if offset { begin[i].saturating_add(end[i]) } else { end[i] };
        let last = if set(end_mask, i) { if stride > 0 { dim } else { -1 } } else { wrap(stop).clamp(low, high) };
        let distance = if stride > 0 { last - first } else { first - last };
        let count = if distance <= 0 { 0 } else { (distance as u64).div_ceil(stride.unsigned_abs()) as usize };
        output.push(count);
        let stride = isize::try_from(stride).map_err(|_| operands.invalid("has a stride outside the address range"))?;
        // A block of one element never steps: its stride must not overflow offsets.
        ranges.push((first.max(0) as usize, if count > 1 { stride } else { 1 }, count));
    }
    while ranges.len() < shape.len() {
        output.push(shape[ranges.len()]);
        ranges.push((0, 1, shape[ranges.len()]));
    }
    operands.expect_shape(0, &output)?;
    Block::new(operands, shape, &ranges)
}

impl Strided {
    /// One block of a tensor of `shape`: begin, step and count of every dimension; a step of 0 repeats. `None` for too
    /// many dimensions.
    pub(crate) fn new(element_bytes: usize, shape: &[usize], ranges: &[(usize, isize, usize)]) -> Option<Self> {
        Some(Strided { element_bytes, blocks: vec![Block::aligned(shape, ranges)?] })
    }
}

impl Computation for Strided {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        for (block, output) in self.blocks.iter().zip(outputs) {
            by_width!(self.element_bytes, T => reference::strided_slice::<T>(
                &block.input_dims,
                &block.begin,
                &block.strides,
                &block.dims,
                inputs[0].as_slice(),
                output.as_mut_slice(),
            ));
        }
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let input = lowering.operand(node.inputs[0]);
        let mut steps = Vec::new();
        for (block, &output) in self.blocks.iter().zip(&node.outputs) {
            steps.push(copy(node, self.element_bytes, block.copy(), input, lowering.buffer(output))?);
        }
        Ok(steps)
    }

    fn bounds(&self, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
        channels::monotonic(self, site)
    }

    fn flow(&self, site: &Site<'_>) -> Flow {
        let last = MAX_RANK - 1;
        let mut pairs = Vec::new();
        for (output, (block, tensor)) in self.blocks.iter().zip(&site.outputs).enumerate() {
            let channels_stay = channels::channels(site.inputs[0]) == block.input_dims[last]
                && channels::channels(tensor) == block.dims[last]
                && block.strides[last] == 1;
            if !channels_stay {
                return Flow::Whole;
            }
            pairs.extend((0..block.dims[last]).map(|c| Pair { output, ..Pair::tied(block.begin[last] + c, c) }));
        }
        Flow::Paired(pairs)
    }

    fn narrowed(&self, _: &Site<'_>, cut: &Cut<'_>) -> Option<QOp> {
        let last = MAX_RANK - 1;
        let narrowed = |(block, left): (&Block, &&[usize])| {
            let mut begin = block.begin;
            begin[last] = cut.inputs[0].iter().filter(|&&c| c < block.begin[last]).count();
            let input_dims = channels::with_channels(block.input_dims, cut.inputs[0].len());
            Block { input_dims, begin, strides: block.strides, dims: channels::with_channels(block.dims, left.len()) }
        };
        let left = self.blocks.iter().zip(&cut.outputs).filter(|(_, left)| !left.is_empty());
        let blocks = left.map(narrowed).collect();
        Some(Strided { element_bytes: self.element_bytes, blocks }.into())
    }

    fn moves_nothing(&self) -> bool {
        let whole = |block: &Block| block.dims == block.input_dims && block.strides.iter().all(|&s| s == 1);
        self.blocks.len() == 1 && self.blocks.iter().all(whole)
    }
}

/// A copying step for elements of this size.
pub(super) fn copy(
    node: &QNode,
    element_bytes: usize,
    params: StridedCopy,
    input: Operand,
    output: usize,
) -> Result<Step> {
    let call = match element_bytes {
        1 => Call::Copy8(params),
        2 => Call::Copy16(params),
        4 => Call::Copy32(params),
        _ => return Err(unsupported_width(node, element_bytes)),
    };
    Ok(Step { call, operands: vec![input], scratch: None, output })
}

/// Elements that no device kernel moves.
pub(super) fn unsupported_width(node: &QNode, element_bytes: usize) -> Error {
    Error::Unsupported {
        subject: format!("{} #{} {:?}", node.op_name, node.index, node.name),
        reason: format!("elements of {element_bytes} bytes at run time; 1, 2 and 4 are accepted"),
    }
}

/// Copies `elements` as they lie.
#[must_use]
pub fn whole(elements: usize) -> StridedCopy {
    let mut dims = [1; MAX_RANK];
    dims[MAX_RANK - 1] = elements;
    let strides = dense_strides(&dims).map(|s| s as isize);
    StridedCopy { dims, input_start: 0, input_strides: strides, output_start: 0, output_strides: strides }
}
