//! What stays float: one kernel an operator, with one order of operations.
//!
//! Batch normalization after a float convolution is multiplied into its weights, and a relu or clip becomes its bounds.

pub(super) mod calls;
mod dynamic;
mod products;
mod recurrent;
mod reductions;

use hilbench_kernels::params::{self, PadWithin, Rows};

use super::elementwise::broadcast;
use super::view::{Code, Coded, View};
use super::{Facts, Site, Stage};
use crate::Result;
use crate::graph::onnx::{Binary, Op, PadMode, Pooling, Unary, Window};
use crate::graph::{DType, Quantization, TensorId};
use crate::lower::Call;
use crate::ops::direct::Direct;

pub(super) use calls::{binary_of, unary_of};

impl<'g> Stage<'g> {
    pub(super) fn float_operator(&mut self, site: Site<'g>, op: &'g Op) -> Result<()> {
        match op {
            Op::ArgExtreme { axis, max, last } => self.arg_extreme(site, *axis, *max, *last),
            Op::BatchNormalization { epsilon } => self.batch_normalization(site, *epsilon),
            Op::Cast => self.cast(site),
            Op::ConvInteger { window, groups } => self.conv_integer(site, window, *groups),
            Op::DynamicQuantize => self.dynamic_quantize(site),
            Op::MatMulInteger => self.mat_mul_integer(site),
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
        let (name, shape) = (self.tensor(y).name.clone(), self.tensor(y).shape.clone());
        let physical = order.iter().map(|&d| shape[d]).collect();
        let facts = Facts { name, dtype: DType::F32, shape: physical, quantization: None };
        let tensor = self.emit(site, op.into(), inputs, facts)?;
        if self.q.tensors[tensor].data.is_none() {
            self.note_float(site);
        }
        self.set_plain(y, View { tensor, shape, order });
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
        let shape = self.tensor(y).shape.clone();
        let (order, tensors) = self.spread(site, &[&a, &b], &shape)?;
        let wide = |view: &View| [&vec![1; shape.len() - view.shape.len()], &view.shape[..]].concat();
        let Some(broadcast) = broadcast(&order, &shape, &wide(&a), &wide(&b)) else {
            return Err(site.unsupported(format!("{} dimensions; up to 6 are accepted", shape.len())));
        };
        let Some(call) = calls::binary(binary, broadcast) else {
            return Err(site.unsupported("no kernel computes this operator on a device"));
        };
        if self.tensor(y).dtype == DType::F32 {
            return self.set_float(site, Direct::new(call), tensors, y, order);
        }
        let facts = Facts {
            name: String::new(),
            dtype: DType::Bool,
            shape: order.iter().map(|&d| shape[d]).collect(),
            quantization: None,
        };
        let tensor = self.emit(site, Direct::new(call).into(), tensors, facts)?;
        self.note_float(site);
        self.set_plain(y, View { tensor, shape, order });
        Ok(())
    }

    /// Numbers of 8 bits are codes of scale 1; a bool is a table.
    fn cast(&mut self, site: Site<'g>) -> Result<()> {
        let (x, y) = (self.operand(site, 0)?, site.node.outputs[0]);
        let view = self.plain(site, x)?;
        let (from, to) = (self.q.tensors[view.tensor].dtype, self.tensor(y).dtype);
        let code = match (from, to) {
            // Integers that are computed as floats already.
            (from, to) if from == to => {
                self.set_plain(y, view);
                return Ok(());
            }
            (DType::I8 | DType::U8, DType::F32) => {
                Code::Affine(Quantization { scales: vec![1.0], zero_points: vec![0], axis: 0 })
            }
            (DType::Bool, DType::F32) => {
                Code::Table(std::rc::Rc::new(std::array::from_fn(|i| if i == 0 { 0.0 } else { 1.0 })))
            }
            (DType::I32, DType::F32) => {
                let op = Direct::new(Call::DequantizeAccumulators(vec![params::ScaleF32(1.0)])).with("bias", &[]);
                return self.set_float(site, op, vec![view.tensor], y, view.order);
            }
            _ => return Err(site.unsupported(format!("{from} to {to} at run time"))),
        };
        self.set_coded(y, Coded { view, code });
        Ok(())
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
