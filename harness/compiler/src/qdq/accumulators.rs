//! Integer products that stay int32 (`ConvInteger`, `MatMulInteger`), and the quantization at run time that usually
//! stands before them. Nothing is fused: what follows (a cast, factors, a bias) is computed in float32 one after the
//! other, which is how ONNX Runtime computes it.

use hilbench_kernels::params::{Clamp, Conv2d};

use super::products::{matmul_of, window_2d};
use super::view::View;
use super::{Site, Stage};
use crate::Result;
use crate::graph::onnx::{Codes, Scaling, Window};
use crate::graph::{DType, Tensor, TensorId};
use crate::lower::Call;
use crate::ops::direct::Direct;

impl<'g> Stage<'g> {
    /// Operand `i` of 8-bit integers.
    fn bytes_of(&mut self, site: Site<'g>, i: usize) -> Result<(View, DType)> {
        let id = self.operand(site, i)?;
        let view = self.plain(site, id)?;
        match self.q.tensors[view.tensor].dtype {
            dtype @ (DType::I8 | DType::U8) => Ok((view, dtype)),
            other => {
                Err(site
                    .unsupported(format!("tensor {:?} is {other}; int8 and uint8 are accepted", self.tensor(id).name)))
            }
        }
    }

    /// The zero point at operand `i`, or several where `channels` says how many; 0 where it is absent.
    fn zero_points(&mut self, site: Site<'g>, i: usize, dtype: DType, channels: usize) -> Result<TensorId> {
        let Some(id) = site.node.inputs.get(i).copied().flatten() else {
            let (name, data) = (format!("zero point {i}"), Some(vec![0]));
            self.q.tensors.push(Tensor { name, dtype, shape: vec![1], quantization: None, data });
            return Ok(self.q.tensors.len() - 1);
        };
        let view = self.plain(site, id)?;
        let tensor = &self.q.tensors[view.tensor];
        let along_last = tensor.elements() == channels && view.shape.last() == Some(&channels);
        if tensor.dtype != dtype || !(tensor.elements() == 1 || along_last) {
            let reason = format!(
                "zero point {:?} is {}{:?}; one {dtype} is accepted, and {channels} for weights",
                tensor.name, tensor.dtype, view.shape
            );
            return Err(site.unsupported(reason));
        }
        Ok(view.tensor)
    }

    pub(super) fn conv_integer(&mut self, site: Site<'g>, window: &'g Window, groups: usize) -> Result<()> {
        let ((x, x_type), (w, w_type), y) = (self.bytes_of(site, 0)?, self.bytes_of(site, 1)?, site.node.outputs[0]);
        let output = self.tensor(y).shape.clone();
        let zero_points = [self.zero_points(site, 2, x_type, 1)?, self.zero_points(site, 3, w_type, output[1])?];
        let order = View::channel_last(x.shape.len());
        let operands = [self.arrange(site, &x, &order)?, self.arrange(site, &w, &order)?];
        let params = Conv2d {
            batches: x.shape[0],
            window: window_2d(window, &x.shape, &output),
            input_channels: x.shape[1],
            filter_channels: x.shape[1] / groups,
            output_channels: output[1],
            input_zero_point: 0,
            output_zero_point: 0,
            activation: Clamp { min: i32::MIN, max: i32::MAX },
        };
        let call = match (x_type, w_type) {
            (DType::U8, DType::U8) => Call::ConvIntegerU8U8(params),
            (DType::U8, _) => Call::ConvIntegerU8I8(params),
            (_, DType::U8) => Call::ConvIntegerI8U8(params),
            _ => Call::ConvIntegerI8I8(params),
        };
        let macs = output.iter().product::<usize>() * w.shape[1..].iter().product::<usize>();
        let inputs = [operands, zero_points].concat();
        self.set_result(site, Direct::new(call).counting(macs), inputs, (y, DType::I32), order)?;
        Ok(())
    }

    pub(super) fn mat_mul_integer(&mut self, site: Site<'g>) -> Result<()> {
        let ((a, a_type), (b, b_type), y) = (self.bytes_of(site, 0)?, self.bytes_of(site, 1)?, site.node.outputs[0]);
        let output = self.tensor(y).shape.clone();
        let Some(params) = matmul_of(&a.shape, &b.shape, &output) else {
            return Err(site.unsupported("more than 6 dimensions"));
        };
        let zero_points = [self.zero_points(site, 2, a_type, 1)?, self.zero_points(site, 3, b_type, params.columns)?];
        let identity = |view: &View| View::identity(view.shape.len());
        let operands = [self.arrange(site, &a, &identity(&a))?, self.arrange(site, &b, &identity(&b))?];
        let call = match (a_type, b_type) {
            (DType::U8, DType::U8) => Call::MatMulIntegerU8U8(params),
            (DType::U8, _) => Call::MatMulIntegerU8I8(params),
            (_, DType::U8) => Call::MatMulIntegerI8U8(params),
            _ => Call::MatMulIntegerI8I8(params),
        };
        let macs = output.iter().product::<usize>() * params.depth;
        let inputs = [operands, zero_points].concat();
        let order = View::identity(output.len());
        self.set_result(site, Direct::new(call).counting(macs), inputs, (y, DType::I32), order)?;
        Ok(())
    }

    /// Floats to uint8 with one scale that is computed at run time.
    pub(super) fn quantize_at_run_time(&mut self, site: Site<'g>, scaling: &Scaling) -> Result<()> {
        let refused = "a scale and zero point that are constant, finite and positive, or one of each that is computed at \
                       run time for uint8, are accepted";
        let (scale, y) = (self.operand(site, 1)?, site.node.outputs[0]);
        let scale = self.plain(site, scale)?.tensor;
        let facts = &self.q.tensors[scale];
        let plain = scaling.block.is_none() && scaling.codes == Codes::Whole;
        if !plain || self.tensor(y).dtype != DType::U8 || facts.data.is_some() || facts.elements() != 1 {
            return Err(site.unsupported(refused));
        }
        let zero_point = self.zero_points(site, 2, DType::U8, 1)?;
        let view = self.floats_of(site, 0)?;
        let op = Direct::new(Call::DynamicQuantize(()));
        self.set_result(site, op, vec![view.tensor, scale, zero_point], (y, DType::U8), view.order)?;
        Ok(())
    }

    /// Scale, then zero point, then codes: each needs the one before.
    pub(super) fn dynamic_quantize(&mut self, site: Site<'g>) -> Result<()> {
        let view = self.floats_of(site, 0)?;
        let &[codes, scale, zero_point] = &site.node.outputs[..] else {
            return Err(site.invalid("has no three outputs"));
        };
        let x = view.tensor;
        let call = |call: Call| Direct::new(call);
        let s = self.set_result(site, call(Call::DynamicScale(())), vec![x], (scale, DType::F32), vec![])?;
        let z = self.set_result(site, call(Call::DynamicZeroPoint(())), vec![x, s], (zero_point, DType::U8), vec![])?;
        let op = call(Call::DynamicQuantize(()));
        self.set_result(site, op, vec![x, s, z], (codes, DType::U8), view.order)?;
        self.note_float(site);
        Ok(())
    }
}
