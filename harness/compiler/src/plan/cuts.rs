//! Decides which steps are cut into bands, and how finely: as coarsely as the arena that is wanted allows. Knows lives, bytes
//! and rows; a band costs a call, and rows that two bands read are prepared twice.

use std::num::NonZeroUsize;

use super::{Buffer, Cut, Optimize, PlanNode, arena, overlap};

/// Percent of the smallest arena that a balanced one may take more, for fewer bands.
const BALANCED: usize = 5;

/// Sets the cuts of all steps.
pub(super) fn choose(buffers: &[Buffer], nodes: &mut [PlanNode], optimize: Optimize) {
    let slack = match optimize {
        Optimize::Time => return,
        Optimize::Balanced => BALANCED,
        Optimize::Ram => 0,
    };
    let places: Vec<(usize, usize)> =
        nodes.iter().enumerate().flat_map(|(n, node)| (0..node.steps.len()).map(move |s| (n, s))).collect();
    let whole = size(buffers, nodes);
    for &(n, s) in &places {
        nodes[n].cuts[s] = coarsest_first(&nodes[n], s, buffers).last().map(|&rows| Cut { rows, from_last: false });
    }
    let smallest = turn(buffers, nodes, &places);
    let enough = (smallest + smallest * slack / 100).min(whole);
    for (n, s) in places {
        let Some(finest) = nodes[n].cuts[s] else { continue };
        let coarser = coarsest_first(&nodes[n], s, buffers).into_iter().map(|rows| Some(Cut { rows, ..finest }));
        for cut in std::iter::once(None).chain(coarser) {
            nodes[n].cuts[s] = cut;
            if cut == Some(finest) || size(buffers, nodes) <= enough {
                break;
            }
        }
    }
}

/// Lets steps run from their last band where that makes the arena smaller: outputs that all lie below their inputs
/// would lead down and down. Answers the arena's size.
fn turn(buffers: &[Buffer], nodes: &mut [PlanNode], places: &[(usize, usize)]) -> usize {
    let mut smallest = size(buffers, nodes);
    let flip = |cut: &mut Option<Cut>| {
        if let Some(cut) = cut {
            cut.from_last = !cut.from_last;
        }
    };
    // Every other one, whichever of the two kinds is the first.
    for odd in [1, 0] {
        let turned = places.iter().filter(|&&(n, s)| nodes[n].cuts[s].is_some()).skip(odd).step_by(2);
        let turned: Vec<(usize, usize)> = turned.copied().collect();
        turned.iter().for_each(|&(n, s)| flip(&mut nodes[n].cuts[s]));
        let turned_size = size(buffers, nodes);
        if turned_size < smallest {
            smallest = turned_size;
            break;
        }
        turned.iter().for_each(|&(n, s)| flip(&mut nodes[n].cuts[s]));
    }
    for &(n, s) in places.iter() {
        if nodes[n].cuts[s].is_none() {
            continue;
        }
        flip(&mut nodes[n].cuts[s]);
        let turned = size(buffers, nodes);
        if turned < smallest {
            smallest = turned;
        } else {
            flip(&mut nodes[n].cuts[s]);
        }
    }
    smallest
}

/// The rows a band may have, the most first.
fn coarsest_first(node: &PlanNode, step: usize, buffers: &[Buffer]) -> Vec<NonZeroUsize> {
    let rows = overlap::rows_of(&node.steps[step], buffers);
    let mut cuts: Vec<NonZeroUsize> = BANDS
        .into_iter()
        .map(|bands| bands.min(rows))
        .filter(|&bands| bands > 1)
        .filter_map(|bands| NonZeroUsize::new(rows.div_ceil(bands)))
        .collect();
    cuts.dedup();
    cuts
}

/// How many bands are tried.
const BANDS: [usize; 12] = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96];

fn size(buffers: &[Buffer], nodes: &[PlanNode]) -> usize {
    let overlaps = overlap::overlaps(buffers, nodes);
    arena::first_fits(buffers, &overlaps).0
}
