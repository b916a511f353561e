//! Padding of height and width becomes the padding of the windows that read it, where both stand for the same values.

use super::Passed;
use crate::ops::QOp;

/// Runs the pass.
pub(super) fn fold(passed: &mut Passed) {
    let mut place = 0;
    while place < passed.graph.nodes.len() {
        match windows(passed, place) {
            Some(windows) => {
                passed.say("padding", place, "is that of the windows behind it");
                let input = passed.graph.nodes[place].inputs[0];
                for (reader, op) in windows {
                    passed.graph.nodes[reader].op = op;
                    passed.graph.nodes[reader].inputs = vec![input];
                }
                passed.graph.nodes.remove(place);
            }
            None => place += 1,
        }
    }
}

/// The readers of a padded tensor with the padding in their windows, if each of them can have it.
fn windows(passed: &Passed, place: usize) -> Option<Vec<(usize, QOp)>> {
    let (graph, node) = (&passed.graph, &passed.graph.nodes[place]);
    let QOp::Pad(pad) = &node.op else { return None };
    let (border, output) = (pad.border()?, node.outputs[0]);
    if graph.exits().any(|t| t == output) {
        return None;
    }
    let readers = (0..graph.nodes.len()).filter(|&n| graph.nodes[n].inputs.contains(&output));
    let windows: Option<Vec<(usize, QOp)>> =
        readers.map(|n| Some((n, graph.nodes[n].op.computation().bordered(&border)?))).collect();
    windows.filter(|windows| !windows.is_empty())
}
