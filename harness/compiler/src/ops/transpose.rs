//! TRANSPOSE with a constant permutation.

use hilbench_kernels::params::StridedCopy;
use hilbench_kernels::reference;
use hilbench_kernels::shape::{MAX_RANK, dense_strides};

use super::channels::{self, Bounds, Cut, Flow, Site};
use super::operands::right_aligned;
use super::strided::{by_width, copy};
use super::{Computation, Operands, QOp, Quantized};
use crate::Result;
use crate::lower::{Lowering, Step};
use crate::qgraph::QNode;
use crate::value::Value;

/// A permutation of dimensions; unused leading ones stay where they are.
#[derive(Clone, Debug)]
pub struct Transpose {
    element_bytes: usize,
    dims: [usize; MAX_RANK],
    permutation: [usize; MAX_RANK],
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let x = operands.input(0)?;
    let dims = operands.padded_dims(x)?;
    let rank = x.shape.len();
    let wanted = operands.integers(1)?;
    let mut seen = vec![false; rank];
    let mut permutation: [usize; MAX_RANK] = std::array::from_fn(|i| i);
    let leading = MAX_RANK - rank;
    for (i, &axis) in wanted.iter().enumerate() {
        let axis = operands.axis(axis, rank)?;
        if std::mem::replace(&mut seen[axis], true) {
            return Err(operands.invalid(format!("permutation {wanted:?} repeats an axis")));
        }
        permutation[leading + i] = leading + axis;
    }
    if wanted.len() != rank {
        return Err(operands.invalid(format!("permutation {wanted:?} of a tensor with {rank} dimensions")));
    }
    let shape: Vec<usize> = (leading..MAX_RANK).map(|i| dims[permutation[i]]).collect();
    operands.expect_shape(0, &shape)?;
    operands.expect_same_values(x, operands.output()?)?;
    Ok((Transpose { element_bytes: x.dtype.size(), dims, permutation }.into(), vec![operands.input_id(0)?]))
}

impl Transpose {
    /// Output dimension i is dimension `permutation[i]` of `shape`. `None` for too many dimensions.
    pub(crate) fn new(element_bytes: usize, shape: &[usize], permutation: &[usize]) -> Option<Self> {
        let leading = MAX_RANK.checked_sub(shape.len())?;
        let mut aligned: [usize; MAX_RANK] = std::array::from_fn(|i| i);
        for (i, &axis) in permutation.iter().enumerate() {
            aligned[leading + i] = leading + axis;
        }
        Some(Transpose { element_bytes, dims: right_aligned(shape)?, permutation: aligned })
    }
}

impl Transpose {
    /// This and then `second` as one permutation; `None` if there is a change of shape in between.
    pub(crate) fn then(&self, second: &Transpose) -> Option<Self> {
        let between = self.permutation.map(|axis| self.dims[axis]);
        let permutation = second.permutation.map(|axis| self.permutation[axis]);
        (between == second.dims).then(|| Transpose { permutation, ..self.clone() })
    }

    /// Whether this is `permutation`, of as many trailing dimensions as that has.
    pub(crate) fn is_permutation(&self, permutation: &[usize]) -> bool {
        let leading = MAX_RANK - permutation.len().min(MAX_RANK);
        let expected = (0..leading).chain(permutation.iter().map(|d| leading + d));
        self.permutation.iter().copied().eq(expected)
    }
}

impl Computation for Transpose {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        by_width!(self.element_bytes, T => reference::transpose::<T>(
            &self.dims,
            &self.permutation,
            inputs[0].as_slice(),
            outputs[0].as_mut_slice(),
        ));
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let dense = dense_strides(&self.dims);
        let dims = self.permutation.map(|axis| self.dims[axis]);
        let params = StridedCopy {
            dims,
            input_start: 0,
            input_strides: self.permutation.map(|axis| dense[axis] as isize),
            output_start: 0,
            output_strides: dense_strides(&dims).map(|s| s as isize),
        };
        let input = lowering.operand(node.inputs[0]);
        Ok(vec![copy(node, self.element_bytes, params, input, lowering.buffer(node.outputs[0]))?])
    }

    fn bounds(&self, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
        channels::monotonic(self, site)
    }

    fn flow(&self, site: &Site<'_>) -> Flow {
        let last = MAX_RANK - 1;
        if self.permutation[last] == last { channels::same_channels(site) } else { Flow::Whole }
    }

    fn narrowed(&self, _: &Site<'_>, cut: &Cut<'_>) -> Option<QOp> {
        let dims = channels::with_channels(self.dims, cut.outputs[0].len());
        Some(Transpose { dims, ..*self }.into())
    }

    fn moves_nothing(&self) -> bool {
        self.permutation.iter().filter(|&&axis| self.dims[axis] > 1).is_sorted()
    }
}
