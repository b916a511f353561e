//! AVERAGE_POOL_2D and MAX_POOL_2D of int8 tensors; input and output share scale and zero point.

use hilbench_kernels::optimized::{dsp, generic, mve};
use hilbench_kernels::params::Clamp;
use hilbench_kernels::{params, reference};

use super::channels::{self, Bounds, Cut, Flow, Site};
use super::direct::Direct;
use super::{Border, Computation, Operands, QOp, Quantized};
use crate::Result;
use crate::graph::Op;
use crate::host::{Kernel, Level};
use crate::lower::{Call, Isa, Lowering, Step};
use crate::qgraph::QNode;
use crate::value::Value;

/// An average or a maximum over windows.
#[derive(Clone, Debug)]
pub struct Pool2d {
    params: params::Pool2d,
    max: bool,
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let (window, filter, max) = match &operands.node.op {
        Op::AveragePool2d { window, filter } => (window, *filter, false),
        Op::MaxPool2d { window, filter } => (window, *filter, true),
        _ => return Err(operands.invalid("is not a pool")),
    };
    let x = operands.input(0)?;
    operands.int8(x)?;
    let output = operands.int8(operands.output()?)?;
    operands.expect_same_values(x, operands.output()?)?;
    let input @ [batches, _, _, channels] = operands.dims(x)?;
    let window_params = operands.window(window, input, filter)?;
    operands.expect_shape(0, &[batches, window_params.output_h, window_params.output_w, channels])?;
    let activation = operands.clamp(window.activation, output)?;
    let params = params::Pool2d { batches, window: window_params, channels, activation };
    Ok((Pool2d { params, max }.into(), vec![operands.input_id(0)?]))
}

/// AVERAGE_POOL_2D of uint8, whose ties go up where those of int8 go away from zero.
pub(super) fn unsigned_average(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::AveragePool2d { window, filter } = &operands.node.op else {
        return Err(operands.invalid("is not AVERAGE_POOL_2D"));
    };
    let x = operands.input(0)?;
    let output = operands.per_tensor(operands.output()?)?;
    operands.expect_same_values(x, operands.output()?)?;
    let input @ [batches, _, _, channels] = operands.dims(x)?;
    let window_params = operands.window(window, input, *filter)?;
    operands.expect_shape(0, &[batches, window_params.output_h, window_params.output_w, channels])?;
    let activation = operands.clamp_within(window.activation, output, 0, 255)?;
    let params = params::Pool2d { batches, window: window_params, channels, activation };
    Ok((Direct::new(Call::AveragePool2dU8(params)).into(), vec![operands.input_id(0)?]))
}

impl Computation for Pool2d {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        let kernel = if self.max { reference::max_pool2d } else { reference::average_pool2d };
        kernel(&self.params, inputs[0].as_slice(), outputs[0].as_mut_slice());
    }

    fn host(&self, _: Level) -> Option<Kernel> {
        Some(Kernel::unary(self.params, if self.max { generic::max_pool2d } else { generic::average_pool2d }))
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let p = self.params;
        let call = match (lowering.isa(), self.max) {
            (Isa::Dsp, false) if dsp::average_pool2d_takes(&p) => Call::DspAveragePool2d(p),
            (Isa::Dsp, true) if dsp::max_pool2d_takes(&p) => Call::DspMaxPool2d(p),
            (Isa::Mve, false) if mve::average_pool2d_takes(&p) => Call::MveAveragePool2d(p),
            (Isa::Mve, true) => Call::MveMaxPool2d(p),
            (_, false) => Call::AveragePool2d(p),
            (_, true) => Call::MaxPool2d(p),
        };
        let operands = vec![lowering.operand(node.inputs[0])];
        Ok(vec![Step { call, operands, scratch: None, output: lowering.buffer(node.outputs[0]) }])
    }

    fn bounds(&self, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
        channels::monotonic(self, site)
    }

    fn flow(&self, site: &Site<'_>) -> Flow {
        channels::same_channels(site)
    }

    fn narrowed(&self, _: &Site<'_>, cut: &Cut<'_>) -> Option<QOp> {
        let params = params::Pool2d { channels: cut.outputs[0].len(), ..self.params };
        Some(Pool2d { params, max: self.max }.into())
    }

    fn activation(&self) -> Option<Clamp> {
        Some(self.params.activation)
    }

    fn with_activation(&self, activation: Clamp) -> Option<QOp> {
        let params = params::Pool2d { activation, ..self.params };
        Some(Pool2d { params, max: self.max }.into())
    }

    fn bordered(&self, border: &Border) -> Option<QOp> {
        // An average counts its taps; a maximum does not care for one more that is the least there is.
        let window = if self.max { border.around(&self.params.window, i8::MIN.into()) } else { None }?;
        Some(Pool2d { params: params::Pool2d { window, ..self.params }, max: true }.into())
    }
}
