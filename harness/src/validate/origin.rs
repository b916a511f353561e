//! Where a difference begins: one sample again, with every tensor on its way, each beside the reference.
//!
//! Steps run in order and all of a step's operands come from steps before it. So the first step whose result differs
//! read nothing but right values, and is wrong on its own. Steps are those that the passes left; a tensor that they took
//! out is not written by any.

use hilbench_compiler::exec::{self, Trace};
use hilbench_compiler::lower::Isa;
use hilbench_compiler::plan::Plan;
use hilbench_compiler::value::Value;

use super::{Job, Layer};
use crate::compare::{Difference, compare};
use crate::proto::Mode;
use crate::reference;
use crate::session::{Cause, NodeResult, RunResult, Session, SessionError, TensorData};

/// Where a difference begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// This operator computed something else from right operands.
    Layer {
        /// Index of the operator in the model file.
        index: usize,
        /// Operator name in the file format's words.
        op_name: &'static str,
        /// Name of the output that differs.
        tensor: String,
        /// Its first element that differs.
        difference: Difference,
        /// The plan computes the same on this host: kernel, parameters, packing or arena are at fault, not the board.
        plan_agrees: bool,
    },
    /// Every operator's result was right when it was written, the outputs were wrong at the end: overwritten.
    Overwritten {
        /// Name of the output.
        tensor: String,
        /// Its first element that differs.
        difference: Difference,
        /// The plan does the same on this host.
        plan_agrees: bool,
    },
    /// The board runs firmware that is not this project's, whose arithmetic is another by design.
    OtherArithmetic,
    /// The same sample came out right when it was observed: what happens is not the same each time.
    Vanished,
    /// The sample could not be observed.
    NotObserved(String),
}

/// Runs `sample` again, observed, and answers where its difference begins, with all layers.
pub(super) fn find(job: &Job<'_>, isa: Isa, session: &mut Session, sample: usize) -> (Origin, Vec<Layer>) {
    let (result, layers) = match observe(job, isa, session, sample) {
        Ok(observed) => observed,
        Err(error) => return (Origin::NotObserved(error.to_string()), Vec::new()),
    };
    let (graph, plan) = (&job.compiled.qgraph, job.compiled.plan(isa));
    let trace = planned_trace(plan, job, sample);
    let wrong = layers.iter().enumerate().find_map(|(n, layer)| {
        let (k, output) = layer.outputs.iter().enumerate().find(|(_, o)| o.mismatches > 0)?;
        Some((n, k, output.tensor.clone(), output.first.clone()?))
    });
    if let Some((n, k, tensor, difference)) = wrong {
        let got = result.nodes[n].tensors[k].bytes.as_deref();
        let origin = Origin::Layer {
            index: layers[n].index,
            op_name: layers[n].op_name,
            tensor,
            difference: Difference { sample, ..difference },
            plan_agrees: got == planned(&trace, n, k),
        };
        return (origin, layers);
    }
    for (k, &t) in graph.outputs.iter().enumerate() {
        let got = result.outputs[k].bytes.as_deref().unwrap_or_default();
        if let Some(difference) = compare(&graph.tensors[t], [(&job.expected[sample][k][..], got)]).first {
            let origin = Origin::Overwritten {
                tensor: graph.tensors[t].name.clone(),
                difference: Difference { sample, ..difference },
                plan_agrees: trace.outputs.get(k).is_some_and(|planned| planned == got),
            };
            return (origin, layers);
        }
    }
    (Origin::Vanished, layers)
}

/// What the plan makes of `sample` on this host.
fn planned_trace(plan: &Plan, job: &Job<'_>, sample: usize) -> Trace {
    let graph = &job.compiled.qgraph;
    let mut states = graph.initial_states();
    for before in if states.is_empty() { sample..sample } else { 0..sample } {
        drop(exec::run_plan_from(plan, &mut states, &reference::inputs(graph, job.data, before)));
    }
    exec::run_plan_from(plan, &mut states, &reference::inputs(graph, job.data, sample))
}

