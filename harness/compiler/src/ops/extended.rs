//! The kernel of an instruction set extension that stands in for a reference kernel of ONNX on a device, with its
//! constants prepared. Refuses nothing: a call without one is left to portable kernels.

use hilbench_kernels::optimized::{dsp, fold_input_offset};

use super::direct::Direct;
use super::requantized::{i32_bytes, u32_bytes};
use crate::lower::{Call, Isa};
use crate::value::Value;

/// `direct` by a kernel for `isa`; `None` where there is none.
pub(super) fn extended(direct: &Direct, isa: Isa) -> Option<Direct> {
    let plain = |call: Call| Some(Direct { call, ..direct.clone() });
    match (isa, &direct.call) {
        (Isa::Dsp | Isa::Mve, &Call::QLinearAddI8(p)) => plain(Call::DspQLinearAddI8(p)),
        (Isa::Dsp | Isa::Mve, &Call::QLinearAddU8(p)) => plain(Call::DspQLinearAddU8(p)),
        (Isa::Dsp | Isa::Mve, &Call::QLinearMulI8(p)) => plain(Call::DspQLinearMulI8(p)),
        (Isa::Dsp | Isa::Mve, &Call::QLinearMulU8(p)) => plain(Call::DspQLinearMulU8(p)),
        (Isa::Dsp, &Call::MaxPool2dI8(p)) if dsp::max_pool2d_takes(&p) => plain(Call::DspMaxPool2d(p)),
        (Isa::Mve, &Call::MaxPool2dI8(p)) => plain(Call::MveMaxPool2d(p)),
        (Isa::Dsp | Isa::Mve, call) => packed(direct, call),
        _ => None,
    }
}

/// Weighted operators with packed weights.
fn packed(direct: &Direct, call: &Call) -> Option<Direct> {
    let (call, input_zero_point, channels, scratch, rows, packed) = match *call {
        Call::QLinearConv2dI8(p) | Call::QLinearConv2dU8(p) => {
            let (c, w) = (&p.conv, &p.conv.window);
            let sizes = [c.filter_channels, c.output_channels, w.input_h, w.input_w, w.output_h, w.output_w];
            if !dsp::qlinear_conv2d_takes(&p) || sizes.contains(&0) {
                return None;
            }
            let mut packed = vec![0; dsp::conv2d_packed(c)];
            dsp::pack_conv2d(c, weights(direct)?, &mut packed);
            let call = match call {
                Call::QLinearConv2dI8(_) => Call::DspQLinearConv2dI8(p),
                _ => Call::DspQLinearConv2dU8(p),
            };
            let rows = weights(direct)?.to_vec();
            (call, c.input_zero_point, c.output_channels, Some(dsp::qlinear_conv2d_scratch(c)), rows, packed)
        }
        Call::QLinearDepthwiseConv2dI8(p) | Call::QLinearDepthwiseConv2dU8(p) => {
            let (c, w) = (&p.conv, &p.conv.window);
            let sizes = [c.channels, w.input_h, w.input_w, w.output_h, w.output_w, w.filter_h, w.filter_w];
            if !dsp::qlinear_depthwise_conv2d_takes(&p) || sizes.contains(&0) {
                return None;
            }
            let values = weights(direct)?;
            let rows: Vec<i8> =
                (0..c.channels).flat_map(|channel| values[channel..].iter().step_by(c.channels).copied()).collect();
            let mut packed = vec![0; dsp::depthwise_taps_packed(c)];
            dsp::pack_depthwise_taps(c, &rows, &mut packed);
            let call = match call {
                Call::QLinearDepthwiseConv2dI8(_) => Call::DspQLinearDepthwiseConv2dI8(p),
                _ => Call::DspQLinearDepthwiseConv2dU8(p),
            };
            (call, c.input_zero_point, c.channels, None, rows, packed)
        }
        Call::QLinearFullyConnectedI8(p) | Call::QLinearFullyConnectedU8(p) => {
            if !dsp::fully_connected_takes(&p) || [p.input_depth, p.output_depth].contains(&0) {
                return None;
            }
            let mut packed = vec![0; dsp::fully_connected_packed(&p)];
            dsp::pack_fully_connected(&p, weights(direct)?, &mut packed);
            let call = match call {
                Call::QLinearFullyConnectedI8(_) => Call::DspQLinearFullyConnectedI8(p),
                _ => Call::DspQLinearFullyConnectedU8(p),
            };
            let scratch = Some(dsp::fully_connected_scratch(&p));
            (call, p.input_zero_point, p.output_depth, scratch, weights(direct)?.to_vec(), packed)
        }
        _ => return None,
    };
    let [(weights_name, _), (bias_name, bias), scales] = &direct.constants[..] else { return None };
    let mut folded = vec![0; channels];
    fold_input_offset(&rows, bias.as_slice(), input_zero_point, channels, &mut folded);
    let constants = vec![
        (*weights_name, Value::from_bytes(&u32_bytes(&packed))),
        (*bias_name, Value::from_bytes(&i32_bytes(&folded))),
        scales.clone(),
    ];
    Some(Direct { call, constants, scratch: scratch.map(|words| 4 * words), ..direct.clone() })
}

fn weights(direct: &Direct) -> Option<&[i8]> {
    Some(direct.constants.first()?.1.as_slice())
}
