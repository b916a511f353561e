//! Functions of each float.

use hilbench_kernels::params::{ClampF32, UnaryF32};

use super::super::direct::Direct;
use super::super::{Operands, Quantized};
use super::{clamp, expect_result, floats};
use crate::Result;
use crate::graph::tflite::Unary;
use crate::graph::{Activation, Op};
use crate::lower::Call;

pub(crate) fn unary(operands: &Operands<'_>) -> Result<Quantized> {
    let x = floats(operands, 0)?;
    expect_result(operands, &x.shape)?;
    let call = unary_call(operands)?;
    Ok((Direct::new(call).into(), vec![operands.input_id(0)?]))
}

/// The call that computes the operator.
pub(crate) fn unary_call(operands: &Operands<'_>) -> Result<Call> {
    Ok(match operands.node.op {
        Op::HardSwish => Call::FloatHardSwish(()),
        Op::LeakyRelu { alpha } if alpha.is_finite() => Call::FloatLeakyRelu(UnaryF32 { alpha, beta: 0.0 }),
        Op::LeakyRelu { alpha } => return Err(operands.invalid(format!("alpha is {alpha}"))),
        Op::Logistic => Call::FloatSigmoid(()),
        Op::Relu => Call::FloatClip(clamp(Activation::Relu)),
        Op::Relu6 => Call::FloatClip(clamp(Activation::Relu6)),
        Op::Tanh => Call::FloatTanh(()),
        Op::Unary(unary) => match unary {
            Unary::Abs => Call::FloatAbs(()),
            Unary::Ceil => Call::FloatCeil(()),
            Unary::Cos => Call::FloatCos(()),
            Unary::Elu => Call::FloatElu(UnaryF32 { alpha: 1.0, beta: 0.0 }),
            Unary::Exp => Call::FloatExp(()),
            Unary::Floor => Call::FloatFloor(()),
            Unary::Gelu => Call::FloatGelu(()),
            Unary::GeluTanh => Call::FloatGeluTanh(()),
            Unary::Log => Call::FloatLog(()),
            Unary::LogicalNot => return Err(operands.invalid("is a function of bools")),
            Unary::Neg => Call::FloatNeg(()),
            Unary::Relu0To1 => Call::FloatClip(ClampF32 { min: 0.0, max: 1.0 }),
            Unary::ReluN1To1 => Call::FloatClip(clamp(Activation::ReluN1To1)),
            Unary::Round => Call::FloatRound(()),
            Unary::Rsqrt => Call::FloatRsqrt(()),
            Unary::Sign => Call::FloatSign(()),
            Unary::Sin => Call::FloatSin(()),
            Unary::Sqrt => Call::FloatSqrt(()),
            Unary::Square => Call::FloatSquare(()),
        },
        _ => return Err(operands.invalid("is not a function of one number")),
    })
}
