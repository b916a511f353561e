//! LSTM and GRU: one operator a direction, side by side in the result. Refuses peepholes, clipping, other activations
//! than the usual ones, lengths that differ, and the last cell as a result.

use super::super::reader::Reader;
use crate::Result;
use crate::graph::TensorId;
use crate::graph::onnx::Op;

pub(super) fn lstm(r: &mut Reader<'_, '_>) -> Result<()> {
    recurrent(r, true)
}

pub(super) fn gru(r: &mut Reader<'_, '_>) -> Result<()> {
    recurrent(r, false)
}

fn recurrent(r: &mut Reader<'_, '_>, lstm: bool) -> Result<()> {
    for name in ["activations", "activation_alpha", "activation_beta", "clip", "input_forget"] {
        if r.has(name) {
            return Err(r.unsupported(format!("attribute {name:?}; the usual activations without it are accepted")));
        }
    }
    if r.flag("layout", false)? {
        return Err(r.unsupported("layout 1; sequences in the first dimension (layout 0) are accepted"));
    }
    if r.optional(4)?.is_some() || r.optional(7)?.is_some() || r.wants(2) {
        return Err(r.unsupported("sequence lengths, peepholes, or the last cell as a result"));
    }
    let (x, w, recurrence) = (r.input(0)?, r.input(1)?, r.input(2)?);
    let directions: &[bool] = match r.text("direction", "forward")? {
        "forward" => &[false],
        "reverse" => &[true],
        "bidirectional" => &[false, true],
        other => return Err(r.invalid(format!("direction {other:?}"))),
    };
    let gates = if lstm { 4 } else { 3 };
    let (&[steps, batches, depth], &[d, rows, _]) = (&r.shape(x)[..], &r.shape(w)[..]) else {
        return Err(r.invalid(format!("operands of shapes {:?} and {:?}", r.shape(x), r.shape(w))));
    };
    let hidden = rows / gates;
    let n = directions.len();
    let fits = |id: Option<TensorId>, shape: &[usize]| id.is_none_or(|id| r.shape(id) == shape);
    let (bias, initial_hidden) = (r.optional(3)?, r.optional(5)?);
    let initial_cell = if lstm { r.optional(6)? } else { None };
    let sound = d == n
        && hidden * gates == rows
        && hidden > 0
        && steps > 0
        && fits(Some(w), &[n, rows, depth])
        && fits(Some(recurrence), &[n, rows, hidden])
        && fits(bias, &[n, 2 * rows])
        && fits(initial_hidden, &[n, batches, hidden])
        && fits(initial_cell, &[n, batches, hidden]);
    if !sound {
        return Err(r.invalid(format!("weights of shape {:?} do not fit {:?}", r.shape(w), r.shape(x))));
    }
    let linear_before_reset = r.flag("linear_before_reset", false)?;
    let (mut whole, mut last) = (Vec::new(), Vec::new());
    for (direction, &reverse) in directions.iter().enumerate() {
        let mut inputs = vec![Some(x)];
        for id in [Some(w), Some(recurrence), bias, initial_hidden, initial_cell] {
            inputs.push(match id {
                Some(id) => Some(part(r, id, 0, direction)?),
                None => None,
            });
        }
        let op = Op::Recurrent { lstm, reverse, linear_before_reset };
        let y = r.push_optional(op, inputs, r.dtype(x), vec![steps, 1, batches, hidden])?;
        let end = part(r, y, 0, if reverse { 0 } else { steps - 1 })?;
        whole.push(y);
        last.push(r.push(Op::Reshape, &[end], r.dtype(x), vec![1, batches, hidden])?);
    }
    let (y, end) = match n {
        1 => (whole[0], last[0]),
        _ => (
            r.push(Op::Concat { axis: 1 }, &whole, r.dtype(x), vec![steps, n, batches, hidden])?,
            r.push(Op::Concat { axis: 0 }, &last, r.dtype(x), vec![n, batches, hidden])?,
        ),
    };
    r.result(0, y)?;
    r.result(1, end)
}

/// One slice of `id` along `axis`, which stays.
fn part(r: &mut Reader<'_, '_>, id: TensorId, axis: usize, index: usize) -> Result<TensorId> {
    let mut shape = r.shape(id);
    let (mut begin, step) = (vec![0; shape.len()], vec![1; shape.len()]);
    (begin[axis], shape[axis]) = (index, 1);
    r.push(Op::Slice { begin, step }, &[id], r.dtype(id), shape)
}
