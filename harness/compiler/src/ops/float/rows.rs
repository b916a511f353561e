//! Functions of rows of floats: softmax, its logarithm, normalizations along the last axis.

use hilbench_kernels::params::Rows;

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
