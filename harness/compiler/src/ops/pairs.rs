//! Functions of two tensors: comparisons and logic, and those of int8 tensors that have a kernel of their own.

use hilbench_kernels::params::{Clamp, Compare, PRelu, QLinearMatMul, Relation, Requant, SquaredDifference};

use super::direct::Direct;
use super::matmul::matmul;
use super::requantized::requant_bytes;
use super::{Operands, Quantized};
use crate::Result;
use crate::graph::tflite::{Binary, Unary};
use crate::graph::{DType, Op};
use crate::lower::Call;
use crate::multiplier::quantize_multiplier;

fn both(operands: &Operands<'_>) -> Result<Vec<usize>> {
    Ok(vec![operands.input_id(0)?, operands.input_id(1)?])
}

fn function(operands: &Operands<'_>) -> Result<Binary> {
    match operands.node.op {
        Op::Binary { function, .. } => Ok(function),
        _ => Err(operands.invalid("is not a function of two numbers")),
    }
}

fn expect_bool(operands: &Operands<'_>) -> Result<()> {
    let y = operands.output()?;
    if y.dtype == DType::Bool {
        return Ok(());
    }
    Err(operands.invalid(format!("output {:?} is {}; bool is expected", y.name, y.dtype)))
}

fn same_types(operands: &Operands<'_>) -> Result<DType> {
    let (a, b) = (operands.input(0)?, operands.input(1)?);
    if a.dtype == b.dtype {
        return Ok(a.dtype);
    }
    Err(operands.invalid(format!("{:?} is {}, but {:?} is {}", a.name, a.dtype, b.name, b.dtype)))
}

/// Comparisons of float32 or int32.
pub(super) fn compare(operands: &Operands<'_>) -> Result<Quantized> {
    expect_bool(operands)?;
    let p = operands.broadcast()?;
    let float = same_types(operands)? == DType::F32;
    let call = match (function(operands)?, float) {
        (Binary::Equal, true) => Call::EqualF32(p),
        (Binary::Equal, false) => Call::EqualI32(p),
        (Binary::Greater, true) => Call::GreaterF32(p),
        (Binary::Greater, false) => Call::GreaterI32(p),
        (Binary::GreaterEqual, true) => Call::GreaterOrEqualF32(p),
        (Binary::GreaterEqual, false) => Call::GreaterOrEqualI32(p),
        (Binary::Less, true) => Call::LessF32(p),
        (Binary::Less, false) => Call::LessI32(p),
        (Binary::LessEqual, true) => Call::LessOrEqualF32(p),
        (Binary::LessEqual, false) => Call::LessOrEqualI32(p),
        (Binary::NotEqual, true) => Call::NotEqualF32(p),
        (Binary::NotEqual, false) => Call::NotEqualI32(p),
        _ => return Err(operands.invalid("is not a comparison")),
    };
    Ok((Direct::new(call).into(), both(operands)?))
}

/// Comparisons of int8.
pub(super) fn compare_int8(operands: &Operands<'_>) -> Result<Quantized> {
    /// Bits that the reference shifts before it rescales.
    const LEFT_SHIFT: u32 = 8;
    expect_bool(operands)?;
    let relation = match function(operands)? {
        Binary::Equal => Relation::Equal,
        Binary::Greater => Relation::Greater,
        Binary::GreaterEqual => Relation::GreaterEqual,
        Binary::Less => Relation::Less,
        Binary::LessEqual => Relation::LessEqual,
        Binary::NotEqual => Relation::NotEqual,
        _ => return Err(operands.invalid("is not a comparison")),
    };
    let (a, b) = (operands.int8(operands.input(0)?)?, operands.int8(operands.input(1)?)?);
    if a.scale >= 1.0 || b.scale >= 1.0 {
        // `QuantizeMultiplierSmallerThanOneExp`: the reference stops here.
        return Err(operands.unsupported(format!("scales {} and {}; those below 1 are accepted", a.scale, b.scale)));
    }
    let params = Compare {
        broadcast: operands.broadcast()?,
        input1_zero_point: a.zero_point,
        input2_zero_point: b.zero_point,
        left_shift: LEFT_SHIFT,
        input1: quantize_multiplier(a.scale.into()),
        input2: quantize_multiplier(b.scale.into()),
        relation,
    };
    Ok((Direct::new(Call::CompareI8(params)).into(), both(operands)?))
}

