//! MEAN of int8 tensors over any axes.

use hilbench_kernels::{params, reference, requant};

use super::channels::{self, Bounds, Cut, Flow, Site};
use super::{Computation, Operands, QOp, Quantized};
use crate::Result;
use crate::graph::Op;
use crate::lower::{Call, Lowering, Step};
use crate::multiplier::quantize_multiplier;
use crate::qgraph::QNode;
use crate::value::Value;

/// A mean.
#[derive(Clone, Debug)]
pub struct Mean {
    params: params::Mean,
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::Mean { keep_dims } = operands.node.op else { return Err(operands.invalid("is not MEAN")) };
    let input = operands.int8(operands.input(0)?)?;
    let output = operands.int8(operands.output()?)?;
    let reduce = operands.reduce(keep_dims)?;
    let count = (0..reduce.dims.len()).filter(|&i| reduce.reduced[i]).map(|i| reduce.dims[i]).product();
    if count == 0 {
        return Err(operands.invalid(format!("takes the mean of no elements of shape {:?}", operands.input(0)?.shape)));
    }
    let scale = quantize_multiplier(f64::from(input.scale) / f64::from(output.scale));
    let params = params::Mean {
        reduce,
        input_zero_point: input.zero_point,
        output_zero_point: output.zero_point,
        output: requant::divide_by_count(scale, count),
    };
    Ok((Mean { params }.into(), vec![operands.input_id(0)?]))
}

impl Computation for Mean {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        reference::mean(&self.params, inputs[0].as_slice(), outputs[0].as_mut_slice());
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let operands = vec![lowering.operand(node.inputs[0])];
        let output = lowering.buffer(node.outputs[0]);
        Ok(vec![Step { call: Call::Mean(self.params), operands, scratch: None, output }])
    }

    fn bounds(&self, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
        let (reduce, output) = (&self.params.reduce, self.params.output);
        let count: i64 = (0..reduce.dims.len()).filter(|&i| reduce.reduced[i]).map(|i| reduce.dims[i] as i64).product();
        // Largest sums must neither wrap nor be shifted out.
        i32::try_from(count.checked_mul(255)?.checked_shl(output.shift.max(0).unsigned_abs())?).ok()?;
        channels::monotonic(self, site)
    }

    fn flow(&self, site: &Site<'_>) -> Flow {
        channels::reduced_channels(&self.params.reduce, site)
    }

    fn narrowed(&self, _: &Site<'_>, cut: &Cut<'_>) -> Option<QOp> {
        let reduce = channels::narrowed_reduce(&self.params.reduce, cut);
        Some(Mean { params: params::Mean { reduce, ..self.params } }.into())
    }
}
