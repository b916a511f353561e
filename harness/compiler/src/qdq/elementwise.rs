//! Functions of one value and of two. Of codes they become tables, or ONNX Runtime's fused addition and multiplication.

use std::rc::Rc;

use hilbench_kernels::params::{Broadcast, Clamp, QLinearAdd, QLinearMul, ScaleF32};
use hilbench_kernels::reference::qlinear;
use hilbench_kernels::shape::{MAX_RANK, dense_strides};

use super::view::{Affine, Code, Coded, View, floats};
use super::{Facts, Site, Stage};
use crate::Result;
use crate::graph::onnx::{Binary, Unary};
use crate::graph::{DType, TensorId};
use crate::lower::Call;
use crate::ops::direct::{self, Direct};

impl<'g> Stage<'g> {
    /// Codes of another scale, or of a function, as codes with `target`.
    pub(super) fn requantized(&mut self, site: Site<'g>, coded: &Coded, target: Affine) -> Result<View> {
        if coded.affine(&self.q.tensors) == Some(target) {
            return Ok(coded.view.clone());
        }
        let Some(table) = coded.table(&self.q.tensors) else {
            return Err(site.unsupported("codes with several scales that become codes with one"));
        };
        let table = table.map(|x| target.encode(x) as u8 as i8);
        let op = direct::lookup(table);
        let tensor = self.emit(site, op, vec![coded.view.tensor], codes("", target, coded.view.physical()))?;
        Ok(View { tensor, ..coded.view.clone() })
    }

    /// A function of codes is codes with another table.
    pub(super) fn unary(&mut self, site: Site<'g>, unary: Unary) -> Result<()> {
        if unary == Unary::Not {
            return self.not(site);
        }
        let (x, y) = (self.operand(site, 0)?, site.node.outputs[0]);
        if let Some(coded) = self.known[x].coded.clone()
            && let Some(table) = coded.table(&self.q.tensors)
            && let Some(result) = super::float::unary_of(unary, &table)
            && result.iter().all(|x| x.is_finite())
        {
            let mut mapped = [0.0; 256];
            mapped.copy_from_slice(&result);
            self.set_coded(y, Coded { view: coded.view, code: Code::Table(Rc::new(mapped)) });
            return Ok(());
        }
        self.float_unary(site, unary)
    }

    pub(super) fn binary(&mut self, site: Site<'g>, binary: Binary) -> Result<()> {
        if self.tensor(site.node.outputs[0]).dtype == DType::Bool {
            return self.truth(site, binary);
        }
        if matches!(binary, Binary::Add | Binary::Mul) && self.fused_binary(site, binary)? {
            return Ok(());
        }
        if self.table_binary(site, binary)? {
            return Ok(());
        }
        self.float_binary(site, binary)
    }

    /// Addition and multiplication of codes whose result is only quantized. Answers whether it is one.
    fn fused_binary(&mut self, site: Site<'g>, binary: Binary) -> Result<bool> {
        let (a, b, y) = (self.operand(site, 0)?, self.operand(site, 1)?, site.node.outputs[0]);
        let (Some(sink), Some(coded_a), Some(coded_b)) =
            (self.sink(y), self.known[a].coded.clone(), self.known[b].coded.clone())
        else {
            return Ok(false);
        };
        let (Some(mut qa), Some(mut qb)) = (coded_a.affine(&self.q.tensors), coded_b.affine(&self.q.tensors)) else {
            return Ok(false);
        };
        if qa.dtype != sink.affine.dtype || qb.dtype != sink.affine.dtype {
            return Ok(false);
        }
        let shape = self.tensor(y).shape.clone();
        let (order, mut tensors) = self.spread(site, &[&coded_a.view, &coded_b.view], &shape)?;
        let wide = |view: &View| [&vec![1; shape.len() - view.shape.len()], &view.shape[..]].concat();
        let mut shapes = [wide(&coded_a.view), wide(&coded_b.view)];
        // ONNX Runtime exchanges the operands where the first is a scalar in its innermost loop; the sum's rounding
        // depends on which is first.
        let innermost = (0..shape.len()).rev().find(|&d| shape[d] > 1);
        if innermost.is_some_and(|d| shapes[0][d] == 1) {
            std::mem::swap(&mut qa, &mut qb);
            tensors.swap(0, 1);
            shapes.swap(0, 1);
        }
        let physical: Vec<usize> = order.iter().map(|&d| shape[d]).collect();
        let Some(broadcast) = broadcast(&order, &shape, &shapes[0], &shapes[1]) else {
            return Err(site.unsupported(format!("{} dimensions; up to 6 are accepted", shape.len())));
        };
        let activation = Clamp { min: sink.clamp.0, max: sink.clamp.1 };
        let (target, unsigned) = (sink.affine, sink.affine.dtype == DType::U8);
        let call = if binary == Binary::Add {
            let (scale1, scale2) = (qa.scale / target.scale, qb.scale / target.scale);
            let offset = qlinear::add_offset(scale1, qa.zero_point, scale2, qb.zero_point, target.zero_point);
            let params =
                QLinearAdd { broadcast, scale1: ScaleF32(scale1), scale2: ScaleF32(scale2), offset, activation };
            if unsigned { Call::QLinearAddU8(params) } else { Call::QLinearAddI8(params) }
        } else {
            let params = QLinearMul {
                broadcast,
                input1_zero_point: qa.zero_point,
                input2_zero_point: qb.zero_point,
                output_zero_point: target.zero_point,
                scale: ScaleF32(qa.scale * qb.scale / target.scale),
                activation,
            };
            if unsigned { Call::QLinearMulU8(params) } else { Call::QLinearMulI8(params) }
        };
        let name = self.tensor(sink.end).name.clone();
        let tensor = self.emit(site, Direct::new(call).into(), tensors, codes(&name, target, physical))?;
        let view = View { tensor, shape, order };
        self.set_coded(sink.end, Coded { view, code: Code::Affine(target.quantization()) });
        Ok(true)
    }

