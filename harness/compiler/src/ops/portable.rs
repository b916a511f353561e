//! The portable kernel that stands in for a reference kernel on a device, with its constants prepared. Refuses nothing:
//! a call without one runs as it is.

use hilbench_kernels::byte::Small;
use hilbench_kernels::optimized::{self, generic};
use hilbench_kernels::params::{Conv2d, FullyConnected, QLinearConv2d};

use super::direct::Direct;
use crate::lower::Call;
use crate::value::Value;

/// `direct` by a portable kernel; `None` where there is none.
pub(super) fn portable(direct: &Direct) -> Option<Direct> {
    let plain = |call: Call| Some(Direct { call, ..direct.clone() });
    match direct.call {
        Call::AsymmetricConv2d(p) => conv::<i8>(direct, &p, Call::PortableAsymmetricConv2d(p)),
        Call::AsymmetricDepthwiseConv2d(p) if depthwise_has_pixels(&p) => {
            plain(Call::PortableAsymmetricDepthwiseConv2d(p))
        }
        Call::ConvIntegerI8I8(p) => conv_integer(direct, &p, Call::PortableConvIntegerI8I8(p)),
        Call::ConvIntegerI8U8(p) => conv_integer(direct, &p, Call::PortableConvIntegerI8U8(p)),
        Call::ConvIntegerU8I8(p) => conv_integer(direct, &p, Call::PortableConvIntegerU8I8(p)),
        Call::ConvIntegerU8U8(p) => conv_integer(direct, &p, Call::PortableConvIntegerU8U8(p)),
        Call::FloatConv2d(p)
            if ![p.filter_channels, p.output_channels, p.window.input_h, p.window.input_w].contains(&0) =>
        {
            plain(Call::PortableFloatConv2d(p))
        }
        Call::FloatDepthwiseConv2d(p)
            if ![p.channels, p.multiplier, p.window.input_h, p.window.input_w].contains(&0) =>
        {
            plain(Call::PortableFloatDepthwiseConv2d(p))
        }
        Call::FloatFullyConnected(p) if p.input_depth > 0 && p.output_depth > 0 => {
            plain(Call::PortableFloatFullyConnected(p))
        }
        Call::MatMulIntegerI8I8(p) if p.columns > 0 => plain(Call::PortableMatMulIntegerI8I8(p)),
        Call::MatMulIntegerI8U8(p) if p.columns > 0 => plain(Call::PortableMatMulIntegerI8U8(p)),
        Call::MatMulIntegerU8I8(p) if p.columns > 0 => plain(Call::PortableMatMulIntegerU8I8(p)),
        Call::MatMulIntegerU8U8(p) if p.columns > 0 => plain(Call::PortableMatMulIntegerU8U8(p)),
        Call::MaxPool2dI8(p) if p.window.dilation_h == 1 && p.window.dilation_w == 1 => plain(Call::MaxPool2d(p)),
        Call::QLinearAddI8(p) => plain(Call::PortableQLinearAddI8(p)),
        Call::QLinearAddU8(p) => plain(Call::PortableQLinearAddU8(p)),
        Call::QLinearConv2dI8(p) => conv::<i8>(direct, &p, Call::PortableQLinearConv2dI8(p)),
        Call::QLinearConv2dI8I16(p) => conv::<i16>(direct, &p, Call::PortableQLinearConv2dI8I16(p)),
        Call::QLinearConv2dU8(p) => conv::<i8>(direct, &p, Call::PortableQLinearConv2dU8(p)),
        Call::QLinearConv2dU8I16(p) => conv::<i16>(direct, &p, Call::PortableQLinearConv2dU8I16(p)),
        Call::QLinearDepthwiseConv2dI8(p) if depthwise_has_pixels(&p) => {
            plain(Call::PortableQLinearDepthwiseConv2dI8(p))
        }
        Call::QLinearDepthwiseConv2dI8I16(p) if depthwise_has_pixels(&p) => {
            plain(Call::PortableQLinearDepthwiseConv2dI8I16(p))
        }
        Call::QLinearDepthwiseConv2dU8(p) if depthwise_has_pixels(&p) => {
            plain(Call::PortableQLinearDepthwiseConv2dU8(p))
        }
        Call::QLinearDepthwiseConv2dU8I16(p) if depthwise_has_pixels(&p) => {
            plain(Call::PortableQLinearDepthwiseConv2dU8I16(p))
        }
        Call::QLinearFullyConnectedI8(p) => fully_connected::<i8>(direct, &p, Call::PortableQLinearFullyConnectedI8(p)),
        Call::QLinearFullyConnectedI8I16(p) => {
            fully_connected::<i16>(direct, &p, Call::PortableQLinearFullyConnectedI8I16(p))
        }
        Call::QLinearFullyConnectedU8(p) => fully_connected::<i8>(direct, &p, Call::PortableQLinearFullyConnectedU8(p)),
        Call::QLinearFullyConnectedU8I16(p) => {
            fully_connected::<i16>(direct, &p, Call::PortableQLinearFullyConnectedU8I16(p))
        }
        Call::QLinearMulI8(p) => plain(Call::PortableQLinearMulI8(p)),
        Call::QLinearMulU8(p) => plain(Call::PortableQLinearMulU8(p)),
        _ => None,
    }
}

