//! Reductions of floats over any axes.

use super::super::direct::Direct;
use super::super::{Operands, Quantized};
use super::{expect_float, floats};
use crate::Result;
use crate::graph::Op;
use crate::graph::tflite::Reduction;
use crate::lower::Call;

pub(crate) fn reduce(operands: &Operands<'_>) -> Result<Quantized> {
    floats(operands, 0)?;
    expect_float(operands, operands.output()?)?;
    let call = match operands.node.op {
        Op::Mean { keep_dims } => Call::FloatReduceMean(operands.reduce(keep_dims)?),
        Op::ReduceMax { keep_dims } => Call::FloatReduceMax(operands.reduce(keep_dims)?),
        Op::Reduce { reduction, keep_dims } => {
            let reduce = operands.reduce(keep_dims)?;
            match reduction {
                Reduction::Min => Call::FloatReduceMin(reduce),
                Reduction::Prod => Call::FloatReduceProd(reduce),
                Reduction::Sum => Call::FloatReduceSum(reduce),
                Reduction::All | Reduction::Any => return Err(operands.invalid("is a function of bools")),
            }
        }
        _ => return Err(operands.invalid("is not a reduction")),
    };
    Ok((Direct::new(call).into(), vec![operands.input_id(0)?]))
}
