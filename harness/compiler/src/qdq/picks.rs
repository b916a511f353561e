//! Places and values of the largest and smallest elements along an axis. Codes are in the order of what they stand for.

use hilbench_kernels::params::{ArgPick, TopK};

use super::view::{Code, Coded, View};
use super::{Facts, Site, Stage};
use crate::Result;
use crate::graph::{DType, TensorId};
use crate::lower::Call;
use crate::ops::direct::Direct;

impl<'g> Stage<'g> {
    /// Operand 0 in the model's order: its codes where it has ordered ones, else its elements.
    fn comparable_rows(&mut self, site: Site<'g>) -> Result<(TensorId, Option<Code>)> {
        let x = self.operand(site, 0)?;
        let coded = self.known[x].coded.clone().filter(|c| c.affine(&self.q.tensors).is_some());
        let (view, code) = match coded {
            Some(coded) => (coded.view, Some(coded.code)),
            None => (self.plain(site, x)?, None),
        };
        Ok((self.arrange(site, &view, &View::identity(view.shape.len()))?, code))
    }

    /// An index of 32 bits, which is what devices count in.
    pub(super) fn arg_extreme(&mut self, site: Site<'g>, axis: usize, max: bool, last: bool) -> Result<()> {
        let (tensor, _) = self.comparable_rows(site)?;
        let shape = &self.q.tensors[tensor].shape;
        let params = ArgPick {
            outer: shape[..axis].iter().product(),
            depth: shape[axis],
            inner: shape[axis + 1..].iter().product(),
            last,
        };
        let call = match (self.q.tensors[tensor].dtype, max) {
            (DType::F32, true) => Call::ArgMaxF32(params),
            (DType::F32, false) => Call::ArgMinF32(params),
            (DType::I8, true) => Call::ArgMaxI8(params),
            (DType::I8, false) => Call::ArgMinI8(params),
            (DType::U8, true) => Call::ArgMaxU8(params),
            (DType::U8, false) => Call::ArgMinU8(params),
            (other, _) => return Err(site.unsupported(format!("an operand of {other}"))),
        };
        let y = site.node.outputs[0];
        let order = View::identity(self.tensor(y).shape.len());
        self.set_result(site, Direct::new(call), vec![tensor], (y, DType::I32), order)?;
        Ok(())
    }

    /// Values and indices are computed apart, each only where somebody reads it.
    pub(super) fn top_k(&mut self, site: Site<'g>, axis: usize, largest: bool) -> Result<()> {
        let &[values, indices] = &site.node.outputs[..] else { return Err(site.invalid("has no two outputs")) };
        let (tensor, code) = self.comparable_rows(site)?;
        let (dtype, shape) = (self.q.tensors[tensor].dtype, self.q.tensors[tensor].shape.clone());
        let params = TopK {
            outer: shape[..axis].iter().product(),
            depth: shape[axis],
            inner: shape[axis + 1..].iter().product(),
            k: self.tensor(values).shape[axis],
            largest,
        };
        let (values_call, indices_call) = match dtype {
            DType::F32 => (Call::TopKValuesF32(params), Call::TopKIndicesF32(params)),
            DType::I32 => (Call::TopKValuesI32(params), Call::TopKIndicesI32(params)),
            DType::I8 => (Call::TopKValuesI8(params), Call::TopKIndicesI8(params)),
            DType::U8 => (Call::TopKValuesU8(params), Call::TopKIndicesU8(params)),
            other => return Err(site.unsupported(format!("an operand of {other}"))),
        };
        let order = View::identity(shape.len());
        let read = |stage: &Self, y: TensorId| !stage.readers[y].is_empty() || stage.graph.outputs.contains(&y);
        if read(self, values) {
            let shape = self.tensor(values).shape.clone();
            let quantization = self.q.tensors[tensor].quantization.clone();
            let facts = Facts { name: String::new(), dtype, shape: shape.clone(), quantization };
            let made = self.emit(site, Direct::new(values_call).into(), vec![tensor], facts)?;
            let view = View::new(made, &shape);
            match code {
                Some(code) => self.set_coded(values, Coded { view, code }),
                None => self.set_plain(values, view),
            }
        }
        if read(self, indices) {
            self.set_result(site, Direct::new(indices_call), vec![tensor], (indices, DType::I32), order)?;
        }
        Ok(())
    }
}
