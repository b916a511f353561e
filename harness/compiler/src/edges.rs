//! The form of a model's inputs and outputs: element type, and where the channels lie. Changes what is converted at the
//! edges, never what is computed between them.
//!
//! A conversion that is in the model already is taken out where the asked-for form makes it needless; else one is put in,
//! and where it costs time on a board a warning says so.

use std::fmt;

use crate::graph::{DType, Quantization, Tensor, TensorId};
use crate::ops::QOp;
use crate::ops::dequantize::Dequantize;
use crate::ops::quantize::Quantize;
use crate::ops::reshape::Reshape;
use crate::ops::transpose::Transpose;
use crate::ops::unary::Unary;
use crate::qgraph::{QGraph, QNode};
use crate::{Error, Result};

/// Element type of an input or output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeType {
    /// As the file has it.
    Unchanged,
    /// That of the activations: integers where a quantize follows an input or a dequantize makes an output.
    Activation,
    /// This one.
    Exactly(DType),
}

/// Where the channels of an input or output lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelPosition {
    /// As the file has it.
    Unchanged,
    /// Right behind the batch, when they lie last in the file.
    First,
    /// Behind the other dimensions, when they lie first in the file.
    Last,
}

/// The form of all inputs, or of all outputs: each list has one entry for every tensor, one for all, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Element types.
    pub elements: Vec<EdgeType>,
    /// Positions of the channels.
    pub channels: Vec<ChannelPosition>,
}

impl fmt::Display for ChannelPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChannelPosition::Unchanged => "unchanged",
            ChannelPosition::First => "first",
            ChannelPosition::Last => "last",
        })
    }
}

/// Gives every input and output its form.
///
/// # Errors
/// Lists of a length that fits neither all nor one; a form that a tensor cannot have.
pub fn shape_edges(graph: &mut QGraph, inputs: &Side, outputs: &Side) -> Result<()> {
    let (count_in, count_out) = (graph.inputs.len(), graph.outputs.len());
    for (k, &element) in spread("inputs", &inputs.elements, count_in)?.iter().enumerate() {
        set_input_type(graph, k, element)?;
    }
    for (k, &channels) in spread("inputs", &inputs.channels, count_in)?.iter().enumerate() {
        set_input_channels(graph, k, channels)?;
    }
    for (k, &element) in spread("outputs", &outputs.elements, count_out)?.iter().enumerate() {
        set_output_type(graph, k, element)?;
    }
    for (k, &channels) in spread("outputs", &outputs.channels, count_out)?.iter().enumerate() {
        set_output_channels(graph, k, channels)?;
    }
    Ok(())
}

fn spread<T: Copy>(what: &str, given: &[T], count: usize) -> Result<Vec<T>> {
    match given {
        &[one] => Ok(vec![one; count]),
        given if given.is_empty() || given.len() == count => Ok(given.to_vec()),
        given => Err(Error::Invalid {
            subject: "model".into(),
            reason: format!("has {count} {what}; forms are given for {}", given.len()),
        }),
    }
}

fn unsupported(tensor: &Tensor, reason: String) -> Error {
    Error::Unsupported { subject: format!("tensor {:?}", tensor.name), reason }
}

fn readers(graph: &QGraph, tensor: TensorId) -> Vec<usize> {
    (0..graph.nodes.len()).filter(|&n| graph.nodes[n].inputs.contains(&tensor)).collect()
}

fn replace_reads(graph: &mut QGraph, from: TensorId, to: TensorId) {
    let reads = graph.nodes.iter_mut().flat_map(|node| &mut node.inputs);
    reads.chain(&mut graph.outputs).filter(|t| **t == from).for_each(|t| *t = to);
}

