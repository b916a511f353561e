//! Which kernel computes which float operator, and functions of a few numbers computed here by the same kernels.

use hilbench_kernels::params::{Broadcast, ClampF32, Reduce, UnaryF32};
use hilbench_kernels::shape::MAX_RANK;

use super::rational;
use crate::graph::onnx::{Binary, Reduction, Unary};
use crate::lower::Call;
use crate::value::Value;

/// The call of a function of one number; `None` where its attributes are not finite.
pub fn unary(unary: Unary) -> Option<Call> {
    let with = |alpha: f32, beta: f32| (alpha.is_finite() && beta.is_finite()).then_some(UnaryF32 { alpha, beta });
    Some(match unary {
        Unary::Abs => Call::FloatAbs(()),
        Unary::Acos => Call::FloatAcos(()),
        Unary::Acosh => Call::FloatAcosh(()),
        Unary::Asin => Call::FloatAsin(()),
        Unary::Asinh => Call::FloatAsinh(()),
        Unary::Atan => Call::FloatAtan(()),
        Unary::Atanh => Call::FloatAtanh(()),
        Unary::Ceil => Call::FloatCeil(()),
        Unary::Cos => Call::FloatCos(()),
        Unary::Cosh => Call::FloatCosh(()),
        Unary::Erf => Call::FloatErf(()),
        Unary::Exp => Call::FloatExp(()),
        Unary::Floor => Call::FloatFloor(()),
        Unary::HardSwish => Call::FloatHardSwish(()),
        Unary::Log => Call::FloatLog(()),
        Unary::Mish => Call::FloatMish(()),
        Unary::Neg => Call::FloatNeg(()),
        Unary::Reciprocal => Call::FloatReciprocal(()),
        Unary::Round => Call::FloatRound(()),
        Unary::Sigmoid => Call::FloatSigmoid(()),
        Unary::Sign => Call::FloatSign(()),
        Unary::Sin => Call::FloatSin(()),
        Unary::Sinh => Call::FloatSinh(()),
        Unary::Softplus => Call::FloatSoftplus(()),
        Unary::Softsign => Call::FloatSoftsign(()),
        Unary::Sqrt => Call::FloatSqrt(()),
        Unary::Tan => Call::FloatTan(()),
        Unary::Tanh => Call::FloatTanh(()),
        Unary::Celu(alpha) => Call::FloatCelu(with(alpha, 0.0)?),
        Unary::Elu(alpha) => Call::FloatElu(with(alpha, 0.0)?),
        Unary::LeakyRelu(alpha) => Call::FloatLeakyRelu(with(alpha, 0.0)?),
        Unary::ThresholdedRelu(alpha) => Call::FloatThresholdedRelu(with(alpha, 0.0)?),
        Unary::HardSigmoid(alpha, beta) => Call::FloatHardSigmoid(with(alpha, beta)?),
        Unary::Selu(alpha, beta) => Call::FloatSelu(with(alpha, beta)?),
        Unary::Gelu(false) => Call::FloatGelu(()),
        Unary::Gelu(true) => Call::FloatGeluTanh(()),
        Unary::Clip(min, max) => Call::FloatClip(clamp(min, max)?),
        Unary::Relu => Call::FloatClip(ClampF32::RELU),
        // A function of bools.
        Unary::Not => return None,
    })
}

/// Bounds; `None` where one is not a number.
pub fn clamp(min: f32, max: f32) -> Option<ClampF32> {
    let bounds = ClampF32 {
        min: if min <= f32::MIN { f32::NEG_INFINITY } else { min },
        max: if max >= f32::MAX { f32::INFINITY } else { max },
    };
    // Source has no literal for an infinity on the wrong side.
    (!min.is_nan() && !max.is_nan() && min < f32::INFINITY && max > f32::NEG_INFINITY).then_some(bounds)
}

/// The call of a function of two numbers.
pub fn binary(binary: Binary, broadcast: Broadcast) -> Option<Call> {
    Some(match binary {
        Binary::Add => Call::FloatAdd(broadcast),
        Binary::Div => Call::FloatDiv(broadcast),
        Binary::Max => Call::FloatMax(broadcast),
        Binary::Min => Call::FloatMin(broadcast),
        Binary::Mul => Call::FloatMul(broadcast),
        Binary::PRelu => Call::FloatPRelu(broadcast),
        Binary::Pow => Call::FloatPow(broadcast),
        Binary::Sub => Call::FloatSub(broadcast),
        Binary::Fmod | Binary::Mod => return None,
        // Functions whose result is a truth.
        Binary::And
        | Binary::Equal
        | Binary::Greater
        | Binary::GreaterOrEqual
        | Binary::Less
        | Binary::LessOrEqual
        | Binary::Or
        | Binary::Xor => return None,
    })
}

/// The call of a reduction.
pub fn reduction(reduction: Reduction, reduce: Reduce) -> Call {
    match reduction {
        Reduction::L1 => Call::FloatReduceL1(reduce),
        Reduction::L2 => Call::FloatReduceL2(reduce),
        Reduction::LogSum => Call::FloatReduceLogSum(reduce),
        Reduction::LogSumExp => Call::FloatReduceLogSumExp(reduce),
        Reduction::Max => Call::FloatReduceMax(reduce),
        Reduction::Mean => Call::FloatReduceMean(reduce),
        Reduction::Min => Call::FloatReduceMin(reduce),
        Reduction::Prod => Call::FloatReduceProd(reduce),
        Reduction::Sum => Call::FloatReduceSum(reduce),
        Reduction::SumSquare => Call::FloatReduceSumSquare(reduce),
    }
}

fn value(x: &[f32]) -> Value {
    Value::from_bytes(&x.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
}

fn run(call: &Call, operands: &[&[f32]], count: usize) -> Vec<f32> {
    let values: Vec<Value> = operands.iter().map(|x| value(x)).collect();
    let mut output = Value::zeros(count * 4);
    call.run(&values.iter().collect::<Vec<_>>(), &mut Value::zeros(0), &mut output);
    output.as_slice().to_vec()
}

/// `unary` of every number of a table of codes.
pub fn unary_of(function: Unary, x: &[f32]) -> Option<Vec<f32>> {
    let by = |f: fn(f32) -> f32| Some(x.iter().map(|&x| f(x)).collect());
    match function {
        Unary::Sigmoid => return by(rational::sigmoid),
        Unary::Tanh => return by(rational::tanh),
        _ => {}
    }
    Some(run(&unary(function)?, &[x], x.len()))
}

/// `binary` of pairs of numbers.
pub fn binary_of(function: Binary, a: &[f32], b: &[f32]) -> Option<Vec<f32>> {
    let (mut dims, mut strides) = ([1; MAX_RANK], [0; MAX_RANK]);
    (dims[MAX_RANK - 1], strides[MAX_RANK - 1]) = (a.len(), 1);
    let call = binary(function, Broadcast { dims, strides1: strides, strides2: strides })?;
    Some(run(&call, &[a, b], a.len()))
}
