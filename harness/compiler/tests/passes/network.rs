//! Random networks whose channels are often constant, dead, or constant but at the border.

use hilbench_compiler::graph::{
    Activation, DType, Graph, Node, Op, Padding, Quantization, Tensor, TensorId, WindowAttributes,
};
use rand::Rng;
use rand::rngs::StdRng;

/// A network under construction.
struct Sketch<'a> {
    rng: &'a mut StdRng,
    graph: Graph,
    /// Tensors of four dimensions that may be read.
    images: Vec<TensorId>,
}

/// Draws a network of a few operators.
pub fn draw(rng: &mut StdRng) -> Graph {
    let (name, empty) = ("drawn".to_string(), Vec::new());
    let graph = Graph {
        name,
        opset: None,
        tensors: empty,
        nodes: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        states: Vec::new(),
        warnings: Vec::new(),
    };
    let mut sketch = Sketch { rng, graph, images: Vec::new() };
    let shape = [1, sketch.pick(&[1, 3, 5]), sketch.pick(&[2, 4]), sketch.pick(&[1, 3, 6])];
    let input = sketch.activation(&shape, None);
    sketch.graph.inputs.push(input);
    sketch.images.push(input);
    for _ in 0..sketch.rng.random_range(3..12) {
        sketch.layer();
    }
    sketch.head();
    sketch.graph
}

