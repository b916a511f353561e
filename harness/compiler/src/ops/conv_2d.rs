//! CONV_2D: int8 activations and weights, any stride, dilation, padding and number of groups.

use hilbench_kernels::optimized::{self, dsp, generic, mve};
use hilbench_kernels::params::Clamp;
use hilbench_kernels::{params, reference};

use super::channels::{Bounds, Cut, Flow, Site};
use super::products::{Products, Rescaled, keep_filters};
use super::requantized::{
    PerTensorFactor, Weights, i8_bytes, i32_bytes, requant_bytes, small_sums, u32_bytes, weights,
};
use super::{Border, Computation, Operands, QOp, Quantized, geometry};
use crate::Result;
use crate::host::{Kernel, Level};
use crate::lower::{Call, Isa, Lowering, Step};
use crate::qgraph::QNode;
use crate::value::Value;

/// A convolution with its weights.
#[derive(Clone, Debug)]
pub struct Conv2d {
    pub(super) params: params::Conv2d,
    pub(super) weights: Weights,
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let shape = geometry::conv_2d(operands)?;
    let input = operands.int8(operands.input(0)?)?;
    let output = operands.int8(operands.output()?)?;
    let weights = weights(operands, 0, shape.output_channels, PerTensorFactor::Double, input, output)?;
    let params = params::Conv2d {
        batches: shape.batches,
        window: shape.window,
        input_channels: shape.input_channels,
        filter_channels: shape.filter_channels,
        output_channels: shape.output_channels,
        input_zero_point: input.zero_point,
        output_zero_point: output.zero_point,
        activation: operands.clamp(shape.activation, output)?,
    };
    Ok((Conv2d { params, weights }.into(), vec![operands.input_id(0)?]))
}

impl Computation for Conv2d {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        let w = &self.weights;
        let output = outputs[0].as_mut_slice();
        reference::conv2d(&self.params, inputs[0].as_slice(), &w.values, &w.bias, &w.requant, output);
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let (p, w) = (&self.params, &self.weights);
        let mut folded = vec![0; p.output_channels];
        optimized::fold_input_offset(&w.values, &w.bias, p.input_zero_point, p.output_channels, &mut folded);
        let takes = match lowering.isa() {
            Isa::Generic => false,
            Isa::Dsp => dsp::conv2d_takes(p),
            Isa::Mve => mve::conv2d_takes(p),
        };
        let small =
            takes.then(|| small_sums(&w.values, &folded, &w.requant, p.output_zero_point, p.activation)).flatten();
        let (call, values, scratch_bytes) = match &small {
            Some(small) if lowering.isa() == Isa::Dsp => {
                let mut packed = vec![0; dsp::conv2d_packed(p)];
                dsp::pack_conv2d(p, &small.rows, &mut packed);
                (Call::DspConv2d(*p), u32_bytes(&packed), 4 * dsp::conv2d_scratch(p))
            }
            Some(small) => (Call::MveConv2d(*p), i8_bytes(&small.rows), mve::conv2d_scratch(p)),
            None => (Call::Conv2d(*p), i8_bytes(&w.values), generic::conv2d_scratch(p)),
        };
        let mut operands =
            vec![lowering.operand(node.inputs[0]), lowering.constant(&format!("{} weights", node.name), values)];
        match &small {
            Some(small) => operands.push(lowering.constant(&format!("{} channels", node.name), small.channels())),
            None => operands.extend([
                lowering.constant(&format!("{} bias", node.name), i32_bytes(&folded)),
                lowering.constant(&format!("{} multipliers", node.name), requant_bytes(&w.requant)),
            ]),
        }
        let scratch = Some(lowering.scratch(scratch_bytes));
        let output = lowering.buffer(node.outputs[0]);
        Ok(vec![Step { call, operands, scratch, output }])
    }

    fn host(&self, level: Level) -> Option<Kernel> {
        let w = &self.weights;
        Some(Kernel::conv2d(level, self.params, &w.values, &w.bias, &w.requant))
    }

    fn describe(&self) -> String {
        format!("{:?} {:?}", self.params, self.weights.requant)
    }

    fn macs(&self) -> u64 {
        let (p, w) = (&self.params, &self.params.window);
        let outputs = p.batches * w.output_h * w.output_w * p.output_channels;
        (outputs * w.filter_h * w.filter_w * p.filter_channels) as u64
    }

    fn constant_bytes(&self) -> usize {
        self.weights.bytes()
    }

    fn bounds(&self, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
        let (p, factors) = (&self.params, &self.weights.requant[..]);
        let rescaled = Rescaled { factors, zero_point: p.output_zero_point, activation: p.activation };
        Some(vec![Products::conv2d(p, &self.weights.centred(), &self.weights.bias).bounds(site.bounds[0], &rescaled)])
    }

    fn flow(&self, site: &Site<'_>) -> Flow {
        let p = &self.params;
        if p.filter_channels != p.input_channels {
            return Flow::Whole;
        }
        Flow::Mixed(Products::conv2d(p, &self.weights.centred(), &self.weights.bias).needs(site.bounds[0]))
    }

    fn narrowed(&self, site: &Site<'_>, cut: &Cut<'_>) -> Option<QOp> {
        let (p, w) = (&self.params, &self.weights);
        let (inputs, outputs) = (cut.inputs[0], cut.outputs[0]);
        let bias = Products::conv2d(p, &w.centred(), &w.bias).folded_bias(site.bounds[0], inputs, outputs);
        let params = params::Conv2d {
            input_channels: inputs.len(),
            filter_channels: inputs.len(),
            output_channels: outputs.len(),
            ..*p
        };
        let weights = w.cut(keep_filters(&w.values, p.output_channels, p.input_channels, cut), bias, outputs);
        Some(Conv2d { params, weights }.into())
    }

    fn activation(&self) -> Option<Clamp> {
        Some(self.params.activation)
    }

    fn with_activation(&self, activation: Clamp) -> Option<QOp> {
        let params = params::Conv2d { activation, ..self.params };
        Some(Conv2d { params, weights: self.weights.clone() }.into())
    }

    fn bordered(&self, border: &Border) -> Option<QOp> {
        let window = border.around(&self.params.window, self.params.input_zero_point)?;
        let params = params::Conv2d { window, ..self.params };
        Some(Conv2d { params, weights: self.weights.clone() }.into())
    }
}
