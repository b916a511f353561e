//! ADD and SUB of int8 tensors with different scales, broadcasting.

use hilbench_kernels::optimized::{dsp, generic};
use hilbench_kernels::params::Clamp;
use hilbench_kernels::{params, reference};

use super::channels::{self, Bounds, Cut, Flow, Site};
use super::unary::{table_broadcast, table_with_constant};
use super::{Computation, Operands, QOp, Quantized};
use crate::Result;
use crate::graph::Op;
use crate::host::{Kernel, Level};
use crate::lower::{Call, Isa, Lowering, Step};
use crate::multiplier::quantize_multiplier;
use crate::qgraph::QNode;
use crate::value::Value;

/// Bits that int8 operands are shifted left before they are rescaled.
const LEFT_SHIFT: u32 = 20;

/// A sum or a difference.
#[derive(Clone, Debug)]
pub struct Add {
    params: params::Add,
    subtract: bool,
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let (activation, subtract) = match operands.node.op {
        Op::Sub { activation } => (activation, true),
        Op::Add { activation } => (activation, false),
        _ => return Err(operands.invalid("is neither ADD nor SUB")),
    };
    let input1 = operands.int8(operands.input(0)?)?;
    let input2 = operands.int8(operands.input(1)?)?;
    let output = operands.int8(operands.output()?)?;
    let twice_max = 2.0 * f64::from(input1.scale.max(input2.scale));
    let rescale = quantize_multiplier(twice_max / (f64::from(1_u32 << LEFT_SHIFT) * f64::from(output.scale)));
    if rescale.shift > 0 {
        // `QuantizeMultiplierSmallerThanOneExp`: the reference stops here.
        let reason = format!("output scale {} is too fine for operands of scale {}", output.scale, twice_max / 2.0);
        return Err(operands.unsupported(reason));
    }
    let params = params::Add {
        broadcast: operands.broadcast()?,
        input1_zero_point: input1.zero_point,
        input2_zero_point: input2.zero_point,
        output_zero_point: output.zero_point,
        left_shift: LEFT_SHIFT,
        input1: quantize_multiplier(f64::from(input1.scale) / twice_max),
        input2: quantize_multiplier(f64::from(input2.scale) / twice_max),
        output: rescale,
        activation: operands.clamp(activation, output)?,
    };
    Ok((Add { params, subtract }.into(), vec![operands.input_id(0)?, operands.input_id(1)?]))
}

impl Computation for Add {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        let kernel = if self.subtract { reference::sub } else { reference::add };
        kernel(&self.params, inputs[0].as_slice(), inputs[1].as_slice(), outputs[0].as_mut_slice());
    }

    fn host(&self, _: Level) -> Option<Kernel> {
        Some(Kernel::binary(self.params, if self.subtract { generic::sub } else { generic::add }))
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let isa = if dsp::add_takes(&self.params) { lowering.isa() } else { Isa::Generic };
        let call = match (isa, self.subtract) {
            (Isa::Generic, false) => Call::Add(self.params),
            (Isa::Generic, true) => Call::Sub(self.params),
            (Isa::Dsp, false) => Call::DspAdd(self.params),
            (Isa::Dsp, true) => Call::DspSub(self.params),
            (Isa::Mve, false) => Call::MveAdd(self.params),
            (Isa::Mve, true) => Call::MveSub(self.params),
        };
        let operands = vec![lowering.operand(node.inputs[0]), lowering.operand(node.inputs[1])];
        Ok(vec![Step { call, operands, scratch: None, output: lowering.buffer(node.outputs[0]) }])
    }

    fn bounds(&self, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
        // No shift goes left by more than the 20 bits that there is room for, so nothing wraps.
        channels::monotonic_in_each(self, site)
    }

    fn flow(&self, site: &Site<'_>) -> Flow {
        channels::broadcast_channels(site)
    }

    fn narrowed(&self, site: &Site<'_>, cut: &Cut<'_>) -> Option<QOp> {
        let broadcast = channels::narrowed_broadcast(&self.params.broadcast, site, cut);
        Some(Add { params: params::Add { broadcast, ..self.params }, subtract: self.subtract }.into())
    }

    fn table(&self, constants: &[Option<&[u8]>]) -> Option<[i8; 256]> {
        let params = params::Add { broadcast: table_broadcast(constants)?, ..self.params };
        table_with_constant(&Add { params, subtract: self.subtract }, constants)
    }

    fn activation(&self) -> Option<Clamp> {
        Some(self.params.activation)
    }

    fn with_activation(&self, activation: Clamp) -> Option<QOp> {
        Some(Add { params: params::Add { activation, ..self.params }, subtract: self.subtract }.into())
    }
}