    /// A function of one tensor of codes and one number, or of the same codes twice. Answers whether it is one.
    fn table_binary(&mut self, site: Site<'g>, binary: Binary) -> Result<bool> {
        let (a, b, y) = (self.operand(site, 0)?, self.operand(site, 1)?, site.node.outputs[0]);
        let table = |stage: &Self, id: TensorId| {
            let coded = stage.known[id].coded.as_ref()?;
            let constant = stage.q.tensors[coded.view.tensor].data.is_some();
            Some((coded.table(&stage.q.tensors)?, coded.view.clone())).filter(|_| !constant)
        };
        let (left, right, view) = match (table(self, a), table(self, b)) {
            (Some((ta, va)), Some((tb, vb))) if va == vb => (ta, tb, va),
            (Some((ta, va)), None) => match self.number(b) {
                Some(x) if va.shape == self.tensor(y).shape => (ta, [x; 256], va),
                _ => return Ok(false),
            },
            (None, Some((tb, vb))) => match self.number(a) {
                Some(x) if vb.shape == self.tensor(y).shape => ([x; 256], tb, vb),
                _ => return Ok(false),
            },
            _ => return Ok(false),
        };
        let result = super::float::binary_of(binary, &left, &right).filter(|r| r.iter().all(|x| x.is_finite()));
        let Some(result) = result else { return Ok(false) };
        let mut mapped = [0.0; 256];
        mapped.copy_from_slice(&result);
        self.set_coded(y, Coded { view, code: Code::Table(Rc::new(mapped)) });
        Ok(true)
    }

    /// The one number of a constant.
    fn number(&self, id: TensorId) -> Option<f32> {
        let known = &self.known[id];
        let values = match (&known.plain, &known.coded) {
            (Some(view), _) => floats(&self.q.tensors[view.tensor]),
            (None, Some(c)) if self.q.tensors[c.view.tensor].data.is_some() => c.floats(&self.q.tensors[c.view.tensor]),
            _ => return None,
        };
        match values[..] {
            [x] => Some(x),
            _ => None,
        }
    }

    /// Operands of a function over `shape` in one order: that of the largest one that is computed.
    pub(super) fn spread(
        &mut self,
        site: Site<'g>,
        views: &[&View],
        shape: &[usize],
    ) -> Result<(Vec<usize>, Vec<TensorId>)> {
        let rank = shape.len();
        let mut wide = Vec::with_capacity(views.len());
        for view in views {
            let dims = [&vec![1; rank - view.shape.len()], &view.shape[..]].concat();
            wide.push(view.reshaped(&dims).unwrap_or_else(|| View::new(view.tensor, &dims)));
        }
        let size = |v: &&View| (self.q.tensors[v.tensor].data.is_none(), v.shape.iter().product::<usize>());
        let order = wide.iter().max_by_key(size).map_or_else(|| View::identity(rank), |v| v.order.clone());
        let mut tensors = Vec::with_capacity(views.len());
        for view in &wide {
            tensors.push(self.arrange(site, view, &order)?);
        }
        Ok((order, tensors))
    }
}

/// A result of codes.
pub(super) fn codes(name: &str, affine: Affine, physical: Vec<usize>) -> Facts {
    Facts { name: name.to_string(), dtype: affine.dtype, shape: physical, quantization: Some(affine.quantization()) }
}

/// How operands of full rank spread over `shape`, all in the memory order `order`.
pub(super) fn broadcast(order: &[usize], shape: &[usize], a: &[usize], b: &[usize]) -> Option<Broadcast> {
    let leading = MAX_RANK.checked_sub(order.len())?;
    let aligned = |dims: &[usize]| {
        let mut aligned = [1; MAX_RANK];
        for (i, &d) in order.iter().enumerate() {
            aligned[leading + i] = dims[d];
        }
        aligned
    };
    let strides = |dims: [usize; MAX_RANK]| {
        let dense = dense_strides(&dims);
        std::array::from_fn(|i| if dims[i] == 1 { 0 } else { dense[i] })
    };
    Some(Broadcast { dims: aligned(shape), strides1: strides(aligned(a)), strides2: strides(aligned(b)) })
}
