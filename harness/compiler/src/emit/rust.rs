//! Writes a plan down as Rust: static constants, one static arena, straight-line kernel calls.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Identity, Sources, carried_name};
use crate::graph::{DType, Tensor};
use crate::lower::{BufferId, ConstantId, Operand, Step, element_bytes};
use crate::plan::{Cut, Plan, PlanNode, Port, overlap};

/// Rust source of `plan`, in `model.rs`, with one binary file a constant beside it.
#[must_use]
pub fn emit(plan: &Plan, identity: &Identity) -> Sources {
    let constants = typed_constants(plan);
    let mut text = String::new();
    // Writing to a String cannot fail, so the results of `write!` carry nothing.
    let _ = write_model(&mut text, plan, identity, &constants);
    let mut files = vec![("model.rs".to_string(), text.into_bytes())];
    files.extend(plan.constants.iter().enumerate().map(|(id, c)| (format!("c{id}.bin"), c.bytes.clone())));
    let states = plan.states.iter().enumerate().filter(|(_, state)| uniform(&state.initial).is_none());
    files.extend(states.map(|(k, state)| (format!("s{k}.bin"), state.initial.clone())));
    Sources { files }
}

/// The element types that each constant is read as.
fn typed_constants(plan: &Plan) -> BTreeMap<(ConstantId, &'static str), usize> {
    let mut constants = BTreeMap::new();
    for step in plan.nodes.iter().flat_map(|n| &n.steps) {
        for (operand, &element) in step.operands.iter().zip(step.call.signature().operands) {
            if let Operand::Constant(id) = *operand {
                constants.insert((id, element), plan.constants[id].bytes.len() / element_bytes(element));
            }
        }
    }
    constants
}

