//! PAD and PADV2: a tensor in the middle of a larger one, filled with its zero point or with a given value.

use hilbench_kernels::params::{StridedCopy, Window2d};
use hilbench_kernels::reference;
use hilbench_kernels::shape::{MAX_RANK, dense_strides};

use super::channels::{self, Bounds, Cut, Flow, Site};
use super::operands::right_aligned;
use super::products::tap_sets;
use super::strided::{by_width, copy, unsupported_width};
use super::{Computation, Operands, QOp, Quantized};
use crate::Result;
use crate::graph::{DType, Op};
use crate::lower::{Call, Lowering, Step};
use crate::qgraph::QNode;
use crate::value::Value;

/// Constant padding.
#[derive(Clone, Debug)]
pub struct Pad {
    dims: [usize; MAX_RANK],
    before: [usize; MAX_RANK],
    output_dims: [usize; MAX_RANK],
    /// Little-endian bytes of the value that is filled in.
    value: Vec<u8>,
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let x = operands.input(0)?;
    let dims = operands.padded_dims(x)?;
    let rank = x.shape.len();
    let paddings = operands.integers(1)?;
    if paddings.len() != 2 * rank || paddings.iter().any(|p| !(0..=i64::from(i32::MAX)).contains(p)) {
        return Err(operands.invalid(format!("paddings {paddings:?} of a tensor with {rank} dimensions")));
    }
    let before: Vec<usize> = paddings.chunks_exact(2).map(|p| p[0] as usize).collect();
    let shape: Vec<usize> =
        x.shape.iter().zip(paddings.chunks_exact(2)).map(|(&d, p)| d + p[0] as usize + p[1] as usize).collect();
    operands.expect_shape(0, &shape)?;
    operands.expect_same_values(x, operands.output()?)?;
    let value = match operands.node.op {
        Op::PadV2 => {
            let value = operands.input(2)?;
            operands.expect_same_values(x, value)?;
            match &value.data {
                Some(data) if value.elements() == 1 => data.clone(),
                _ => {
                    return Err(
                        operands.unsupported(format!("padding value {:?}; one constant is accepted", value.name))
                    );
                }
            }
        }
        _ if matches!(x.dtype, DType::I8 | DType::U8) => vec![operands.per_tensor(x)?.zero_point as u8],
        _ => vec![0; x.dtype.size()],
    };
    let mut aligned_before = [0; MAX_RANK];
    aligned_before[MAX_RANK - rank..].copy_from_slice(&before);
    let output_dims = right_aligned(&shape).ok_or_else(|| operands.invalid("has too many dimensions"))?;
    Ok((Pad { dims, before: aligned_before, output_dims, value }.into(), vec![operands.input_id(0)?]))
}

/// What a pad puts around the height and width of an NHWC tensor of 8 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Border {
    /// Height and width inside of it.
    inside: [usize; 2],
    /// Height and width with it.
    outside: [usize; 2],
    /// Rows above, columns on the left.
    before: [usize; 2],
    /// The bits of its value.
    value: u8,
}

impl Border {
    /// `window` over what lies inside, with the border as its padding, where padding stands for `padding`. `None` if the
    /// border is something else, or if a window would see nothing but padding.
    pub(super) fn around(&self, window: &Window2d, padding: i32) -> Option<Window2d> {
        let [input_h, input_w] = self.inside;
        if [window.input_h, window.input_w] != self.outside || self.value != padding as u8 {
            return None;
        }
        let (pad_top, pad_left) = (window.pad_top + self.before[0], window.pad_left + self.before[1]);
        let window = Window2d { input_h, input_w, pad_top, pad_left, ..*window };
        tap_sets(&window).iter().all(|set| !set.is_empty()).then_some(window)
    }
}

impl Pad {
    /// What is put around height and width, if it is nowhere else.
    pub(crate) fn border(&self) -> Option<Border> {
        let [height, width] = [MAX_RANK - 3, MAX_RANK - 2];
        let others = (0..MAX_RANK).filter(|&i| i != height && i != width);
        let &[value] = &self.value[..] else { return None };
        let plane = |dims: &[usize; MAX_RANK]| [dims[height], dims[width]];
        others.into_iter().all(|i| self.dims[i] == self.output_dims[i]).then(|| Border {
            inside: plane(&self.dims),
            outside: plane(&self.output_dims),
            before: plane(&self.before),
            value,
        })
    }

    /// `dims` in the middle of `output_dims`, `before` elements from their beginning; `value` elsewhere. `None` for too
    /// many dimensions.
    pub(crate) fn new(dims: &[usize], before: &[usize], output_dims: &[usize], value: Vec<u8>) -> Option<Self> {
        let mut shift = [0; MAX_RANK];
        shift[MAX_RANK.checked_sub(before.len())?..].copy_from_slice(before);
        Some(Pad { dims: right_aligned(dims)?, before: shift, output_dims: right_aligned(output_dims)?, value })
    }
}

impl Computation for Pad {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        by_width!(self.value.len(), T => reference::pad::<T>(
            &self.dims,
            &self.before,
            &self.output_dims,
            Value::from_bytes(&self.value).as_slice::<T>()[0],
            inputs[0].as_slice(),
            outputs[0].as_mut_slice(),
        ));
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let output = lowering.buffer(node.outputs[0]);
        let fill = match self.value[..] {
            [v] => Call::Fill8(v),
            [a, b] => Call::Fill16(u16::from_le_bytes([a, b])),
            [a, b, c, d] => Call::Fill32(u32::from_le_bytes([a, b, c, d])),
            _ => return Err(unsupported_width(node, self.value.len())),
        };
        let output_strides = dense_strides(&self.output_dims);
        let params = StridedCopy {
            dims: self.dims,
            input_start: 0,
            input_strides: dense_strides(&self.dims).map(|s| s as isize),
            output_start: (0..MAX_RANK).map(|i| self.before[i] * output_strides[i]).sum(),
            output_strides: output_strides.map(|s| s as isize),
        };
        let input = lowering.operand(node.inputs[0]);
        Ok(vec![
            Step { call: fill, operands: Vec::new(), scratch: None, output },
            copy(node, self.value.len(), params, input, output)?,
        ])
    }

    fn bounds(&self, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
        channels::monotonic(self, site)
    }

    fn flow(&self, site: &Site<'_>) -> Flow {
        // Where channels are padded themselves, their numbers differ.
        channels::same_channels(site)
    }

    fn narrowed(&self, _: &Site<'_>, cut: &Cut<'_>) -> Option<QOp> {
        let channels = cut.outputs[0].len();
        let (dims, output_dims) =
            (channels::with_channels(self.dims, channels), channels::with_channels(self.output_dims, channels));
        Some(Pad { dims, output_dims, before: self.before, value: self.value.clone() }.into())
    }

    fn moves_nothing(&self) -> bool {
        self.dims == self.output_dims
    }
}
