//! SHAPE and RANK: shapes are static, so they are always constants.

use super::{Operands, Quantized};
use crate::Result;
use crate::graph::{DType, Node, Op, Tensor};

/// Writes the shape, or the number of dimensions, of the operand as the data of the result, if that is what `node` asks.
pub(crate) fn fold(tensors: &mut [Tensor], node: &Node) -> Result<bool> {
    let operands = Operands { tensors, node };
    let shape = match node.op {
        Op::Shape => operands.input(0)?.shape.clone(),
        Op::Rank => vec![operands.input(0)?.shape.len()],
        _ => return Ok(false),
    };
    let expected = if node.op == Op::Shape { vec![shape.len()] } else { Vec::new() };
    operands.expect_shape(0, &expected)?;
    let data = match operands.output()?.dtype {
        DType::I32 => shape.iter().flat_map(|&d| (d as i32).to_le_bytes()).collect(),
        DType::I64 => shape.iter().flat_map(|&d| (d as i64).to_le_bytes()).collect(),
        other => return Err(operands.unsupported(format!("output is {other}; int32 and int64 are accepted"))),
    };
    tensors[node.outputs[0]].data = Some(data);
    Ok(true)
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    Err(operands.invalid("is folded before rules run"))
}
