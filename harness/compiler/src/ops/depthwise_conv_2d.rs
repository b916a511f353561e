//! DEPTHWISE_CONV_2D: int8 activations and weights, any multiplier, stride, dilation and padding.

use hilbench_kernels::optimized::{self, dsp, mve};
use hilbench_kernels::params::Clamp;
use hilbench_kernels::{params, reference};

use super::channels::{Bounds, Cut, Flow, Pair, Site};
use super::conv_2d::Conv2d;
use super::products::{Products, Rescaled, keep};
use super::requantized::{
    PerTensorFactor, Weights, i8_bytes, i32_bytes, requant_bytes, small_sums, u32_bytes, weights,
};
use super::{Border, Computation, Operands, QOp, Quantized, geometry};
use crate::Result;
use crate::host::{Kernel, Level};
use crate::lower::{Call, Isa, Lowering, Step};
use crate::qgraph::QNode;
use crate::value::Value;

/// A depthwise convolution with its weights.
#[derive(Clone, Debug)]
pub struct DepthwiseConv2d {
    params: params::DepthwiseConv2d,
    weights: Weights,
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let shape = geometry::depthwise_conv_2d(operands)?;
    let input = operands.int8(operands.input(0)?)?;
    let output = operands.int8(operands.output()?)?;
    let weights = weights(operands, 3, shape.channels * shape.multiplier, PerTensorFactor::Double, input, output)?;
    let params = params::DepthwiseConv2d {
        batches: shape.batches,
        window: shape.window,
        channels: shape.channels,
        multiplier: shape.multiplier,
        input_zero_point: input.zero_point,
        output_zero_point: output.zero_point,
        activation: operands.clamp(shape.activation, output)?,
    };
    Ok((DepthwiseConv2d { params, weights }.into(), vec![operands.input_id(0)?]))
}

impl DepthwiseConv2d {
    /// With weights without a zero point.
    pub(super) fn new(params: params::DepthwiseConv2d, weights: Weights) -> Self {
        DepthwiseConv2d { params, weights }
    }

    /// Weights `[channels, taps]`.
    fn rows(&self) -> Vec<i8> {
        let channels = self.params.channels * self.params.multiplier;
        (0..channels).flat_map(|c| self.weights.values[c..].iter().step_by(channels).copied()).collect()
    }
}

impl DepthwiseConv2d {
    /// Of one input channel, the same as an ordinary convolution.
    fn dense(&self) -> Conv2d {
        let p = &self.params;
        let params = params::Conv2d {
            batches: p.batches,
            window: p.window,
            input_channels: 1,
            filter_channels: 1,
            output_channels: p.multiplier,
            input_zero_point: p.input_zero_point,
            output_zero_point: p.output_zero_point,
            activation: p.activation,
        };
        Conv2d { params, weights: Weights { values: self.rows(), ..self.weights.clone() } }
    }
}