fn depthwise_has_pixels(p: &hilbench_kernels::params::QLinearDepthwiseConv2d) -> bool {
    let (c, w) = (&p.conv, &p.conv.window);
    ![c.channels, c.multiplier, w.input_h, w.input_w, w.output_h, w.output_w].contains(&0)
}

fn conv<W: Small + bytemuck::AnyBitPattern>(direct: &Direct, p: &QLinearConv2d, call: Call) -> Option<Direct> {
    let (c, w) = (&p.conv, &p.conv.window);
    if [c.filter_channels, c.output_channels, w.input_h, w.input_w, w.output_h, w.output_w].contains(&0) {
        return None;
    }
    let folded = folded::<W>(direct, c.input_zero_point, p.weights_zero_point, c.output_channels)?;
    Some(Direct { call, scratch: Some(generic::conv2d_scratch(c)), ..folded })
}

fn conv_integer(direct: &Direct, p: &Conv2d, call: Call) -> Option<Direct> {
    if [p.filter_channels, p.output_channels, p.window.input_h, p.window.input_w].contains(&0) {
        return None;
    }
    let scratch = Some(generic::conv2d_integer_scratch(p) * size_of::<i16>());
    Some(Direct { call, scratch, ..direct.clone() })
}

fn fully_connected<W: Small + bytemuck::AnyBitPattern>(
    direct: &Direct,
    p: &FullyConnected,
    call: Call,
) -> Option<Direct> {
    if p.input_depth == 0 || p.output_depth == 0 {
        return None;
    }
    let folded = folded::<W>(direct, p.input_zero_point, p.weights_zero_point, p.output_depth)?;
    Some(Direct { call, ..folded })
}

/// Constants (weights, bias, scales) with the input's zero point moved into the bias.
fn folded<W: Small + bytemuck::AnyBitPattern>(
    direct: &Direct,
    zero_point: i32,
    weights_zero_point: i32,
    channels: usize,
) -> Option<Direct> {
    let [(_, weights), (name, bias), _] = &direct.constants[..] else { return None };
    let mut folded = vec![0; channels];
    let values = weights.as_slice::<W>();
    optimized::fold_input_offset_of(values, weights_zero_point, bias.as_slice(), zero_point, channels, &mut folded);
    let bytes: Vec<u8> = folded.iter().flat_map(|b| b.to_le_bytes()).collect();
    let mut prepared = direct.clone();
    prepared.constants[1] = (name, Value::from_bytes(&bytes));
    Some(prepared)
}
