//! QGraph to steps: which kernel runs each computation, on which operands, with which prepared constants.

mod bands;
mod call;
mod states;

use std::collections::HashMap;

use crate::graph::{DType, Tensor, TensorId};
use crate::plan::{Buffer, Constant, Kept, PlanNode, Port};
use crate::qgraph::QGraph;
use crate::{Error, Result};

pub use bands::CallBand;
pub use call::{Call, Signature, element_bytes};

/// Index of a buffer in [`crate::plan::Plan::buffers`].
pub type BufferId = usize;

/// Index of a constant in [`crate::plan::Plan::constants`].
pub type ConstantId = usize;

/// What a kernel reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A buffer in the arena.
    Buffer(BufferId),
    /// A constant in flash.
    Constant(ConstantId),
}

/// One kernel call.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The function and its parameters.
    pub call: Call,
    /// What it reads, in the order of its arguments.
    pub operands: Vec<Operand>,
    /// Its scratch memory, if it takes any.
    pub scratch: Option<BufferId>,
    /// What it writes.
    pub output: BufferId,
}

/// Instruction set extension that kernels are chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// None: portable kernels.
    Generic,
    /// The DSP extension of Armv7E-M and Armv8-M: two 16-bit multiply-accumulates an instruction.
    Dsp,
    /// Helium, the vector extension of Armv8.1-M.
    Mve,
}

impl Isa {
    /// Every extension, the least first.
    pub const ALL: [Isa; 3] = [Isa::Generic, Isa::Dsp, Isa::Mve];

    /// The extension of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Isa> {
        Isa::ALL.into_iter().find(|isa| isa.name() == name)
    }

    /// Its name: the folder of its kernels.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Isa::Generic => "generic",
            Isa::Dsp => "dsp",
            Isa::Mve => "mve",
        }
    }
}

/// Collects steps, buffers and constants while computations lower themselves.
pub struct Lowering<'a> {
    isa: Isa,
    tensors: &'a [Tensor],
    buffer_of: HashMap<TensorId, BufferId>,
    constant_of: HashMap<Vec<u8>, ConstantId>,
    pub(crate) buffers: Vec<Buffer>,
    pub(crate) constants: Vec<Constant>,
    pub(crate) nodes: Vec<PlanNode>,
}

impl<'a> Lowering<'a> {
    /// Starts with the model's inputs in buffers of their own.
    pub(crate) fn new(graph: &'a QGraph, isa: Isa) -> Self {
        let mut lowering = Lowering {
            isa,
            tensors: &graph.tensors,
            buffer_of: HashMap::new(),
            constant_of: HashMap::new(),
            buffers: Vec::new(),
            constants: Vec::new(),
            nodes: Vec::new(),
        };
        for t in graph.entries() {
            lowering.buffer(t);
        }
        lowering
    }

    /// What kernels are chosen for.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The tensor's facts.
    #[must_use]
    pub fn tensor(&self, id: TensorId) -> &'a Tensor {
        &self.tensors[id]
    }

    /// The buffer of a tensor that is written at run time; made when first asked for.
    pub fn buffer(&mut self, id: TensorId) -> BufferId {
        let tensor = &self.tensors[id];
        *self.buffer_of.entry(id).or_insert_with(|| {
            self.buffers.push(Buffer::new(tensor.name.clone(), tensor.bytes()));
            self.buffers.len() - 1
        })
    }

    /// Lets `alias` share the buffer of `of` (a reshape). Of a constant, the bytes are shared by content anyway.
    pub fn alias(&mut self, alias: TensorId, of: TensorId) {
        let buffer = self.buffer(of);
        self.buffer_of.insert(alias, buffer);
    }

    /// A tensor to read: its buffer, or its constant.
    pub fn operand(&mut self, id: TensorId) -> Operand {
        match &self.tensors[id].data {
            Some(data) => self.constant(&self.tensors[id].name, data.clone()),
            None => Operand::Buffer(self.buffer(id)),
        }
    }

    /// A constant with these bytes; equal bytes are stored once.
    pub fn constant(&mut self, name: &str, bytes: Vec<u8>) -> Operand {
        let id = *self.constant_of.entry(bytes).or_insert_with_key(|bytes| {
            self.constants.push(Constant { name: name.to_string(), bytes: bytes.clone() });
            self.constants.len() - 1
        });
        Operand::Constant(id)
    }

    /// Scratch memory of the step that is being made.
    pub fn scratch(&mut self, bytes: usize) -> BufferId {
        self.buffers.push(Buffer::new("scratch".to_string(), bytes));
        self.buffers.len() - 1
    }
}

/// Element types that a board holds and that the board protocol has a word for.
fn check_types(graph: &QGraph) -> Result<()> {
    let written = graph.nodes.iter().flat_map(|node| &node.outputs);
    for t in graph.entries().chain(written.copied()) {
        let tensor = &graph.tensors[t];
        if tensor.dtype == DType::I64 {
            return Err(Error::Unsupported {
                subject: format!("tensor #{t} {:?}", tensor.name),
                reason: format!("{} at run time; float32, int32, int8, uint8 and bool are accepted", tensor.dtype),
            });
        }
    }
    Ok(())
}

/// Lowers every computation of `graph` to kernels for `isa`.
///
/// # Errors
/// Computations that no kernel on a device runs.
pub(crate) fn lower<'a>(graph: &'a QGraph, isa: Isa) -> Result<(Lowering<'a>, Vec<Port>, Vec<Kept>)> {
    check_types(graph)?;
    let mut lowering = Lowering::new(graph, isa);
    for node in &graph.nodes {
        let steps = node.op.computation().lower(node, &mut lowering)?;
        if steps.is_empty() {
            continue;
        }
        let outputs = node.outputs.iter().map(|&tensor| Port { tensor, buffer: lowering.buffer(tensor) }).collect();
        let macs = node.op.computation().macs();
        lowering.nodes.push(PlanNode {
            index: node.index,
            op_name: node.op_name,
            name: node.name.clone(),
            cuts: vec![None; steps.len()],
            steps,
            outputs,
            macs,
        });
    }
    let outputs = outputs(graph, &mut lowering);
    let kept = states::keep(graph, &mut lowering);
    Ok((lowering, outputs, kept))
}

/// The model's outputs, each where it stays until it is read.
fn outputs(graph: &QGraph, lowering: &mut Lowering<'_>) -> Vec<Port> {
    let mut outputs = Vec::new();
    for &tensor in &graph.outputs {
        if let Some(data) = &graph.tensors[tensor].data {
            // A constant that is an output is copied to where outputs live.
            let constant = lowering.constant(&graph.tensors[tensor].name, data.clone());
            let output = lowering.buffer(tensor);
            let call = Call::Copy8(crate::ops::strided::whole(data.len()));
            let steps = vec![Step { call, operands: vec![constant], scratch: None, output }];
            let port = Port { tensor, buffer: output };
            let name = graph.tensors[tensor].name.clone();
            lowering.nodes.push(PlanNode {
                index: graph.nodes.len(),
                op_name: "CONSTANT",
                name,
                cuts: vec![None; steps.len()],
                steps,
                outputs: vec![port],
                macs: 0,
            });
        }
        let buffer = match states::own(graph, lowering, tensor) {
            Operand::Buffer(own) => own,
            Operand::Constant(_) => lowering.buffer(tensor),
        };
        outputs.push(Port { tensor, buffer });
    }
    outputs
}
