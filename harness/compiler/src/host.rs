//! Runs a [`QGraph`] with the fastest kernels that this processor has, for hosts that compute many samples. It answers
//! what [`exec::run_reference`] answers, to the bit, and is never what a board is measured by.

#[cfg(target_arch = "x86_64")]
use hilbench_kernels::optimized::x86::{self, avx2, avx512};
use hilbench_kernels::optimized::{self, generic};
use hilbench_kernels::params::{Conv2d, DepthwiseConv2d, Requant};

use crate::exec;
use crate::graph::TensorId;
use crate::ops::requantized::small_sums;
use crate::qgraph::QGraph;
use crate::value::Value;

/// A kernel with its constants prepared: `(inputs, scratch, output)`.
type Run = Box<dyn Fn(&[&Value], &mut Value, &mut Value) + Send + Sync>;

/// An extension of this processor that kernels are chosen for, or none.
#[derive(Clone, Copy, Debug)]
pub enum Level {
    /// Portable kernels.
    Portable,
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2(x86::Avx2),
    /// AVX-512 VNNI, for layers with small sums; AVX2 for the others.
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni(x86::Avx512Vnni, x86::Avx2),
}

impl Level {
    /// What this processor has, the fastest last.
    #[must_use]
    pub fn here() -> Vec<Level> {
        let mut levels = vec![Level::Portable];
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = x86::Avx2::detect() {
            levels.push(Level::Avx2(avx2));
            levels.extend(x86::Avx512Vnni::detect().map(|avx512| Level::Avx512Vnni(avx512, avx2)));
        }
        levels
    }

    #[cfg(target_arch = "x86_64")]
    fn avx2(self) -> Option<x86::Avx2> {
        match self {
            Level::Portable => None,
            Level::Avx2(avx2) | Level::Avx512Vnni(_, avx2) => Some(avx2),
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn avx512(self) -> Option<x86::Avx512Vnni> {
        if let Level::Avx512Vnni(avx512, _) = self { Some(avx512) } else { None }
    }
}

/// How this host computes one operator.
pub struct Kernel {
    scratch: usize,
    run: Run,
}

/// A network whose operators have their constants prepared.
pub struct Host<'a> {
    graph: &'a QGraph,
    level: Level,
    /// By node; `None` where the reference kernel is all there is.
    kernels: Vec<Option<Kernel>>,
}

/// The tensors of one inference, and what it leaves for the next; one for each thread, or for each sequence.
pub struct Memory {
    values: Vec<Option<Value>>,
    scratch: Value,
    states: Vec<Vec<u8>>,
}

impl<'a> Host<'a> {
    /// Prepares `graph` for the best of this processor.
    #[must_use]
    pub fn new(graph: &'a QGraph) -> Self {
        let levels = Level::here();
        Host::at(graph, levels[levels.len() - 1])
    }

    /// Prepares `graph` for one level.
    #[must_use]
    pub fn at(graph: &'a QGraph, level: Level) -> Self {
        Host { graph, level, kernels: graph.nodes.iter().map(|node| node.op.computation().host(level)).collect() }
    }

    /// What its kernels are chosen for.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// Memory for [`Host::run`].
    #[must_use]
    pub fn memory(&self) -> Memory {
        let scratch = self.kernels.iter().flatten().map(|k| k.scratch).max().unwrap_or(0);
        let value = |t: &crate::graph::Tensor| match &t.data {
            Some(data) => Value::from_bytes(data),
            None => Value::zeros(t.bytes()),
        };
        let values = self.graph.tensors.iter().map(|t| Some(value(t))).collect();
        Memory { values, scratch: Value::zeros(scratch), states: self.graph.initial_states() }
    }

    /// Runs one inference. `inputs` are the bytes of the model's inputs, in order and of their sizes.
    pub fn run(&self, memory: &mut Memory, inputs: &[&[u8]]) {
        let Memory { values, scratch, states } = memory;
        for (state, bytes) in self.graph.states.iter().zip(states.iter()) {
            values[state.incoming] = Some(Value::from_bytes(bytes));
        }
        for (&t, bytes) in self.graph.inputs.iter().zip(inputs) {
            if let Some(value) = &mut values[t] {
                value.as_mut_slice().copy_from_slice(bytes);
            }
        }
        for (node, kernel) in self.graph.nodes.iter().zip(&self.kernels) {
            if let (Some(kernel), &[t]) = (kernel, &node.outputs[..]) {
                let mut output = values[t].take().expect("every tensor has its memory");
                match node.inputs[..] {
                    [x] => (kernel.run)(&[value(values, x)], scratch, &mut output),
                    [x, y] => (kernel.run)(&[value(values, x), value(values, y)], scratch, &mut output),
                    _ => (kernel.run)(&operands(values, &node.inputs), scratch, &mut output),
                }
                values[t] = Some(output);
                continue;
            }
            let mut outputs: Vec<Value> = node.outputs.iter().filter_map(|&t| values[t].take()).collect();
            node.op.computation().reference(&operands(values, &node.inputs), &mut outputs);
            for (&t, value) in node.outputs.iter().zip(outputs) {
                values[t] = Some(value);
            }
        }
        for (state, bytes) in self.graph.states.iter().zip(states) {
            if let Some(value) = &values[state.outgoing] {
                bytes.copy_from_slice(value.as_bytes());
            }
        }
    }

    /// The bytes of the outputs after [`Host::run`].
    #[must_use]
    pub fn outputs(&self, memory: &Memory) -> Vec<Vec<u8>> {
        exec::outputs(self.graph, &memory.values)
    }
}

fn value(values: &[Option<Value>], t: TensorId) -> &Value {
    values[t].as_ref().expect("no operator writes what it reads")
}

fn operands<'v>(values: &'v [Option<Value>], inputs: &[TensorId]) -> Vec<&'v Value> {
    inputs.iter().map(|&t| value(values, t)).collect()
}

