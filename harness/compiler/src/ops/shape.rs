//! SHAPE: shapes are static, so it is always a constant.

use super::{Operands, Quantized};
use crate::graph::{DType, Node, Tensor};
use crate::{Error, Result};

/// Writes the shape of the operand as the data of the result.
pub(crate) fn fold(tensors: &mut [Tensor], node: &Node) -> Result<()> {
    let operands = Operands { tensors, node };
    let shape = operands.input(0)?.shape.clone();
    operands.expect_shape(0, &[shape.len()])?;
    let data = match operands.output()?.dtype {
        DType::I32 => shape.iter().flat_map(|&d| (d as i32).to_le_bytes()).collect(),
        DType::I64 => shape.iter().flat_map(|&d| (d as i64).to_le_bytes()).collect(),
        other => return Err(operands.unsupported(format!("output is {other}; int32 and int64 are accepted"))),
    };
    tensors[node.outputs[0]].data = Some(data);
    Ok(())
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    Err(Error::Invalid { subject: operands.node.op_name.to_string(), reason: "is folded before rules run".to_string() })
}
