//! Operators of TFLite in single precision: which kernel computes each, in its one order of operations.
//!
//! Refuses operands that are not float32, and attributes that are not finite.

mod binary;
mod hybrid;
mod products;
mod reductions;
mod rows;
mod unary;
mod windows;

use hilbench_kernels::params::ClampF32;

use super::Operands;
use super::direct::Direct;
use crate::Result;
use crate::graph::{Activation, DType, Tensor};

pub(super) use binary::binary;
pub(super) use products::{batch_matmul, conv_2d, depthwise_conv_2d, fully_connected, transpose_conv};
pub(super) use reductions::reduce;
pub(super) use rows::{l2_normalization, log_softmax, softmax};
pub(super) use unary::unary;
pub(super) use windows::{pool_2d, resize_bilinear};

/// Operand `i`, which must hold floats.
fn floats<'a>(operands: &Operands<'a>, i: usize) -> Result<&'a Tensor> {
    let tensor = operands.input(i)?;
    expect_float(operands, tensor)?;
    Ok(tensor)
}

fn expect_float(operands: &Operands<'_>, tensor: &Tensor) -> Result<()> {
    if tensor.dtype == DType::F32 {
        return Ok(());
    }
    let reason = format!("tensor {:?} is {}; float32 is accepted beside float32", tensor.name, tensor.dtype);
    Err(operands.unsupported(reason))
}

/// Result 0 holds floats, of this shape.
fn expect_result(operands: &Operands<'_>, shape: &[usize]) -> Result<()> {
    expect_float(operands, operands.output()?)?;
    operands.expect_shape(0, shape)
}

/// Bounds of a fused activation.
pub(super) fn clamp(activation: Activation) -> ClampF32 {
    match activation {
        Activation::None => ClampF32::NONE,
        Activation::Relu => ClampF32::RELU,
        Activation::Relu6 => ClampF32 { min: 0.0, max: 6.0 },
        Activation::ReluN1To1 => ClampF32 { min: -1.0, max: 1.0 },
    }
}

/// `direct` with optional constant floats of operand `i`; none are empty.
fn with_optional(operands: &Operands<'_>, direct: Direct, name: &'static str, i: usize) -> Result<Direct> {
    let Some(tensor) = operands.optional(i) else { return Ok(direct.with(name, &[])) };
    expect_float(operands, tensor)?;
    let Some(data) = &tensor.data else {
        let reason = format!("{name} {:?} is computed at run time; a constant is accepted", tensor.name);
        return Err(operands.unsupported(reason));
    };
    Ok(direct.with(name, data))
}
