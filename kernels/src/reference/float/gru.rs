//! Gated recurrent unit, with the usual activations: logistic for the gates, tanh for the candidate. Refuses clipping.

use super::lstm::{dot, start_from};
use crate::float::single::{logistic, tanh};
use crate::params::Recurrent;

/// Elements of scratch for [`gru`]: the hidden state of one batch, its gates, and a reset state.
#[must_use]
pub const fn gru_scratch(p: &Recurrent) -> usize {
    4 * p.hidden
}

/// Runs the sequence (`GRU`). Gates are in ONNX's order: update, reset, hidden.
///
/// `weights` is `[3 * hidden, input_depth]`, `recurrence` `[3 * hidden, hidden]`; `bias` has `6 * hidden` elements, the
/// input's and then the recurrence's as in the model, or none. `initial_hidden` is `[batches, hidden]` or empty, which
/// means zeros.
#[expect(clippy::too_many_arguments, reason = "the operator has as many")]
pub fn gru(
    p: &Recurrent,
    input: &[f32],
    weights: &[f32],
    recurrence: &[f32],
    bias: &[f32],
    initial_hidden: &[f32],
    scratch: &mut [f32],
    output: &mut [f32],
) {
    let n = p.hidden;
    let (hidden, rest) = scratch.split_at_mut(n);
    let (gates, rest) = rest.split_at_mut(2 * n);
    let reset = &mut rest[..n];
    let input_bias = |gate: usize| if bias.is_empty() { 0.0 } else { bias[gate] };
    let state_bias = |gate: usize| if bias.is_empty() { 0.0 } else { bias[3 * n + gate] };
    for batch in 0..p.batches {
        start_from(initial_hidden, batch, hidden);
        for step in 0..p.steps {
            let step = if p.reverse { p.steps - 1 - step } else { step };
            let x = &input[(step * p.batches + batch) * p.input_depth..][..p.input_depth];
            for gate in 0..2 * n {
                let sum = dot(0.0, x, &weights[gate * p.input_depth..]);
                let sum = dot(sum, hidden, &recurrence[gate * n..]);
                gates[gate] = logistic(sum + input_bias(gate) + state_bias(gate));
            }
            let (update, reset_gate) = gates.split_at(n);
            for i in 0..n {
                reset[i] = reset_gate[i] * hidden[i];
            }
            let out = ((step * p.directions + p.direction) * p.batches + batch) * n;
            for i in 0..n {
                let row = &recurrence[(2 * n + i) * n..];
                let from_state = if p.linear_before_reset {
                    reset_gate[i] * (dot(0.0, hidden, row) + state_bias(2 * n + i))
                } else {
                    dot(0.0, reset, row) + state_bias(2 * n + i)
                };
                let from_input = dot(0.0, x, &weights[(2 * n + i) * p.input_depth..]) + input_bias(2 * n + i);
                let candidate = tanh(from_input + from_state);
                output[out + i] = (1.0 - update[i]) * candidate + update[i] * hidden[i];
            }
            // The old state is read until the last of the new one is known.
            hidden.copy_from_slice(&output[out..out + n]);
        }
    }
}
