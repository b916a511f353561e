//! UNIDIRECTIONAL_SEQUENCE_LSTM: of int8 and int16 activations as TFLite Micro computes it, of float32. Its result is one
//! tensor of the hidden states of every step and then the final cells; [`part`] takes out what the file has.

use hilbench_kernels::params::{ClampF32, LstmGate, LstmInteger, LstmSequence, Requant, Sigmoidal16};
use hilbench_kernels::reference;

use super::direct::Direct;
use super::operands::PerTensor;
use super::{Operands, Quantized, int16, moved};
use crate::Result;
use crate::graph::{DType, Op, Tensor};
use crate::lower::Call;
use crate::multiplier::quantize_multiplier;

/// Operands: input, weights of the gates, recurrent weights, biases; states.
const WEIGHTS: [usize; 4] = [1, 2, 3, 4];
const RECURRENCE: [usize; 4] = [5, 6, 7, 8];
const BIAS: [usize; 4] = [12, 13, 14, 15];
const HIDDEN: usize = 18;
const CELL: usize = 19;

/// Sizes of the layer.
struct Sizes {
    batches: usize,
    steps: usize,
    input_depth: usize,
    hidden: usize,
    time_major: bool,
    cell_clip: f32,
}

fn sizes(operands: &Operands<'_>) -> Result<Sizes> {
    let Op::Lstm { time_major, cell_clip } = operands.node.op else { return Err(operands.invalid("is not an LSTM")) };
    for (i, what) in [
        (9, "peepholes"),
        (10, "peepholes"),
        (11, "peepholes"),
        (16, "a projection"),
        (17, "a projection"),
        (20, "normalization"),
        (21, "normalization"),
        (22, "normalization"),
        (23, "normalization"),
    ] {
        if operands.optional(i).is_some() {
            return Err(operands.unsupported(format!("has {what}; a plain layer is accepted")));
        }
    }
    let dims @ [_, _, input_depth] = operands.dims(operands.input(0)?)?;
    let (batches, steps) = if time_major { (dims[1], dims[0]) } else { (dims[0], dims[1]) };
    let [hidden, _] = operands.dims(operands.input(WEIGHTS[0])?)?;
    for i in 0..4 {
        let shapes = [(WEIGHTS[i], vec![hidden, input_depth]), (RECURRENCE[i], vec![hidden, hidden])];
        for (operand, shape) in shapes {
            if operands.input(operand)?.shape != shape {
                let found = &operands.input(operand)?.shape;
                return Err(operands.invalid(format!("operand {operand} has shape {found:?}; {shape:?} is expected")));
            }
        }
    }
    for state in [HIDDEN, CELL] {
        if operands.input(state)?.elements() != batches * hidden {
            return Err(operands.invalid(format!("operand {state} has shape {:?}", operands.input(state)?.shape)));
        }
    }
    if steps == 0 || hidden == 0 {
        return Err(operands.invalid("has no steps, or no state"));
    }
    let elements = operands.node.outputs.first().map_or(0, |&t| operands.tensors[t].bytes());
    let cells = operands.input(CELL)?.bytes();
    if elements != batches * steps * hidden * operands.input(0)?.dtype.size() + cells {
        return Err(operands.invalid("its result has another size than its steps"));
    }
    Ok(Sizes { batches, steps, input_depth, hidden, time_major, cell_clip })
}

/// The constants in `operands`, one after the other.
fn joined(operands: &Operands<'_>, which: [usize; 4], dtype: DType) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for i in which {
        let tensor = operands.input(i)?;
        match &tensor.data {
            Some(data) if tensor.dtype == dtype => bytes.extend_from_slice(data),
            _ => {
                let reason =
                    format!("operand {i} ({:?}) is {}; a constant {dtype} is accepted", tensor.name, tensor.dtype);
                return Err(operands.unsupported(reason));
            }
        }
    }
    Ok(bytes)
}

fn biases(operands: &Operands<'_>, dtype: DType, hidden: usize) -> Result<Vec<u8>> {
    let bytes = joined(operands, BIAS, dtype)?;
    if bytes.len() != 4 * hidden * dtype.size() {
        return Err(operands.invalid("has biases of other lengths than its gates"));
    }
    Ok(bytes)
}

fn macs(s: &Sizes) -> usize {
    s.batches * s.steps * 4 * s.hidden * (s.input_depth + s.hidden)
}

fn inputs(operands: &Operands<'_>) -> Result<Vec<usize>> {
    Ok(vec![operands.input_id(0)?, operands.input_id(HIDDEN)?, operands.input_id(CELL)?])
}

/// Of floats.
pub(super) fn float(operands: &Operands<'_>) -> Result<Quantized> {
    let s = sizes(operands)?;
    let cell_clip = if s.cell_clip > 0.0 { ClampF32 { min: -s.cell_clip, max: s.cell_clip } } else { ClampF32::NONE };
    let Sizes { batches, steps, input_depth, hidden, time_major, .. } = s;
    let params = LstmSequence { batches, steps, input_depth, hidden, time_major, cell_clip };
    let direct = Direct::new(Call::FloatLstmSequence(params))
        .counting(macs(&s))
        .using(4 * reference::float::lstm_sequence_scratch(&params))
        .with("weights", &joined(operands, WEIGHTS, DType::F32)?)
        .with("recurrence", &joined(operands, RECURRENCE, DType::F32)?)
        .with("bias", &biases(operands, DType::F32, hidden)?);
    for state in [HIDDEN, CELL] {
        expect(operands, operands.input(state)?, DType::F32)?;
    }
    Ok((direct.into(), inputs(operands)?))
}

