//! What the device does, to the byte: steps in order, constants, and one arena with an offset for every buffer.

pub mod arena;
mod cuts;
mod order;
pub mod overlap;
mod views;

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::ops::Range;

use crate::Result;
use crate::graph::{Tensor, TensorId};
use crate::lower::{self, BufferId, Isa, Operand, Step};
use crate::qgraph::QGraph;
use overlap::Overlap;

/// What counts where time and memory are traded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Optimize {
    /// Time: every layer in one call.
    Time,
    /// Both: an arena near the smallest one, in few bands.
    #[default]
    Balanced,
    /// Memory: the smallest arena, in as many bands as it takes.
    Ram,
}

impl Optimize {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Optimize); 3] =
        [("time", Optimize::Time), ("balanced", Optimize::Balanced), ("ram", Optimize::Ram)];
}

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
    /// The buffer that it is a part of, if it is, and from which byte of that on.
    pub within: Option<(BufferId, usize)>,
    /// Offset in the arena.
    pub offset: usize,
}

/// The life of a buffer that nothing touches.
const NEVER: (usize, usize) = (usize::MAX, 0);

impl Buffer {
    /// A buffer without a life or a place yet.
    #[must_use]
    pub(crate) fn new(name: String, bytes: usize) -> Self {
        Buffer { name, bytes, life: NEVER, within: None, offset: 0 }
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

/// A value that stays in its buffer from one inference to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its buffer, which nothing else lies in.
    pub buffer: BufferId,
    /// Its bytes before the first inference of a sequence.
    pub initial: Vec<u8>,
}

/// A step that runs in bands of output rows, a call of its kernel each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Rows of a band; the last one may have fewer.
    pub rows: NonZeroUsize,
    /// The last band runs first.
    pub from_last: bool,
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
    /// How each step is cut into bands; `None` where one call writes all.
    pub cuts: Vec<Option<Cut>>,
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
    /// What is kept from one inference to the next.
    pub states: Vec<Kept>,
    /// Outputs that may lie over inputs.
    pub overlaps: Vec<Overlap>,
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

    /// The size that no placement of these buffers can go below.
    #[must_use]
    pub fn arena_bound(&self) -> usize {
        arena::lower_bound(&self.buffers, &self.overlaps)
    }

    /// Two buffers in the same place that may not be, if there are any.
    #[must_use]
    pub fn conflict(&self) -> Option<(BufferId, BufferId)> {
        arena::overlap(&self.buffers, &self.overlaps)
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

/// Lowers `graph` to kernels for `isa` and places its buffers, with time and memory in balance.
///
/// # Errors
/// Computations that no kernel on a device runs.
pub fn plan(graph: &QGraph, isa: Isa) -> Result<Plan> {
    plan_for(graph, isa, Optimize::default())
}

/// Lowers `graph` to kernels for `isa` and places its buffers.
///
/// # Errors
/// Computations that no kernel on a device runs.
pub fn plan_for(graph: &QGraph, isa: Isa, optimize: Optimize) -> Result<Plan> {
    let ordered = in_better_order(graph);
    let graph = &*ordered;
    let (mut lowering, outputs, states) = lower::lower(graph, isa)?;
    let inputs: Vec<Port> =
        graph.inputs.iter().map(|&tensor| Port { tensor, buffer: lowering.buffer(tensor) }).collect();
    let mut buffers = lowering.buffers;
    let fixed: Vec<BufferId> = states.iter().map(|s| s.buffer).collect();
    views::link(&mut buffers, &mut lowering.nodes, &fixed, |buffers, nodes| {
        set_lives(buffers, nodes, &inputs, &outputs, &fixed);
        arena::first_fits(buffers, &[]).0
    });
    cuts::choose(&buffers, &mut lowering.nodes, optimize);
    let overlaps = overlap::overlaps(&buffers, &lowering.nodes);
    let arena_bytes = arena::place(&mut buffers, &overlaps);
    Ok(Plan {
        name: graph.name.clone(),
        tensors: graph.tensors.iter().map(|t| Tensor { data: None, ..t.clone() }).collect(),
        nodes: lowering.nodes,
        buffers,
        constants: lowering.constants,
        inputs,
        outputs,
        states,
        overlaps,
        arena_bytes,
    })
}

/// The graph with its nodes in an order that needs less memory, or as it is.
fn in_better_order(graph: &QGraph) -> Cow<'_, QGraph> {
    let at_run_time =
        |ids: &[TensorId]| ids.iter().copied().filter(|&t| graph.tensors[t].data.is_none()).collect::<Vec<_>>();
    let works = graph.nodes.iter().map(|n| order::Work { reads: at_run_time(&n.inputs), writes: n.outputs.clone() });
    let bytes: Vec<usize> = graph.tensors.iter().map(Tensor::bytes).collect();
    let (entries, exits): (Vec<_>, Vec<_>) = (graph.entries().collect(), graph.exits().collect());
    match order::better(&works.collect::<Vec<_>>(), &bytes, &entries, &at_run_time(&exits)) {
        Some(order) => {
            let nodes = order.into_iter().map(|n| graph.nodes[n].clone()).collect();
            Cow::Owned(QGraph { nodes, ..graph.clone() })
        }
        None => Cow::Borrowed(graph),
    }
}

/// Sets when each buffer lives. One that others are parts of lives when any of them does.
fn set_lives(buffers: &mut [Buffer], nodes: &[PlanNode], inputs: &[Port], outputs: &[Port], kept: &[BufferId]) {
    buffers.iter_mut().for_each(|buffer| buffer.life = NEVER);
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
    for &buffer in kept {
        touch(buffer, 0);
        touch(buffer, moment + 1);
    }
    for part in 0..buffers.len() {
        let (life, root) = (buffers[part].life, views::root(buffers, part).0);
        let whole = &mut buffers[root].life;
        *whole = (whole.0.min(life.0), whole.1.max(life.1));
    }
}
