//! Float convolutions and products of matrices, with what follows them multiplied in.

use hilbench_kernels::params::{
    ClampF32, Conv2dF32, ConvTranspose2dF32, DepthwiseConv2dF32, FullyConnectedF32, Window2d,
};

use super::super::order::{channel_last_order, depthwise_order, placed, row_order, transposed_order};
use super::super::products::{matmul_of, transposed_geometry, window_2d};
use super::super::sink::op_of;
use super::super::view::{View, floats};
use super::super::{Site, Stage};
use super::calls;
use crate::Result;
use crate::graph::TensorId;
use crate::graph::onnx::{Op, Unary, Window};
use crate::lower::Call;
use crate::ops::direct::Direct;

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// What follows a convolution and is multiplied into it.
struct Tail {
    /// Factor and addend of each channel.
    normalization: Option<(Vec<f32>, Vec<f32>)>,
    activation: ClampF32,
    /// The value that is computed in the end.
    end: TensorId,
}

impl<'g> Stage<'g> {
    /// The numbers of a constant in the model's order; `None` if it is computed at run time.
    pub(super) fn constant(&mut self, site: Site<'g>, id: TensorId) -> Result<Option<Vec<f32>>> {
        let known = &self.known[id];
        let source = known.plain.as_ref().or(known.coded.as_ref().map(|c| &c.view)).map(|v| v.tensor);
        if source.is_none_or(|t| self.q.tensors[t].data.is_none()) {
            return Ok(None);
        }
        let view = self.plain(site, id)?;
        let tensor = self.arrange(site, &view, &View::identity(view.shape.len()))?;
        Ok(Some(floats(&self.q.tensors[tensor])))
    }

    fn weights_f32(&mut self, site: Site<'g>, id: TensorId) -> Result<Vec<f32>> {
        let name = &self.tensor(id).name;
        let reason = format!("weights {name:?} that are computed at run time; constants are accepted");
        self.constant(site, id)?.ok_or_else(|| site.unsupported(reason))
    }

    /// Factor and addend of a normalization with constant operands.
    fn normalization(
        &mut self,
        site: Site<'g>,
        node: &[Option<TensorId>],
        epsilon: f32,
    ) -> Result<Option<(Vec<f32>, Vec<f32>)>> {
        let mut operands = Vec::new();
        for id in node.iter().skip(1).take(4) {
            let Some(id) = *id else { return Ok(None) };
            let Some(values) = self.constant(site, id)? else { return Ok(None) };
            operands.push(values);
        }
        let [scale, bias, mean, variance] = &operands[..] else { return Ok(None) };
        // ONNX Runtime multiplies by the reciprocal of the deviation; a quotient has other last bits.
        let factors: Vec<f32> = scale.iter().zip(variance).map(|(s, v)| s * (1.0 / (v + epsilon).sqrt())).collect();
        let addends = bias.iter().zip(mean).zip(&factors).map(|((b, m), f)| b - m * f).collect();
        Ok(Some((factors, addends)))
    }

    fn only_reader(&self, y: TensorId) -> Option<(&'g Op, &'g [Option<TensorId>], TensorId)> {
        if self.graph.outputs.contains(&y) {
            return None;
        }
        let &[reader] = &self.readers[y][..] else { return None };
        let node = &self.graph.nodes[reader];
        let first = node.inputs.first() == Some(&Some(y));
        Some((op_of(node)?, &node.inputs[..], *node.outputs.first()?)).filter(|_| first)
    }

    /// The relu or clip that alone reads `y`.
    fn activation(&self, y: TensorId) -> Tail {
        let activation = match self.only_reader(y) {
            Some((Op::Unary(Unary::Relu), _, z)) => Some((ClampF32::RELU, z)),
            Some((Op::Unary(Unary::Clip(low, high)), _, z)) => calls::clamp(*low, *high).map(|c| (c, z)),
            _ => None,
        };
        let (activation, end) = activation.unwrap_or((ClampF32::NONE, y));
        Tail { normalization: None, activation, end }
    }

    /// The normalization, and then the relu or clip, that alone read `y`.
    fn tail(&mut self, site: Site<'g>, y: TensorId) -> Result<Tail> {
        let mut tail = Tail { normalization: None, activation: ClampF32::NONE, end: y };
        if let Some((Op::BatchNormalization { epsilon }, inputs, z)) = self.only_reader(tail.end) {
            tail.normalization = self.normalization(site, inputs, *epsilon)?;
            if tail.normalization.is_some() {
                self.absorbed.insert(z);
                tail.end = z;
            }
        }
        Ok(Tail { normalization: tail.normalization, ..self.activation(tail.end) })
    }

