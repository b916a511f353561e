//! Removes channels that are one constant for any input, and channels that nobody reads.
//!
//! Bounds of every channel are propagated from the inputs. Then what the outputs need is followed back to the inputs: a
//! layer of weighted sums needs a channel only if it has a weight on it and the channel varies, or if it is a constant
//! that adds different amounts at the border, where padding (which is the zero point) stands in for it. What is
//! constant otherwise goes into the bias. Rewrites nodes; knows no operator, which is what [`Flow`] is for.

use super::{Passed, keep_bytes};
use crate::graph::{Tensor, TensorId};
use crate::ops::QOp;
use crate::ops::channels::{Bounds, Cut, Flow, Pair, Site, bounds_of_type, bounds_of_value, channels, lowest};
use crate::qgraph::{QGraph, QNode};
use crate::value::Value;

/// Runs the pass.
pub(super) fn remove(passed: &mut Passed) {
    let bounds = bounds(&passed.graph);
    let flows: Vec<Flow> =
        passed.graph.nodes.iter().map(|node| node.op.computation().flow(&site(&passed.graph, node, &bounds))).collect();
    let needed = needed(&passed.graph, &flows);
    let kept: Vec<Vec<usize>> =
        needed.iter().map(|needed| (0..needed.len()).filter(|&c| needed[c]).collect()).collect();
    rewrite(passed, &bounds, &kept);
}

fn site<'a>(graph: &'a QGraph, node: &QNode, bounds: &'a [Vec<Bounds>]) -> Site<'a> {
    Site {
        inputs: node.inputs.iter().map(|&t| &graph.tensors[t]).collect(),
        outputs: node.outputs.iter().map(|&t| &graph.tensors[t]).collect(),
        bounds: node.inputs.iter().map(|&t| &bounds[t][..]).collect(),
    }
}

/// Bounds of every channel of every tensor.
fn bounds(graph: &QGraph) -> Vec<Vec<Bounds>> {
    let of_type = |tensor: &Tensor| vec![bounds_of_type(tensor.dtype); channels(tensor)];
    let mut bounds: Vec<Vec<Bounds>> = graph
        .tensors
        .iter()
        .map(|t| t.data.as_deref().map_or_else(|| of_type(t), |data| bounds_of_value(t, &Value::from_bytes(data))))
        .collect();
    for node in &graph.nodes {
        if let Some(found) = node.op.computation().bounds(&site(graph, node, &bounds)) {
            for (&t, found) in node.outputs.iter().zip(found) {
                // An operator may take a tensor for one of another shape; then its channels are not the tensor's.
                if found.len() == channels(&graph.tensors[t]) {
                    bounds[t] = found;
                }
            }
        }
    }
    bounds
}

/// Which channels of every tensor must be there, so that the outputs are.
fn needed(graph: &QGraph, flows: &[Flow]) -> Vec<Vec<bool>> {
    // Constants that became parameters are no concern of this pass: they stay as they are.
    let mut needed: Vec<Vec<bool>> = graph.tensors.iter().map(|t| vec![true; channels(t)]).collect();
    let at_run_time = graph.nodes.iter().flat_map(|node| node.inputs.iter().chain(&node.outputs));
    at_run_time.for_each(|&t| needed[t].fill(false));
    graph.entries().chain(graph.exits()).for_each(|t| needed[t].fill(true));
    // Needs only ever grow, so this ends; backwards, it mostly ends at once.
    loop {
        let before = count(&needed);
        for (node, flow) in graph.nodes.iter().zip(flows).rev() {
            match flow {
                Flow::Whole => node.inputs.iter().chain(&node.outputs).for_each(|&t| needed[t].fill(true)),
                Flow::Paired(pairs) => pairs.iter().for_each(|pair| follow(pair, node, &mut needed)),
                Flow::Mixed(rows) => {
                    let read = |c: usize| rows.iter().zip(&needed[node.outputs[0]]).any(|(row, &o)| o && row[c]);
                    let read: Vec<usize> = (0..needed[node.inputs[0]].len()).filter(|&c| read(c)).collect();
                    read.into_iter().for_each(|c| needed[node.inputs[0]][c] = true);
                }
            }
        }
        if count(&needed) == before {
            return needed;
        }
    }
}

fn count(needed: &[Vec<bool>]) -> usize {
    needed.iter().flatten().filter(|&&n| n).count()
}

