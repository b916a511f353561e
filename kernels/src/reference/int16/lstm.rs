//! Long short-term memory with int16 gates and cells, as TFLite Micro of September 2026 (0.dev20260925) computes it.
//! Refuses peepholes, projections and normalized layers.

use super::saturate;
use super::sigmoidal::{logistic, tanh};
use crate::params::{LstmGate, LstmInteger, Sigmoidal16};
use crate::requant::{clamp, requantize, requantize_wide};

/// Steps of a table by inputs of 2^-12.
const TWELVE_BITS: Sigmoidal16 = Sigmoidal16 { multiplier: 3, right_shift: 0 };

/// Elements of scratch: four gates and the state of one sequence, and the function of its cells.
#[must_use]
pub const fn lstm_scratch(p: &LstmInteger) -> usize {
    6 * p.hidden
}

/// Sums of a layer of products for one element: `(products with x, products with the hidden state)`, rescaled.
trait Activations: Copy {
    type Bias: Copy;
    fn product(
        x: &[Self],
        zero_point: i32,
        weights: &[i8],
        bias: Option<Self::Bias>,
        gate: &LstmGate,
        of_state: bool,
    ) -> i32;
    fn number(x: i32) -> Self;
    const LOWEST: i32;
    const HIGHEST: i32;
}

impl Activations for i8 {
    type Bias = i32;
    fn product(x: &[i8], zero_point: i32, weights: &[i8], bias: Option<i32>, gate: &LstmGate, of_state: bool) -> i32 {
        let mut sum = 0_i32;
        for i in 0..x.len() {
            sum = sum.wrapping_add((i32::from(x[i]) - zero_point) * i32::from(weights[i]));
        }
        requantize(sum.wrapping_add(bias.unwrap_or(0)), if of_state { gate.state } else { gate.input })
    }
    fn number(x: i32) -> i8 {
        x as i8
    }
    const LOWEST: i32 = -128;
    const HIGHEST: i32 = 127;
}

impl Activations for i16 {
    type Bias = i64;
    fn product(x: &[i16], _zero_point: i32, weights: &[i8], bias: Option<i64>, gate: &LstmGate, of_state: bool) -> i32 {
        let mut sum = 0_i64;
        for i in 0..x.len() {
            sum += i64::from(i32::from(x[i]) * i32::from(weights[i]));
        }
        requantize_wide(sum.wrapping_add(bias.unwrap_or(0)), if of_state { gate.state } else { gate.input })
    }
    fn number(x: i32) -> i16 {
        x as i16
    }
    const LOWEST: i32 = -32768;
    const HIGHEST: i32 = 32767;
}

/// Runs the sequences with int8 activations: see [`lstm_i16`], but `output` holds bytes, and each final cell two of them,
/// the lower one first.
#[expect(clippy::too_many_arguments, reason = "the operator has as many")]
pub fn lstm_i8(
    p: &LstmInteger,
    input: &[i8],
    hidden: &[i8],
    cell: &[i16],
    weights: &[i8],
    recurrence: &[i8],
    bias: &[i32],
    table: &[u16],
    scratch: &mut [i16],
    output: &mut [i8],
) {
    let (sequence, cells) = output.split_at_mut(p.batches * p.steps * p.hidden);
    run(p, input, hidden, cell, weights, recurrence, bias, table, scratch, sequence, |i, c| {
        let [low, high] = c.to_le_bytes();
        (cells[2 * i], cells[2 * i + 1]) = (low as i8, high as i8);
    });
}

/// Runs the sequences with int16 activations.
///
/// `input` is `[batches, steps, input_depth]` (or time first), `hidden` and `cell` `[batches, hidden]`. `weights` is
/// `[4 * hidden, input_depth]`, `recurrence` `[4 * hidden, hidden]`, `bias` `[4 * hidden]`, gates in the order input,
/// forget, cell, output. `table` is that of [`logistic`]. `output` takes the hidden states of every step, laid out like
/// the input, and then the final cells.
#[expect(clippy::too_many_arguments, reason = "the operator has as many")]
pub fn lstm_i16(
    p: &LstmInteger,
    input: &[i16],
    hidden: &[i16],
    cell: &[i16],
    weights: &[i8],
    recurrence: &[i8],
    bias: &[i64],
    table: &[u16],
    scratch: &mut [i16],
    output: &mut [i16],
) {
    let (sequence, cells) = output.split_at_mut(p.batches * p.steps * p.hidden);
    run(p, input, hidden, cell, weights, recurrence, bias, table, scratch, sequence, |i, c| cells[i] = c);
}

#[expect(clippy::too_many_arguments, reason = "those of the kernel, and where the final cells go")]
fn run<X: Activations>(
    p: &LstmInteger,
    input: &[X],
    hidden: &[X],
    cell: &[i16],
    weights: &[i8],
    recurrence: &[i8],
    bias: &[X::Bias],
    table: &[u16],
    scratch: &mut [i16],
    sequence: &mut [X],
    mut keep: impl FnMut(usize, i16),
) {
    let n = p.hidden;
    let (gates, rest) = scratch.split_at_mut(4 * n);
    let (cells, activated) = rest.split_at_mut(n);
    let place =
        |batch: usize, step: usize| if p.time_major { step * p.batches + batch } else { batch * p.steps + step };
    for batch in 0..p.batches {
        cells.copy_from_slice(&cell[batch * n..(batch + 1) * n]);
        for step in 0..p.steps {
            let at = place(batch, step);
            let x = &input[at * p.input_depth..(at + 1) * p.input_depth];
            for gate in 0..4 {
                for i in 0..n {
                    let row = gate * n + i;
                    let from = if step == 0 { &hidden[batch * n..] } else { &sequence[place(batch, step - 1) * n..] };
                    let w = &weights[row * p.input_depth..];
                    let bias = if bias.is_empty() { None } else { Some(bias[row]) };
                    let of_input = X::product(x, p.input_zero_point, w, bias, &p.gates[gate], false);
                    let of_state =
                        X::product(&from[..n], p.hidden_zero_point, &recurrence[row * n..], None, &p.gates[gate], true);
                    let sum = i32::from(saturate(of_input)) + i32::from(saturate(of_state));
                    activated[i] = saturate(sum);
                }
                let gate_output = &mut gates[gate * n..(gate + 1) * n];
                if gate == 2 {
                    tanh(&TWELVE_BITS, &activated[..n], table, gate_output);
                } else {
                    logistic(&TWELVE_BITS, &activated[..n], table, gate_output);
                }
            }
            for i in 0..n {
                let [input_gate, forget, candidate] = core::array::from_fn(|gate| i32::from(gates[gate * n + i]));
                let kept = saturate(requantize(forget * i32::from(cells[i]), p.forget));
                let added = saturate(requantize(input_gate * candidate, p.update));
                let mut next = saturate(i32::from(kept) + i32::from(added));
                if p.cell_clip > 0 {
                    next = clamp(next.into(), -p.cell_clip, p.cell_clip) as i16;
                }
                cells[i] = next;
            }
            tanh(&p.cell, cells, table, &mut activated[..n]);
            for i in 0..n {
                let product = i32::from(activated[i]) * i32::from(gates[3 * n + i]);
                let y = requantize(product, p.output).wrapping_add(p.hidden_zero_point);
                sequence[at * n + i] = X::number(clamp(y, X::LOWEST, X::HIGHEST));
            }
        }
        for i in 0..n {
            keep(batch * n + i, cells[i]);
        }
    }
}
