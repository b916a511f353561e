//! Pools and bilinear resizes of floats.

use hilbench_kernels::params::{Coordinates, Nearest, Pool2dF32, Resize2d};

use super::super::direct::Direct;
use super::super::{Operands, Quantized};
use super::{expect_result, floats};
use crate::Result;
use crate::graph::{Activation, Op};
use crate::lower::Call;

pub(crate) fn pool_2d(operands: &Operands<'_>) -> Result<Quantized> {
    let (window, filter, max) = match &operands.node.op {
        Op::AveragePool2d { window, filter } => (window, *filter, false),
        Op::MaxPool2d { window, filter } => (window, *filter, true),
        _ => return Err(operands.invalid("is not a pool")),
    };
    if window.activation != Activation::None {
        return Err(operands.invalid("has a fused activation that was not taken apart"));
    }
    let x = floats(operands, 0)?;
    let input @ [batches, _, _, channels] = operands.dims(x)?;
    let window = operands.window(window, input, filter)?;
    expect_result(operands, &[batches, window.output_h, window.output_w, channels])?;
    let params = Pool2dF32 { batches, window, channels, pad_bottom: 0, pad_right: 0, count_include_pad: false };
    let call = if max { Call::FloatMaxPool2d(params) } else { Call::FloatAveragePool2d(params) };
    Ok((Direct::new(call).into(), vec![operands.input_id(0)?]))
}

pub(crate) fn resize_bilinear(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::ResizeBilinear { align_corners, half_pixel_centers } = operands.node.op else {
        return Err(operands.invalid("is not RESIZE_BILINEAR"));
    };
    let x = floats(operands, 0)?;
    let [batches, input_h, input_w, channels] = operands.dims(x)?;
    let [output_h, output_w] = operands.resized()?;
    expect_result(operands, &[batches, output_h, output_w, channels])?;
    let coordinates = match (align_corners, half_pixel_centers) {
        (true, true) => return Err(operands.invalid("aligns corners and has half-pixel centers")),
        (true, false) => Coordinates::AlignCorners,
        (false, true) => Coordinates::HalfPixel,
        (false, false) => Coordinates::Asymmetric,
    };
    let params = Resize2d {
        batches,
        input_h,
        input_w,
        output_h,
        output_w,
        channels,
        scale_h: output_h as f32 / input_h as f32,
        scale_w: output_w as f32 / input_w as f32,
        coordinates,
        nearest: Nearest::Floor,
    };
    Ok((Direct::new(Call::ResizeLinearF32(params)).into(), vec![operands.input_id(0)?]))
}
