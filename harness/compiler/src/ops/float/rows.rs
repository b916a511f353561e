//! Functions of rows of floats: softmax, its logarithm, normalizations along the last axis.

use hilbench_kernels::params::{Lrn, Rows};

use super::super::direct::Direct;
use super::super::{Operands, Quantized};
use super::{expect_result, floats};
use crate::Result;
use crate::graph::Op;
use crate::lower::Call;

fn rows(operands: &Operands<'_>) -> Result<Rows> {
    let x = floats(operands, 0)?;
    expect_result(operands, &x.shape)?;
    let (rows, depth) = operands.rows(x)?;
    Ok(Rows { rows, depth })
}

pub(crate) fn softmax(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::Softmax { beta } = operands.node.op else { return Err(operands.invalid("is not SOFTMAX")) };
    if beta.to_bits() != 1f32.to_bits() {
        return Err(operands.unsupported(format!("beta is {beta}; of floats, 1 is accepted")));
    }
    Ok((Direct::new(Call::FloatSoftmax(rows(operands)?)).into(), vec![operands.input_id(0)?]))
}

pub(crate) fn log_softmax(operands: &Operands<'_>) -> Result<Quantized> {
    Ok((Direct::new(Call::LogSoftmaxF32(rows(operands)?)).into(), vec![operands.input_id(0)?]))
}

pub(crate) fn l2_normalization(operands: &Operands<'_>) -> Result<Quantized> {
    Ok((Direct::new(Call::FloatL2Normalization(rows(operands)?)).into(), vec![operands.input_id(0)?]))
}

pub(crate) fn local_response_normalization(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::LocalResponseNormalization { radius, bias, alpha, beta } = operands.node.op else {
        return Err(operands.invalid("is not LOCAL_RESPONSE_NORMALIZATION"));
    };
    let Rows { rows, depth } = rows(operands)?;
    let size = 2 * radius + 1;
    // The kernel divides its factor by the window's size, as ONNX has it; TFLite's is for the sum.
    let call = Call::FloatLrn(Lrn { rows, depth, size, alpha: alpha * size as f32, beta, bias });
    Ok((Direct::new(call).into(), vec![operands.input_id(0)?]))
}
