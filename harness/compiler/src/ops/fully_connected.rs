//! FULLY_CONNECTED: int8 activations and weights, per tensor (with any weights zero point) or per channel.

use hilbench_kernels::optimized::{self, dsp, mve};
use hilbench_kernels::params::Clamp;
use hilbench_kernels::{params, reference};

use super::channels::{Bounds, Cut, Flow, Site, channels};
use super::products::{Products, Rescaled, keep_filters};
use super::requantized::{
    PerTensorFactor, Weights, i8_bytes, i32_bytes, requant_bytes, small_sums, u32_bytes, weights,
};
use super::{Computation, Operands, QOp, Quantized, geometry};
use crate::Result;
use crate::host::{Kernel, Level};
use crate::lower::{Call, Isa, Lowering, Step};
use crate::qgraph::QNode;
use crate::value::Value;

/// A fully connected layer with its weights.
#[derive(Clone, Debug)]
pub struct FullyConnected {
    params: params::FullyConnected,
    weights: Weights,
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let shape = geometry::fully_connected(operands)?;
    let input = operands.int8(operands.input(0)?)?;
    let output = operands.int8(operands.output()?)?;
    let weights = weights(operands, 0, shape.output_depth, PerTensorFactor::SingleProduct, input, output)?;
    let params = params::FullyConnected {
        batches: shape.batches,
        input_depth: shape.input_depth,
        output_depth: shape.output_depth,
        input_zero_point: input.zero_point,
        weights_zero_point: weights.zero_point,
        output_zero_point: output.zero_point,
        activation: operands.clamp(shape.activation, output)?,
    };
    Ok((FullyConnected { params, weights }.into(), vec![operands.input_id(0)?]))
}

impl Computation for FullyConnected {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        let w = &self.weights;
        let output = outputs[0].as_mut_slice();
        reference::fully_connected(&self.params, inputs[0].as_slice(), &w.values, &w.bias, &w.requant, output);
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let (p, w) = (&self.params, &self.weights);
        let mut bias = w.bias.clone();
        bias.resize(p.output_depth, 0);
        let call = if p.weights_zero_point == 0 {
            let values = bias.clone();
            optimized::fold_input_offset(&w.values, &values, p.input_zero_point, p.output_depth, &mut bias);
            Call::FullyConnected(*p)
        } else {
            Call::FullyConnectedOffset(*p)
        };
        let (mut call, mut values, mut requant, mut scratch) = (call, i8_bytes(&w.values), w.requant.clone(), None);
        let takes = match lowering.isa() {
            Isa::Generic => false,
            Isa::Dsp => dsp::fully_connected_takes(p),
            Isa::Mve => mve::fully_connected_takes(p),
        };
        let small =
            takes.then(|| small_sums(&w.values, &bias, &w.requant, p.output_zero_point, p.activation)).flatten();
        if let Some(small) = small {
            if lowering.isa() == Isa::Dsp {
                let mut packed = vec![0; dsp::fully_connected_packed(p)];
                dsp::pack_fully_connected(p, &small.rows, &mut packed);
                scratch = Some(lowering.scratch(4 * dsp::fully_connected_scratch(p)));
                (call, values) = (Call::DspFullyConnected(*p), u32_bytes(&packed));
            } else {
                (call, values) = (Call::MveFullyConnected(*p), i8_bytes(&small.rows));
            }
            (bias, requant) = (small.folded_bias, small.requant);
        }
        let operands = vec![
            lowering.operand(node.inputs[0]),
            lowering.constant(&format!("{} weights", node.name), values),
            lowering.constant(&format!("{} bias", node.name), i32_bytes(&bias)),
            lowering.constant(&format!("{} multipliers", node.name), requant_bytes(&requant)),
        ];
        Ok(vec![Step { call, operands, scratch, output: lowering.buffer(node.outputs[0]) }])
    }

    fn host(&self, level: Level) -> Option<Kernel> {
        let (p, w) = (&self.params, &self.weights);
        // With a zero point of its own a weight is no number of 8 bits any more.
        (p.weights_zero_point == 0).then(|| Kernel::conv2d(level, p.as_conv2d(), &w.values, &w.bias, &w.requant))
    }

    fn describe(&self) -> String {
        format!("{:?} {:?}", self.params, self.weights.requant)
    }

    fn macs(&self) -> u64 {
        (self.params.batches * self.params.input_depth * self.params.output_depth) as u64
    }

    fn constant_bytes(&self) -> usize {
        self.weights.bytes()
    }

    fn bounds(&self, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
        let (p, w) = (&self.params, &self.weights);
        let rescaled = Rescaled { factors: &w.requant[..], zero_point: p.output_zero_point, activation: p.activation };
        let weights = w.centred();
        let products = Products::fully_connected(p, &weights, &w.bias, channels(site.inputs[0]))?;
        Some(vec![products.bounds(site.bounds[0], &rescaled)])
    }

    fn flow(&self, site: &Site<'_>) -> Flow {
        let weights = self.weights.centred();
        Products::fully_connected(&self.params, &weights, &self.weights.bias, channels(site.inputs[0]))
            .map_or(Flow::Whole, |products| Flow::Mixed(products.needs(site.bounds[0])))
    }

    fn narrowed(&self, site: &Site<'_>, cut: &Cut<'_>) -> Option<QOp> {
        let (p, w) = (&self.params, &self.weights);
        let (inputs, outputs) = (cut.inputs[0], cut.outputs[0]);
        let (weights, channels) = (w.centred(), channels(site.inputs[0]));
        let products = Products::fully_connected(p, &weights, &w.bias, channels)?;
        let bias = products.folded_bias(site.bounds[0], inputs, outputs);
        let input_depth = products.taps * inputs.len();
        let params = params::FullyConnected { input_depth, output_depth: outputs.len(), ..*p };
        let weights = w.cut(keep_filters(&w.values, p.output_depth, channels, cut), bias, outputs);
        Some(FullyConnected { params, weights }.into())
    }

    fn activation(&self) -> Option<Clamp> {
        Some(self.params.activation)
    }

    fn with_activation(&self, activation: Clamp) -> Option<QOp> {
        let params = params::FullyConnected { activation, ..self.params };
        Some(FullyConnected { params, weights: self.weights.clone() }.into())
    }
}
