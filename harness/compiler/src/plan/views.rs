//! Buffers that are parts of others: the operands of a concatenation lie where its output has them, and a contiguous
//! slice is a part of its input. The steps that would copy them are left out. Knows copies; knows no other step.

use hilbench_kernels::params::StridedCopy;

use super::{Buffer, PlanNode};
use crate::lower::{BufferId, Call, Operand, Step};

/// Makes a part of every buffer whose copy can be spared without a larger arena, as `size` tells it.
/// Buffers that are `fixed` stay by themselves.
pub(super) fn link(
    buffers: &mut [Buffer],
    nodes: &mut [PlanNode],
    fixed: &[BufferId],
    size: impl Fn(&mut [Buffer], &[PlanNode]) -> usize,
) {
    let mut smallest = size(buffers, nodes);
    for n in 0..nodes.len() {
        let mut s = 0;
        while s < nodes[n].steps.len() {
            let part = part_of(&nodes[n].steps[s], buffers)
                .filter(|(part, whole, _)| !fixed.contains(part) && !fixed.contains(whole));
            let Some((part, whole, offset)) = part.filter(|_| only_copies_write(nodes[n].steps[s].output, nodes))
            else {
                s += 1;
                continue;
            };
            let (step, cut) = (nodes[n].steps.remove(s), nodes[n].cuts.remove(s));
            buffers[part].within = Some((whole, offset));
            let bytes = size(buffers, nodes);
            if bytes <= smallest && nodes.iter().flat_map(|node| &node.steps).all(|step| is_apart(step, buffers)) {
                smallest = bytes;
            } else {
                buffers[part].within = None;
                nodes[n].steps.insert(s, step);
                nodes[n].cuts.insert(s, cut);
                s += 1;
            }
        }
    }
    size(buffers, nodes);
}

/// The buffer that has a place of its own and holds `buffer`, and where.
pub(super) fn root(buffers: &[Buffer], buffer: BufferId) -> (BufferId, usize) {
    match buffers[buffer].within {
        Some((whole, offset)) => {
            let (root, start) = root(buffers, whole);
            (root, start + offset)
        }
        None => (buffer, 0),
    }
}

/// What a copy says of two buffers: that one is a part of the other from a byte on.
fn part_of(step: &Step, buffers: &[Buffer]) -> Option<(BufferId, BufferId, usize)> {
    let (copy, element) = match &step.call {
        Call::Copy8(copy) => (copy, 1),
        Call::Copy32(copy) => (copy, 4),
        _ => return None,
    };
    let [Operand::Buffer(from)] = step.operands[..] else { return None };
    let (to, bytes) = (step.output, run(copy)? * element);
    if root(buffers, from).0 == root(buffers, to).0 || bytes == 0 {
        return None;
    }
    let (start, end) = (copy.input_start * element, copy.output_start * element);
    if start == 0 && bytes == buffers[from].bytes && buffers[from].within.is_none() {
        Some((from, to, end))
    } else if end == 0 && bytes == buffers[to].bytes && buffers[to].within.is_none() {
        Some((to, from, start))
    } else {
        None
    }
}

/// Whether copies alone write a buffer: they never write the same bytes, but whoever fills it first would overwrite parts.
fn only_copies_write(buffer: BufferId, nodes: &[PlanNode]) -> bool {
    let mut writers = nodes.iter().flat_map(|node| &node.steps).filter(|step| step.output == buffer);
    writers.all(|step| matches!(step.call, Call::Copy8(_) | Call::Copy32(_)))
}

/// The elements of a copy, if they lie side by side on both sides.
fn run(copy: &StridedCopy) -> Option<usize> {
    let mut elements = 1;
    for i in (0..copy.dims.len()).rev().filter(|&i| copy.dims[i] != 1) {
        let stride = isize::try_from(elements).ok()?;
        if copy.input_strides[i] != stride || copy.output_strides[i] != stride {
            return None;
        }
        elements *= copy.dims[i];
    }
    Some(elements)
}

/// Whether a step writes nothing that it reads.
fn is_apart(step: &Step, buffers: &[Buffer]) -> bool {
    let range = |b: BufferId| {
        let (root, start) = root(buffers, b);
        (root, start, start + buffers[b].bytes)
    };
    let output = range(step.output);
    step.operands.iter().all(|operand| match *operand {
        Operand::Buffer(b) => {
            let input = range(b);
            input.0 != output.0 || input.2 <= output.1 || output.2 <= input.1
        }
        Operand::Constant(_) => true,
    })
}
