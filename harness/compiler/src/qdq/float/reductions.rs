//! Reductions. Maxima of codes are codes.

use hilbench_kernels::params::Reduce;
use hilbench_kernels::shape::MAX_RANK;

use super::super::{Site, Stage};
use super::calls;
use crate::Result;
use crate::graph::DType;
use crate::graph::onnx::Reduction;
use crate::lower::Call;
use crate::ops::direct::Direct;

impl<'g> Stage<'g> {
    pub(super) fn reduce(&mut self, site: Site<'g>, reduction: Reduction, axes: &[usize]) -> Result<()> {
        let (x, y) = (self.operand(site, 0)?, site.node.outputs[0]);
        let codes = self.ordered_codes(x).filter(|_| reduction == Reduction::Max);
        let view = match &codes {
            Some((view, _)) => view.clone(),
            None => self.floats_of(site, 0)?,
        };
        let Some(leading) = MAX_RANK.checked_sub(view.shape.len()) else {
            return Err(site.unsupported("more than 6 dimensions"));
        };
        if axes.iter().any(|&a| view.shape[a] == 0) {
            return Err(site.unsupported("a reduction of no elements"));
        }
        let (mut dims, mut reduced) = ([1; MAX_RANK], [false; MAX_RANK]);
        for (i, &d) in view.order.iter().enumerate() {
            dims[leading + i] = view.shape[d];
            reduced[leading + i] = axes.contains(&d);
        }
        let params = Reduce { dims, reduced };
        let shape = self.tensor(y).shape.clone();
        let order = if shape.len() == view.shape.len() {
            view.order.clone()
        } else {
            // Those that are left close up.
            let left = view.order.iter().filter(|d| !axes.contains(d));
            left.map(|&d| d - axes.iter().filter(|&&a| a < d).count()).collect()
        };
        let Some((_, code)) = codes else {
            let op = Direct::new(calls::reduction(reduction, params));
            return self.set_float(site, op, vec![view.tensor], y, order);
        };
        let call = match self.q.tensors[view.tensor].dtype {
            DType::U8 => Call::ReduceMaxU8(params),
            _ => Call::ReduceMaxI8(params),
        };
        self.emit_ordered(site, Direct::new(call), view.tensor, code, shape, order)
    }
}