fn set_input_type(graph: &mut QGraph, k: usize, wanted: EdgeType) -> Result<()> {
    let found = graph.tensors[graph.inputs[k]].dtype;
    let wanted = match wanted {
        EdgeType::Unchanged => return Ok(()),
        EdgeType::Activation => match take_quantize(graph, k) {
            Some(()) | None => return Ok(()),
        },
        EdgeType::Exactly(dtype) => dtype,
    };
    if found == wanted {
        return Ok(());
    }
    let input = graph.inputs[k];
    if found == DType::F32 && take_quantize(graph, k).is_none() {
        let reason = format!("is float32 and not quantized by the model; {wanted} needs a scale");
        return Err(unsupported(&graph.tensors[input], reason));
    }
    let input = graph.inputs[k];
    if graph.tensors[input].dtype == wanted {
        return Ok(());
    }
    let inner = graph.tensors[input].clone();
    let (outer, op) = convert(&inner, wanted, true)?;
    graph.tensors.push(outer);
    let outer = graph.tensors.len() - 1;
    graph.inputs[k] = outer;
    insert(graph, 0, "QUANTIZE", op, outer, input);
    Ok(())
}

/// Makes the codes that an input is quantized to the input, if that is all that is done with it. They have the input's
/// shape; a reader that quantizes them in another shape reads them in that one.
fn take_quantize(graph: &mut QGraph, k: usize) -> Option<()> {
    let input = graph.inputs[k];
    let readers = readers(graph, input);
    let codes = graph.tensors[graph.nodes[*readers.first()?].outputs[0]].clone();
    let same = |&n: &usize| {
        let node = &graph.nodes[n];
        let result = &graph.tensors[node.outputs[0]];
        node.op.is_quantize()
            && result.elements() == graph.tensors[input].elements()
            && result.dtype == codes.dtype
            && result.quantization == codes.quantization
    };
    if graph.outputs.contains(&input) || !readers.iter().all(same) {
        return None;
    }
    // The name is the one that data is given under.
    let Tensor { name, shape, .. } = graph.tensors[input].clone();
    graph.tensors.push(Tensor { name, shape, ..codes });
    let codes = graph.tensors.len() - 1;
    graph.inputs[k] = codes;
    let reader = |n: &usize| readers.contains(n);
    for &n in &readers {
        let result = graph.nodes[n].outputs[0];
        if graph.tensors[result].shape == graph.tensors[codes].shape {
            replace_reads(graph, result, codes);
        } else {
            (graph.nodes[n].op, graph.nodes[n].inputs) = (Reshape.into(), vec![codes]);
        }
    }
    let stays = |(n, node): &(usize, QNode)| !reader(n) || matches!(node.op, QOp::Reshape(_));
    graph.nodes = std::mem::take(&mut graph.nodes).into_iter().enumerate().filter(stays).map(|(_, n)| n).collect();
    Some(())
}

fn set_output_type(graph: &mut QGraph, k: usize, wanted: EdgeType) -> Result<()> {
    let found = graph.tensors[graph.outputs[k]].dtype;
    let wanted = match wanted {
        EdgeType::Unchanged => return Ok(()),
        EdgeType::Activation => match take_dequantize(graph, k) {
            Some(()) | None => return Ok(()),
        },
        EdgeType::Exactly(dtype) => dtype,
    };
    if found == wanted {
        return Ok(());
    }
    if found == DType::F32 && take_dequantize(graph, k).is_none() {
        let tensor = &graph.tensors[graph.outputs[k]];
        return Err(unsupported(tensor, format!("is computed in float32; {wanted} needs a scale")));
    }
    let output = graph.outputs[k];
    if graph.tensors[output].dtype == wanted {
        return Ok(());
    }
    let inner = graph.tensors[output].clone();
    let (outer, op) = convert(&inner, wanted, false)?;
    graph.tensors.push(outer);
    let outer = graph.tensors.len() - 1;
    graph.outputs[k] = outer;
    insert(graph, graph.nodes.len(), "DEQUANTIZE", op, output, outer);
    Ok(())
}

