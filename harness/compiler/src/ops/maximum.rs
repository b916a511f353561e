//! MAXIMUM and MINIMUM of int8 tensors, broadcasting. Values are compared as they are: scales must be equal.

use hilbench_kernels::{params, reference};

use super::channels::{self, Bounds, Cut, Flow, Site};
use super::unary::{table_broadcast, table_with_constant};
use super::{Computation, Operands, QOp, Quantized};
use crate::Result;
use crate::graph::Op;
use crate::lower::{Call, Lowering, Step};
use crate::qgraph::QNode;
use crate::value::Value;

/// The greater or the smaller of two values.
#[derive(Clone, Debug)]
pub struct Maximum {
    params: params::Broadcast,
    minimum: bool,
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let (a, b, output) = (operands.input(0)?, operands.input(1)?, operands.output()?);
    for tensor in [a, b, output] {
        operands.int8(tensor)?;
        operands.expect_same_values(a, tensor)?;
    }
    let computation = Maximum { params: operands.broadcast()?, minimum: operands.node.op == Op::Minimum };
    Ok((computation.into(), vec![operands.input_id(0)?, operands.input_id(1)?]))
}

impl Computation for Maximum {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        let kernel = if self.minimum { reference::minimum::<i8> } else { reference::maximum::<i8> };
        kernel(&self.params, inputs[0].as_slice(), inputs[1].as_slice(), outputs[0].as_mut_slice());
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let call = if self.minimum { Call::MinimumI8(self.params) } else { Call::MaximumI8(self.params) };
        let operands = vec![lowering.operand(node.inputs[0]), lowering.operand(node.inputs[1])];
        Ok(vec![Step { call, operands, scratch: None, output: lowering.buffer(node.outputs[0]) }])
    }

    fn bounds(&self, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
        channels::monotonic(self, site)
    }

    fn flow(&self, site: &Site<'_>) -> Flow {
        channels::broadcast_channels(site)
    }

    fn narrowed(&self, site: &Site<'_>, cut: &Cut<'_>) -> Option<QOp> {
        let params = channels::narrowed_broadcast(&self.params, site, cut);
        Some(Maximum { params, minimum: self.minimum }.into())
    }

    fn table(&self, constants: &[Option<&[u8]>]) -> Option<[i8; 256]> {
        table_with_constant(&Maximum { params: table_broadcast(constants)?, minimum: self.minimum }, constants)
    }
}
