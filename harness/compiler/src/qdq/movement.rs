//! Data movement, of codes where there are any: they stand for the same numbers wherever they lie.

use hilbench_kernels::params::Gather;

use super::view::{Code, Coded, View};
use super::{Facts, Site, Stage};
use crate::Result;
use crate::graph::onnx::{Op, PadMode};
use crate::graph::{Quantization, TensorId};
use crate::lower::Call;
use crate::ops::concatenation::Concatenation;
use crate::ops::direct::Direct;
use crate::ops::pad::Pad;
use crate::ops::strided::Strided;

impl<'g> Stage<'g> {
    pub(super) fn movement(&mut self, site: Site<'g>, op: &'g Op) -> Result<()> {
        let (x, y) = (self.operand(site, 0)?, site.node.outputs[0]);
        if let Some(coded) = self.known[x].coded.clone()
            && let Some(code) = moved_code(op, &coded, &self.tensor(y).shape)
            && let Some(fill) = self.fill(site, op, Some(&coded))?
        {
            let view = self.moved(site, op, &coded.view, y, &fill)?;
            self.set_coded(y, Coded { view, code });
            return Ok(());
        }
        let view = self.plain(site, x)?;
        let Some(fill) = self.fill(site, op, None)? else {
            return Err(site.unsupported("a padding value that is computed at run time; a constant is accepted"));
        };
        let view = self.moved(site, op, &view, y, &fill)?;
        self.set_plain(y, view);
        Ok(())
    }

    pub(super) fn operand(&self, site: Site<'g>, i: usize) -> Result<TensorId> {
        let id = site.node.inputs.get(i).copied().flatten();
        id.ok_or_else(|| site.invalid(format!("operand {i} is missing")))
    }

    /// The bytes that a padding is filled with; `None` where the codes have none for the value.
    fn fill(&self, site: Site<'g>, op: &Op, coded: Option<&Coded>) -> Result<Option<Vec<u8>>> {
        let Op::Pad { mode, .. } = op else { return Ok(Some(Vec::new())) };
        if *mode != PadMode::Constant {
            return Ok(Some(Vec::new()));
        }
        let value = site.node.inputs.get(1).copied().flatten();
        let constant = match value {
            None => vec![0; self.tensor(self.operand(site, 0)?).dtype.size()],
            Some(id) => {
                let known = &self.known[id];
                let bytes = match (&known.plain, &known.coded) {
                    (Some(view), _) => self.q.tensors[view.tensor].data.clone(),
                    (None, Some(c)) if self.q.tensors[c.view.tensor].data.is_some() => {
                        Some(c.floats(&self.q.tensors[c.view.tensor]).iter().flat_map(|x| x.to_le_bytes()).collect())
                    }
                    _ => None,
                };
                let Some(bytes) = bytes else { return Ok(None) };
                bytes
            }
        };
        let Some(coded) = coded else { return Ok(Some(constant)) };
        let (Some(affine), Some(&bytes)) = (coded.affine(&self.q.tensors), constant.as_chunks::<4>().0.first()) else {
            return Ok(None);
        };
        let value = f32::from_le_bytes(bytes);
        let code = affine.encode(value);
        let exact = (code - affine.zero_point) as f32 * affine.scale == value;
        Ok(exact.then(|| vec![code as u8]))
    }

