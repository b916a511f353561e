//! Long short-term memory, with the usual activations: logistic for the gates, tanh for cell and output. Refuses
//! peepholes, clipping and coupled gates.

use crate::float::single::{logistic, tanh};
use crate::params::Recurrent;

/// Elements of scratch for [`lstm`]: the cells of every batch, the hidden state of one, and four gates of one.
#[must_use]
pub const fn lstm_scratch(p: &Recurrent) -> usize {
    p.batches * p.hidden + p.hidden + 4 * p.hidden
}

/// Runs the sequence (`LSTM`). Gates are in ONNX's order: input, output, forget, cell.
///
/// `weights` is `[4 * hidden, input_depth]`, `recurrence` `[4 * hidden, hidden]`; `bias` has `4 * hidden` elements, the sums
/// of both of the model's, or none. `initial_hidden` and `initial_cell` are `[batches, hidden]` or empty, which means
/// zeros. Each gate is the sum of the input's products, then the state's, then the bias. Afterwards the first
/// `batches * hidden` elements of `scratch` are the last cells.
#[expect(clippy::too_many_arguments, reason = "the operator has as many")]
pub fn lstm(
    p: &Recurrent,
    input: &[f32],
    weights: &[f32],
    recurrence: &[f32],
    bias: &[f32],
    initial_hidden: &[f32],
    initial_cell: &[f32],
    scratch: &mut [f32],
    output: &mut [f32],
) {
    let (cells, rest) = scratch.split_at_mut(p.batches * p.hidden);
    let (hidden, rest) = rest.split_at_mut(p.hidden);
    let gates = &mut rest[..4 * p.hidden];
    for batch in 0..p.batches {
        let cell = &mut cells[batch * p.hidden..(batch + 1) * p.hidden];
        start_from(initial_cell, batch, cell);
        start_from(initial_hidden, batch, hidden);
        for step in 0..p.steps {
            let step = if p.reverse { p.steps - 1 - step } else { step };
            let x = &input[(step * p.batches + batch) * p.input_depth..][..p.input_depth];
            for gate in 0..4 * p.hidden {
                let mut sum = dot(0.0, x, &weights[gate * p.input_depth..]);
                sum = dot(sum, hidden, &recurrence[gate * p.hidden..]);
                gates[gate] = if bias.is_empty() { sum } else { sum + bias[gate] };
            }
            let out = ((step * p.directions + p.direction) * p.batches + batch) * p.hidden;
            for i in 0..p.hidden {
                let [input_gate, output_gate, forget_gate, candidate] =
                    core::array::from_fn(|gate| gates[gate * p.hidden + i]);
                cell[i] = logistic(forget_gate) * cell[i] + logistic(input_gate) * tanh(candidate);
                hidden[i] = logistic(output_gate) * tanh(cell[i]);
                output[out + i] = hidden[i];
            }
        }
    }
}

/// A state before the first step: what the model gives, or zeros.
pub(super) fn start_from(initial: &[f32], batch: usize, state: &mut [f32]) {
    for i in 0..state.len() {
        state[i] = if initial.is_empty() { 0.0 } else { initial[batch * state.len() + i] };
    }
}

/// `sum` plus the products of `x` with the first elements of `weights`.
pub(super) fn dot(mut sum: f32, x: &[f32], weights: &[f32]) -> f32 {
    for i in 0..x.len() {
        sum += x[i] * weights[i];
    }
    sum
}