/// LOGICAL_AND and LOGICAL_OR.
pub(super) fn logic(operands: &Operands<'_>) -> Result<Quantized> {
    expect_bool(operands)?;
    let p = operands.broadcast()?;
    let call = match function(operands)? {
        Binary::LogicalAnd => Call::And(p),
        Binary::LogicalOr => Call::Or(p),
        _ => return Err(operands.invalid("is not a function of bools")),
    };
    same_types(operands)?;
    Ok((Direct::new(call).into(), both(operands)?))
}

/// LOGICAL_NOT.
pub(super) fn not(operands: &Operands<'_>) -> Result<Quantized> {
    if operands.node.op != Op::Unary(Unary::LogicalNot) {
        return Err(operands.invalid("is not LOGICAL_NOT"));
    }
    expect_bool(operands)?;
    operands.expect_shape(0, &operands.input(0)?.shape)?;
    let mut table = [0; 256];
    table[0] = 1;
    Ok((Direct::new(Call::Lookup(table)).into(), vec![operands.input_id(0)?]))
}

/// PRELU of int8.
pub(super) fn prelu(operands: &Operands<'_>) -> Result<Quantized> {
    let (x, alpha) = (operands.int8(operands.input(0)?)?, operands.int8(operands.input(1)?)?);
    let output = operands.int8(operands.output()?)?;
    let params = PRelu {
        broadcast: operands.broadcast()?,
        input_zero_point: x.zero_point,
        alpha_zero_point: alpha.zero_point,
        output_zero_point: output.zero_point,
        identity: quantize_multiplier(f64::from(x.scale / output.scale)),
        alpha: quantize_multiplier(f64::from(x.scale * alpha.scale / output.scale)),
    };
    Ok((Direct::new(Call::PRelu(params)).into(), both(operands)?))
}

/// SQUARED_DIFFERENCE of int8.
pub(super) fn squared_difference(operands: &Operands<'_>) -> Result<Quantized> {
    /// The largest shift that keeps a square of 255 within 32 bits.
    const LEFT_SHIFT: u32 = 7;
    let (a, b) = (operands.int8(operands.input(0)?)?, operands.int8(operands.input(1)?)?);
    let output = operands.int8(operands.output()?)?;
    let twice_max = 2.0 * f64::from(a.scale.max(b.scale));
    let params = SquaredDifference {
        broadcast: operands.broadcast()?,
        input1_zero_point: a.zero_point,
        input2_zero_point: b.zero_point,
        output_zero_point: output.zero_point,
        left_shift: LEFT_SHIFT,
        input1: quantize_multiplier(f64::from(a.scale) / twice_max),
        input2: quantize_multiplier(f64::from(b.scale) / twice_max),
        output: quantize_multiplier(
            twice_max * twice_max / (f64::from(1_u32 << (2 * LEFT_SHIFT)) * f64::from(output.scale)),
        ),
    };
    Ok((Direct::new(Call::SquaredDifference(params)).into(), both(operands)?))
}

/// BATCH_MATMUL of int8.
pub(super) fn batch_matmul(operands: &Operands<'_>) -> Result<Quantized> {
    let (a, b) = (operands.int8(operands.input(0)?)?, operands.int8(operands.input(1)?)?);
    let output = operands.int8(operands.output()?)?;
    let (matmul, macs) = matmul(operands)?;
    let params = QLinearMatMul {
        matmul,
        input1_zero_point: a.zero_point,
        input2_zero_point: b.zero_point,
        output_zero_point: output.zero_point,
        activation: Clamp { min: -128, max: 127 },
    };
    let factor: Requant = quantize_multiplier(f64::from(a.scale * b.scale) / f64::from(output.scale));
    let direct = Direct::new(Call::BatchMatMul(params)).counting(macs).with("multiplier", &requant_bytes(&[factor]));
    Ok((direct.into(), both(operands)?))
}
