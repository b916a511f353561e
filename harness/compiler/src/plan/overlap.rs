//! How far the output of a step may reach into an input that nobody reads after it. Knows what the bands of a call read
//! and write; knows no kernel: a band's slices never overlap, so any kernel computes it.

use super::{Buffer, Cut, PlanNode};
use crate::lower::{BufferId, Operand, Step, element_bytes};

/// An output and an input of one step, of which the one may reach into the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The lower one: the output of a step that runs from its first band on, the input of one that runs from its last.
    pub lower: BufferId,
    /// The upper one.
    pub upper: BufferId,
    /// The lower one begins at least so many bytes below the upper one, or behind its end. Negative: it may begin as far
    /// above.
    pub distance: isize,
}

impl Overlap {
    /// Whether it is between these two.
    #[must_use]
    pub fn is_of(&self, a: BufferId, b: BufferId) -> bool {
        (self.lower, self.upper) == (a, b) || (self.lower, self.upper) == (b, a)
    }
}

/// Every [`Overlap`] that the cuts of `nodes` allow. The lives of `buffers` are set.
pub(super) fn overlaps(buffers: &[Buffer], nodes: &[PlanNode]) -> Vec<Overlap> {
    let mut overlaps = Vec::new();
    let steps = nodes.iter().flat_map(|node| node.steps.iter().zip(&node.cuts));
    for (moment, (step, &cut)) in (1..).zip(steps) {
        let Some(cut) = cut else { continue };
        let output = step.output;
        let mut inputs: Vec<BufferId> = step.operands.iter().filter_map(buffer).collect();
        inputs.sort_unstable();
        inputs.dedup();
        for input in inputs {
            let apart = input != output && step.scratch != Some(input) && step.scratch != Some(output);
            let (dies, born) = (buffers[input].life.1 == moment, buffers[output].life.0 == moment);
            if !(apart && dies && born && is_alone(input, buffers) && is_alone(output, buffers)) {
                continue;
            }
            let Some(distance) = distance(step, buffers, input, cut) else { continue };
            let (lower, upper) = if cut.from_last { (input, output) } else { (output, input) };
            if distance < buffers[lower].bytes as isize {
                overlaps.push(Overlap { lower, upper, distance });
            }
        }
    }
    overlaps
}

/// Whether a buffer is no part of another, and none is a part of it.
fn is_alone(buffer: BufferId, buffers: &[Buffer]) -> bool {
    let is_whole = buffers.iter().any(|b| b.within.is_some_and(|(whole, _)| whole == buffer));
    buffers[buffer].within.is_none() && !is_whole
}

fn buffer(operand: &Operand) -> Option<BufferId> {
    match *operand {
        Operand::Buffer(b) => Some(b),
        Operand::Constant(_) => None,
    }
}

/// The least distance in bytes between the beginnings of `step`'s output and of `input`, of which the one below is the
/// output when the step runs from its first band on, and the input when it runs from its last: no band's output reaches
/// what this band or a later one reads. `None` if the step cannot be cut.
///
/// With what a band writes and reads counted from the beginnings of the buffers, `output + end of writing <= input + start
/// of reading` has to hold for every band, and reading never starts lower from band to band; the other way round,
/// `input + end of reading <= output + start of writing`, and reading never ends higher.
#[must_use]
pub fn distance(step: &Step, buffers: &[Buffer], input: BufferId, cut: Cut) -> Option<isize> {
    let mut distance = None;
    for (first, rows) in bands(step, buffers, cut) {
        let band = step.call.band(first, rows)?;
        for (i, _) in step.operands.iter().enumerate().filter(|(_, operand)| buffer(operand) == Some(input)) {
            let read = band.inputs.get(i).cloned().unwrap_or(0..buffers[input].bytes);
            let (end, start) =
                if cut.from_last { (read.end, band.output.start) } else { (band.output.end, read.start) };
            distance = distance.max(Some(end as isize - start as isize));
        }
    }
    distance
}

/// Rows that a step can be cut between.
#[must_use]
pub fn rows_of(step: &Step, buffers: &[Buffer]) -> usize {
    step.call.rows(buffers[step.output].bytes / element_bytes(step.call.signature().output))
}

/// The bands of a step in the order they run in: first row and number of rows of each.
#[must_use]
pub fn bands(step: &Step, buffers: &[Buffer], cut: Cut) -> Vec<(usize, usize)> {
    let all = rows_of(step, buffers);
    let mut bands: Vec<_> =
        (0..all).step_by(cut.rows.get()).map(|first| (first, cut.rows.get().min(all - first))).collect();
    if cut.from_last {
        bands.reverse();
    }
    bands
}