/// Makes the codes of an output the output, in its shape, if it is made of codes and nothing else reads it.
fn take_dequantize(graph: &mut QGraph, k: usize) -> Option<()> {
    let output = graph.outputs[k];
    let n = graph.nodes.iter().position(|node| node.outputs.contains(&output))?;
    let codes = *graph.nodes[n].inputs.first()?;
    let fits = matches!(graph.nodes[n].op, QOp::Dequantize(_))
        && readers(graph, output).is_empty()
        && graph.tensors[codes].quantization.is_some()
        && !graph.inputs.contains(&codes)
        && !graph.outputs.contains(&codes)
        && graph.outputs.iter().filter(|&&t| t == output).count() == 1;
    if !fits {
        return None;
    }
    let Tensor { name, shape, .. } = graph.tensors[output].clone();
    if graph.tensors[codes].shape == shape {
        graph.tensors[codes].name = name;
        graph.nodes.remove(n);
        graph.outputs[k] = codes;
        return Some(());
    }
    graph.tensors.push(Tensor { name, shape, ..graph.tensors[codes].clone() });
    let reshaped = graph.tensors.len() - 1;
    (graph.nodes[n].op, graph.nodes[n].outputs) = (Reshape.into(), vec![reshaped]);
    graph.outputs[k] = reshaped;
    Some(())
}

/// The tensor outside of the edge of `inner`, in type `wanted`, and what converts between them.
fn convert(inner: &Tensor, wanted: DType, inwards: bool) -> Result<(Tensor, QOp)> {
    let refuse = || {
        let reason = format!("is {}; {wanted} cannot be converted to it and back", inner.dtype);
        unsupported(inner, reason)
    };
    let Some((scale, zero_point)) =
        inner.quantization.as_ref().and_then(|q| match (&q.scales[..], &q.zero_points[..]) {
            (&[scale], &[zero_point]) => Some((scale, zero_point as i32)),
            _ => None,
        })
    else {
        return Err(refuse());
    };
    let unsigned = inner.dtype == DType::U8;
    if !matches!(inner.dtype, DType::I8 | DType::U8) {
        return Err(refuse());
    }
    if wanted == DType::F32 {
        let op: QOp = if inwards {
            Quantize::new(scale, zero_point, unsigned).into()
        } else {
            Dequantize::new(scale, zero_point, unsigned).into()
        };
        return Ok((Tensor { dtype: wanted, quantization: None, ..inner.clone() }, op));
    }
    // The same scale, and a zero point that is 128 further: the same values, exactly.
    let moved = match (inner.dtype, wanted) {
        (DType::I8, DType::U8) => zero_point + 128,
        (DType::U8, DType::I8) => zero_point - 128,
        _ => return Err(refuse()),
    };
    let quantization = Some(Quantization { scales: vec![scale], zero_points: vec![moved.into()], axis: 0 });
    let outer = Tensor { dtype: wanted, quantization, ..inner.clone() };
    let (from, to) = if inwards { (moved, zero_point) } else { (zero_point, moved) };
    Ok((outer, Unary::shifted(from, to, unsigned == inwards).into()))
}

fn insert(graph: &mut QGraph, at: usize, op_name: &'static str, op: QOp, from: TensorId, to: TensorId) {
    let index = graph.nodes.iter().map(|n| n.index + 1).max().unwrap_or(0);
    let name = graph.tensors[to].name.clone();
    graph.nodes.insert(at, QNode { index, op_name, name, op, inputs: vec![from], outputs: vec![to] });
}

/// Dimension `i` of the new order is dimension `order[i]` of the old one.
fn order(rank: usize, position: ChannelPosition) -> Vec<usize> {
    match position {
        ChannelPosition::Unchanged => (0..rank).collect(),
        ChannelPosition::First => [0, rank - 1].into_iter().chain(1..rank - 1).collect(),
        ChannelPosition::Last => [0].into_iter().chain(2..rank).chain([1]).collect(),
    }
}

fn permuted(shape: &[usize], order: &[usize]) -> Vec<usize> {
    order.iter().map(|&d| shape[d]).collect()
}

