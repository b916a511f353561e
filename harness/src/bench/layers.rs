//! Single layers as models of one operator, with seeded weights: what keyword spotting, vision and anomaly detection on
//! microcontrollers are made of. Their weights are noise, so only their speed means anything.

use hilbench_compiler::graph::{Activation, DType, Graph, Node, Op, Padding, Quantization, Tensor, WindowAttributes};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a layer computes. Filters are height and width.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Conv2d { filter: [usize; 2], stride: usize, channels: usize },
    DepthwiseConv2d { filter: [usize; 2] },
    FullyConnected { outputs: usize },
    AveragePool2d { filter: [usize; 2] },
    MaxPool2d { filter: [usize; 2] },
    Add,
    Softmax,
}

const LAYERS: [(&str, Kind, &[usize]); 15] = [
    ("conv_3x3_16_32_at_32x32", conv([3, 3], 1, 32), &[1, 32, 32, 16]),
    ("conv_3x3_s2_3_8_at_96x96", conv([3, 3], 2, 8), &[1, 96, 96, 3]),
    ("conv_10x4_s2_1_64_at_49x10", conv([10, 4], 2, 64), &[1, 49, 10, 1]),
    ("conv_3x3_64_64_at_8x8", conv([3, 3], 1, 64), &[1, 8, 8, 64]),
    ("conv_1x1_64_64_at_25x5", conv([1, 1], 1, 64), &[1, 25, 5, 64]),
    ("conv_1x1_8_16_at_48x48", conv([1, 1], 1, 16), &[1, 48, 48, 8]),
    ("conv_1x1_256_256_at_3x3", conv([1, 1], 1, 256), &[1, 3, 3, 256]),
    ("depthwise_3x3_64_at_25x5", Kind::DepthwiseConv2d { filter: [3, 3] }, &[1, 25, 5, 64]),
    ("depthwise_3x3_8_at_48x48", Kind::DepthwiseConv2d { filter: [3, 3] }, &[1, 48, 48, 8]),
    ("fully_connected_640_128", Kind::FullyConnected { outputs: 128 }, &[1, 640]),
    ("fully_connected_128_640", Kind::FullyConnected { outputs: 640 }, &[1, 128]),
    ("average_pool_2x2_at_32x32x16", Kind::AveragePool2d { filter: [2, 2] }, &[1, 32, 32, 16]),
    ("max_pool_2x2_at_32x32x16", Kind::MaxPool2d { filter: [2, 2] }, &[1, 32, 32, 16]),
    ("add_32x32x16", Kind::Add, &[1, 32, 32, 16]),
    ("softmax_12", Kind::Softmax, &[1, 12]),
];

const fn conv(filter: [usize; 2], stride: usize, channels: usize) -> Kind {
    Kind::Conv2d { filter, stride, channels }
}

/// Scale and zero point of every activation.
const ACTIVATION: (f32, i64) = (0.05, -3);

/// The layers, each as a model of its own.
#[must_use]
pub fn layers() -> Vec<Graph> {
    LAYERS.iter().map(|&(name, kind, input)| layer(name, kind, input)).collect()
}

fn layer(name: &str, kind: Kind, input: &[usize]) -> Graph {
    let random = ChaCha8Rng::seed_from_u64(42);
    let mut layer = Layer { random, tensors: Vec::new(), inputs: Vec::new(), operands: Vec::new() };
    layer.input(input);
    let channels = input[input.len() - 1];
    let (op_name, op, output) = match kind {
        Kind::Conv2d { filter, stride, channels: outputs } => {
            layer.weights(&[outputs, filter[0], filter[1], channels], 0);
            let window = window(Padding::Same, [stride; 2]);
            let output = vec![1, input[1].div_ceil(stride), input[2].div_ceil(stride), outputs];
            ("CONV_2D", Op::Conv2d { window }, output)
        }
        Kind::DepthwiseConv2d { filter } => {
            layer.weights(&[1, filter[0], filter[1], channels], 3);
            let op = Op::DepthwiseConv2d { window: window(Padding::Same, [1; 2]), depth_multiplier: 1 };
            ("DEPTHWISE_CONV_2D", op, input.to_vec())
        }
        Kind::FullyConnected { outputs } => {
            layer.weights(&[outputs, channels], 0);
            let op =
                Op::FullyConnected { activation: Activation::None, keep_num_dims: false, asymmetric_inputs: false };
            ("FULLY_CONNECTED", op, vec![1, outputs])
        }
        Kind::AveragePool2d { filter } => {
            let op = Op::AveragePool2d { window: window(Padding::Valid, filter), filter };
            ("AVERAGE_POOL_2D", op, pooled(input, filter))
        }
        Kind::MaxPool2d { filter } => {
            let op = Op::MaxPool2d { window: window(Padding::Valid, filter), filter };
            ("MAX_POOL_2D", op, pooled(input, filter))
        }
        Kind::Add => {
            layer.input(input);
            ("ADD", Op::Add { activation: Activation::None }, input.to_vec())
        }
        Kind::Softmax => ("SOFTMAX", Op::Softmax { beta: 1.0 }, input.to_vec()),
    };
    let quantization = match kind {
        Kind::Softmax => per_tensor(1.0 / 256.0, -128),
        // Twice the scale, so that the addition scales too.
        Kind::Add => per_tensor(2.0 * ACTIVATION.0, ACTIVATION.1),
        _ => per_tensor(ACTIVATION.0, ACTIVATION.1),
    };
    let output = layer.tensor("output", DType::I8, output, quantization, None);
    Graph {
        name: name.to_string(),
        nodes: vec![Node { index: 0, op_name, op, inputs: layer.operands, outputs: vec![output] }],
        tensors: layer.tensors,
        inputs: layer.inputs,
        outputs: vec![output],
        opset: None,
        states: Vec::new(),
        warnings: Vec::new(),
    }
}