    pub(in super::super) fn float_conv(&mut self, site: Site<'g>, window: &'g Window, groups: usize) -> Result<()> {
        let (view, w, y) = (self.floats_of(site, 0)?, self.operand(site, 1)?, site.node.outputs[0]);
        let mut weights = self.weights_f32(site, w)?;
        let mut bias = match site.node.inputs.get(2).copied().flatten() {
            Some(id) => self.weights_f32(site, id)?,
            None => Vec::new(),
        };
        let shape = self.tensor(w).shape.clone();
        let tail = self.tail(site, y)?;
        if let Some((factors, addends)) = &tail.normalization {
            let one = weights.len() / shape[0].max(1);
            weights.iter_mut().enumerate().for_each(|(i, w)| *w *= factors[i / one.max(1)]);
            bias.resize(shape[0], 0.0);
            bias.iter_mut().enumerate().for_each(|(c, b)| *b = *b * factors[c] + addends[c]);
        }
        self.emit_float_conv(site, &view, (&shape, &weights), &bias, (window, groups), &tail)
    }

    fn emit_float_conv(
        &mut self,
        site: Site<'g>,
        view: &View,
        (shape, weights): (&[usize], &[f32]),
        bias: &[f32],
        (window, groups): (&Window, usize),
        tail: &Tail,
    ) -> Result<()> {
        let (input, output) = (view.shape.clone(), self.tensor(site.node.outputs[0]).shape.clone());
        let order = View::channel_last(input.len());
        let tensor = self.arrange(site, view, &order)?;
        let geometry = window_2d(window, &input, &output);
        let (call, ordered) = if groups == input[1] && groups > 1 {
            let params = DepthwiseConv2dF32 {
                batches: input[0],
                window: geometry,
                channels: input[1],
                multiplier: output[1] / input[1],
                activation: tail.activation,
            };
            (Call::FloatDepthwiseConv2d(params), depthwise_order(shape, weights))
        } else {
            let params = Conv2dF32 {
                batches: input[0],
                window: geometry,
                input_channels: input[1],
                filter_channels: shape[1],
                output_channels: output[1],
                activation: tail.activation,
            };
            (Call::FloatConv2d(params), channel_last_order(shape, weights))
        };
        let macs = output.iter().product::<usize>() * shape[1..].iter().product::<usize>();
        let op = Direct::new(call).with("weights", &bytes(&ordered)).with("bias", &bytes(bias)).counting(macs);
        self.set_float(site, op, vec![tensor], tail.end, order)
    }

    /// A normalization of its own is a depthwise convolution of single pixels.
    pub(super) fn batch_normalization(&mut self, site: Site<'g>, epsilon: f32) -> Result<()> {
        let (view, y) = (self.floats_of(site, 0)?, site.node.outputs[0]);
        let Some((factors, addends)) = self.normalization(site, &site.node.inputs, epsilon)? else {
            return Err(site.unsupported("operands that are computed at run time; constants are accepted"));
        };
        let order = View::channel_last(view.shape.len());
        let tensor = self.arrange(site, &view, &order)?;
        let pixels = view.shape.get(2..).unwrap_or_default().iter().product();
        let channels = view.shape.get(1).copied().unwrap_or(1);
        let window = Window2d {
            input_h: 1,
            input_w: pixels,
            filter_h: 1,
            filter_w: 1,
            stride_h: 1,
            stride_w: 1,
            dilation_h: 1,
            dilation_w: 1,
            pad_top: 0,
            pad_left: 0,
            output_h: 1,
            output_w: pixels,
        };
        let batches = view.shape.first().copied().unwrap_or(1);
        let params = DepthwiseConv2dF32 { batches, window, channels, multiplier: 1, activation: ClampF32::NONE };
        let op = Direct::new(Call::FloatDepthwiseConv2d(params))
            .with("factors", &bytes(&factors))
            .with("addends", &bytes(&addends));
        self.set_float(site, op, vec![tensor], y, order)
    }

