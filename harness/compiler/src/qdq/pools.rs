//! Pools and softmax. Maxima of codes are codes; means and softmax of codes have formulas of their own in ONNX Runtime.

use hilbench_kernels::params::{
    self, Clamp, Pool2d, QLinearAveragePool2d, QLinearGlobalAveragePool, QLinearSoftmax, ScaleF32,
};
use hilbench_kernels::reference::qlinear::softmax_table;

use super::elementwise::codes;
use super::products::window_2d;
use super::sink::Sink;
use super::view::{Affine, Code, Coded, View};
use super::{Facts, Site, Stage};
use crate::Result;
use crate::graph::onnx::{Pooling, Window};
use crate::graph::{DType, TensorId};
use crate::lower::Call;
use crate::ops::direct::Direct;

impl<'g> Stage<'g> {
    /// Operand 0 as codes and the sink of the result, if both have one scale and one type.
    fn codes_to_codes(&self, x: TensorId, y: TensorId) -> Option<(Coded, Affine, Sink)> {
        let coded = self.known[x].coded.clone()?;
        let affine = coded.affine(&self.q.tensors)?;
        let sink = self.sink(y).filter(|s| s.affine.dtype == affine.dtype)?;
        Some((coded, affine, sink))
    }

    /// 8-bit integers that lie in the order of what they stand for: codes with one scale, or numbers as they are.
    pub(super) fn ordered_codes(&self, x: TensorId) -> Option<(View, Option<Code>)> {
        let known = &self.known[x];
        match (&known.coded, &known.plain) {
            (Some(coded), _) if coded.affine(&self.q.tensors).is_some() => {
                Some((coded.view.clone(), Some(coded.code.clone())))
            }
            (_, Some(view)) if matches!(self.q.tensors[view.tensor].dtype, DType::I8 | DType::U8) => {
                Some((view.clone(), None))
            }
            _ => None,
        }
    }

    /// Some of the integers of `input`, standing for the same numbers.
    pub(super) fn emit_ordered(
        &mut self,
        site: Site<'g>,
        op: Direct,
        input: TensorId,
        code: Option<Code>,
        shape: Vec<usize>,
        order: Vec<usize>,
    ) -> Result<()> {
        let source = &self.q.tensors[input];
        let facts = Facts {
            name: String::new(),
            dtype: source.dtype,
            shape: order.iter().map(|&d| shape[d]).collect(),
            quantization: source.quantization.clone(),
        };
        let tensor = self.emit(site, op.into(), vec![input], facts)?;
        let (y, view) = (site.node.outputs[0], View { tensor, shape, order });
        match code {
            Some(code) => self.set_coded(y, Coded { view, code }),
            None => self.set_plain(y, view),
        }
        Ok(())
    }

    fn emit_codes(
        &mut self,
        site: Site<'g>,
        op: Direct,
        input: TensorId,
        sink: &Sink,
        shape: Vec<usize>,
        order: Vec<usize>,
    ) -> Result<()> {
        let physical = order.iter().map(|&d| shape[d]).collect();
        let name = self.tensor(sink.end).name.clone();
        let tensor = self.emit(site, op.into(), vec![input], codes(&name, sink.affine, physical))?;
        let view = View { tensor, shape, order };
        self.set_coded(sink.end, Coded { view, code: Code::Affine(sink.affine.quantization()) });
        Ok(())
    }

