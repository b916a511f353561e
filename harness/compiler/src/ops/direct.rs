//! Computations that are one call of a reference kernel with constants. A device makes the same call, or that of an
//! optimized kernel in its place.

mod kinds;

use std::fmt::Debug;

use hilbench_kernels::params;
use hilbench_kernels::params::Clamp;

use super::channels::{Bounds, Cut, Flow, Site};
use super::{Border, Computation, QOp, extended, portable, strided};
use crate::Result;
use crate::lower::{Call, Lowering, Step};
use crate::qgraph::QNode;
use crate::value::Value;

/// A call of a reference kernel. Its operands are the inputs, then the constants.
#[derive(Clone)]
pub struct Direct {
    pub(super) call: Call,
    pub(super) constants: Vec<(&'static str, Value)>,
    /// Bytes of scratch memory, for kernels that take some.
    pub(super) scratch: Option<usize>,
    pub(super) macs: u64,
}

impl Direct {
    /// A call without constants.
    pub(crate) fn new(call: Call) -> Self {
        Direct { call, constants: Vec::new(), scratch: None, macs: 0 }
    }

    /// With one more constant operand.
    pub(crate) fn with(mut self, name: &'static str, bytes: &[u8]) -> Self {
        self.constants.push((name, Value::from_bytes(bytes)));
        self
    }

    /// With another call over the same operands.
    pub(crate) fn calling(self, call: Call) -> Self {
        Direct { call, ..self }
    }

    /// With this many bytes of scratch memory.
    pub(crate) fn using(mut self, bytes: usize) -> Self {
        self.scratch = Some(bytes);
        self
    }

    /// With this many multiply-accumulates.
    pub(crate) fn counting(mut self, macs: usize) -> Self {
        self.macs = macs as u64;
        self
    }
}

impl Direct {
    /// Whether floats become 8-bit codes.
    pub(crate) fn is_quantize(&self) -> bool {
        matches!(self.call, Call::QuantizeEvenI8(_) | Call::QuantizeEvenU8(_))
    }

    /// Whether floats meet integer weights.
    pub(crate) fn is_hybrid(&self) -> bool {
        matches!(self.call, Call::HybridConv2d(_) | Call::HybridDepthwiseConv2d(_) | Call::HybridFullyConnected(_))
    }

    /// The parameters as source.
    pub(crate) fn params(&self) -> String {
        self.call.params()
    }
}

impl Debug for Direct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.call.signature().path, self.call.params())
    }
}

impl Computation for Direct {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        let operands: Vec<&Value> = inputs.iter().copied().chain(self.constants.iter().map(|(_, v)| v)).collect();
        self.call.run(&operands, &mut Value::zeros(self.scratch.unwrap_or(0)), &mut outputs[0]);
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let device = extended::extended(self, lowering.isa()).or_else(|| portable::portable(self));
        let direct = device.as_ref().unwrap_or(self);
        let mut operands: Vec<_> = node.inputs.iter().map(|&t| lowering.operand(t)).collect();
        for (name, value) in &direct.constants {
            operands.push(lowering.constant(&format!("{} {name}", node.name), value.as_bytes().to_vec()));
        }
        let scratch = direct.scratch.map(|bytes| lowering.scratch(bytes));
        let output = lowering.buffer(node.outputs[0]);
        Ok(vec![Step { call: direct.call.clone(), operands, scratch, output }])
    }

    fn macs(&self) -> u64 {
        self.macs
    }

    fn table(&self, _: &[Option<&[u8]>]) -> Option<[i8; 256]> {
        if let Call::Lookup(table) = self.call { Some(table) } else { None }
    }

    fn activation(&self) -> Option<Clamp> {
        kinds::activation(self)
    }

    fn with_activation(&self, activation: Clamp) -> Option<QOp> {
        kinds::with_activation(self, activation).map(QOp::from)
    }

    fn bordered(&self, border: &Border) -> Option<QOp> {
        kinds::bordered(self, border).map(QOp::from)
    }

    fn constant_bytes(&self) -> usize {
        self.constants.iter().map(|(_, value)| value.as_bytes().len()).sum()
    }

    fn bounds(&self, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
        kinds::bounds(self, site)
    }

    fn flow(&self, site: &Site<'_>) -> Flow {
        kinds::flow(self, site)
    }

    fn narrowed(&self, site: &Site<'_>, cut: &Cut<'_>) -> Option<QOp> {
        kinds::narrowed(self, site, cut).map(QOp::from)
    }
}

/// The same bytes in a buffer of their own.
pub(crate) fn copy(bytes: usize) -> QOp {
    Direct::new(Call::Copy8(strided::whole(bytes))).into()
}

/// An 8-bit function of 8 bits, by the bits of the operand.
pub(crate) fn lookup(table: [i8; 256]) -> QOp {
    Direct::new(Call::Lookup(table)).into()
}

/// A float function of 8 bits, by the bits of the operand; its values are finite.
pub(crate) fn table_f32(table: &[f32; 256]) -> QOp {
    Direct::new(Call::LookupF32(Box::new(*table))).into()
}

/// Float to 8 bits, ties to even.
pub(crate) fn quantize(scale: f32, zero_point: i32, unsigned: bool) -> QOp {
    let affine = params::Affine { scale, zero_point };
    Direct::new(if unsigned { Call::QuantizeEvenU8(affine) } else { Call::QuantizeEvenI8(affine) }).into()
}
