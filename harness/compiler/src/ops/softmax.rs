//! SOFTMAX over the last axis of an int8 tensor; output scale 1/256, zero point -128.

use hilbench_kernels::{params, reference};

use super::{Computation, Operands, Quantized};
use crate::Result;
use crate::graph::Op;
use crate::lower::{Call, Lowering, Step};
use crate::multiplier::{input_radius, quantize_multiplier};
use crate::qgraph::QNode;
use crate::value::Value;

/// Integer bits of the scaled differences (Q5.26).
const INTEGER_BITS: i32 = 5;

/// A softmax.
#[derive(Clone, Debug)]
pub struct Softmax {
    params: params::Softmax,
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::Softmax { beta } = operands.node.op else { return Err(operands.invalid("is not SOFTMAX")) };
    let x = operands.input(0)?;
    let scale = operands.int8(x)?.scale;
    operands.expect_output_scale(1.0 / 256.0, -128)?;
    operands.expect_shape(0, &x.shape)?;
    let (rows, depth) = operands.rows(x)?;
    let input = scaled_difference(f64::from(beta), f64::from(scale));
    // `CHECK_GE(left_shift, 0)` of the reference: smaller factors have no fixed-point form there.
    let Some(input) = input else {
        return Err(
            operands.unsupported(format!("beta {beta} times input scale {scale} is outside the fixed-point range"))
        );
    };
    let params = params::Softmax { rows, depth, input, diff_min: -input_radius(INTEGER_BITS, input.shift) };
    Ok((Softmax { params }.into(), vec![operands.input_id(0)?]))
}

/// `min(beta * scale * 2^26, 2^31 - 1)` as multiplier and left shift, if it is greater than one
/// (`PreprocessSoftmaxScaling`).
pub(super) fn scaled_difference(beta: f64, scale: f64) -> Option<params::Requant> {
    let real = (beta * scale * 2f64.powi(31 - INTEGER_BITS)).min(2f64.powi(31) - 1.0);
    (real > 1.0).then(|| quantize_multiplier(real))
}

impl Computation for Softmax {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        reference::softmax(&self.params, inputs[0].as_slice(), outputs[0].as_mut_slice());
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let operands = vec![lowering.operand(node.inputs[0])];
        let output = lowering.buffer(node.outputs[0]);
        Ok(vec![Step { call: Call::Softmax(self.params), operands, scratch: None, output }])
    }
}