    pub(super) fn pool(&mut self, site: Site<'g>, pooling: Pooling, window: &'g Window) -> Result<()> {
        let (x, y) = (self.operand(site, 0)?, site.node.outputs[0]);
        let (input, output) = (self.tensor(x).shape.clone(), self.tensor(y).shape.clone());
        let order = View::channel_last(input.len());
        let geometry = window_2d(window, &input, &output);
        let pool = |activation| Pool2d { batches: input[0], window: geometry, channels: input[1], activation };
        match pooling {
            Pooling::Max => {
                let Some((view, code)) = self.ordered_codes(x) else {
                    return self.float_pool(site, pooling, window);
                };
                let dtype = self.q.tensors[view.tensor].dtype;
                let (min, max) = if dtype == DType::U8 { (0, 255) } else { (-128, 127) };
                let params = pool(Clamp { min, max });
                let call = match dtype {
                    DType::U8 => Call::MaxPool2dU8(params),
                    _ => Call::MaxPool2dI8(params),
                };
                let tensor = self.arrange(site, &view, &order)?;
                self.emit_ordered(site, Direct::new(call), tensor, code, output, order)
            }
            Pooling::Average(count_include_pad) => {
                let Some((coded, x, sink)) = self.codes_to_codes(x, y) else {
                    return self.float_pool(site, pooling, window);
                };
                let whole = window.kernel == input[2..] && window.before.iter().chain(&window.after).all(|&p| p == 0);
                if whole {
                    return self.fused_global_average(site, &coded, x, &sink, &input, output);
                }
                let params = QLinearAveragePool2d {
                    pool: pool(Clamp { min: sink.clamp.0, max: sink.clamp.1 }),
                    input: params::Affine { scale: x.scale, zero_point: x.zero_point },
                    output: params::Affine { scale: sink.affine.scale, zero_point: sink.affine.zero_point },
                    count_include_pad,
                };
                let call = match x.dtype {
                    DType::U8 => Call::QLinearAveragePool2dU8(params),
                    _ => Call::QLinearAveragePool2dI8(params),
                };
                let tensor = self.arrange(site, &coded.view, &order)?;
                self.emit_codes(site, Direct::new(call), tensor, &sink, output, order)
            }
        }
    }

    pub(super) fn global_average_pool(&mut self, site: Site<'g>) -> Result<()> {
        let (x, y) = (self.operand(site, 0)?, site.node.outputs[0]);
        let (input, output) = (self.tensor(x).shape.clone(), self.tensor(y).shape.clone());
        match self.codes_to_codes(x, y) {
            Some((coded, x, sink)) => self.fused_global_average(site, &coded, x, &sink, &input, output),
            None => self.float_global_average_pool(site),
        }
    }

    fn fused_global_average(
        &mut self,
        site: Site<'g>,
        coded: &Coded,
        x: Affine,
        sink: &Sink,
        input: &[usize],
        output: Vec<usize>,
    ) -> Result<()> {
        let area: usize = input[2..].iter().product();
        let params = QLinearGlobalAveragePool {
            batches: input[0],
            area,
            channels: input[1],
            input_zero_point: x.zero_point,
            output_zero_point: sink.affine.zero_point,
            scale: ScaleF32(x.scale / (sink.affine.scale * area as f32)),
            activation: Clamp { min: sink.clamp.0, max: sink.clamp.1 },
        };
        let call = match x.dtype {
            DType::U8 => Call::QLinearGlobalAveragePoolU8(params),
            _ => Call::QLinearGlobalAveragePoolI8(params),
        };
        let order = View::channel_last(input.len());
        let tensor = self.arrange(site, &coded.view, &order)?;
        self.emit_codes(site, Direct::new(call), tensor, sink, output, order)
    }

    pub(super) fn softmax(&mut self, site: Site<'g>, axis: usize, log: bool) -> Result<()> {
        let (x, y) = (self.operand(site, 0)?, site.node.outputs[0]);
        let Some((coded, affine, sink)) = self.codes_to_codes(x, y).filter(|(_, a, s)| !log && s.clamp == a.range())
        else {
            return self.float_softmax(site, axis, log);
        };
        let (order, tensor, rows, depth) = self.rows(site, &coded.view, axis)?;
        let params = QLinearSoftmax {
            rows,
            depth,
            inverse_scale: (1.0 / sink.affine.scale).floor(),
            output_zero_point: sink.affine.zero_point,
        };
        let table: Vec<u8> = softmax_table(affine.scale, depth.max(1)).iter().flat_map(|x| x.to_le_bytes()).collect();
        let call = match affine.dtype {
            DType::U8 => Call::QLinearSoftmaxU8(params),
            _ => Call::QLinearSoftmaxI8(params),
        };
        let shape = coded.view.shape.clone();
        self.emit_codes(site, Direct::new(call).with("table", &table), tensor, &sink, shape, order)
    }

    /// `view` with dimension `axis` innermost: its order, the tensor, the number of rows and their length.
    pub(super) fn rows(
        &mut self,
        site: Site<'g>,
        view: &View,
        axis: usize,
    ) -> Result<(Vec<usize>, TensorId, usize, usize)> {
        let mut order: Vec<usize> = view.order.iter().copied().filter(|&d| d != axis).collect();
        let rows = order.iter().map(|&d| view.shape[d]).product();
        order.push(axis);
        let tensor = self.arrange(site, view, &order)?;
        Ok((order, tensor, rows, view.shape[axis]))
    }
}
