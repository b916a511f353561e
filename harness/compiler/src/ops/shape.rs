//! SHAPE, RANK, FILL and ZEROS_LIKE: shapes are static, so they are always constants.

use super::{Operands, Quantized};
use crate::Result;
use crate::graph::{DType, Node, Op, Tensor};

/// Largest tensor that is made of one value.
const MAX_FILLED_BYTES: usize = 1 << 20;

/// Writes the shape, or the number of dimensions, of the operand as the data of the result, if that is what `node` asks.
pub(crate) fn fold(tensors: &mut [Tensor], node: &Node) -> Result<bool> {
    let operands = Operands { tensors, node };
    let shape = match node.op {
        Op::Shape => operands.input(0)?.shape.clone(),
        Op::Rank => vec![operands.input(0)?.shape.len()],
        Op::Fill | Op::ZerosLike => return fill(tensors, node),
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

/// Repeats a constant, or zeros, in the shape of the result.
fn fill(tensors: &mut [Tensor], node: &Node) -> Result<bool> {
    let operands = Operands { tensors, node };
    let (value, y) = if node.op == Op::Fill {
        let (value, y) = (operands.input(1)?, operands.output()?);
        let asked = operands.integers(0)?;
        if !asked.iter().copied().eq(y.shape.iter().map(|&d| d as i64)) || value.dtype != y.dtype {
            let reason = format!("fills {asked:?} with {}; its result is {} {:?}", value.dtype, y.dtype, y.shape);
            return Err(operands.invalid(reason));
        }
        let constant = value.data.clone().filter(|data| data.len() == y.dtype.size());
        (constant.ok_or_else(|| operands.unsupported("a value that is computed; a constant is accepted"))?, y)
    } else {
        let y = operands.output()?;
        let x = operands.input(0)?;
        operands.expect_shape(0, &x.shape)?;
        operands.expect_same_values(x, y)?;
        let zero = y.quantization.as_ref().and_then(|q| q.zero_points.first().copied()).unwrap_or(0);
        (zero.to_le_bytes()[..y.dtype.size()].to_vec(), y)
    };
    if y.bytes() > MAX_FILLED_BYTES {
        let reason = format!("a constant of {} bytes; up to {MAX_FILLED_BYTES} are made", y.bytes());
        return Err(operands.unsupported(reason));
    }
    tensors[node.outputs[0]].data = Some(value.repeat(y.elements()));
    Ok(true)
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    Err(operands.invalid("is folded before rules run"))
}
