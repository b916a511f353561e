//! MUL of int8 tensors, broadcasting.

use hilbench_kernels::optimized::dsp;
use hilbench_kernels::params::Clamp;
use hilbench_kernels::{params, reference};

use super::channels::{self, Bounds, Cut, Flow, Site};
use super::unary::{table_broadcast, table_with_constant};
use super::{Computation, Operands, QOp, Quantized};
use crate::Result;
use crate::graph::Op;
use crate::lower::{Call, Isa, Lowering, Step};
use crate::multiplier::quantize_multiplier;
use crate::qgraph::QNode;
use crate::value::Value;

/// A product.
#[derive(Clone, Debug)]
pub struct Mul {
    params: params::Mul,
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::Mul { activation } = operands.node.op else { return Err(operands.invalid("is not MUL")) };
    let input1 = operands.int8(operands.input(0)?)?;
    let input2 = operands.int8(operands.input(1)?)?;
    let output = operands.int8(operands.output()?)?;
    let params = params::Mul {
        broadcast: operands.broadcast()?,
        input1_zero_point: input1.zero_point,
        input2_zero_point: input2.zero_point,
        output_zero_point: output.zero_point,
        // All in single precision, as the reference prepares it; TFLite Micro does it in double.
        output: quantize_multiplier(f64::from(input1.scale * input2.scale / output.scale)),
        activation: operands.clamp(activation, output)?,
    };
    Ok((Mul { params }.into(), vec![operands.input_id(0)?, operands.input_id(1)?]))
}

impl Computation for Mul {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        reference::mul(&self.params, inputs[0].as_slice(), inputs[1].as_slice(), outputs[0].as_mut_slice());
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let operands = vec![lowering.operand(node.inputs[0]), lowering.operand(node.inputs[1])];
        let output = lowering.buffer(node.outputs[0]);
        let call = match lowering.isa() {
            Isa::Dsp if dsp::mul_takes(&self.params) => Call::DspMul(self.params),
            Isa::Mve if dsp::mul_takes(&self.params) => Call::MveMul(self.params),
            _ => Call::Mul(self.params),
        };
        Ok(vec![Step { call, operands, scratch: None, output }])
    }

    fn bounds(&self, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
        // Products stay below 2^16: up to 14 bits to the left they cannot wrap.
        if self.params.output.shift > 14 {
            return None;
        }
        channels::monotonic_in_each(self, site)
    }

    fn flow(&self, site: &Site<'_>) -> Flow {
        channels::broadcast_channels(site)
    }

    fn narrowed(&self, site: &Site<'_>, cut: &Cut<'_>) -> Option<QOp> {
        let broadcast = channels::narrowed_broadcast(&self.params.broadcast, site, cut);
        Some(Mul { params: params::Mul { broadcast, ..self.params } }.into())
    }

    fn table(&self, constants: &[Option<&[u8]>]) -> Option<[i8; 256]> {
        let params = params::Mul { broadcast: table_broadcast(constants)?, ..self.params };
        table_with_constant(&Mul { params }, constants)
    }

    fn activation(&self) -> Option<Clamp> {
        Some(self.params.activation)
    }

    fn with_activation(&self, activation: Clamp) -> Option<QOp> {
        Some(Mul { params: params::Mul { activation, ..self.params } }.into())
    }
}
