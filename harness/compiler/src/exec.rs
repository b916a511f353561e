//! Runs a network on the host and keeps every tensor: a [`QGraph`] with the reference kernels, the definition of
//! what a board must answer, or a [`Plan`] with the very calls that a board makes, on one overlaid arena.

use crate::graph::TensorId;
use crate::lower::{Operand, Step};
use crate::plan::Plan;
use crate::qgraph::QGraph;
use crate::value::Value;

/// Runs `graph` with the reference kernels. `inputs` are the bytes of its inputs, in order and of their sizes.
/// Answers the value of every tensor that exists at run time, by [`TensorId`].
#[must_use]
pub fn run_reference(graph: &QGraph, inputs: &[&[u8]]) -> Vec<Option<Value>> {
    let mut values: Vec<Option<Value>> =
        graph.tensors.iter().map(|t| t.data.as_deref().map(Value::from_bytes)).collect();
    for (&t, bytes) in graph.inputs.iter().zip(inputs) {
        values[t] = Some(Value::from_bytes(bytes));
    }
    for node in &graph.nodes {
        let mut outputs: Vec<Value> = node.outputs.iter().map(|&t| Value::zeros(graph.tensors[t].bytes())).collect();
        let operands: Vec<&Value> = node
            .inputs
            .iter()
            .map(|&t| values[t].as_ref().expect("quantize kept the file's topological order"))
            .collect();
        node.op.computation().reference(&operands, &mut outputs);
        for (&t, value) in node.outputs.iter().zip(outputs) {
            values[t] = Some(value);
        }
    }
    values
}

/// The bytes of the outputs of `graph` among the `values` that [`run_reference`] answered.
#[must_use]
pub fn outputs(graph: &QGraph, values: &[Option<Value>]) -> Vec<Vec<u8>> {
    graph
        .outputs
        .iter()
        .map(|&t| values[t].as_ref().expect("every output is written or constant").as_bytes().to_vec())
        .collect()
}

/// What a plan computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// For each node, the tensors that it wrote, as they were right after it.
    pub nodes: Vec<Vec<(TensorId, Vec<u8>)>>,
    /// The model's outputs, as they are at the end.
    pub outputs: Vec<Vec<u8>>,
}

/// Runs `plan` as a board would, in one arena.
#[must_use]
pub fn run_plan(plan: &Plan, inputs: &[&[u8]]) -> Trace {
    let mut arena = vec![0; plan.arena_bytes];
    for (port, bytes) in plan.inputs.iter().zip(inputs) {
        arena[plan.range(port.buffer)].copy_from_slice(bytes);
    }
    let mut nodes = Vec::with_capacity(plan.nodes.len());
    for node in &plan.nodes {
        for step in &node.steps {
            run_step(plan, step, &mut arena);
        }
        nodes.push(node.outputs.iter().map(|port| (port.tensor, arena[plan.range(port.buffer)].to_vec())).collect());
    }
    let outputs = plan.outputs.iter().map(|port| arena[plan.range(port.buffer)].to_vec()).collect();
    Trace { nodes, outputs }
}

fn run_step(plan: &Plan, step: &Step, arena: &mut [u8]) {
    let operands: Vec<Value> = step
        .operands
        .iter()
        .map(|operand| match *operand {
            Operand::Buffer(b) => Value::from_bytes(&arena[plan.range(b)]),
            Operand::Constant(c) => Value::from_bytes(&plan.constants[c].bytes),
        })
        .collect();
    let mut scratch = step.scratch.map_or_else(|| Value::zeros(0), |b| Value::from_bytes(&arena[plan.range(b)]));
    let mut output = Value::from_bytes(&arena[plan.range(step.output)]);
    step.call.run(&operands.iter().collect::<Vec<_>>(), &mut scratch, &mut output);
    if let Some(b) = step.scratch {
        arena[plan.range(b)].copy_from_slice(scratch.as_bytes());
    }
    arena[plan.range(step.output)].copy_from_slice(output.as_bytes());
}
