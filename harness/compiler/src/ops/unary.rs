//! Functions of one 8-bit value. The reference computes each by its own formula; a device looks the result up in a
//! table of 256 entries that the reference made, which is the same function.

use hilbench_kernels::params::Broadcast;
use hilbench_kernels::shape::{MAX_RANK, dense_strides};
use hilbench_kernels::{params, reference};

use super::Computation;
use super::channels::{self, Bounds, Flow, Site};
use crate::Result;
use crate::graph::DType;
use crate::lower::{Call, Lowering, Step};
use crate::qgraph::QNode;
use crate::value::Value;

/// A function of one 8-bit value.
#[derive(Clone, Debug)]
pub enum Unary {
    /// Hard swish.
    HardSwish(params::HardSwish),
    /// Leaky relu.
    LeakyRelu(params::LeakyRelu),
    /// Logistic.
    Logistic(params::Sigmoidal),
    /// Relu and relu6.
    Relu(params::Relu),
    /// int8 to int8.
    RescaleI8I8(params::Rescale),
    /// int8 to uint8.
    RescaleI8U8(params::Rescale),
    /// uint8 to int8.
    RescaleU8I8(params::Rescale),
    /// uint8 to uint8.
    RescaleU8U8(params::Rescale),
    /// Tanh.
    Tanh(params::Sigmoidal),
}

impl Unary {
    /// The same values under another zero point and the other signedness, which is that of the operand.
    pub(crate) fn shifted(from: i32, to: i32, from_signed: bool) -> Self {
        let rescale = params::Rescale {
            input_zero_point: from,
            output_zero_point: to,
            output: crate::multiplier::quantize_multiplier(1.0),
        };
        if from_signed { Unary::RescaleI8U8(rescale) } else { Unary::RescaleU8I8(rescale) }
    }
}

impl Computation for Unary {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        let (x, y) = (inputs[0], &mut outputs[0]);
        match self {
            Unary::HardSwish(p) => reference::hard_swish(p, x.as_slice(), y.as_mut_slice()),
            Unary::LeakyRelu(p) => reference::leaky_relu(p, x.as_slice(), y.as_mut_slice()),
            Unary::Logistic(p) => reference::logistic(p, x.as_slice(), y.as_mut_slice()),
            Unary::Relu(p) => reference::relu(p, x.as_slice(), y.as_mut_slice()),
            Unary::RescaleI8I8(p) => reference::rescale_i8_i8(p, x.as_slice(), y.as_mut_slice()),
            Unary::RescaleI8U8(p) => reference::rescale_i8_u8(p, x.as_slice(), y.as_mut_slice()),
            Unary::RescaleU8I8(p) => reference::rescale_u8_i8(p, x.as_slice(), y.as_mut_slice()),
            Unary::RescaleU8U8(p) => reference::rescale_u8_u8(p, x.as_slice(), y.as_mut_slice()),
            Unary::Tanh(p) => reference::tanh(p, x.as_slice(), y.as_mut_slice()),
        }
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let table = table(self);
        let operands = vec![lowering.operand(node.inputs[0])];
        let output = lowering.buffer(node.outputs[0]);
        Ok(vec![Step { call: Call::Lookup(table), operands, scratch: None, output }])
    }

    fn bounds(&self, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
        Some(vec![table_bounds(&table(self), site)])
    }

    fn flow(&self, site: &Site<'_>) -> Flow {
        channels::same_channels(site)
    }

    fn table(&self, _: &[Option<&[u8]>]) -> Option<[i8; 256]> {
        Some(table(self))
    }
}

/// The results of an 8-bit function for every operand, by the operand's bits.
#[must_use]
pub fn table(function: &dyn Computation) -> [i8; 256] {
    let every: Vec<u8> = (0..=255).collect();
    let mut results = [Value::zeros(256)];
    function.reference(&[&Value::from_bytes(&every)], &mut results);
    let mut table = [0; 256];
    table.copy_from_slice(results[0].as_slice());
    table
}

/// Bounds of what a table answers.
pub(super) fn table_bounds(table: &[i8; 256], site: &Site<'_>) -> Vec<Bounds> {
    let unsigned = site.outputs[0].dtype == DType::U8;
    let answer = |operand: i32| {
        let bits = table[operand as u8 as usize];
        if unsigned { i32::from(bits as u8) } else { i32::from(bits) }
    };
    let bounds = |operands: &Bounds| {
        let answers = operands.clone().map(answer);
        answers.map(|v| v..=v).reduce(|a, b| channels::union(&a, &b)).unwrap_or(operands.clone())
    };
    site.bounds[0].iter().map(bounds).collect()
}

/// How an operand of every code and a constant for all of them spread over the results; `None` unless one of the two is
/// such a constant.
pub(super) fn table_broadcast(constants: &[Option<&[u8]>]) -> Option<Broadcast> {
    let mut dims = [1; MAX_RANK];
    dims[MAX_RANK - 1] = 256;
    let (varies, repeats) = (dense_strides(&dims), [0; MAX_RANK]);
    let one = |constant: Option<&[u8]>| constant.is_some_and(|c| c.first().is_some_and(|v| c.iter().all(|w| w == v)));
    match *constants {
        [None, other] if one(other) => Some(Broadcast { dims, strides1: varies, strides2: repeats }),
        [other, None] if one(other) => Some(Broadcast { dims, strides1: repeats, strides2: varies }),
        _ => None,
    }
}

/// The results of a function of two 8-bit values, of which one is a constant, for every other operand.
pub(super) fn table_with_constant(function: &dyn Computation, constants: &[Option<&[u8]>]) -> Option<[i8; 256]> {
    let every = Value::from_bytes(&(0..=255).collect::<Vec<u8>>());
    let operands: Vec<Value> = constants.iter().map(|c| c.map_or(every.clone(), Value::from_bytes)).collect();
    let mut results = [Value::zeros(256)];
    function.reference(&operands.iter().collect::<Vec<_>>(), &mut results);
    results[0].as_slice().try_into().ok()
}
