//! What the device does, to the byte: steps in order, constants, and one arena with an offset for every buffer.

pub mod arena;

use std::ops::Range;

use crate::Result;
use crate::graph::{Tensor, TensorId};
use crate::lower::{self, BufferId, Isa, Operand, Step};
use crate::qgraph::QGraph;

/// Alignment of every buffer in the arena, in bytes: what the widest vector load wants.
pub const ALIGNMENT: usize = 16;

/// A piece of the arena.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Name of the tensor it first holds, or `scratch`.
    pub name: String,
    /// Size in bytes.
    pub bytes: usize,
    /// First and last moment of its life: inputs arrive at 0, step i runs at i + 1, outputs are read after all.
    pub life: (usize, usize),
    /// Offset in the arena.
    pub offset: usize,
}

impl Buffer {
    /// A buffer without a life or a place yet.
    #[must_use]
    pub(crate) fn new(name: String, bytes: usize) -> Self {
        Buffer { name, bytes, life: (usize::MAX, 0), offset: 0 }
    }
}

/// Bytes in flash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constant {
    /// Name of the tensor it comes from.
    pub name: String,
    /// Little-endian elements.
    pub bytes: Vec<u8>,
}

/// A tensor and the buffer that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// The tensor.
    pub tensor: TensorId,
    /// Its buffer.
    pub buffer: BufferId,
}

/// One operator of the model with the calls that compute it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanNode {
    /// Index of the operator in the model file.
    pub index: usize,
    /// Operator name in the file format's own words.
    pub op_name: &'static str,
    /// Name of the first output.
    pub name: String,
    /// Kernel calls, in order.
    pub steps: Vec<Step>,
    /// What it writes.
    pub outputs: Vec<Port>,
    /// Multiply-accumulates.
    pub macs: u64,
}

/// A network ready to be written down as source.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name of the network.
    pub name: String,
    /// Facts of the tensors that [`Port::tensor`] refers to (names, types, shapes, quantization).
    pub tensors: Vec<Tensor>,
    /// Operators in order.
    pub nodes: Vec<PlanNode>,
    /// Buffers with their places.
    pub buffers: Vec<Buffer>,
    /// Constants.
    pub constants: Vec<Constant>,
    /// Model inputs.
    pub inputs: Vec<Port>,
    /// Model outputs.
    pub outputs: Vec<Port>,
    /// Size of the arena in bytes.
    pub arena_bytes: usize,
}

impl Plan {
    /// The bytes of a buffer in the arena.
    #[must_use]
    pub fn range(&self, buffer: BufferId) -> Range<usize> {
        let b = &self.buffers[buffer];
        b.offset..b.offset + b.bytes
    }

    /// Bytes of all constants.
    #[must_use]
    pub fn constant_bytes(&self) -> usize {
        self.constants.iter().map(|c| c.bytes.len()).sum()
    }

    /// Multiply-accumulates of one inference.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.nodes.iter().map(|n| n.macs).sum()
    }
}

/// Lowers `graph` to kernels for `isa` and places its buffers.
///
/// # Errors
/// Computations that no kernel on a device runs.
pub fn plan(graph: &QGraph, isa: Isa) -> Result<Plan> {
    let (mut lowering, outputs) = lower::lower(graph, isa)?;
    let inputs: Vec<Port> =
        graph.inputs.iter().map(|&tensor| Port { tensor, buffer: lowering.buffer(tensor) }).collect();
    let mut buffers = lowering.buffers;
    set_lives(&mut buffers, &lowering.nodes, &inputs, &outputs);
    let arena_bytes = arena::place(&mut buffers);
    Ok(Plan {
        name: graph.name.clone(),
        tensors: graph.tensors.iter().map(|t| Tensor { data: None, ..t.clone() }).collect(),
        nodes: lowering.nodes,
        buffers,
        constants: lowering.constants,
        inputs,
        outputs,
        arena_bytes,
    })
}

fn set_lives(buffers: &mut [Buffer], nodes: &[PlanNode], inputs: &[Port], outputs: &[Port]) {
    let mut touch = |buffer: BufferId, moment: usize| {
        let life = &mut buffers[buffer].life;
        *life = (life.0.min(moment), life.1.max(moment));
    };
    for port in inputs {
        touch(port.buffer, 0);
    }
    let mut moment = 0;
    for node in nodes {
        for step in &node.steps {
            moment += 1;
            for operand in &step.operands {
                if let Operand::Buffer(b) = *operand {
                    touch(b, moment);
                }
            }
            if let Some(b) = step.scratch {
                touch(b, moment);
            }
            touch(step.output, moment);
        }
        for port in &node.outputs {
            // What a node wrote can be observed when its last step is done.
            touch(port.buffer, moment);
        }
    }
    for port in outputs {
        touch(port.buffer, moment + 1);
    }
}