fn write_model(
    text: &mut String,
    plan: &Plan,
    identity: &Identity,
    constants: &BTreeMap<(ConstantId, &'static str), usize>,
) -> std::fmt::Result {
    writeln!(
        text,
        "// {} as straight-line calls. Generated; changes here are lost.\n",
        identity.name.escape_default()
    )?;
    writeln!(text, "use hilbench_kernels::optimized::{{dsp, generic, mve}};")?;
    writeln!(text, "use hilbench_kernels::params::*;")?;
    writeln!(text, "use hilbench_kernels::reference;")?;
    writeln!(text, "use hilbench_runtime::arena::{{Arena, constant}};")?;
    writeln!(
        text,
        "use hilbench_runtime::model::{{ElementType, Model, ModelInfo, NodeInfo, Observer, TensorInfo}};\n"
    )?;
    for (&(id, element), &elements) in constants {
        writeln!(text, "// {}", plan.constants[id].name.escape_default())?;
        writeln!(text, "#[unsafe(link_section = \".weights\")]")?;
        let name = constant_name(id, element);
        writeln!(text, "// SAFETY: any bytes are a valid {element}.")?;
        writeln!(
            text,
            "static {name}: [{element}; {elements}] = unsafe {{ constant(include_bytes!(\"c{id}.bin\")) }};\n"
        )?;
    }
    writeln!(text, "#[unsafe(link_section = \".arena\")]")?;
    writeln!(text, "static ARENA: Arena<{}> = Arena::new();\n", plan.arena_bytes)?;
    write_info(text, plan, identity)?;
    writeln!(text, "/// The network.\npub struct Network(());\n")?;
    writeln!(text, "/// The network, with its arena. Call once: a second one would share the arena.")?;
    writeln!(text, "pub fn take() -> Network {{\n    Network(())\n}}\n")?;
    writeln!(text, "impl Model for Network {{")?;
    writeln!(text, "    fn info(&self) -> &'static ModelInfo {{\n        &INFO\n    }}\n")?;
    write_ports(text, plan)?;
    write_reset(text, plan)?;
    writeln!(text, "    fn run(&mut self, observer: &mut dyn Observer) {{")?;
    writeln!(text, "        // SAFETY: this network is the arena's only user.")?;
    writeln!(text, "        unsafe {{ infer(observer) }}\n    }}\n}}\n")?;
    writeln!(text, "/// One inference. By its symbol code is accounted to the network.\n///")?;
    writeln!(text, "/// # Safety\n/// Nothing else uses the arena meanwhile.")?;
    writeln!(text, "#[unsafe(export_name = \"hilbench_inference\")]\n#[inline(never)]")?;
    writeln!(text, "unsafe fn infer(observer: &mut dyn Observer) {{")?;
    writeln!(
        text,
        "    // SAFETY: what a call reads, its scratch and what it writes have disjoint places in the arena, each"
    )?;
    writeln!(text, "    // aligned for its elements, and the caller answers for nothing else using the arena.")?;
    writeln!(text, "    unsafe {{")?;
    for (n, node) in plan.nodes.iter().enumerate() {
        write_node(text, plan, n, node)?;
    }
    writeln!(text, "    }}\n}}")
}

fn write_info(text: &mut String, plan: &Plan, identity: &Identity) -> std::fmt::Result {
    writeln!(text, "static INFO: ModelInfo = ModelInfo {{")?;
    writeln!(text, "    name: {:?},", carried_name(&identity.name))?;
    writeln!(text, "    digest: {:?},", identity.digest)?;
    for (field, ports) in [("inputs", &plan.inputs), ("outputs", &plan.outputs)] {
        writeln!(text, "    {field}: &[{}],", tensor_infos(plan, ports))?;
    }
    writeln!(text, "    nodes: &[")?;
    for node in &plan.nodes {
        let outputs = tensor_infos(plan, &node.outputs);
        writeln!(text, "        NodeInfo {{ name: {:?}, id: {}, outputs: &[{outputs}] }},", node.op_name, node.index)?;
    }
    writeln!(text, "    ],")?;
    writeln!(text, "    macs: {},", plan.macs())?;
    writeln!(text, "    arena_bytes: {},", plan.arena_bytes)?;
    writeln!(text, "    constant_bytes: {},\n}};\n", plan.constant_bytes())
}

/// The byte that all of `bytes` are, if they are.
fn uniform(bytes: &[u8]) -> Option<u8> {
    let first = bytes.first().copied().unwrap_or(0);
    bytes.iter().all(|&b| b == first).then_some(first)
}

fn write_reset(text: &mut String, plan: &Plan) -> std::fmt::Result {
    if plan.states.is_empty() {
        return Ok(());
    }
    writeln!(text, "    fn reset(&mut self) {{")?;
    writeln!(text, "        // SAFETY: the arena is borrowed through `self`, its only user.")?;
    writeln!(text, "        unsafe {{")?;
    for (k, state) in plan.states.iter().enumerate() {
        let place = place_mut(plan, state.buffer, "u8");
        match uniform(&state.initial) {
            Some(byte) => writeln!(text, "            {place}.fill({byte});")?,
            None => writeln!(text, "            {place}.copy_from_slice(include_bytes!(\"s{k}.bin\"));")?,
        }
    }
    writeln!(text, "        }}\n    }}\n")
}

fn tensor_infos(plan: &Plan, ports: &[Port]) -> String {
    let infos: Vec<String> = ports.iter().map(|port| tensor_info(&plan.tensors[port.tensor])).collect();
    infos.join(", ")
}

fn tensor_info(tensor: &Tensor) -> String {
    let element = match tensor.dtype {
        DType::F32 => "F32",
        DType::I8 => "I8",
        DType::U8 | DType::Bool => "U8",
        DType::I16 => "I16",
        DType::U16 => "U16",
        DType::I32 | DType::I64 => "I32",
    };
    let (scale, zero_point) = match &tensor.quantization {
        Some(q) if q.scales.len() == 1 => (q.scales[0], q.zero_points[0]),
        _ => (0.0, 0),
    };
    format!(
        "TensorInfo {{ name: {:?}, element: ElementType::{element}, dims: &{:?}, scale: {scale:?}, zero_point: {zero_point}, bytes: {} }}",
        carried_name(&tensor.name),
        tensor.shape,
        tensor.bytes()
    )
}

fn write_ports(text: &mut String, plan: &Plan) -> std::fmt::Result {
    writeln!(text, "    fn input(&mut self, index: usize) -> &mut [u8] {{")?;
    writeln!(text, "        // SAFETY: the arena is borrowed through `self`, its only user.")?;
    writeln!(text, "        unsafe {{\n            match index {{")?;
    for (i, port) in plan.inputs.iter().enumerate() {
        writeln!(text, "                {i} => {},", place_mut(plan, port.buffer, "u8"))?;
    }
    writeln!(text, "                _ => &mut [],\n            }}\n        }}\n    }}\n")?;
    writeln!(text, "    fn output(&self, index: usize) -> &[u8] {{")?;
    writeln!(text, "        // SAFETY: the arena is borrowed through `self`, its only user.")?;
    writeln!(text, "        unsafe {{\n            match index {{")?;
    for (i, port) in plan.outputs.iter().enumerate() {
        writeln!(text, "                {i} => {},", place(plan, port.buffer, "u8"))?;
    }
    writeln!(text, "                _ => &[],\n            }}\n        }}\n    }}\n")
}

fn write_node(text: &mut String, plan: &Plan, n: usize, node: &PlanNode) -> std::fmt::Result {
    writeln!(text, "        // {} #{} \"{}\"", node.op_name, node.index, node.name.escape_default())?;
    writeln!(text, "        observer.before({n});")?;
    for (step, &cut) in node.steps.iter().zip(&node.cuts) {
        match cut {
            None => write_step(text, plan, step)?,
            Some(cut) => write_bands(text, plan, step, cut)?,
        }
    }
    let outputs: Vec<String> = node.outputs.iter().map(|port| place(plan, port.buffer, "u8")).collect();
    writeln!(text, "        observer.after({n}, &[{}]);", outputs.join(", "))
}

fn write_step(text: &mut String, plan: &Plan, step: &Step) -> std::fmt::Result {
    let signature = step.call.signature();
    let operand = |_: usize, operand: Operand, element: &str| match operand {
        Operand::Buffer(b) => place(plan, b, element),
        Operand::Constant(id) => format!("&{}", constant_name(id, element)),
    };
    write_call(text, plan, step, &step.call.params(), operand, &place_mut(plan, step.output, signature.output))
}

/// A loop over the bands of a step.
fn write_bands(text: &mut String, plan: &Plan, step: &Step, cut: Cut) -> std::fmt::Result {
    let all = overlap::rows_of(step, &plan.buffers);
    let params = step.call.params();
    let (whole, params) = if step.call.is_elementwise() {
        (format!("Elements({all})"), params)
    } else {
        (params.trim_start_matches('&').to_string(), "&band.params".to_string())
    };
    let part = |buffer: BufferId, element: &str, of: &str| {
        let (start, size) = (plan.range(buffer).start, element_bytes(element));
        format!("::<{element}>({start} + {size} * band.{of}.start, band.{of}.len())")
    };
    let parts = step.call.band(0, 1).map_or(0, |band| band.inputs.len());
    let operand = |i: usize, operand: Operand, element: &str| match operand {
        Operand::Buffer(b) if i < parts => format!("ARENA.slice{}", part(b, element, &format!("inputs[{i}]"))),
        Operand::Buffer(b) => place(plan, b, element),
        Operand::Constant(id) if i < parts => format!("&{}[band.inputs[{i}].clone()]", constant_name(id, element)),
        Operand::Constant(id) => format!("&{}", constant_name(id, element)),
    };
    let output = format!("ARENA.slice_mut{}", part(step.output, step.call.signature().output, "output"));
    let (rows, from_last) = (cut.rows, if cut.from_last { ".rev()" } else { "" });
    writeln!(text, "        for first in (0..{all}).step_by({rows}){from_last} {{")?;
    writeln!(text, "        let band = {whole}.band(first, {rows}.min({all} - first));")?;
    write_call(text, plan, step, &params, operand, &output)?;
    writeln!(text, "        }}")
}

fn write_call(
    text: &mut String,
    plan: &Plan,
    step: &Step,
    params: &str,
    operand: impl Fn(usize, Operand, &str) -> String,
    output: &str,
) -> std::fmt::Result {
    let signature = step.call.signature();
    writeln!(text, "        {}(", signature.path)?;
    writeln!(text, "            {params},")?;
    for (i, (&read, element)) in step.operands.iter().zip(signature.operands).enumerate() {
        writeln!(text, "            {},", operand(i, read, element))?;
    }
    if let (Some(scratch), Some(element)) = (step.scratch, signature.scratch) {
        writeln!(text, "            {},", place_mut(plan, scratch, element))?;
    }
    writeln!(text, "            {output},")?;
    writeln!(text, "        );")
}

fn constant_name(id: ConstantId, element: &str) -> String {
    format!("C{id}_{}", element.to_uppercase())
}

fn place(plan: &Plan, buffer: BufferId, element: &str) -> String {
    let b = &plan.buffers[buffer];
    format!("ARENA.slice::<{element}>({}, {})", b.offset, b.bytes / element_bytes(element))
}

fn place_mut(plan: &Plan, buffer: BufferId, element: &str) -> String {
    let b = &plan.buffers[buffer];
    format!("ARENA.slice_mut::<{element}>({}, {})", b.offset, b.bytes / element_bytes(element))
}
