//! Functions of pairs of floats, broadcasting.

use super::super::direct::Direct;
use super::super::{Operands, Quantized};
use super::{expect_result, floats};
use crate::Result;
use crate::graph::tflite::Binary;
use crate::graph::{Activation, Op};
use crate::lower::Call;

pub(crate) fn binary(operands: &Operands<'_>) -> Result<Quantized> {
    floats(operands, 0)?;
    floats(operands, 1)?;
    let broadcast = operands.broadcast()?;
    expect_result(operands, &operands.output()?.shape)?;
    let (call, activation) = match operands.node.op {
        Op::Add { activation } => (Call::FloatAdd(broadcast), activation),
        Op::Sub { activation } => (Call::FloatSub(broadcast), activation),
        Op::Mul { activation } => (Call::FloatMul(broadcast), activation),
        Op::Maximum => (Call::FloatMax(broadcast), Activation::None),
        Op::Minimum => (Call::FloatMin(broadcast), Activation::None),
        Op::Binary { function, activation } => {
            let call = match function {
                Binary::Div => Call::FloatDiv(broadcast),
                Binary::Pow => Call::FloatPow(broadcast),
                Binary::PRelu => Call::FloatPRelu(broadcast),
                Binary::SquaredDifference => Call::FloatSquaredDifference(broadcast),
                _ => return Err(operands.invalid("is not a function of floats to floats")),
            };
            (call, activation)
        }
        _ => return Err(operands.invalid("is not a function of two numbers")),
    };
    if activation != Activation::None {
        return Err(operands.invalid("has a fused activation that was not taken apart"));
    }
    Ok((Direct::new(call).into(), vec![operands.input_id(0)?, operands.input_id(1)?]))
}