impl Sketch<'_> {
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.random_range(0..from.len())]
    }

    fn tensor(
        &mut self,
        dtype: DType,
        shape: &[usize],
        quantization: Option<Quantization>,
        data: Option<Vec<u8>>,
    ) -> TensorId {
        let name = format!("t{}", self.graph.tensors.len());
        self.graph.tensors.push(Tensor { name, dtype, shape: shape.to_vec(), quantization, data });
        self.graph.tensors.len() - 1
    }

    /// An activation with the quantization of another tensor, or one of its own.
    fn activation(&mut self, shape: &[usize], like: Option<TensorId>) -> TensorId {
        let quantization = match like {
            Some(t) => self.graph.tensors[t].quantization.clone(),
            None => Some(Quantization {
                scales: vec![self.pick(&[0.02, 0.05, 0.1])],
                zero_points: vec![self.pick(&[-128, -128, -3, 0, 40])],
                axis: 0,
            }),
        };
        self.tensor(DType::I8, shape, quantization, None)
    }

    fn integers(&mut self, shape: &[usize], values: &[i32]) -> TensorId {
        let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.tensor(DType::I32, shape, None, Some(data))
    }

    fn node(&mut self, op_name: &'static str, op: Op, inputs: &[TensorId], outputs: &[TensorId]) {
        let index = self.graph.nodes.len();
        let inputs = inputs.iter().map(|&t| Some(t)).collect();
        self.graph.nodes.push(Node { index, op_name, op, inputs, outputs: outputs.to_vec() });
    }

    fn shape(&self, t: TensorId) -> [usize; 4] {
        self.graph.tensors[t].shape.clone().try_into().expect("an image")
    }

    fn image(&mut self) -> TensorId {
        // Mostly the last one, so that networks are deep.
        if self.rng.random_bool(0.7) {
            *self.images.last().expect("the input")
        } else {
            let images = self.images.clone();
            self.pick(&images)
        }
    }

    /// Weights of `outputs` filters, `[outputs, inner]` or, with filters last, `[inner, outputs]`, and biases: of some
    /// filters all is zero or the bias outweighs everything, and some inputs have no weight.
    fn parameters(&mut self, shape: &[usize], filters_last: bool, x: TensorId) -> (TensorId, TensorId) {
        let outputs = if filters_last { shape[shape.len() - 1] } else { shape[0] };
        let elements: usize = shape.iter().product();
        let inner = shape[shape.len() - 1];
        let spared: Vec<bool> = (0..inner).map(|_| self.rng.random_bool(0.2)).collect();
        let fate: Vec<u32> = (0..outputs).map(|_| self.rng.random_range(0..6)).collect();
        let filter = |i: usize| if filters_last { i % outputs } else { i / (elements / outputs) };
        let weights: Vec<u8> = (0..elements)
            .map(|i| {
                let zero = fate[filter(i)] == 0 || (!filters_last && spared[i % inner]);
                if zero { 0 } else { self.rng.random_range(-127_i32..=127) as u8 }
            })
            .collect();
        let bias: Vec<i32> = fate
            .iter()
            .map(|fate| match fate {
                1 => -2_000_000,
                2 => 2_000_000,
                3 => self.rng.random_range(-400_000..400_000),
                _ => self.rng.random_range(-20_000..20_000),
            })
            .collect();
        // Factors of the last kind shift sums out of their 32 bits.
        let scales: Vec<f32> =
            (0..outputs).map(|_| self.pick(&[0.0005, 0.002, 0.002, 0.01, 0.01, 100_000.0])).collect();
        let axis = if filters_last { shape.len() - 1 } else { 0 };
        let per_channel = Quantization { zero_points: vec![0; outputs], scales, axis };
        let weights = self.tensor(DType::I8, shape, Some(per_channel), Some(weights));
        let bias = self.integers(&[outputs], &bias);
        debug_assert!(self.graph.tensors[x].data.is_none());
        (weights, bias)
    }

    fn window(&mut self, filter: [usize; 2], input: [usize; 4]) -> (WindowAttributes, [usize; 2]) {
        let fits = filter[0] <= input[1] && filter[1] <= input[2];
        let padding = if fits && self.rng.random_bool(0.3) { Padding::Valid } else { Padding::Same };
        let stride = [self.pick(&[1, 1, 2]), self.pick(&[1, 1, 2])];
        let activation = self.pick(&[Activation::None, Activation::Relu, Activation::Relu6]);
        let size = |i: usize| match padding {
            Padding::Same => input[i + 1].div_ceil(stride[i]),
            Padding::Valid => (input[i + 1] - filter[i]) / stride[i] + 1,
        };
        (WindowAttributes { padding, stride, dilation: [1, 1], activation }, [size(0), size(1)])
    }

    fn layer(&mut self) {
        let x = self.image();
        let [n, h, w, c] = self.shape(x);
        let y = match self.rng.random_range(0..16) {
            0..=3 => {
                let filter = self.pick(&[[1, 1], [1, 1], [3, 3], [3, 2]]);
                let outputs = self.pick(&[1, 4, 8, 11]);
                let (window, [oh, ow]) = self.window(filter, [n, h, w, c]);
                let (weights, bias) = self.parameters(&[outputs, filter[0], filter[1], c], false, x);
                let y = self.activation(&[n, oh, ow, outputs], None);
                self.node("CONV_2D", Op::Conv2d { window }, &[x, weights, bias], &[y]);
                y
            }
            4..=6 => {
                let filter = self.pick(&[[3, 3], [1, 1], [2, 3]]);
                let multiplier = self.pick(&[1, 1, 1, 2]);
                let (window, [oh, ow]) = self.window(filter, [n, h, w, c]);
                let (weights, bias) = self.parameters(&[1, filter[0], filter[1], c * multiplier], true, x);
                let y = self.activation(&[n, oh, ow, c * multiplier], None);
                let op = Op::DepthwiseConv2d { window, depth_multiplier: multiplier };
                self.node("DEPTHWISE_CONV_2D", op, &[x, weights, bias], &[y]);
                y
            }
            7 => {
                let filter = self.pick(&[[2, 2], [3, 3]]);
                let (window, [oh, ow]) = self.window(filter, [n, h, w, c]);
                let y = self.activation(&[n, oh, ow, c], Some(x));
                if self.rng.random_bool(0.5) {
                    self.node("MAX_POOL_2D", Op::MaxPool2d { window, filter }, &[x], &[y]);
                } else {
                    self.node("AVERAGE_POOL_2D", Op::AveragePool2d { window, filter }, &[x], &[y]);
                }
                y
            }
            8..=9 => self.pairwise(x),
            10 => self.side_by_side(x),
            11..=12 => {
                let borders = self.integers(&[4, 2], &[0, 0, 1, 0, 1, 1, 0, 0]);
                let y = self.activation(&[n, h + 1, w + 2, c], Some(x));
                if self.rng.random_bool(0.5) {
                    self.node("PAD", Op::Pad, &[x, borders], &[y]);
                } else {
                    let quantization = self.graph.tensors[x].quantization.clone();
                    let value = self.pick(&[-128_i8, -3, 5]);
                    let value = self.tensor(DType::I8, &[1], quantization, Some(vec![value as u8]));
                    self.node("PADV2", Op::PadV2, &[x, borders, value], &[y]);
                }
                y
            }
            13 => {
                let y = self.activation(&[n, h, w, c], None);
                let op = self.pick(&[0, 1, 2, 3]);
                let (name, op) = match op {
                    0 => ("RELU", Op::Relu),
                    1 => ("RELU6", Op::Relu6),
                    2 => ("LEAKY_RELU", Op::LeakyRelu { alpha: 0.1 }),
                    _ => ("QUANTIZE", Op::Quantize),
                };
                self.node(name, op, &[x], &[y]);
                y
            }
            14 => {
                let first = self.rng.random_range(0..c);
                let count = self.rng.random_range(1..=c - first);
                let begin = self.integers(&[4], &[0, 0, 0, first as i32]);
                let size = self.integers(&[4], &[-1, -1, -1, count as i32]);
                let y = self.activation(&[n, h, w, count], Some(x));
                self.node("SLICE", Op::Slice, &[x, begin, size], &[y]);
                y
            }
            _ => {
                // A transpose that keeps the channels, or one that does not.
                let order: [i32; 4] = self.pick(&[[0, 2, 1, 3], [0, 1, 3, 2], [0, 1, 2, 3]]);
                let permutation = self.integers(&[4], &order);
                let from = [n, h, w, c];
                let y = self.activation(&order.map(|d| from[d as usize]), Some(x));
                self.node("TRANSPOSE", Op::Transpose, &[x, permutation], &[y]);
                y
            }
        };
        self.images.push(y);
    }

    /// A sum, product or maximum with another image of the same shape, with itself, or with a constant.
    fn pairwise(&mut self, x: TensorId) -> TensorId {
        let shape = self.shape(x);
        let others: Vec<TensorId> = self.images.iter().copied().filter(|&t| self.shape(t) == shape).collect();
        let product = self.rng.random_range(0..4);
        let other = if self.rng.random_bool(0.4) {
            let channels = self.pick(&[1, shape[3]]);
            let data = (0..channels).map(|_| self.rng.random()).collect();
            let quantization = self.graph.tensors[x].quantization.clone();
            self.tensor(DType::I8, &[channels], quantization, Some(data))
        } else {
            self.pick(&others)
        };
        let activation = self.pick(&[Activation::None, Activation::Relu]);
        let alike = self.graph.tensors[x].quantization == self.graph.tensors[other].quantization;
        let (name, op, like) = match product {
            0 => ("MUL", Op::Mul { activation }, None),
            1 if alike => ("MAXIMUM", Op::Maximum, Some(x)),
            2 => ("SUB", Op::Sub { activation }, None),
            _ => ("ADD", Op::Add { activation }, None),
        };
        let y = self.activation(&shape, like);
        self.node(name, op, &[x, other], &[y]);
        y
    }

    /// A concatenation of channels, or a split of them.
    fn side_by_side(&mut self, x: TensorId) -> TensorId {
        let [n, h, w, c] = self.shape(x);
        if c % 2 == 0 && self.rng.random_bool(0.5) {
            let axis = self.integers(&[1], &[3]);
            let parts = [(); 2].map(|()| self.activation(&[n, h, w, c / 2], Some(x)));
            self.node("SPLIT", Op::Split, &[axis, x], &parts);
            self.images.push(parts[0]);
            return parts[1];
        }
        let alike = |t: TensorId| {
            let [tn, th, tw, _] = self.shape(t);
            (tn, th, tw) == (n, h, w) && self.graph.tensors[t].quantization == self.graph.tensors[x].quantization
        };
        let others: Vec<TensorId> = self.images.iter().copied().filter(|&t| alike(t)).collect();
        let other = self.pick(&others);
        let total = c + self.shape(other)[3];
        let y = self.activation(&[n, h, w, total], Some(x));
        let op = Op::Concatenation { axis: -1, activation: Activation::None };
        self.node("CONCATENATION", op, &[x, other], &[y]);
        y
    }

    /// What makes the outputs: a mean or a flattened image, fully connected; sometimes an image too.
    fn head(&mut self) {
        let x = *self.images.last().expect("the input");
        let [n, h, w, c] = self.shape(x);
        let flat = if self.rng.random_bool(0.5) {
            let axes = self.integers(&[2], &[1, 2]);
            let y = self.activation(&[n, c], None);
            self.node("MEAN", Op::Mean { keep_dims: false }, &[x, axes], &[y]);
            y
        } else {
            let y = self.activation(&[n, h * w * c], Some(x));
            self.node("RESHAPE", Op::Reshape { new_shape: Some(vec![n as i64, -1]) }, &[x], &[y]);
            y
        };
        let depth = self.graph.tensors[flat].elements() / n;
        let (weights, bias) = self.parameters(&[5, depth], false, flat);
        let y = self.activation(&[n, 5], None);
        let op = Op::FullyConnected { activation: Activation::None, keep_num_dims: false, asymmetric_inputs: false };
        self.node("FULLY_CONNECTED", op, &[flat, weights, bias], &[y]);
        self.graph.outputs.push(y);
        if self.rng.random_bool(0.5) {
            let images = self.images.clone();
            let image = self.pick(&images);
            if !self.graph.inputs.contains(&image) {
                self.graph.outputs.push(image);
            }
        }
    }
}