/// Makes one end of a pair needed because the other is.
fn follow(pair: &Pair, node: &QNode, needed: &mut [Vec<bool>]) {
    let (from, to) = (node.inputs[pair.input], node.outputs[pair.output]);
    needed[from][pair.from] |= needed[to][pair.to];
    needed[to][pair.to] |= pair.both_ways && needed[from][pair.from];
}

/// Makes the network that computes the channels `kept` alone.
fn rewrite(passed: &mut Passed, bounds: &[Vec<Bounds>], kept: &[Vec<usize>]) {
    let whole = std::mem::take(&mut passed.graph.nodes);
    let is_cut: Vec<bool> =
        passed.graph.tensors.iter().zip(kept).map(|(tensor, kept)| kept.len() < channels(tensor)).collect();
    for mut node in whole {
        if node.outputs.iter().all(|&t| kept[t].is_empty()) {
            passed.log.push(format!("{}: removed, all of it is constant or not read", describe(&node)));
            continue;
        }
        if !node.inputs.iter().chain(&node.outputs).any(|&t| is_cut[t]) {
            passed.graph.nodes.push(node);
            continue;
        }
        let site = site(&passed.graph, &node, bounds);
        if node.inputs.iter().all(|&t| kept[t].is_empty()) {
            passed.log.push(format!("{}: constant", describe(&node)));
            for (t, value) in node.outputs.iter().zip(constant_outputs(&node, &site)) {
                passed.graph.tensors[*t].data = Some(value.as_bytes().to_vec());
            }
            continue;
        }
        let left = |tensors: &[TensorId]| -> Vec<&[usize]> { tensors.iter().map(|&t| &kept[t][..]).collect() };
        let cut = Cut { inputs: left(&node.inputs), outputs: left(&node.outputs) };
        if let Some(op) = node.op.computation().narrowed(&site, &cut) {
            passed.log.push(report(&node, &op, &site, &cut));
            node.op = op;
        }
        node.inputs.retain(|&t| !kept[t].is_empty());
        node.outputs.retain(|&t| !kept[t].is_empty());
        passed.graph.nodes.push(node);
    }
    for t in (0..kept.len()).filter(|&t| is_cut[t]) {
        narrow(&mut passed.graph.tensors[t], &kept[t]);
        passed.kept[t] = Some(kept[t].clone());
    }
}

/// What a node answers of whose inputs it needs nothing: the same to any, so to the lowest too.
fn constant_outputs(node: &QNode, site: &Site<'_>) -> Vec<Value> {
    let inputs: Vec<Value> =
        site.inputs.iter().zip(&site.bounds).map(|(tensor, bounds)| lowest(tensor, bounds)).collect();
    let mut outputs: Vec<Value> = site.outputs.iter().map(|t| Value::zeros(t.bytes())).collect();
    node.op.computation().reference(&inputs.iter().collect::<Vec<_>>(), &mut outputs);
    outputs
}

fn narrow(tensor: &mut Tensor, kept: &[usize]) {
    let (size, channels) = (tensor.dtype.size(), channels(tensor));
    if let Some(data) = &mut tensor.data {
        *data = keep_bytes(data, size * channels, size, kept);
    }
    if let Some(last) = tensor.shape.last_mut() {
        *last = kept.len();
    }
}

fn describe(node: &QNode) -> String {
    format!("channels: {} #{} {:?}", node.op_name, node.index, node.name)
}

fn report(node: &QNode, op: &QOp, site: &Site<'_>, cut: &Cut<'_>) -> String {
    let channels_of = |tensors: &[&Tensor], left: &[&[usize]]| -> String {
        let of = |(tensor, left): (&&Tensor, &&[usize])| format!("{} of {}", left.len(), channels(tensor));
        tensors.iter().zip(left).map(of).collect::<Vec<_>>().join(" and ")
    };
    let (before, after) = (node.op.computation(), op.computation());
    format!(
        "{}: reads {} channels, writes {}; {} multiply-accumulates and {} bytes of constants less",
        describe(node),
        channels_of(&site.inputs, &cut.inputs),
        channels_of(&site.outputs, &cut.outputs),
        before.macs().saturating_sub(after.macs()),
        before.constant_bytes().saturating_sub(after.constant_bytes()),
    )
}
