//! CONCATENATION and PACK: operands side by side along an axis, copied as they are.

use hilbench_kernels::params::StridedCopy;
use hilbench_kernels::reference;
use hilbench_kernels::shape::{MAX_RANK, dense_strides};

use super::channels::{self, Bounds, Cut, Flow, Pair, Site};
use super::direct::lookup;
use super::strided::{by_width, copy};
use super::{Computation, Operands, QOp, Quantized};
use crate::Result;
use crate::graph::{Activation, Op, TensorId};
use crate::lower::{Lowering, Step};
use crate::qgraph::QNode;
use crate::value::Value;

/// Every operand is `outer` runs of its own number of elements.
#[derive(Clone, Debug)]
pub struct Concatenation {
    element_bytes: usize,
    outer: usize,
    runs: Vec<usize>,
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let first = operands.input(0)?;
    let rank = first.shape.len();
    let (axis, pack) = match operands.node.op {
        Op::Concatenation { axis, activation: Activation::None } => (operands.axis(axis, rank)?, false),
        Op::Concatenation { .. } => return Err(operands.unsupported("a fused activation; none is accepted")),
        Op::Pack { axis } => (operands.axis(axis, rank + 1)?, true),
        _ => return Err(operands.invalid("is neither CONCATENATION nor PACK")),
    };
    let mut inputs: Vec<TensorId> = Vec::new();
    let mut runs = Vec::new();
    let mut total = 0;
    for i in 0..operands.node.inputs.len() {
        let x = operands.input(i)?;
        operands.expect_same_values(x, operands.output()?)?;
        let fits = x.shape.len() == rank && (0..rank).all(|d| x.shape[d] == first.shape[d] || (d == axis && !pack));
        if !fits {
            return Err(
                operands.invalid(format!("operand {i} has shape {:?}, operand 0 has {:?}", x.shape, first.shape))
            );
        }
        inputs.push(operands.input_id(i)?);
        runs.push(x.shape[axis..].iter().product());
        total += if pack { 1 } else { x.shape[axis] };
    }
    let mut shape = first.shape.clone();
    if pack {
        shape.insert(axis, total);
    } else {
        shape[axis] = total;
    }
    operands.expect_shape(0, &shape)?;
    let outer = first.shape[..axis].iter().product();
    Ok((Concatenation { element_bytes: first.dtype.size(), outer, runs }.into(), inputs))
}

/// An operand of a concatenation of uint8 with a scale of its own (`ConcatenationWithScaling`: in single precision).
pub(super) fn rescale(operands: &Operands<'_>) -> Result<Quantized> {
    let (x, y) = (operands.per_tensor(operands.input(0)?)?, operands.per_tensor(operands.output()?)?);
    let scale = x.scale * (1.0 / y.scale);
    let bias = -(x.zero_point as f32) * scale;
    let mut table = [0; 256];
    for code in 0..=255_u8 {
        let value = ((f32::from(code) * scale + bias).round() as i32).saturating_add(y.zero_point);
        table[usize::from(code)] = value.clamp(0, 255) as u8 as i8;
    }
    Ok((lookup(table), vec![operands.input_id(0)?]))
}

impl Concatenation {
    /// Operands that are `outer` runs each, of `runs[i]` elements.
    pub(crate) fn new(element_bytes: usize, outer: usize, runs: Vec<usize>) -> Self {
        Concatenation { element_bytes, outer, runs }
    }
}

impl Computation for Concatenation {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        by_width!(self.element_bytes, T => {
            let slices: Vec<&[T]> = inputs.iter().map(|v| v.as_slice()).collect();
            reference::concatenation::<T>(self.outer, &self.runs, &slices, outputs[0].as_mut_slice());
        });
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let row: usize = self.runs.iter().sum();
        let mut output_start = 0;
        let mut steps = Vec::new();
        for (&input, &run) in node.inputs.iter().zip(&self.runs) {
            let mut dims = [1; MAX_RANK];
            (dims[MAX_RANK - 2], dims[MAX_RANK - 1]) = (self.outer, run);
            let input_strides = dense_strides(&dims).map(|s| s as isize);
            let mut output_strides = input_strides;
            output_strides[MAX_RANK - 2] = row as isize;
            let params = StridedCopy { dims, input_start: 0, input_strides, output_start, output_strides };
            let operand = lowering.operand(input);
            steps.push(copy(node, self.element_bytes, params, operand, lowering.buffer(node.outputs[0]))?);
            output_start += run;
        }
        Ok(steps)
    }

    fn bounds(&self, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
        channels::monotonic(self, site)
    }

    fn flow(&self, site: &Site<'_>) -> Flow {
        let count = channels::channels(site.outputs[0]);
        let own: Vec<usize> = site.inputs.iter().map(|t| channels::channels(t)).collect();
        let side_by_side = own.iter().sum::<usize>() == count && own == self.runs;
        let mut pairs = Vec::new();
        let mut first = 0;
        for (input, (&own, &run)) in own.iter().zip(&self.runs).enumerate() {
            // Along another axis every operand is made of whole pixels, with the output's channels.
            if !side_by_side && (own != count || !run.is_multiple_of(own.max(1))) {
                return Flow::Whole;
            }
            pairs.extend((0..own).map(|c| Pair { input, ..Pair::tied(c, first + c) }));
            first += if side_by_side { own } else { 0 };
        }
        Flow::Paired(pairs)
    }

    fn narrowed(&self, site: &Site<'_>, cut: &Cut<'_>) -> Option<QOp> {
        let own = site.inputs.iter().map(|t| channels::channels(t).max(1));
        let runs = self.runs.iter().zip(own).zip(&cut.inputs).map(|((run, own), left)| run / own * left.len());
        Some(Concatenation { runs: runs.filter(|&run| run > 0).collect(), ..*self }.into())
    }

    fn moves_nothing(&self) -> bool {
        self.runs.len() == 1
    }
}
