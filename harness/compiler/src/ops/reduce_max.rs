//! REDUCE_MAX of int8 tensors over any axes; input and output share scale and zero point.

use hilbench_kernels::{params, reference};

use super::channels::{self, Bounds, Cut, Flow, Site};
use super::{Computation, Operands, QOp, Quantized};
use crate::Result;
use crate::graph::Op;
use crate::lower::{Call, Lowering, Step};
use crate::qgraph::QNode;
use crate::value::Value;

/// A maximum over axes.
#[derive(Clone, Debug)]
pub struct ReduceMax {
    params: params::Reduce,
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::ReduceMax { keep_dims } = operands.node.op else { return Err(operands.invalid("is not REDUCE_MAX")) };
    operands.int8(operands.input(0)?)?;
    operands.expect_same_values(operands.input(0)?, operands.output()?)?;
    Ok((ReduceMax { params: operands.reduce(keep_dims)? }.into(), vec![operands.input_id(0)?]))
}

impl Computation for ReduceMax {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        reference::reduce_max::<i8>(&self.params, inputs[0].as_slice(), outputs[0].as_mut_slice());
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let operands = vec![lowering.operand(node.inputs[0])];
        let output = lowering.buffer(node.outputs[0]);
        Ok(vec![Step { call: Call::ReduceMaxI8(self.params), operands, scratch: None, output }])
    }

    fn bounds(&self, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
        channels::monotonic(self, site)
    }

    fn flow(&self, site: &Site<'_>) -> Flow {
        channels::reduced_channels(&self.params, site)
    }

    fn narrowed(&self, _: &Site<'_>, cut: &Cut<'_>) -> Option<QOp> {
        Some(ReduceMax { params: channels::narrowed_reduce(&self.params, cut) }.into())
    }
}