fn set_input_channels(graph: &mut QGraph, k: usize, position: ChannelPosition) -> Result<()> {
    let inner = graph.inputs[k];
    let shape = graph.tensors[inner].shape.clone();
    if position == ChannelPosition::Unchanged || shape.len() < 3 {
        return Ok(());
    }
    let order = order(shape.len(), position);
    let outer_shape = permuted(&shape, &order);
    // The model's own transpose of its input does the opposite: both are taken out.
    let undo = readers(graph, inner);
    let cancels = |&n: &usize| {
        let node = &graph.nodes[n];
        graph.tensors[node.outputs[0]].shape == outer_shape
            && matches!(&node.op, QOp::Transpose(t) if t.is_permutation(&order))
    };
    if !undo.is_empty() && undo.iter().all(cancels) && !graph.outputs.contains(&inner) {
        let results: Vec<TensorId> = undo.iter().map(|&n| graph.nodes[n].outputs[0]).collect();
        results.into_iter().for_each(|result| replace_reads(graph, result, inner));
        graph.nodes = graph.nodes.drain(..).enumerate().filter(|(n, _)| !undo.contains(n)).map(|(_, n)| n).collect();
        graph.tensors[inner].shape = outer_shape;
        return Ok(());
    }
    let back: Vec<usize> = (0..shape.len()).map(|d| order.iter().position(|&o| o == d).unwrap_or(d)).collect();
    let outer = Tensor { shape: outer_shape, ..graph.tensors[inner].clone() };
    let op = transpose(&outer, &back)?;
    warn(graph, "input", &outer, position);
    graph.tensors.push(outer);
    let outer = graph.tensors.len() - 1;
    graph.inputs[k] = outer;
    insert(graph, 0, "TRANSPOSE", op, outer, inner);
    Ok(())
}

fn set_output_channels(graph: &mut QGraph, k: usize, position: ChannelPosition) -> Result<()> {
    let inner = graph.outputs[k];
    let shape = graph.tensors[inner].shape.clone();
    if position == ChannelPosition::Unchanged || shape.len() < 3 {
        return Ok(());
    }
    let order = order(shape.len(), position);
    let outer_shape = permuted(&shape, &order);
    let back: Vec<usize> = (0..shape.len()).map(|d| order.iter().position(|&o| o == d).unwrap_or(d)).collect();
    let undo = graph.nodes.iter().position(|node| node.outputs.contains(&inner));
    if let Some(n) = undo
        && let QOp::Transpose(t) = &graph.nodes[n].op
        && t.is_permutation(&back)
        && readers(graph, inner).is_empty()
    {
        let source = graph.nodes[n].inputs[0];
        if !graph.inputs.contains(&source) && !graph.outputs.contains(&source) && graph.tensors[source].data.is_none() {
            graph.tensors[source].name = graph.tensors[inner].name.clone();
            graph.nodes.remove(n);
            graph.outputs[k] = source;
            return Ok(());
        }
    }
    let outer = Tensor { shape: outer_shape, ..graph.tensors[inner].clone() };
    let op = transpose(&graph.tensors[inner], &order)?;
    warn(graph, "output", &outer, position);
    graph.tensors.push(outer);
    let outer = graph.tensors.len() - 1;
    graph.outputs[k] = outer;
    insert(graph, graph.nodes.len(), "TRANSPOSE", op, inner, outer);
    Ok(())
}

fn transpose(from: &Tensor, permutation: &[usize]) -> Result<QOp> {
    let made = Transpose::new(from.dtype.size(), &from.shape, permutation);
    let rank = from.shape.len();
    Ok(made.ok_or_else(|| unsupported(from, format!("has {rank} dimensions; up to 6 are accepted")))?.into())
}

fn warn(graph: &mut QGraph, what: &str, tensor: &Tensor, position: ChannelPosition) {
    graph.warnings.push(format!(
        "{what} {:?} is turned on the board to have its channels {position}: {} bytes are copied",
        tensor.name,
        tensor.bytes()
    ));
}
