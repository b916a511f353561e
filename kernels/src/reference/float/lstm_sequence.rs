//! Long short-term memory with a state that the caller keeps (`UNIDIRECTIONAL_SEQUENCE_LSTM`). Refuses peepholes,
//! projections and normalized layers.

use super::lstm::dot;
use crate::float::single::{logistic, tanh};
use crate::params::LstmSequence;

/// Elements of scratch: four gates and the cells of one sequence.
#[must_use]
pub const fn lstm_sequence_scratch(p: &LstmSequence) -> usize {
    5 * p.hidden
}

/// Runs the sequences. Operands and output are laid out as for
/// [`lstm_i16`](crate::reference::int16::lstm_i16): gates in the order input, forget, cell, output; the output takes the
/// hidden states of every step and then the final cells. Each gate starts from its bias, and takes the input's products,
/// then the state's.
#[expect(clippy::too_many_arguments, reason = "the operator has as many")]
pub fn lstm_sequence(
    p: &LstmSequence,
    input: &[f32],
    hidden: &[f32],
    cell: &[f32],
    weights: &[f32],
    recurrence: &[f32],
    bias: &[f32],
    scratch: &mut [f32],
    output: &mut [f32],
) {
    let n = p.hidden;
    let (sequence, final_cells) = output.split_at_mut(p.batches * p.steps * n);
    let (gates, rest) = scratch.split_at_mut(4 * n);
    let cells = &mut rest[..n];
    let place =
        |batch: usize, step: usize| if p.time_major { step * p.batches + batch } else { batch * p.steps + step };
    for batch in 0..p.batches {
        cells.copy_from_slice(&cell[batch * n..(batch + 1) * n]);
        for step in 0..p.steps {
            let at = place(batch, step);
            let x = &input[at * p.input_depth..(at + 1) * p.input_depth];
            for row in 0..4 * n {
                let from = if step == 0 { &hidden[batch * n..] } else { &sequence[place(batch, step - 1) * n..] };
                let start = if bias.is_empty() { 0.0 } else { bias[row] };
                let sum = dot(start, x, &weights[row * p.input_depth..]);
                gates[row] = dot(sum, &from[..n], &recurrence[row * n..]);
            }
            for i in 0..n {
                let [input_gate, forget, candidate, output_gate] = core::array::from_fn(|gate| gates[gate * n + i]);
                let next = logistic(forget) * cells[i] + logistic(input_gate) * tanh(candidate);
                cells[i] = p.cell_clip.apply(next);
                sequence[at * n + i] = logistic(output_gate) * tanh(cells[i]);
            }
        }
        final_cells[batch * n..(batch + 1) * n].copy_from_slice(cells);
    }
}
