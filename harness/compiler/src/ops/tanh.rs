//! TANH of an int8 tensor; output scale 1/128, zero point 0.

use super::unary::Unary;
use super::{Operands, Quantized, logistic};
use crate::Result;

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    Ok((Unary::Tanh(logistic::sigmoidal(operands, 1.0 / 128.0, 0)?).into(), vec![operands.input_id(0)?]))
}