impl Kernel {
    fn new(scratch: usize, run: impl Fn(&[&Value], &mut Value, &mut Value) + Send + Sync + 'static) -> Self {
        Kernel { scratch, run: Box::new(run) }
    }

    /// Of a function with one input.
    pub(crate) fn unary<P: Send + Sync + 'static>(params: P, function: fn(&P, &[i8], &mut [i8])) -> Self {
        Kernel::new(0, move |inputs, _, output| function(&params, inputs[0].as_slice(), output.as_mut_slice()))
    }

    /// Of a function with two inputs.
    pub(crate) fn binary<P: Send + Sync + 'static>(params: P, function: fn(&P, &[i8], &[i8], &mut [i8])) -> Self {
        Kernel::new(0, move |inputs, _, output| {
            function(&params, inputs[0].as_slice(), inputs[1].as_slice(), output.as_mut_slice());
        })
    }

    /// Of a convolution with weights `[output_channels, taps]` and a bias for each output channel, or none.
    pub(crate) fn conv2d(level: Level, p: Conv2d, weights: &[i8], bias: &[i32], requant: &[Requant]) -> Self {
        let mut folded = vec![0; p.output_channels];
        optimized::fold_input_offset(weights, bias, p.input_zero_point, p.output_channels, &mut folded);
        #[cfg(target_arch = "x86_64")]
        if let Some(avx512) = level.avx512().filter(|_| avx512::conv2d_takes(&p))
            && let Some(layer) = small_sums(weights, &folded, requant, p.output_zero_point, p.activation)
        {
            let mut packed = vec![[0; 64]; avx512::conv2d_packed(&p)];
            let mut lanes = vec![avx512::Lanes::ZERO; avx512::conv2d_lanes(&p)];
            avx512::pack_conv2d(&p, &layer.rows, &layer.folded_bias, &layer.requant, &mut packed, &mut lanes);
            return Kernel::new(4 * avx512::conv2d_scratch(&p), move |inputs, scratch, output| {
                let (input, output) = (inputs[0].as_slice(), output.as_mut_slice());
                avx512::conv2d(avx512, &p, input, &packed, &lanes, scratch.as_mut_slice(), output);
            });
        }
        let (weights, requant) = (weights.to_vec(), requant.to_vec());
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = level.avx2().filter(|_| avx2::conv2d_takes(&p)) {
            let mut packed = vec![[0; 16]; avx2::conv2d_packed(&p)];
            avx2::pack_conv2d(&p, &weights, &mut packed);
            return Kernel::new(4 * avx2::conv2d_scratch(&p), move |inputs, scratch, output| {
                let (input, output) = (inputs[0].as_slice(), output.as_mut_slice());
                avx2::conv2d(avx2, &p, input, &packed, &folded, &requant, scratch.as_mut_slice(), output);
            });
        }
        Kernel::new(generic::conv2d_scratch(&p), move |inputs, scratch, output| {
            let (input, output) = (inputs[0].as_slice(), output.as_mut_slice());
            generic::conv2d(&p, input, &weights, &folded, &requant, scratch.as_mut_slice(), output);
        })
    }

    /// Of a depthwise convolution with weights `[taps, channels]` and a bias for each channel, or none.
    pub(crate) fn depthwise_conv2d(
        level: Level,
        p: DepthwiseConv2d,
        weights: &[i8],
        bias: &[i32],
        requant: &[Requant],
    ) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx512) = level.avx512().filter(|_| avx512::depthwise_conv2d_takes(&p)) {
            let (channels, mut folded) = (p.channels, vec![0; p.channels]);
            let row = |channel: usize| weights[channel..].iter().step_by(channels).copied();
            let rows: Vec<i8> = (0..channels).flat_map(row).collect();
            optimized::fold_input_offset(&rows, bias, p.input_zero_point, channels, &mut folded);
            if let Some(layer) = small_sums(&rows, &folded, requant, p.output_zero_point, p.activation) {
                let mut packed = vec![[0; 64]; avx512::depthwise_conv2d_packed(&p)];
                let mut lanes = vec![avx512::Lanes::ZERO; avx512::depthwise_conv2d_lanes(&p)];
                let (rows, bias) = (&layer.rows, &layer.folded_bias);
                avx512::pack_depthwise_conv2d(&p, rows, bias, &layer.requant, &mut packed, &mut lanes);
                return Kernel::new(avx512::depthwise_conv2d_scratch(&p), move |inputs, scratch, output| {
                    let (input, output) = (inputs[0].as_slice(), output.as_mut_slice());
                    avx512::depthwise_conv2d(avx512, &p, input, &packed, &lanes, scratch.as_mut_slice(), output);
                });
            }
        }
        let (weights, mut bias, requant) = (weights.to_vec(), bias.to_vec(), requant.to_vec());
        bias.resize(p.channels * p.multiplier, 0);
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = level.avx2().filter(|_| avx2::depthwise_conv2d_takes(&p)) {
            let mut packed = vec![[[0; 16]; 2]; avx2::depthwise_conv2d_packed(&p)];
            avx2::pack_depthwise_conv2d(&p, &weights, &mut packed);
            return Kernel::new(0, move |inputs, _, output| {
                let (input, output) = (inputs[0].as_slice(), output.as_mut_slice());
                avx2::depthwise_conv2d(avx2, &p, input, &packed, &bias, &requant, output);
            });
        }
        Kernel::new(0, move |inputs, _, output| {
            let (input, output) = (inputs[0].as_slice(), output.as_mut_slice());
            generic::depthwise_conv2d(&p, input, &weights, &bias, &requant, output);
        })
    }
}