fn expect(operands: &Operands<'_>, tensor: &Tensor, dtype: DType) -> Result<()> {
    if tensor.dtype == dtype {
        return Ok(());
    }
    Err(operands.unsupported(format!("tensor {:?} is {}; {dtype} is accepted", tensor.name, tensor.dtype)))
}

/// Of int8 or int16 activations.
pub(super) fn integer(operands: &Operands<'_>) -> Result<Quantized> {
    let s = sizes(operands)?;
    let dtype = operands.input(0)?.dtype;
    let input = operands.per_tensor(operands.input(0)?)?;
    let hidden_state = operands.input(HIDDEN)?;
    expect(operands, hidden_state, dtype)?;
    let state = operands.per_tensor(hidden_state)?;
    let cell = operands.input(CELL)?;
    expect(operands, cell, DType::I16)?;
    let cell_scale = operands.per_tensor(cell)?.scale;
    if dtype == DType::I16 && (input.zero_point, state.zero_point) != (0, 0) {
        return Err(operands.unsupported("int16 with zero points other than 0"));
    }
    let mut gates =
        [LstmGate { input: Requant { multiplier: 0, shift: 0 }, state: Requant { multiplier: 0, shift: 0 } }; 4];
    for (gate, (w, r)) in gates.iter_mut().zip(WEIGHTS.into_iter().zip(RECURRENCE)) {
        *gate = LstmGate { input: factor(operands, input, w)?, state: factor(operands, state, r)? };
    }
    let quotient = |x: f64, scale: f32| quantize_multiplier(x / f64::from(scale));
    let unit = 2f64.powi(-15);
    // `2^(power)` of the cell's scale, in steps of the table.
    let power = cell_scale.log2().round();
    if 2f32.powf(power) != cell_scale || !(-20.0..=-3.0).contains(&power) {
        return Err(
            operands.unsupported(format!("cells have scale {cell_scale}; powers of two up to 1/8 are accepted"))
        );
    }
    let shift = 12 + power as i32;
    let params = LstmInteger {
        batches: s.batches,
        steps: s.steps,
        input_depth: s.input_depth,
        hidden: s.hidden,
        time_major: s.time_major,
        input_zero_point: input.zero_point,
        hidden_zero_point: state.zero_point,
        gates,
        forget: quantize_multiplier(unit * f64::from(cell_scale) / f64::from(cell_scale)),
        update: quotient(unit * unit, cell_scale),
        output: quotient(unit * unit, state.scale),
        cell: if shift >= 0 {
            Sigmoidal16 { multiplier: 3 << shift, right_shift: 0 }
        } else {
            Sigmoidal16 { multiplier: 3, right_shift: shift.unsigned_abs() }
        },
        cell_clip: if s.cell_clip > 0.0 {
            (f64::from(s.cell_clip) / f64::from(cell_scale)).min(32767.0) as i32
        } else {
            0
        },
    };
    let wide = dtype == DType::I16;
    let call = if wide { Call::Int16Lstm(params) } else { Call::Int8Lstm(params) };
    let direct = Direct::new(call)
        .counting(macs(&s))
        .using(2 * reference::int16::lstm_scratch(&params))
        .with("weights", &joined(operands, WEIGHTS, DType::I8)?)
        .with("recurrence", &joined(operands, RECURRENCE, DType::I8)?)
        .with("bias", &biases(operands, if wide { DType::I64 } else { DType::I32 }, s.hidden)?)
        .with("table", &int16::logistic_table());
    Ok((direct.into(), inputs(operands)?))
}

/// To inputs of 2^-12 of a gate's function; the product in single precision (`GetQuantizedConvolutionMultipler`).
fn factor(operands: &Operands<'_>, from: PerTensor, weights: usize) -> Result<Requant> {
    let tensor = operands.input(weights)?;
    let q = operands.per_tensor(tensor)?;
    if q.zero_point != 0 {
        return Err(operands.unsupported(format!("weights {:?} have a zero point", tensor.name)));
    }
    let factor = quantize_multiplier(f64::from(from.scale * q.scale) / f64::from(2f32.powi(-12)));
    if factor.shift > 7 {
        return Err(operands.unsupported(format!("weights {:?} of scale {}", tensor.name, q.scale)));
    }
    Ok(factor)
}

/// Bytes of a tensor that an operator made for several.
pub(super) fn part(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::Part { start, rows, stride, bytes } = operands.node.op else { return Err(operands.invalid("is no part")) };
    if start + rows.saturating_sub(1) * stride + bytes > operands.input(0)?.bytes()
        || rows * bytes != operands.output()?.bytes()
    {
        return Err(operands.invalid("has a result of another size"));
    }
    moved::bytes(operands, start, [rows, bytes], stride)
}
