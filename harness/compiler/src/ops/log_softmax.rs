//! LOG_SOFTMAX over the last axis of an int8 tensor (output scale 16/256, zero point 127).

use hilbench_kernels::{params, reference};

use super::softmax::scaled_difference;
use super::{Computation, Operands, Quantized};
use crate::Result;
use crate::lower::{Call, Lowering, Step};
use crate::multiplier::{input_radius, quantize_multiplier};
use crate::qgraph::QNode;
use crate::value::Value;

/// A log-softmax.
#[derive(Clone, Debug)]
pub struct LogSoftmax {
    params: params::LogSoftmax,
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let x = operands.input(0)?;
    let scale = operands.int8(x)?.scale;
    operands.expect_output_scale(16.0 / 256.0, 127)?;
    operands.expect_shape(0, &x.shape)?;
    let (rows, depth) = operands.rows(x)?;
    let Some(input) = scaled_difference(1.0, f64::from(scale)) else {
        return Err(operands.unsupported(format!("input scale {scale} is outside the fixed-point range")));
    };
    // `PreprocessLogSoftmaxScalingExp`: the factor that undoes `input`.
    let reverse = quantize_multiplier(2f64.powi(31 - input.shift) / f64::from(input.multiplier));
    let params = params::LogSoftmax { rows, depth, input, reverse, diff_min: -input_radius(5, input.shift) };
    Ok((LogSoftmax { params }.into(), vec![operands.input_id(0)?]))
}

impl Computation for LogSoftmax {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        reference::log_softmax(&self.params, inputs[0].as_slice(), outputs[0].as_mut_slice());
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let operands = vec![lowering.operand(node.inputs[0])];
        Ok(vec![Step {
            call: Call::LogSoftmax(self.params),
            operands,
            scratch: None,
            output: lowering.buffer(node.outputs[0]),
        }])
    }
}
