//! Runs a network on the host and keeps every tensor: a [`QGraph`] with the reference kernels, the definition of
//! what a board must answer, or a [`Plan`] with the very calls that a board makes, on one overlaid arena.

use std::ops::Range;

use crate::graph::TensorId;
use crate::lower::{Call, Operand, Step};
use crate::plan::{Cut, Plan, overlap};
use crate::qgraph::QGraph;
use crate::value::Value;

/// Runs `graph` with the reference kernels. `inputs` are the bytes of its inputs, in order and of their sizes.
/// Answers the value of every tensor that exists at run time, by [`TensorId`].
///
/// Of a network with states it is the first inference of a sequence.
#[must_use]
pub fn run_reference(graph: &QGraph, inputs: &[&[u8]]) -> Vec<Option<Value>> {
    run_reference_from(graph, &mut graph.initial_states(), inputs)
}

/// The same as one inference of a sequence: `states` are what the one before left, in the order of
/// [`QGraph::states`], and become what this one leaves.
#[must_use]
pub fn run_reference_from(graph: &QGraph, states: &mut [Vec<u8>], inputs: &[&[u8]]) -> Vec<Option<Value>> {
    let mut values: Vec<Option<Value>> =
        graph.tensors.iter().map(|t| t.data.as_deref().map(Value::from_bytes)).collect();
    for (&t, bytes) in graph.inputs.iter().zip(inputs) {
        values[t] = Some(Value::from_bytes(bytes));
    }
    for (state, bytes) in graph.states.iter().zip(states.iter()) {
        values[state.incoming] = Some(Value::from_bytes(bytes));
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
    for (state, bytes) in graph.states.iter().zip(states) {
        let left = values[state.outgoing].as_ref().expect("every state is written, constant, or left as it was");
        *bytes = left.as_bytes().to_vec();
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

/// Runs `plan` as a board would, in one arena; the first inference of a sequence.
#[must_use]
pub fn run_plan(plan: &Plan, inputs: &[&[u8]]) -> Trace {
    let mut states: Vec<Vec<u8>> = plan.states.iter().map(|s| s.initial.clone()).collect();
    run_plan_from(plan, &mut states, inputs)
}

/// The same as one inference of a sequence: `states` are what the one before left, in the order of [`Plan::states`], and
/// become what this one leaves.
#[must_use]
pub fn run_plan_from(plan: &Plan, states: &mut [Vec<u8>], inputs: &[&[u8]]) -> Trace {
    let mut arena = vec![0; plan.arena_bytes];
    for (port, bytes) in plan.inputs.iter().zip(inputs) {
        arena[plan.range(port.buffer)].copy_from_slice(bytes);
    }
    for (state, bytes) in plan.states.iter().zip(states.iter()) {
        arena[plan.range(state.buffer)].copy_from_slice(bytes);
    }
    let mut nodes = Vec::with_capacity(plan.nodes.len());
    for node in &plan.nodes {
        for (step, &cut) in node.steps.iter().zip(&node.cuts) {
            run_step(plan, step, cut, &mut arena);
        }
        nodes.push(node.outputs.iter().map(|port| (port.tensor, arena[plan.range(port.buffer)].to_vec())).collect());
    }
    for (state, bytes) in plan.states.iter().zip(states) {
        bytes.copy_from_slice(&arena[plan.range(state.buffer)]);
    }
    let outputs = plan.outputs.iter().map(|port| arena[plan.range(port.buffer)].to_vec()).collect();
    Trace { nodes, outputs }
}

/// Runs a step as it is cut. A band reads and writes its own part of the arena, and no more.
fn run_step(plan: &Plan, step: &Step, cut: Option<Cut>, arena: &mut [u8]) {
    let mut scratch = step.scratch.map_or_else(|| Value::zeros(0), |b| Value::from_bytes(&arena[plan.range(b)]));
    let mut run = |call: &Call, inputs: &[Range<usize>], output: Range<usize>| {
        let operands: Vec<Value> = step
            .operands
            .iter()
            .enumerate()
            .map(|(i, operand)| match *operand {
                Operand::Buffer(b) => Value::from_bytes(&arena[part(plan.range(b), inputs.get(i))]),
                Operand::Constant(c) => {
                    let bytes = &plan.constants[c].bytes;
                    Value::from_bytes(&bytes[part(0..bytes.len(), inputs.get(i))])
                }
            })
            .collect();
        let output = part(plan.range(step.output), Some(&output));
        let mut written = Value::from_bytes(&arena[output.clone()]);
        call.run(&operands.iter().collect::<Vec<_>>(), &mut scratch, &mut written);
        arena[output].copy_from_slice(written.as_bytes());
    };
    match cut {
        None => run(&step.call, &[], 0..plan.buffers[step.output].bytes),
        Some(cut) => {
            for (first, rows) in overlap::bands(step, &plan.buffers, cut) {
                let band = step.call.band(first, rows).expect("only calls with bands are cut");
                run(&band.call, &band.inputs, band.output);
            }
        }
    }
    if let Some(b) = step.scratch {
        arena[plan.range(b)].copy_from_slice(scratch.as_bytes());
    }
}

/// `part` of `whole`, or all of it.
fn part(whole: Range<usize>, part: Option<&Range<usize>>) -> Range<usize> {
    part.map_or(whole.clone(), |part| whole.start + part.start..whole.start + part.end)
}
