//! `hilbench show`: prints one stage of the flow, from what the file says to the source that a board runs.

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hilbench_compiler::emit::{self, Identity};
use hilbench_compiler::graph::{Graph, Tensor, TensorId};
use hilbench_compiler::lower::{Isa, Operand};
use hilbench_compiler::plan::{Plan, arena};
use hilbench_compiler::qgraph::QGraph;

use super::form::FormArgs;
use crate::error::{Error, Result};
use crate::model::{Compiled, Model};

/// A stage of the flow.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Stage {
    /// What the model file says.
    Graph,
    /// Integer arithmetic decided: multipliers, shifts, bounds.
    Qgraph,
    /// What the passes did to that, and what they left.
    Passes,
    /// Kernel calls in order, constants, the arena with its offsets.
    Plan,
    /// The Rust source that the firmware includes.
    Source,
}

/// Print one stage of a model's way to a board.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Model file (.tflite or .onnx).
    model: PathBuf,
    /// Which stage to print.
    #[arg(long, value_enum, default_value_t = Stage::Graph)]
    stage: Stage,
    #[command(flatten)]
    form: FormArgs,
    /// Instruction set extension that kernels of a plan are chosen for: generic, dsp or mve.
    #[arg(long, value_parser = parse_isa, default_value = "generic")]
    isa: Isa,
}

fn parse_isa(name: &str) -> std::result::Result<Isa, String> {
    Isa::parse(name).ok_or_else(|| format!("{} are accepted", Isa::ALL.map(Isa::name).join(", ")))
}

/// Runs the command.
///
/// # Errors
/// A model that cannot be read or compiled.
pub fn run(args: &ShowArgs) -> Result<()> {
    let (form, isa) = (args.form.form(), args.isa);
    let model = Model::read(&args.model, &form)?;
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = match args.stage {
        Stage::Graph => graph(&mut text, &model.graph),
        Stage::Qgraph => qgraph(&mut text, &model.compile(&form)?.qgraph),
        Stage::Passes => passes(&mut text, &model.compile(&form)?),
        Stage::Plan => plan(&mut text, model.compile(&form)?.plan(isa)),
        Stage::Source => source(&mut text, &model.name, model.compile(&form)?.plan(isa)),
    };
    super::print(&text).map_err(|e| Error::Output { path: "standard output".into(), reason: e.to_string() })
}

fn tensor_line(id: TensorId, tensor: &Tensor) -> String {
    let quantization = match &tensor.quantization {
        Some(q) if q.scales.len() == 1 => format!("  scale {} zero point {}", q.scales[0], q.zero_points[0]),
        Some(q) => format!("  {} scales along dimension {}", q.scales.len(), q.axis),
        None => String::new(),
    };
    let constant = if tensor.data.is_some() { "  constant" } else { "" };
    format!("t{id}  {}{:?}{quantization}{constant}  {}", tensor.dtype, tensor.shape, tensor.name)
}

fn ids(ids: impl IntoIterator<Item = TensorId>) -> String {
    ids.into_iter().map(|t| format!("t{t}")).collect::<Vec<_>>().join(", ")
}

fn graph(text: &mut String, graph: &Graph) -> std::fmt::Result {
    writeln!(text, "inputs: {}", ids(graph.inputs.iter().copied()))?;
    writeln!(text, "outputs: {}", ids(graph.outputs.iter().copied()))?;
    writeln!(text, "\ntensors")?;
    for (id, tensor) in graph.tensors.iter().enumerate() {
        writeln!(text, "  {}", tensor_line(id, tensor))?;
    }
    writeln!(text, "\noperators")?;
    for node in &graph.nodes {
        let inputs: Vec<String> = node.inputs.iter().map(|t| t.map_or("-".into(), |t| format!("t{t}"))).collect();
        let outputs = ids(node.outputs.iter().copied());
        writeln!(text, "  #{} {outputs} = {}({})  {:?}", node.index, node.op_name, inputs.join(", "), node.op)?;
    }
    Ok(())
}

fn qgraph(text: &mut String, graph: &QGraph) -> std::fmt::Result {
    writeln!(text, "{} multiply-accumulates an inference", graph.macs())?;
    for warning in &graph.warnings {
        writeln!(text, "warning: {warning}")?;
    }
    for (node, bytes) in graph.transposes() {
        writeln!(text, "transpose: #{} {} {:?} copies {bytes} bytes", node.index, node.op_name, node.name)?;
    }
    for node in &graph.nodes {
        writeln!(text, "\n#{} {} {:?}", node.index, node.op_name, node.name)?;
        for &t in &node.inputs {
            writeln!(text, "  reads  {}", tensor_line(t, &graph.tensors[t]))?;
        }
        for &t in &node.outputs {
            writeln!(text, "  writes {}", tensor_line(t, &graph.tensors[t]))?;
        }
        writeln!(text, "  {}", node.op.computation().describe())?;
    }
    Ok(())
}

fn passes(text: &mut String, compiled: &Compiled) -> std::fmt::Result {
    for line in &compiled.passed.log {
        writeln!(text, "{line}")?;
    }
    let (before, after) = (&compiled.qgraph, &compiled.passed.graph);
    writeln!(
        text,
        "in all: {} of {} operators, {} of {} multiply-accumulates, {} of {} bytes of constants are left\n",
        after.nodes.len(),
        before.nodes.len(),
        after.macs(),
        before.macs(),
        after.constant_bytes(),
        before.constant_bytes(),
    )?;
    qgraph(text, after)
}

fn plan(text: &mut String, plan: &Plan) -> std::fmt::Result {
    writeln!(
        text,
        "arena: {} bytes (at least {} live at one moment)\nconstants: {} bytes in {}",
        plan.arena_bytes,
        arena::lower_bound(&plan.buffers),
        plan.constant_bytes(),
        plan.constants.len()
    )?;
    writeln!(text, "\nbuffers: offset, bytes, first and last moment of life")?;
    for (id, b) in plan.buffers.iter().enumerate() {
        writeln!(text, "  b{id}  {:>8} {:>8}  {:>3} to {:<3}  {}", b.offset, b.bytes, b.life.0, b.life.1, b.name)?;
    }
    writeln!(text, "\nsteps")?;
    for node in &plan.nodes {
        writeln!(text, "  #{} {} {:?}", node.index, node.op_name, node.name)?;
        for step in &node.steps {
            let operands = step.operands.iter().map(|o| match o {
                Operand::Buffer(b) => format!("b{b}"),
                Operand::Constant(c) => format!("c{c}"),
            });
            let operands = operands.collect::<Vec<_>>().join(", ");
            let scratch = step.scratch.map_or_else(String::new, |b| format!(", scratch b{b}"));
            writeln!(text, "    b{} = {}({operands}{scratch})", step.output, step.call.signature().path)?;
        }
    }
    Ok(())
}

fn source(text: &mut String, name: &str, plan: &Plan) -> std::fmt::Result {
    let identity = Identity { name: name.to_string(), digest: String::new() };
    for (file, bytes) in emit::rust::emit(plan, &identity).files {
        match std::str::from_utf8(&bytes) {
            Ok(content) if file.ends_with(".rs") => writeln!(text, "{content}")?,
            _ => writeln!(text, "// {file}: {} bytes", bytes.len())?,
        }
    }
    Ok(())
}