fn window(padding: Padding, stride: [usize; 2]) -> WindowAttributes {
    WindowAttributes { padding, stride, dilation: [1; 2], activation: Activation::None }
}

/// The shape that a pool leaves whose stride is its filter.
fn pooled(input: &[usize], filter: [usize; 2]) -> Vec<usize> {
    vec![1, input[1] / filter[0], input[2] / filter[1], input[3]]
}

fn per_tensor(scale: f32, zero_point: i64) -> Quantization {
    Quantization { scales: vec![scale], zero_points: vec![zero_point], axis: 0 }
}

/// A layer while its tensors are drawn.
struct Layer {
    random: ChaCha8Rng,
    tensors: Vec<Tensor>,
    inputs: Vec<usize>,
    operands: Vec<Option<usize>>,
}

impl Layer {
    fn tensor(
        &mut self,
        name: &str,
        dtype: DType,
        shape: Vec<usize>,
        quantization: Quantization,
        data: Option<Vec<u8>>,
    ) -> usize {
        self.tensors.push(Tensor { name: name.to_string(), dtype, shape, quantization: Some(quantization), data });
        self.tensors.len() - 1
    }

    fn input(&mut self, shape: &[usize]) {
        let id = self.tensor("input", DType::I8, shape.to_vec(), per_tensor(ACTIVATION.0, ACTIVATION.1), None);
        self.inputs.push(id);
        self.operands.push(Some(id));
    }

    /// Weights with a scale for each index of dimension `axis`, and a bias. The scales keep the sums of products of
    /// uniform numbers within the output's type, and outside of it now and then.
    fn weights(&mut self, shape: &[usize], axis: usize) {
        let (elements, outputs) = (shape.iter().product::<usize>(), shape[axis]);
        let deviation = 74.0 * 74.0 * ((elements / outputs) as f32).sqrt();
        let scales: Vec<f32> = (0..outputs).map(|_| self.random.random_range(30.0..80.0) / deviation).collect();
        let bias_scales = scales.iter().map(|s| s * ACTIVATION.0).collect();
        let weights = (0..elements).map(|_| self.random.random_range(-127..=127_i8) as u8).collect();
        let bias = (0..outputs).flat_map(|_| self.random.random_range(-2000..=2000_i32).to_le_bytes()).collect();
        let of = |scales, axis| Quantization { scales, zero_points: vec![0; outputs], axis };
        let weights = self.tensor("weights", DType::I8, shape.to_vec(), of(scales, axis), Some(weights));
        let bias = self.tensor("bias", DType::I32, vec![outputs], of(bias_scales, 0), Some(bias));
        self.operands.extend([Some(weights), Some(bias)]);
    }
}

#[cfg(test)]
mod tests {
    use hilbench_compiler::{exec, quantize};

    use super::*;
    use crate::dataset::Dataset;

    /// A layer whose outputs saturated, or were all alike, would be a poor sample of what requantization does.
    #[test]
    fn every_layer_compiles_and_spreads_its_outputs() {
        for graph in layers() {
            let qgraph = quantize::quantize(&graph).expect("an accepted layer");
            let data = Dataset::random(&qgraph, 1, 42, None);
            let inputs: Vec<&[u8]> = (0..qgraph.inputs.len()).map(|k| data.input(k, 0)).collect();
            let outputs = exec::outputs(&qgraph, &exec::run_reference(&qgraph, &inputs));
            let mut seen = [0_usize; 256];
            outputs[0].iter().for_each(|&byte| seen[usize::from(byte)] += 1);
            let (kinds, most) = (seen.iter().filter(|&&n| n > 0).count(), seen.iter().max().expect("256"));
            if graph.name != "softmax_12" {
                assert!(kinds > 60 && 2 * most < outputs[0].len(), "{}: {kinds} values, one {most} times", graph.name);
            }
        }
    }
}
