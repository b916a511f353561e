//! Shapes of the layers that have weights, whatever their element types. Refuses shapes that contradict each other.

use hilbench_kernels::params::{ConvTranspose2d, Window2d};

use super::Operands;
use crate::Result;
use crate::graph::{Activation, Op, Padding};

/// A convolution: shapes as for [`hilbench_kernels::params::Conv2d`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Conv {
    pub(super) batches: usize,
    pub(super) window: Window2d,
    pub(super) input_channels: usize,
    pub(super) filter_channels: usize,
    pub(super) output_channels: usize,
    pub(super) activation: Activation,
}

/// A depthwise convolution: shapes as for [`hilbench_kernels::params::DepthwiseConv2d`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Depthwise {
    pub(super) batches: usize,
    pub(super) window: Window2d,
    pub(super) channels: usize,
    pub(super) multiplier: usize,
    pub(super) activation: Activation,
}

/// A fully connected layer: shapes as for [`hilbench_kernels::params::FullyConnected`].
#[derive(Clone, Copy, Debug)]
pub(super) struct FullyConnected {
    pub(super) batches: usize,
    pub(super) input_depth: usize,
    pub(super) output_depth: usize,
    pub(super) activation: Activation,
}

/// A transposed convolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transposed {
    pub(super) conv: ConvTranspose2d,
    pub(super) activation: Activation,
}

impl Conv {
    pub(super) fn macs(&self) -> usize {
        let w = &self.window;
        self.batches * w.output_h * w.output_w * self.output_channels * w.filter_h * w.filter_w * self.filter_channels
    }
}

impl Depthwise {
    pub(super) fn macs(&self) -> usize {
        let w = &self.window;
        self.batches * w.output_h * w.output_w * self.channels * self.multiplier * w.filter_h * w.filter_w
    }
}

impl FullyConnected {
    pub(super) fn macs(&self) -> usize {
        self.batches * self.input_depth * self.output_depth
    }
}

impl Transposed {
    pub(super) fn macs(&self) -> usize {
        let (c, w) = (&self.conv, &self.conv.window);
        c.batches * w.input_h * w.input_w * c.input_channels * w.filter_h * w.filter_w * c.output_channels
    }
}

/// Operands x and weights OHWI.
pub(super) fn conv_2d(operands: &Operands<'_>) -> Result<Conv> {
    let Op::Conv2d { window } = operands.op() else { return Err(operands.invalid("is not CONV_2D")) };
    let input @ [batches, _, _, input_channels] = operands.dims(operands.input(0)?)?;
    let [output_channels, filter_h, filter_w, filter_channels] = operands.dims(operands.input(1)?)?;
    let groups = input_channels.checked_div(filter_channels).unwrap_or(0);
    if groups == 0 || groups * filter_channels != input_channels || output_channels % groups != 0 {
        let reason =
            format!("weights of shape {:?} do not fit {input_channels} input channels", operands.input(1)?.shape);
        return Err(operands.invalid(reason));
    }
    let activation = window.activation;
    let window = operands.window(window, input, [filter_h, filter_w])?;
    operands.expect_shape(0, &[batches, window.output_h, window.output_w, output_channels])?;
    Ok(Conv { batches, window, input_channels, filter_channels, output_channels, activation })
}

/// Operands x and weights 1HWO.
pub(super) fn depthwise_conv_2d(operands: &Operands<'_>) -> Result<Depthwise> {
    let Op::DepthwiseConv2d { window, .. } = operands.op() else {
        return Err(operands.invalid("is not DEPTHWISE_CONV_2D"));
    };
    let input @ [batches, _, _, channels] = operands.dims(operands.input(0)?)?;
    let [one, filter_h, filter_w, output_channels] = operands.dims(operands.input(1)?)?;
    let multiplier = output_channels.checked_div(channels).unwrap_or(0);
    if one != 1 || multiplier == 0 || multiplier * channels != output_channels {
        let reason = format!("weights of shape {:?} do not fit {channels} input channels", operands.input(1)?.shape);
        return Err(operands.invalid(reason));
    }
    let activation = window.activation;
    let window = operands.window(window, input, [filter_h, filter_w])?;
    operands.expect_shape(0, &[batches, window.output_h, window.output_w, output_channels])?;
    Ok(Depthwise { batches, window, channels, multiplier, activation })
}

