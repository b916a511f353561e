//! Truths, which are bytes of 0 or 1: comparisons, logic, choices; and casts between types.

use std::rc::Rc;

use hilbench_kernels::params::{Broadcast, ScaleF32, Select};

use super::elementwise::broadcast;
use super::view::{Code, Coded, View, integers};
use super::{Facts, Site, Stage};
use crate::Result;
use crate::graph::onnx::Binary;
use crate::graph::{DType, Quantization, Tensor, TensorId};
use crate::lower::Call;
use crate::ops::direct::Direct;

impl<'g> Stage<'g> {
    /// Comparison or logic: the one of numbers, the other of truths.
    pub(super) fn truth(&mut self, site: Site<'g>, binary: Binary) -> Result<()> {
        let y = site.node.outputs[0];
        let (a, b) = if matches!(binary, Binary::And | Binary::Or | Binary::Xor) {
            (self.truths(site, 0)?, self.truths(site, 1)?)
        } else {
            (self.numbers(site, 0)?, self.numbers(site, 1)?)
        };
        let dtype = self.q.tensors[a.tensor].dtype;
        let (order, tensors, p) = self.spread_pair(site, &a, &b, y)?;
        let Some(call) = truth_call(binary, dtype == DType::I32, p) else { return Err(site.invalid("gives no truth")) };
        self.set_result(site, Direct::new(call), tensors, (y, DType::Bool), order)?;
        Ok(())
    }

    pub(super) fn not(&mut self, site: Site<'g>) -> Result<()> {
        let view = self.truths(site, 0)?;
        self.set_not(site, view.tensor, view.order)
    }

    /// The opposites of `tensor` as the result.
    fn set_not(&mut self, site: Site<'g>, tensor: TensorId, order: Vec<usize>) -> Result<()> {
        let op = Direct::new(Call::Lookup(std::array::from_fn(|bits| i8::from(bits == 0))));
        self.set_result(site, op, vec![tensor], (site.node.outputs[0], DType::Bool), order)?;
        Ok(())
    }

    fn truths(&mut self, site: Site<'g>, i: usize) -> Result<View> {
        let id = self.operand(site, i)?;
        let view = self.plain(site, id)?;
        match self.q.tensors[view.tensor].dtype {
            DType::Bool => Ok(view),
            other => Err(site.unsupported(format!("tensor {:?} is {other}; bool is accepted", self.tensor(id).name))),
        }
    }

    /// Operand `i` as float32, or as int32 where it is that or a constant of 64 bits; numbers of 8 bits become floats.
    fn numbers(&mut self, site: Site<'g>, i: usize) -> Result<View> {
        let id = self.operand(site, i)?;
        let view = self.plain(site, id)?;
        let tensor = &self.q.tensors[view.tensor];
        match tensor.dtype {
            DType::F32 | DType::I32 => Ok(view),
            DType::I8 | DType::U8 | DType::Bool => self.widened(site, id, view),
            DType::I16 | DType::U16 | DType::I64 => {
                let narrow: Option<Vec<i32>> = integers(tensor).iter().map(|&x| i32::try_from(x).ok()).collect();
                let Some(narrow) = narrow.filter(|_| tensor.data.is_some()) else {
                    let reason = format!(
                        "tensor {:?} is {}; float32, int32, int8 and uint8, and constants that fit int32, are accepted",
                        tensor.name, tensor.dtype
                    );
                    return Err(site.unsupported(reason));
                };
                let data = Some(narrow.iter().flat_map(|x| x.to_le_bytes()).collect());
                self.q.tensors.push(Tensor { dtype: DType::I32, data, ..tensor.clone() });
                Ok(View { tensor: self.q.tensors.len() - 1, ..view })
            }
        }
    }

    /// The floats of numbers of 8 bits.
    fn widened(&mut self, site: Site<'g>, id: TensorId, view: View) -> Result<View> {
        let code = number_code(self.q.tensors[view.tensor].dtype);
        self.decode(site, &self.tensor(id).name.clone(), &Coded { view, code })
    }

    /// Codes stay codes where both operands have the same.
    pub(super) fn select(&mut self, site: Site<'g>) -> Result<()> {
        let (condition, a, b) = (self.truths(site, 0)?, self.operand(site, 1)?, self.operand(site, 2)?);
        let y = site.node.outputs[0];
        let shape = self.tensor(y).shape.clone();
        let affine = |stage: &Self, id: TensorId| {
            let coded = stage.known[id].coded.clone()?;
            Some((coded.affine(&stage.q.tensors)?, coded))
        };
        let (first, second, code) = match (affine(self, a), affine(self, b)) {
            (Some((qa, a)), Some((qb, b))) if qa == qb => (a.view, b.view, Some(a.code)),
            _ => (self.plain(site, a)?, self.plain(site, b)?, None),
        };
        let (dtype, other) = (self.q.tensors[first.tensor].dtype, self.q.tensors[second.tensor].dtype);
        if dtype != other {
            return Err(site.unsupported(format!("a choice between {dtype} and {other}; one type is accepted")));
        }
        let (order, tensors) = self.spread(site, &[&condition, &first, &second], &shape)?;
        let wide = |view: &View| [&vec![1; shape.len() - view.shape.len()], &view.shape[..]].concat();
        let spread = |x: &View, y: &View| broadcast(&order, &shape, &wide(x), &wide(y));
        let (Some(broadcast), Some(of_condition)) = (spread(&first, &second), spread(&condition, &condition)) else {
            return Err(site.unsupported(format!("{} dimensions; up to 6 are accepted", shape.len())));
        };
        let p = Select { broadcast, condition_strides: of_condition.strides1 };
        let call = match dtype.size() {
            1 => Call::Select8(p),
            4 => Call::Select32(p),
            _ => return Err(site.unsupported(format!("a choice between {dtype} at run time"))),
        };
        let facts = Facts {
            name: String::new(),
            dtype,
            shape: order.iter().map(|&d| shape[d]).collect(),
            quantization: if code.is_some() { self.q.tensors[first.tensor].quantization.clone() } else { None },
        };
        let tensor = self.emit(site, Direct::new(call).into(), tensors, facts)?;
        let view = View { tensor, shape, order };
        match code {
            Some(code) => self.set_coded(y, Coded { view, code }),
            None => self.set_plain(y, view),
        }
        Ok(())
    }