/// Runs `sample` with every tensor on firmware that is not this project's. Its steps name operators of the model file by
/// their indices; those whose results have the reference's sizes are compared, each with all that came before it.
pub(super) fn observe_foreign(job: &Job<'_>, session: &mut Session, sample: usize) -> Result<Vec<Layer>, SessionError> {
    let graph = &job.compiled.qgraph;
    let inputs = reference::inputs(graph, job.data, sample);
    let result = session.run(&inputs, Mode::PerLayerWithData)?;
    let values = exec::run_reference(graph, &inputs);
    let layer = |ran: &NodeResult| {
        let node = graph.nodes.iter().find(|node| u32::try_from(node.index) == Ok(ran.id))?;
        let pair = |(&t, tensor): (&usize, &TensorData)| {
            let expected = values[t].as_ref().map_or(&[][..], Value::as_bytes);
            let got = tensor.bytes.as_deref().filter(|got| got.len() == expected.len())?;
            Some(compare(&graph.tensors[t], [(expected, got)]))
        };
        let outputs: Vec<_> = node.outputs.iter().zip(&ran.tensors).filter_map(pair).collect();
        (!outputs.is_empty()).then(|| Layer {
            index: node.index,
            op_name: node.op_name,
            name: node.name.clone(),
            macs: node.op.computation().macs(),
            count: ran.count,
            outputs,
        })
    };
    Ok(result.nodes.iter().filter_map(layer).collect())
}

fn planned(trace: &Trace, n: usize, k: usize) -> Option<&[u8]> {
    trace.nodes.get(n)?.get(k).map(|(_, bytes)| &bytes[..])
}

/// Runs `sample` with every tensor, and compares each with the reference.
pub(super) fn observe(
    job: &Job<'_>,
    isa: Isa,
    session: &mut Session,
    sample: usize,
) -> Result<(RunResult, Vec<Layer>), SessionError> {
    let (graph, passed, plan) = (&job.compiled.qgraph, &job.compiled.passed, job.compiled.plan(isa));
    let stateless = graph.states.is_empty();
    // States are brought to where this sample finds them.
    for before in if stateless { sample..sample } else { 0..sample } {
        session.run_in_sequence(&reference::inputs(graph, job.data, before), Mode::IoOnly, before == 0)?;
    }
    let inputs = reference::inputs(graph, job.data, sample);
    let result = session.run_in_sequence(&inputs, Mode::PerLayerWithData, stateless || sample == 0)?;
    let values = reference::values(graph, job.data, sample);
    let odd = |reason: String| SessionError {
        cause: Cause::Protocol(reason),
        step: "observed inference".into(),
        last_lines: session.last_lines(),
    };
    if result.nodes.len() != plan.nodes.len() {
        return Err(odd(format!("the board ran {} steps, the plan has {}", result.nodes.len(), plan.nodes.len())));
    }
    let mut layers = Vec::with_capacity(plan.nodes.len());
    for (planned, ran) in plan.nodes.iter().zip(&result.nodes) {
        let step = format!("{} #{}", planned.op_name, planned.index);
        if ran.tensors.len() != planned.outputs.len() {
            return Err(odd(format!(
                "{step} came with {} tensors, expected {}",
                ran.tensors.len(),
                planned.outputs.len()
            )));
        }
        let mut outputs = Vec::new();
        for (port, tensor) in planned.outputs.iter().zip(&ran.tensors) {
            // Of a tensor that lost channels, those that are left are compared, under their indices in the whole.
            let value = values[port.tensor].as_ref().map_or(&[][..], Value::as_bytes);
            let expected = passed.part(graph, port.tensor, value);
            let Some(got) = tensor.bytes.as_deref().filter(|got| got.len() == expected.len()) else {
                return Err(odd(format!("{step} came with a tensor of another size")));
            };
            let mut comparison = compare(&passed.graph.tensors[port.tensor], [(&expected[..], got)]);
            if let Some(first) = &mut comparison.first {
                first.index = passed.whole_index(port.tensor, std::mem::take(&mut first.index));
            }
            outputs.push(comparison);
        }
        layers.push(Layer {
            index: planned.index,
            op_name: planned.op_name,
            name: planned.name.clone(),
            macs: planned.macs,
            count: ran.count,
            outputs,
        });
    }
    Ok((result, layers))
}
