//! Functions of one 8-bit value become tables of 256 entries: chains of them one table, an operator with a constant for
//! all elements a table, a table that only limits what the operator before it answers the fused activation of that.
//!
//! A table is made by the reference kernel for every operand, so that it is the same function.

use hilbench_kernels::params::Clamp;

use super::Passed;
use crate::graph::{DType, TensorId};
use crate::ops::channels::{bounds_of_type, is_bounded};
use crate::ops::reshape::Reshape;
use crate::ops::{QOp, direct};
use crate::qgraph::{QGraph, QNode};

/// Runs the pass.
pub(super) fn fold(passed: &mut Passed) {
    let mut place = 0;
    while place < passed.graph.nodes.len() {
        let Some((input, table)) = table(&passed.graph, &passed.graph.nodes[place]) else {
            place += 1;
            continue;
        };
        if let Some(producer) = passed.only_producer(input) {
            if let Some((before, first)) = self::table(&passed.graph, &passed.graph.nodes[producer]) {
                let both = first.map(|v| table[usize::from(v as u8)]);
                passed.say("tables", place, "is one table with the operator before it");
                passed.graph.nodes[place].op = direct::lookup(both);
                passed.graph.nodes[place].inputs = vec![before];
                passed.graph.nodes.remove(producer);
                // What was behind the producer moved up: the same node again, with what is before it now.
                place -= 1;
                continue;
            }
            if let Some(limited) = limited(&passed.graph, producer, input, place, &table) {
                passed.say("tables", place, "is the activation of the operator before it");
                let QNode { name, outputs, .. } = passed.graph.nodes.remove(place);
                let producer = &mut passed.graph.nodes[producer];
                (producer.op, producer.name, producer.outputs) = (limited, name, outputs);
                continue;
            }
        }
        let dtype = |t: TensorId| passed.graph.tensors[t].dtype;
        let same_bits = dtype(input) == dtype(passed.graph.nodes[place].outputs[0])
            && (0..=255_u8).all(|bits| table[usize::from(bits)] as u8 == bits);
        if same_bits {
            passed.say("tables", place, "changes nothing");
            (passed.graph.nodes[place].op, passed.graph.nodes[place].inputs) = (Reshape.into(), vec![input]);
        } else if passed.graph.nodes[place].inputs.len() > 1 {
            passed.say("tables", place, "is a table");
            (passed.graph.nodes[place].op, passed.graph.nodes[place].inputs) = (direct::lookup(table), vec![input]);
        }
        place += 1;
    }
}

/// The function that every element of a node's output is of the same element of one tensor, if it is one.
fn table(graph: &QGraph, node: &QNode) -> Option<(TensorId, [i8; 256])> {
    let data = |&t: &TensorId| graph.tensors[t].data.as_deref();
    let &[output] = &node.outputs[..] else { return None };
    let mut varying = node.inputs.iter().filter(|t| data(t).is_none());
    let &input = varying.next().filter(|_| varying.next().is_none())?;
    let fits = graph.tensors[input].elements() == graph.tensors[output].elements()
        && is_bounded(graph.tensors[input].dtype)
        && is_bounded(graph.tensors[output].dtype);
    let constants: Vec<Option<&[u8]>> = node.inputs.iter().map(data).collect();
    let table = if fits { node.op.computation().table(&constants) } else { None }?;
    Some((input, table))
}

/// The operator at `producer`, whose only output is `input`, with the table as its activation: exact if the table leaves
/// what lies between two limits as it is, of all that the operator answers.
fn limited(graph: &QGraph, producer: usize, input: TensorId, place: usize, table: &[i8; 256]) -> Option<QOp> {
    let (computation, output) = (graph.nodes[producer].op.computation(), graph.nodes[place].outputs[0]);
    let dtype = graph.tensors[input].dtype;
    if dtype != graph.tensors[output].dtype {
        return None;
    }
    let answer = |v: i32| {
        let bits = table[usize::from(v as u8)];
        if dtype == DType::U8 { i32::from(bits as u8) } else { i32::from(bits) }
    };
    let (type_bounds, old) = (bounds_of_type(dtype), computation.activation()?);
    let (low, high) = (old.min.max(*type_bounds.start()), old.max.min(*type_bounds.end()));
    if low > high {
        return None;
    }
    let new = Clamp { min: answer(low), max: answer(high) };
    let exact = new.min <= new.max && (low..=high).all(|v| answer(v) == v.clamp(new.min, new.max));
    if exact { computation.with_activation(new) } else { None }
}
