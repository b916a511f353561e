//! Changes of the element type. Refuses results that no type here holds as the file means them.

use super::super::elements;
use super::super::reader::Reader;
use super::movement::reshaped;
use crate::graph::onnx::{Codes, Op};
use crate::graph::{DType, TensorId};
use crate::{Error, Result};

pub(super) fn cast(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let to = i32::try_from(r.int("to", 0)?).unwrap_or(0);
    let element = elements::element("Cast", to).map_err(|e| r.unsupported(e.to_string()))?;
    if element.codes != Codes::Whole || element.half.is_some() {
        return Err(cast_refused(r, element.name));
    }
    cast_to(r, x, element.dtype)
}

/// To the type of the second operand.
pub(super) fn cast_like(r: &mut Reader<'_, '_>) -> Result<()> {
    let (x, like) = (r.input(0)?, r.input(1)?);
    if let Some(element) = r.element(like) {
        return Err(cast_refused(r, element.name));
    }
    let dtype = r.dtype(like);
    cast_to(r, x, dtype)
}

fn cast_refused(r: &Reader<'_, '_>, name: &str) -> Error {
    r.unsupported(format!("a result of {name}; float32, int8, uint8, int32, int64 and bool are accepted"))
}

fn cast_to(r: &mut Reader<'_, '_>, x: TensorId, dtype: DType) -> Result<()> {
    let y = if dtype == r.dtype(x) { reshaped(r, x, r.shape(x))? } else { r.push(Op::Cast, &[x], dtype, r.shape(x))? };
    r.result(0, y)
}