    /// Integers of 64 bits are counted in 32 where a model runs.
    pub(super) fn cast(&mut self, site: Site<'g>) -> Result<()> {
        let (x, y) = (self.operand(site, 0)?, site.node.outputs[0]);
        let view = self.plain(site, x)?;
        let (from, to) = (self.q.tensors[view.tensor].dtype, self.tensor(y).dtype);
        match (from, to) {
            (from, to) if from == to => self.set_plain(y, view),
            (DType::I32, DType::I64) => self.set_plain(y, view),
            (DType::I8 | DType::U8 | DType::Bool, DType::F32) => {
                self.set_coded(y, Coded { view, code: number_code(from) });
            }
            (DType::I32, DType::F32) => {
                let op = Direct::new(Call::DequantizeAccumulators(vec![ScaleF32(1.0)])).with("bias", &[]);
                return self.set_float(site, op, vec![view.tensor], y, view.order);
            }
            (DType::F32 | DType::I8 | DType::U8 | DType::Bool, DType::I8 | DType::U8 | DType::I32 | DType::I64) => {
                let view = if from == DType::F32 { view } else { self.widened(site, x, view)? };
                let (call, dtype) = match to {
                    DType::I8 => (Call::TruncateI8(()), to),
                    DType::U8 => (Call::TruncateU8(()), to),
                    _ => (Call::TruncateI32(()), DType::I32),
                };
                self.set_result(site, Direct::new(call), vec![view.tensor], (y, dtype), view.order)?;
            }
            (DType::F32 | DType::I32, DType::Bool) => {
                let zero = Tensor {
                    name: String::new(),
                    dtype: from,
                    shape: vec![],
                    quantization: None,
                    data: Some(vec![0; 4]),
                };
                self.q.tensors.push(zero);
                let zero = View::new(self.q.tensors.len() - 1, &[]);
                let (order, tensors, p) = self.spread_pair(site, &view, &zero, y)?;
                let Some(call) = truth_call(Binary::Equal, from == DType::I32, p) else {
                    return Err(site.invalid("gives no truth"));
                };
                let equal = self.set_result(site, Direct::new(call), tensors, (y, DType::Bool), order.clone())?;
                return self.set_not(site, equal, order);
            }
            _ => return Err(site.unsupported(format!("{from} to {to} at run time"))),
        }
        Ok(())
    }

    /// Two operands over the shape of `y`: the order of dimensions, the operands in it, and how they repeat.
    pub(super) fn spread_pair(
        &mut self,
        site: Site<'g>,
        a: &View,
        b: &View,
        y: TensorId,
    ) -> Result<(Vec<usize>, Vec<TensorId>, Broadcast)> {
        let shape = self.tensor(y).shape.clone();
        let dtypes = [a, b].map(|view| self.q.tensors[view.tensor].dtype);
        if dtypes[0] != dtypes[1] {
            return Err(site.unsupported(format!("operands of {} and {}; one type is accepted", dtypes[0], dtypes[1])));
        }
        let (order, tensors) = self.spread(site, &[a, b], &shape)?;
        let wide = |view: &View| [&vec![1; shape.len() - view.shape.len()], &view.shape[..]].concat();
        match broadcast(&order, &shape, &wide(a), &wide(b)) {
            Some(broadcast) => Ok((order, tensors, broadcast)),
            None => Err(site.unsupported(format!("{} dimensions; up to 6 are accepted", shape.len()))),
        }
    }
}

/// What numbers of 8 bits stand for: themselves.
fn number_code(dtype: DType) -> Code {
    if dtype == DType::Bool {
        return Code::Table(Rc::new(std::array::from_fn(|bits| if bits == 0 { 0.0 } else { 1.0 })));
    }
    Code::Affine(Quantization { scales: vec![1.0], zero_points: vec![0], axis: 0 })
}

/// The call of a function with a truth for a result.
fn truth_call(binary: Binary, integers: bool, p: Broadcast) -> Option<Call> {
    Some(match (binary, integers) {
        (Binary::And, _) => Call::And(p),
        (Binary::Or, _) => Call::Or(p),
        (Binary::Xor, _) => Call::Xor(p),
        (Binary::Equal, false) => Call::EqualF32(p),
        (Binary::Equal, true) => Call::EqualI32(p),
        (Binary::Greater, false) => Call::GreaterF32(p),
        (Binary::Greater, true) => Call::GreaterI32(p),
        (Binary::GreaterOrEqual, false) => Call::GreaterOrEqualF32(p),
        (Binary::GreaterOrEqual, true) => Call::GreaterOrEqualI32(p),
        (Binary::Less, false) => Call::LessF32(p),
        (Binary::Less, true) => Call::LessI32(p),
        (Binary::LessOrEqual, false) => Call::LessOrEqualF32(p),
        (Binary::LessOrEqual, true) => Call::LessOrEqualI32(p),
        _ => return None,
    })
}
