//! Runs a [`QGraph`] with the fastest kernels that this processor has, for hosts that compute many samples. It answers
//! what [`exec::run_reference`] answers, to the bit, and is never what a board is measured by.

use hilbench_kernels::optimized::{self, generic};
use hilbench_kernels::params::{Conv2d, DepthwiseConv2d, Requant};

use crate::exec;
use crate::qgraph::QGraph;
use crate::value::Value;

/// A kernel with its constants prepared: `(inputs, scratch, output)`.
type Run = Box<dyn Fn(&[&Value], &mut Value, &mut Value) + Send + Sync>;

/// How this host computes one operator.
pub struct Kernel {
    scratch: usize,
    run: Run,
}

/// A network whose operators have their constants prepared.
pub struct Host<'a> {
    graph: &'a QGraph,
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
    /// Prepares `graph` for this processor.
    #[must_use]
    pub fn new(graph: &'a QGraph) -> Self {
        Host { graph, kernels: graph.nodes.iter().map(|node| node.op.computation().host()).collect() }
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
            let mut outputs: Vec<Value> = node.outputs.iter().filter_map(|&t| values[t].take()).collect();
            let operands: Vec<&Value> =
                node.inputs.iter().map(|&t| values[t].as_ref().expect("no operator writes what it reads")).collect();
            match (kernel, &mut outputs[..]) {
                (Some(kernel), [output]) => (kernel.run)(&operands, scratch, output),
                (_, outputs) => node.op.computation().reference(&operands, outputs),
            }
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
    pub(crate) fn conv2d(p: Conv2d, weights: &[i8], bias: &[i32], requant: &[Requant]) -> Self {
        let (weights, requant) = (weights.to_vec(), requant.to_vec());
        let mut folded = vec![0; p.output_channels];
        optimized::fold_input_offset(&weights, bias, p.input_zero_point, p.output_channels, &mut folded);
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = optimized::x86::Avx2::detect().filter(|_| optimized::x86::conv2d_takes(&p)) {
            use optimized::x86;
            let mut packed = vec![[0; 16]; x86::conv2d_packed(&p)];
            x86::pack_conv2d(&p, &weights, &mut packed);
            return Kernel::new(4 * x86::conv2d_scratch(&p), move |inputs, scratch, output| {
                let (input, output) = (inputs[0].as_slice(), output.as_mut_slice());
                x86::conv2d(avx2, &p, input, &packed, &folded, &requant, scratch.as_mut_slice(), output);
            });
        }
        Kernel::new(generic::conv2d_scratch(&p), move |inputs, scratch, output| {
            let (input, output) = (inputs[0].as_slice(), output.as_mut_slice());
            generic::conv2d(&p, input, &weights, &folded, &requant, scratch.as_mut_slice(), output);
        })
    }

    /// Of a depthwise convolution with weights `[taps, channels]` and a bias for each channel, or none.
    pub(crate) fn depthwise_conv2d(p: DepthwiseConv2d, weights: &[i8], bias: &[i32], requant: &[Requant]) -> Self {
        let (weights, mut bias, requant) = (weights.to_vec(), bias.to_vec(), requant.to_vec());
        bias.resize(p.channels * p.multiplier, 0);
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = optimized::x86::Avx2::detect().filter(|_| optimized::x86::depthwise_conv2d_takes(&p)) {
            use optimized::x86;
            let mut packed = vec![[[0; 16]; 2]; x86::depthwise_conv2d_packed(&p)];
            x86::pack_depthwise_conv2d(&p, &weights, &mut packed);
            return Kernel::new(0, move |inputs, _, output| {
                let (input, output) = (inputs[0].as_slice(), output.as_mut_slice());
                x86::depthwise_conv2d(avx2, &p, input, &packed, &bias, &requant, output);
            });
        }
        Kernel::new(0, move |inputs, _, output| {
            let (input, output) = (inputs[0].as_slice(), output.as_mut_slice());
            generic::depthwise_conv2d(&p, input, &weights, &bias, &requant, output);
        })
    }
}