    /// `view` moved by `op` to the shape of `y`.
    pub(super) fn moved(&mut self, site: Site<'g>, op: &Op, view: &View, y: TensorId, fill: &[u8]) -> Result<View> {
        let shape = self.tensor(y).shape.clone();
        match op {
            Op::Reshape => match view.reshaped(&shape) {
                Some(view) => Ok(view),
                None => {
                    let tensor = self.arrange(site, view, &View::identity(view.shape.len()))?;
                    self.flattened.insert(tensor, view.clone());
                    Ok(View::new(tensor, &shape))
                }
            },
            Op::Transpose { permutation } => Ok(view.transposed(permutation)),
            Op::Slice { begin, step } => self.sliced(site, view, begin, step, &shape),
            Op::Expand => {
                let rank = shape.len();
                let wide = [&vec![1; rank - view.shape.len()], &view.shape[..]].concat();
                let view = view.reshaped(&wide).unwrap_or_else(|| View::new(view.tensor, &wide));
                let step: Vec<isize> = (0..rank).map(|d| isize::from(wide[d] == shape[d])).collect();
                self.sliced(site, &view, &vec![0; rank], &step, &shape)
            }
            Op::Gather { axis, indices } => self.gathered(site, view, *axis, indices, &shape),
            Op::Pad { mode, before } if *mode != PadMode::Constant => {
                self.pad_within(site, view, *mode, before, &shape)
            }
            Op::Pad { before, .. } => {
                let physical = |dims: &[usize]| -> Vec<usize> { view.order.iter().map(|&d| dims[d]).collect() };
                let output = physical(&shape);
                let pad = Pad::new(&view.physical(), &physical(before), &output, fill.to_vec());
                let pad = pad.ok_or_else(|| site.unsupported("more than 6 dimensions"))?;
                self.emit_moved(site, pad.into(), vec![view.tensor], output, view, shape)
            }
            _ => Err(site.invalid("moves nothing")),
        }
    }

    pub(super) fn emit_moved(
        &mut self,
        site: Site<'g>,
        op: crate::ops::QOp,
        inputs: Vec<TensorId>,
        physical: Vec<usize>,
        view: &View,
        shape: Vec<usize>,
    ) -> Result<View> {
        let source = &self.q.tensors[view.tensor];
        let facts = Facts {
            name: String::new(),
            dtype: source.dtype,
            shape: physical,
            quantization: source.quantization.clone(),
        };
        let tensor = self.emit(site, op, inputs, facts)?;
        Ok(View { tensor, shape, order: view.order.clone() })
    }

    fn sliced(
        &mut self,
        site: Site<'g>,
        view: &View,
        begin: &[usize],
        step: &[isize],
        shape: &[usize],
    ) -> Result<View> {
        if view.shape == shape && step.iter().all(|&s| s == 1) {
            return Ok(view.clone());
        }
        let ranges: Vec<(usize, isize, usize)> = view.order.iter().map(|&d| (begin[d], step[d], shape[d])).collect();
        let width = self.q.tensors[view.tensor].dtype.size();
        let op =
            Strided::new(width, &view.physical(), &ranges).ok_or_else(|| site.unsupported("more than 6 dimensions"))?;
        let physical = view.order.iter().map(|&d| shape[d]).collect();
        self.emit_moved(site, op.into(), vec![view.tensor], physical, view, shape.to_vec())
    }

    /// Indices with one step between them are a slice.
    fn gathered(
        &mut self,
        site: Site<'g>,
        view: &View,
        axis: usize,
        indices: &[usize],
        shape: &[usize],
    ) -> Result<View> {
        let distance = |pair: &[usize]| pair[1] as isize - pair[0] as isize;
        let first = indices.windows(2).next().map_or(1, distance);
        if indices.windows(2).all(|pair| distance(pair) == first) {
            let (mut begin, mut step) = (vec![0; view.shape.len()], vec![1; view.shape.len()]);
            (begin[axis], step[axis]) = (indices.first().copied().unwrap_or(0), first);
            return self.sliced(site, view, &begin, &step, shape);
        }
        let (physical, place) = (view.physical(), view.place(axis));
        let params = Gather {
            outer: physical[..place].iter().product(),
            depth: physical[place],
            inner: physical[place + 1..].iter().product(),
        };
        let call = match self.q.tensors[view.tensor].dtype.size() {
            1 => Call::Gather8(params),
            4 => Call::Gather32(params),
            _ => return Err(site.unsupported(format!("elements of {}", self.q.tensors[view.tensor].dtype))),
        };
        let bytes: Vec<u8> = indices.iter().flat_map(|&i| (i as i32).to_le_bytes()).collect();
        let op = Direct::new(call).with("indices", &bytes);
        let physical = view.order.iter().map(|&d| shape[d]).collect();
        self.emit_moved(site, op.into(), vec![view.tensor], physical, view, shape.to_vec())
    }

