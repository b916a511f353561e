//! What stays float: one kernel an operator, with one order of operations.
//!
//! Batch normalization after a float convolution is multiplied into its weights, and a relu or clip becomes its bounds.

pub(super) mod calls;
mod products;
mod rational;
mod recurrent;
mod reductions;

use hilbench_kernels::params::{self, Lrn, PadWithin, Rows};

use super::view::View;
use super::{Site, Stage};
use crate::Result;
use crate::graph::onnx::{Binary, Op, PadMode, Pooling, Unary, Window};
use crate::graph::{DType, TensorId};
use crate::lower::Call;
use crate::ops::direct::Direct;

pub(super) use calls::{binary_of, unary_of};

impl<'g> Stage<'g> {
    pub(super) fn float_operator(&mut self, site: Site<'g>, op: &'g Op) -> Result<()> {
        match op {
            Op::BatchNormalization { epsilon } => self.batch_normalization(site, *epsilon),
            Op::Lrn { alpha, beta, bias, size } => {
                self.lrn(site, Lrn { rows: 0, depth: 0, size: *size, alpha: *alpha, beta: *beta, bias: *bias })
            }
            Op::Recurrent { lstm, reverse, linear_before_reset } => {
                self.recurrent(site, *lstm, *reverse, *linear_before_reset)
            }
            Op::Reduce { reduction, axes } => self.reduce(site, *reduction, axes),
            _ => Err(site.unsupported("no kernel computes this operator on a device")),
        }
    }

    /// The floats of operand `i`.
    pub(super) fn floats_of(&mut self, site: Site<'g>, i: usize) -> Result<View> {
        let id = self.operand(site, i)?;
        let view = self.plain(site, id)?;
        let tensor = &self.q.tensors[view.tensor];
        if tensor.dtype != DType::F32 {
            let reason = format!("tensor {:?} is {}; float32 is accepted", tensor.name, tensor.dtype);
            return Err(site.unsupported(reason));
        }
        Ok(view)
    }

    /// A float result of `op` in the order `order`.
    pub(super) fn set_float(
        &mut self,
        site: Site<'g>,
        op: Direct,
        inputs: Vec<TensorId>,
        y: TensorId,
        order: Vec<usize>,
    ) -> Result<()> {
        let tensor = self.set_result(site, op, inputs, (y, DType::F32), order)?;
        if self.q.tensors[tensor].data.is_none() {
            self.note_float(site);
        }
        Ok(())
    }

    pub(super) fn float_unary(&mut self, site: Site<'g>, unary: Unary) -> Result<()> {
        let view = self.floats_of(site, 0)?;
        let Some(call) = calls::unary(unary) else {
            return Err(site.unsupported("its attributes are not finite, or its operand is no number"));
        };
        self.set_float(site, Direct::new(call), vec![view.tensor], site.node.outputs[0], view.order)
    }

    pub(super) fn float_binary(&mut self, site: Site<'g>, binary: Binary) -> Result<()> {
        let (a, b, y) = (self.floats_of(site, 0)?, self.floats_of(site, 1)?, site.node.outputs[0]);
        let (order, tensors, broadcast) = self.spread_pair(site, &a, &b, y)?;
        let Some(call) = calls::binary(binary, broadcast) else {
            return Err(site.unsupported("no kernel computes this operator on a device"));
        };
        self.set_float(site, Direct::new(call), tensors, y, order)
    }

    /// Local response normalization; `p` says all but the sizes.
    fn lrn(&mut self, site: Site<'g>, p: Lrn) -> Result<()> {
        let view = self.floats_of(site, 0)?;
        let (order, tensor, rows, depth) = self.rows(site, &view, 1)?;
        let call = Call::FloatLrn(Lrn { rows, depth, ..p });
        self.set_float(site, Direct::new(call), vec![tensor], site.node.outputs[0], order)
    }

    pub(super) fn float_pool(&mut self, site: Site<'g>, pooling: Pooling, window: &'g Window) -> Result<()> {
        let (view, y) = (self.floats_of(site, 0)?, site.node.outputs[0]);
        let (input, output) = (view.shape.clone(), self.tensor(y).shape.clone());
        let order = View::channel_last(input.len());
        let tensor = self.arrange(site, &view, &order)?;
        let [pad_bottom, pad_right] = super::products::plane(&window.after, 0);
        let params = params::Pool2dF32 {
            pad_bottom,
            pad_right,
            batches: input[0],
            window: super::products::window_2d(window, &input, &output),
            channels: input[1],
            count_include_pad: pooling == Pooling::Average(true),
        };
        let call = match pooling {
            Pooling::Max => Call::FloatMaxPool2d(params),
            Pooling::Average(_) => Call::FloatAveragePool2d(params),
        };
        self.set_float(site, Direct::new(call), vec![tensor], y, order)
    }

    pub(super) fn float_global_average_pool(&mut self, site: Site<'g>) -> Result<()> {
        let (view, y) = (self.floats_of(site, 0)?, site.node.outputs[0]);
        let order = View::channel_last(view.shape.len());
        let tensor = self.arrange(site, &view, &order)?;
        let rows = Rows { rows: view.shape[2..].iter().product(), depth: view.shape[1] };
        self.set_float(site, Direct::new(Call::FloatGlobalAveragePool(rows)), vec![tensor], y, order)
    }

    pub(super) fn float_softmax(&mut self, site: Site<'g>, axis: usize, log: bool) -> Result<()> {
        let view = self.floats_of(site, 0)?;
        let (order, tensor, rows, depth) = self.rows(site, &view, axis)?;
        let rows = Rows { rows, depth };
        let call = if log { Call::FloatLogSoftmax(rows) } else { Call::FloatSoftmax(rows) };
        self.set_float(site, Direct::new(call), vec![tensor], site.node.outputs[0], order)
    }

    /// Padding with elements of the tensor itself, of any type.
    pub(super) fn pad_within(
        &mut self,
        site: Site<'g>,
        view: &View,
        mode: PadMode,
        before: &[usize],
        shape: &[usize],
    ) -> Result<View> {
        let aligned = |dims: Vec<usize>, default: usize| {
            let mut aligned = [default; hilbench_kernels::shape::MAX_RANK];
            aligned[hilbench_kernels::shape::MAX_RANK.checked_sub(dims.len())?..].copy_from_slice(&dims);
            Some(aligned)
        };
        let physical = |dims: &[usize]| view.order.iter().map(|&d| dims[d]).collect::<Vec<_>>();
        let (Some(input_dims), Some(before), Some(output_dims)) =
            (aligned(view.physical(), 1), aligned(physical(before), 0), aligned(physical(shape), 1))
        else {
            return Err(site.unsupported("more than 6 dimensions"));
        };
        let mode = match mode {
            PadMode::Edge => params::PadMode::Edge,
            PadMode::Reflect => params::PadMode::Reflect,
            PadMode::Wrap => params::PadMode::Wrap,
            PadMode::Constant => return Err(site.invalid("pads with a constant")),
        };
        let params = PadWithin { input_dims, before, output_dims, mode };
        let call = match self.q.tensors[view.tensor].dtype.size() {
            1 => Call::PadWithin8(params),
            4 => Call::PadWithin32(params),
            _ => return Err(site.unsupported("elements of this width")),
        };
        self.emit_moved(site, Direct::new(call).into(), vec![view.tensor], physical(shape), view, shape.to_vec())
    }
}
