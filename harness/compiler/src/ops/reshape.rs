//! RESHAPE, SQUEEZE, EXPAND_DIMS: the same bytes under another shape.

use super::channels::{self, Bounds, Flow, Pair, Site};
use super::{Computation, Operands, Quantized, strided};
use crate::Result;
use crate::graph::Op;
use crate::lower::{Call, Lowering, Operand, Step};
use crate::qgraph::QNode;
use crate::value::Value;

/// The same elements in the same order.
#[derive(Clone, Debug)]
pub struct Reshape;

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let x = operands.input(0)?;
    let shape = match &operands.node.op {
        Op::Squeeze { dims } => squeezed(operands, &x.shape, dims)?,
        Op::ExpandDims => {
            let axes = operands.integers(1)?;
            let &[axis] = &axes[..] else { return Err(operands.invalid(format!("axis is {axes:?}; one is expected"))) };
            let mut shape = x.shape.clone();
            shape.insert(operands.axis(axis, shape.len() + 1)?, 1);
            shape
        }
        Op::Reshape { new_shape } => {
            let wanted = match (operands.optional(1), new_shape) {
                (Some(tensor), _) if tensor.data.is_some() => operands.integers(1)?,
                (None, Some(shape)) => shape.clone(),
                // The shape is computed at run time from shapes that are all known: the file's answer stands.
                _ => operands.output()?.shape.iter().map(|&d| d as i64).collect(),
            };
            reshaped(operands, x.elements(), &wanted)?
        }
        _ => return Err(operands.invalid("is not a reshape")),
    };
    operands.expect_shape(0, &shape)?;
    operands.expect_same_values(x, operands.output()?)?;
    Ok((Reshape.into(), vec![operands.input_id(0)?]))
}

/// The same tensor under another name, of a type whose bytes mean the same.
pub(super) fn identity(operands: &Operands<'_>) -> Result<Quantized> {
    operands.expect_shape(0, &operands.input(0)?.shape)?;
    Ok((Reshape.into(), vec![operands.input_id(0)?]))
}

fn reshaped(operands: &Operands<'_>, elements: usize, wanted: &[i64]) -> Result<Vec<usize>> {
    let mismatch = || operands.invalid(format!("{elements} elements cannot have shape {wanted:?}"));
    let unknown = wanted.iter().filter(|&&d| d == -1).count();
    let known = wanted
        .iter()
        .filter(|&&d| d != -1)
        .try_fold(1_usize, |product, &d| usize::try_from(d).ok().and_then(|d| product.checked_mul(d)))
        .ok_or_else(mismatch)?;
    let rest = match unknown {
        0 if known == elements => 1,
        1 if known > 0 && elements.is_multiple_of(known) => elements / known,
        _ => return Err(mismatch()),
    };
    Ok(wanted.iter().map(|&d| if d == -1 { rest } else { d as usize }).collect())
}

fn squeezed(operands: &Operands<'_>, shape: &[usize], dims: &[i64]) -> Result<Vec<usize>> {
    let mut drop = vec![dims.is_empty(); shape.len()];
    for &dim in dims {
        let axis = operands.axis(dim, shape.len())?;
        if shape[axis] != 1 {
            return Err(operands.invalid(format!("dimension {axis} of {shape:?} is not 1")));
        }
        drop[axis] = true;
    }
    Ok(shape.iter().zip(drop).filter(|&(&d, drop)| !(drop && d == 1)).map(|(&d, _)| d).collect())
}

impl Computation for Reshape {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        outputs[0].as_mut_slice::<u8>().copy_from_slice(inputs[0].as_bytes());
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        match lowering.operand(node.inputs[0]) {
            Operand::Buffer(_) => {
                lowering.alias(node.outputs[0], node.inputs[0]);
                Ok(Vec::new())
            }
            constant @ Operand::Constant(_) => {
                let bytes = lowering.tensor(node.inputs[0]).bytes();
                let output = lowering.buffer(node.outputs[0]);
                let call = Call::Copy8(strided::whole(bytes));
                Ok(vec![Step { call, operands: vec![constant], scratch: None, output }])
            }
        }
    }

    fn bounds(&self, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
        channels::monotonic(self, site)
    }

    fn flow(&self, site: &Site<'_>) -> Flow {
        let (before, after) = (channels::channels(site.inputs[0]), channels::channels(site.outputs[0]));
        // Pixels that become one row, or a row that becomes pixels.
        let (wide, narrow) = (before.max(after), before.min(after));
        if narrow == 0 || !wide.is_multiple_of(narrow) {
            return Flow::Whole;
        }
        Flow::Paired((0..wide).map(|c| Pair::tied(c % before, c % after)).collect())
    }
}