impl Computation for DepthwiseConv2d {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        let w = &self.weights;
        let output = outputs[0].as_mut_slice();
        reference::depthwise_conv2d(&self.params, inputs[0].as_slice(), &w.values, &w.bias, &w.requant, output);
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        if self.params.channels == 1 && self.params.multiplier > 1 && lowering.isa() != Isa::Generic {
            return self.dense().lower(node, lowering);
        }
        let (p, w) = (&self.params, &self.weights);
        let mut bias = w.bias.clone();
        bias.resize(p.channels * p.multiplier, 0);
        let takes = match lowering.isa() {
            Isa::Generic => false,
            Isa::Dsp => dsp::depthwise_conv2d_takes(p) || dsp::depthwise_taps_takes(p),
            Isa::Mve => mve::depthwise_conv2d_takes(p) || dsp::depthwise_taps_takes(p),
        };
        let rows = self.rows();
        let mut folded = vec![0; bias.len()];
        optimized::fold_input_offset(&rows, &bias, p.input_zero_point, bias.len(), &mut folded);
        let small = takes.then(|| small_sums(&rows, &folded, &w.requant, p.output_zero_point, p.activation)).flatten();
        let (call, values, scratch_bytes) = match &small {
            Some(small) if lowering.isa() == Isa::Mve && mve::depthwise_conv2d_takes(p) => {
                let mut packed = vec![0; mve::depthwise_conv2d_packed(p)];
                mve::pack_depthwise_conv2d(p, &small.rows, &mut packed);
                (Call::MveDepthwiseConv2d(*p), u32_bytes(&packed), Some(mve::depthwise_conv2d_scratch(p)))
            }
            Some(small) if lowering.isa() == Isa::Dsp && dsp::depthwise_conv2d_takes(p) => {
                let mut packed = vec![0; dsp::depthwise_conv2d_packed(p)];
                dsp::pack_depthwise_conv2d(p, &small.rows, &mut packed);
                (Call::DspDepthwiseConv2d(*p), i8_bytes(&packed), Some(4 * dsp::depthwise_conv2d_scratch(p)))
            }
            Some(small) => {
                let mut packed = vec![0; dsp::depthwise_taps_packed(p)];
                dsp::pack_depthwise_taps(p, &small.rows, &mut packed);
                (Call::DspDepthwiseTaps(*p), u32_bytes(&packed), None)
            }
            None => (Call::DepthwiseConv2d(*p), i8_bytes(&w.values), None),
        };
        let scratch = scratch_bytes.map(|bytes| lowering.scratch(bytes));
        let mut operands =
            vec![lowering.operand(node.inputs[0]), lowering.constant(&format!("{} weights", node.name), values)];
        match &small {
            Some(small) => operands.push(lowering.constant(&format!("{} channels", node.name), small.channels())),
            None => operands.extend([
                lowering.constant(&format!("{} bias", node.name), i32_bytes(&bias)),
                lowering.constant(&format!("{} multipliers", node.name), requant_bytes(&w.requant)),
            ]),
        }
        let output = lowering.buffer(node.outputs[0]);
        Ok(vec![Step { call, operands, scratch, output }])
    }

    fn host(&self, level: Level) -> Option<Kernel> {
        let w = &self.weights;
        Some(Kernel::depthwise_conv2d(level, self.params, &w.values, &w.bias, &w.requant))
    }

    fn describe(&self) -> String {
        format!("{:?} {:?}", self.params, self.weights.requant)
    }

    fn macs(&self) -> u64 {
        let (p, w) = (&self.params, &self.params.window);
        (p.batches * w.output_h * w.output_w * p.channels * p.multiplier * w.filter_h * w.filter_w) as u64
    }

    fn constant_bytes(&self) -> usize {
        self.weights.bytes()
    }

    fn bounds(&self, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
        let (p, factors) = (&self.params, &self.weights.requant[..]);
        let rows: Vec<i32> = self.rows().into_iter().map(i32::from).collect();
        let products = Products::depthwise_conv2d(p, &rows, &self.weights.bias);
        let rescaled = Rescaled { factors, zero_point: p.output_zero_point, activation: p.activation };
        Some(vec![products.bounds(site.bounds[0], &rescaled)])
    }

    fn flow(&self, _: &Site<'_>) -> Flow {
        let multiplier = self.params.multiplier;
        Flow::Paired((0..self.params.channels * multiplier).map(|o| Pair::tied(o / multiplier, o)).collect())
    }

    fn narrowed(&self, _: &Site<'_>, cut: &Cut<'_>) -> Option<QOp> {
        let (w, outputs) = (&self.weights, cut.outputs[0]);
        let channels = self.params.channels * self.params.multiplier;
        let bias = if w.bias.is_empty() { Vec::new() } else { keep(&w.bias, channels, outputs) };
        let params = params::DepthwiseConv2d { channels: cut.inputs[0].len(), ..self.params };
        Some(DepthwiseConv2d { params, weights: w.cut(keep(&w.values, channels, outputs), bias, outputs) }.into())
    }

    fn activation(&self) -> Option<Clamp> {
        Some(self.params.activation)
    }

    fn with_activation(&self, activation: Clamp) -> Option<QOp> {
        let params = params::DepthwiseConv2d { activation, ..self.params };
        Some(DepthwiseConv2d { params, weights: self.weights.clone() }.into())
    }

    fn bordered(&self, border: &Border) -> Option<QOp> {
        let window = border.around(&self.params.window, self.params.input_zero_point)?;
        let params = params::DepthwiseConv2d { window, ..self.params };
        Some(DepthwiseConv2d { params, weights: self.weights.clone() }.into())
    }
}