/// Operands x and weights `[out, in]`.
pub(super) fn fully_connected(operands: &Operands<'_>) -> Result<FullyConnected> {
    let Op::FullyConnected { activation, keep_num_dims, .. } = operands.node.op else {
        return Err(operands.invalid("is not FULLY_CONNECTED"));
    };
    let x = operands.input(0)?;
    let [output_depth, input_depth] = operands.dims(operands.input(1)?)?;
    if input_depth == 0 || !x.elements().is_multiple_of(input_depth) {
        let reason = format!("input of shape {:?} does not divide into rows of {input_depth}", x.shape);
        return Err(operands.invalid(reason));
    }
    let batches = x.elements() / input_depth;
    match x.shape.split_last() {
        Some((&last, leading)) if keep_num_dims && last == input_depth => {
            operands.expect_shape(0, &[leading, &[output_depth]].concat())?;
        }
        _ if keep_num_dims => {
            let reason =
                format!("input of shape {:?} keeps its dimensions, but rows have {input_depth} elements", x.shape);
            return Err(operands.invalid(reason));
        }
        _ => operands.expect_shape(0, &[batches, output_depth])?,
    }
    Ok(FullyConnected { batches, input_depth, output_depth, activation })
}

/// Operands shape (constant, or the file's own word), weights OHWI and x.
pub(super) fn transpose_conv(operands: &Operands<'_>) -> Result<Transposed> {
    let Op::TransposeConv { window } = &operands.node.op else { return Err(operands.invalid("is not TRANSPOSE_CONV")) };
    let [batches, input_h, input_w, input_channels] = operands.dims(operands.input(2)?)?;
    let [output_channels, filter_h, filter_w, filter_channels] = operands.dims(operands.input(1)?)?;
    let output @ [_, output_h, output_w, _] = operands.dims(operands.output()?)?;
    if output[0] != batches || output[3] != output_channels || filter_channels != input_channels {
        let reason = format!(
            "weights of shape {:?} do not take shape {:?} to {output:?}",
            operands.input(1)?.shape,
            operands.input(2)?.shape
        );
        return Err(operands.invalid(reason));
    }
    if operands.input(0)?.data.is_some() {
        let asked = operands.integers(0)?;
        if !asked.iter().copied().eq(output.iter().map(|&d| d as i64)) {
            let reason = format!("asks for shape {asked:?}, but its result has {output:?}");
            return Err(operands.invalid(reason));
        }
    }
    if [filter_h, filter_w].contains(&0) {
        return Err(operands.invalid(format!("has a filter of {filter_h} x {filter_w}")));
    }
    // Seen from the output, whose windows the inputs are: `ComputePaddingHeightWidth` of the reference.
    let before = |output: usize, filter: usize, stride: usize, input: usize| -> Result<usize> {
        let windows = match window.padding {
            Padding::Same => output.div_ceil(stride),
            Padding::Valid => (output + stride).saturating_sub(filter) / stride,
        };
        if windows != input {
            let reason = format!("{output} outputs are made of {windows} inputs; there are {input}");
            return Err(operands.invalid(reason));
        }
        Ok((((input.max(1) - 1) * stride + filter).saturating_sub(output)) / 2)
    };
    let window_params = Window2d {
        input_h,
        input_w,
        filter_h,
        filter_w,
        stride_h: window.stride[0],
        stride_w: window.stride[1],
        dilation_h: 1,
        dilation_w: 1,
        pad_top: before(output_h, filter_h, window.stride[0], input_h)?,
        pad_left: before(output_w, filter_w, window.stride[1], input_w)?,
        output_h,
        output_w,
    };
    let conv = ConvTranspose2d { batches, window: window_params, input_channels, filter_channels, output_channels };
    Ok(Transposed { conv, activation: window.activation })
}