    pub(in super::super) fn float_conv_transpose(
        &mut self,
        site: Site<'g>,
        window: &'g Window,
        groups: usize,
    ) -> Result<()> {
        let (view, w, y) = (self.floats_of(site, 0)?, self.operand(site, 1)?, site.node.outputs[0]);
        let weights = self.weights_f32(site, w)?;
        let bias = match site.node.inputs.get(2).copied().flatten() {
            Some(id) => self.weights_f32(site, id)?,
            None => Vec::new(),
        };
        let (input, output, shape) = (view.shape.clone(), self.tensor(y).shape.clone(), self.tensor(w).shape.clone());
        let order = View::channel_last(input.len());
        let tensor = self.arrange(site, &view, &order)?;
        let conv = transposed_geometry(window, &input, &output, &shape, groups);
        let Tail { activation, end, .. } = self.activation(y);
        let macs = input.iter().product::<usize>() * shape[1..].iter().product::<usize>();
        let op = Direct::new(Call::FloatConvTranspose2d(ConvTranspose2dF32 { conv, activation }))
            .with("weights", &bytes(&transposed_order(&shape, groups, &weights)))
            .with("bias", &bytes(&bias))
            .counting(macs);
        self.set_float(site, op, vec![tensor], end, order)
    }

    pub(in super::super) fn float_gemm(&mut self, site: Site<'g>, op: &'g Op) -> Result<()> {
        let &Op::Gemm { alpha, beta, trans_a, trans_b } = op else { return Err(site.invalid("is no Gemm")) };
        let (a, b, y) = (self.floats_of(site, 0)?, self.operand(site, 1)?, site.node.outputs[0]);
        let c = site.node.inputs.get(2).copied().flatten();
        let output = self.tensor(y).shape.clone();
        let row = match c {
            None => Some(Vec::new()),
            Some(c) => self.constant(site, c)?.and_then(|values| match values.len() {
                1 => Some(vec![values[0] * beta; output[1]]),
                n if n == output[1] && self.tensor(c).shape.last() == Some(&output[1]) => {
                    Some(values.iter().map(|v| v * beta).collect())
                }
                _ => None,
            }),
        };
        let weights = self.constant(site, b)?;
        let (Some(bias), Some(weights)) = (row, weights) else {
            return Err(site.unsupported("matrices or addends that are computed at run time; constants are accepted"));
        };
        let shape = self.tensor(b).shape.clone();
        let (tensor, places) = self.matrix(site, &a, trans_a)?;
        let rows = row_order(&shape, &weights, trans_b).into_iter().map(|w| w * alpha).collect();
        let rows = placed(rows, places);
        self.emit_fully_connected(site, tensor, output, &rows, &bias)
    }

    fn emit_fully_connected(
        &mut self,
        site: Site<'g>,
        input: TensorId,
        output: Vec<usize>,
        rows: &[f32],
        bias: &[f32],
    ) -> Result<()> {
        let Tail { activation, end, .. } = self.activation(site.node.outputs[0]);
        let output_depth = output.last().copied().unwrap_or(1);
        let input_depth = rows.len().checked_div(output_depth).unwrap_or(0);
        let batches = output.iter().product::<usize>().checked_div(output_depth).unwrap_or(0);
        let params = FullyConnectedF32 { batches, input_depth, output_depth, activation };
        let op = Direct::new(Call::FloatFullyConnected(params))
            .with("weights", &bytes(rows))
            .with("bias", &bytes(bias))
            .counting(batches * input_depth * output_depth);
        self.set_float(site, op, vec![input], end, View::identity(output.len()))
    }

    pub(in super::super) fn float_mat_mul(&mut self, site: Site<'g>) -> Result<()> {
        let (a, b, y) = (self.floats_of(site, 0)?, self.operand(site, 1)?, site.node.outputs[0]);
        let (output, shape) = (self.tensor(y).shape.clone(), self.tensor(b).shape.clone());
        if shape.len() == 2
            && a.shape.len() > 1
            && let Some(weights) = self.constant(site, b)?
        {
            let (left, places) = self.matrix(site, &a, false)?;
            let rows = placed(row_order(&shape, &weights, false), places);
            return self.emit_fully_connected(site, left, output, &rows, &[]);
        }
        let left = self.arrange(site, &a, &View::identity(a.shape.len()))?;
        let b = self.floats_of(site, 1)?;
        let right = self.arrange(site, &b, &View::identity(b.shape.len()))?;
        let Some(params) = matmul_of(&a.shape, &b.shape, &output) else {
            return Err(site.unsupported("more than 6 dimensions"));
        };
        let macs = output.iter().product::<usize>() * params.depth;
        let op = Direct::new(Call::FloatMatMul(params)).counting(macs);
        self.set_float(site, op, vec![left, right], y, View::identity(output.len()))
    }
}