    /// Views of one order, side by side along `axis`.
    pub(super) fn side_by_side(
        &mut self,
        site: Site<'g>,
        axis: usize,
        parts: &[View],
        shape: &[usize],
    ) -> Result<View> {
        let first = &parts[0];
        let place = first.place(axis);
        let outer = first.physical()[..place].iter().product();
        let runs = parts.iter().map(|p| p.physical()[place..].iter().product()).collect();
        let op = Concatenation::new(self.q.tensors[first.tensor].dtype.size(), outer, runs);
        let physical = first.order.iter().map(|&d| shape[d]).collect();
        self.emit_moved(site, op.into(), parts.iter().map(|p| p.tensor).collect(), physical, first, shape.to_vec())
    }

    /// Codes stay codes if all parts have the same; else each is brought to the scale of the result where that is
    /// quantized, by a table.
    pub(super) fn concat(&mut self, site: Site<'g>, axis: usize) -> Result<()> {
        let y = site.node.outputs[0];
        let inputs: Vec<TensorId> = site.node.inputs.iter().flatten().copied().collect();
        let codes: Option<Vec<Coded>> = inputs.iter().map(|&t| self.known[t].coded.clone()).collect();
        let coded = codes.and_then(|codes| {
            let affines: Option<Vec<_>> = codes.iter().map(|c| c.affine(&self.q.tensors)).collect();
            let affines = affines?;
            let target = match self.sink(y) {
                Some(sink) => sink.affine,
                None if affines.iter().all(|&a| a == affines[0]) => affines[0],
                None => return None,
            };
            Some((codes, target))
        });
        let (views, code) = match coded {
            Some((codes, target)) => {
                let mut views = Vec::new();
                for coded in &codes {
                    views.push(self.requantized(site, coded, target)?);
                }
                (views, Some(target))
            }
            None => {
                let views = inputs.iter().map(|&t| self.plain(site, t)).collect::<Result<Vec<_>>>()?;
                (views, None)
            }
        };
        // The order that most elements have already.
        let widest = views.iter().max_by_key(|v| v.shape.iter().product::<usize>()).map(|v| v.order.clone());
        let order = widest.unwrap_or_default();
        let mut parts = Vec::new();
        for view in &views {
            let tensor = self.arrange(site, view, &order)?;
            parts.push(View { tensor, shape: view.shape.clone(), order: order.clone() });
        }
        let shape = self.tensor(y).shape.clone();
        let view = self.side_by_side(site, axis, &parts, &shape)?;
        match code {
            Some(target) => {
                self.q.tensors[view.tensor].quantization = Some(target.quantization());
                self.set_coded(y, Coded { view, code: Code::Affine(target.quantization()) });
            }
            None => self.set_plain(y, view),
        }
        Ok(())
    }
}

/// What the codes stand for after `op`; `None` where they do not survive it.
fn moved_code(op: &Op, coded: &Coded, shape: &[usize]) -> Option<Code> {
    let Code::Affine(q) = &coded.code else { return Some(coded.code.clone()) };
    if q.scales.len() == 1 {
        return Some(coded.code.clone());
    }
    let axis = match op {
        Op::Transpose { permutation } => permutation.iter().position(|&p| p == q.axis)?,
        Op::Reshape => {
            let before: usize = coded.view.shape[..q.axis].iter().product();
            (0..shape.len()).find(|&d| shape[d] == q.scales.len() && shape[..d].iter().product::<usize>() == before)?
        }
        _ => return None,
    };
    Some(Code::Affine(Quantization { axis, ..q.clone() }))
}
