//! Convolutions and products of matrices: of codes with constant weights, by ONNX Runtime's fused integer kernels.
//!
//! Refuses weights whose scales do not run along the output channels: no integer sum exists for them.

use hilbench_kernels::params::{
    Clamp, Conv2d, ConvTranspose2d, DepthwiseConv2d, FullyConnected, MatMul, QLinearConv2d, QLinearConvTranspose2d,
    QLinearDepthwiseConv2d, QLinearMatMul, ScaleF32, Window2d,
};

use super::elementwise::{broadcast, codes};
use super::order::{channel_last_order, depthwise_order, placed, row_order, transposed_order};
use super::sink::Sink;
use super::view::{Affine, Code, Coded, View, floats, integers};
use super::{Site, Stage};
use crate::Result;
use crate::graph::onnx::{Op, Window};
use crate::graph::{DType, TensorId};
use crate::lower::Call;
use crate::ops::direct::Direct;

/// Constant weights with the zero point taken off, in the model's order of dimensions.
pub(super) struct Weights {
    pub values: Vec<i64>,
    /// One, or one an output channel.
    pub scales: Vec<f32>,
}

impl Weights {
    /// `values` in the narrowest type that holds them; answers whether it is int16.
    fn narrow(values: &[i64]) -> (bool, Vec<u8>) {
        if values.iter().all(|v| i8::try_from(*v).is_ok()) {
            (false, values.iter().map(|&v| v as u8).collect())
        } else {
            (true, values.iter().flat_map(|&v| (v as i16).to_le_bytes()).collect())
        }
    }
}

/// Spatial sizes as height and width; one dimension is a width.
pub(super) fn plane(sizes: &[usize], missing: usize) -> [usize; 2] {
    match *sizes {
        [w] => [missing, w],
        [h, w] => [h, w],
        _ => [missing, missing],
    }
}

/// Geometry of `window` between images of these shapes (batch, channels, spatial sizes).
pub(super) fn window_2d(window: &Window, input: &[usize], output: &[usize]) -> Window2d {
    let [input_h, input_w] = plane(&input[2..], 1);
    let [output_h, output_w] = plane(&output[2..], 1);
    let [filter_h, filter_w] = plane(&window.kernel, 1);
    let [stride_h, stride_w] = plane(&window.stride, 1);
    let [dilation_h, dilation_w] = plane(&window.dilation, 1);
    let [pad_top, pad_left] = plane(&window.before, 0);
    Window2d {
        input_h,
        input_w,
        filter_h,
        filter_w,
        stride_h,
        stride_w,
        dilation_h,
        dilation_w,
        pad_top,
        pad_left,
        output_h,
        output_w,
    }
}

/// What a weighted operator makes of codes.
pub(super) struct Fused {
    pub input: Coded,
    pub x: Affine,
    pub weights: Weights,
    pub bias: Vec<i32>,
    /// Factor on the sum of products and bias.
    pub alpha: f32,
    pub sink: Sink,
}

fn i32_bytes(values: &[i32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn f32_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

impl<'g> Stage<'g> {
    /// The constant codes of weights, if they are 8-bit codes with scales along dimension `axis`.
    fn weights(&mut self, site: Site<'g>, id: TensorId, axis: usize) -> Result<Option<Weights>> {
        let Some(coded) = self.known[id].coded.clone() else { return Ok(None) };
        let Code::Affine(q) = &coded.code else { return Ok(None) };
        let source = &self.q.tensors[coded.view.tensor];
        if source.data.is_none() || !matches!(source.dtype, DType::I8 | DType::U8) {
            return Ok(None);
        }
        if q.scales.len() > 1 && q.axis != axis {
            let reason = format!(
                "weights {:?} of shape {:?} have {} scales along dimension {}; one scale, or scales along dimension {axis}, are accepted",
                source.name,
                coded.view.shape,
                q.scales.len(),
                q.axis
            );
            return Err(site.unsupported(reason));
        }
        let view = &coded.view;
        let tensor = self.arrange(site, view, &View::identity(view.shape.len()))?;
        let inner: usize = view.shape.get(axis + 1..).unwrap_or_default().iter().product();
        let channel = |i: usize| if q.scales.len() == 1 { 0 } else { i / inner.max(1) % q.scales.len() };
        let codes = integers(&self.q.tensors[tensor]);
        let values = codes.iter().enumerate().map(|(i, &w)| w - q.zero_points[channel(i)]).collect();
        Ok(Some(Weights { values, scales: q.scales.clone() }))
    }

    /// The bias in units of the accumulators; `None` if it is computed at run time.
    ///
    /// An int32 bias is what it is if its scale is the product of the others, as it should be, within the last bits; any
    /// other constant is brought to that scale.
    fn bias(
        &mut self,
        site: Site<'g>,
        id: Option<TensorId>,
        channels: usize,
        x: Affine,
        w_scales: &[f32],
    ) -> Result<Option<Vec<i32>>> {
        const LAST_BITS: f32 = 1e-4;
        let Some(id) = id else { return Ok(Some(Vec::new())) };
        let scale = |c: usize| x.scale * w_scales[if w_scales.len() == 1 { 0 } else { c }];
        let spread = |len: usize, c: usize| if len == 1 { 0 } else { c };
        if let Some(coded) = self.known[id].coded.clone()
            && let Code::Affine(q) = &coded.code
            && self.q.tensors[coded.view.tensor].dtype == DType::I32
            && self.q.tensors[coded.view.tensor].data.is_some()
            && q.zero_points.iter().all(|&z| z == 0)
        {
            let codes = integers(&self.q.tensors[coded.view.tensor]);
            let given = |c: usize| q.scales[spread(q.scales.len(), c)];
            let close = (0..channels).all(|c| (given(c) - scale(c)).abs() <= LAST_BITS * scale(c));
            if close && (codes.len() == channels || codes.len() == 1) {
                return Ok(Some((0..channels).map(|c| codes[spread(codes.len(), c)] as i32).collect()));
            }
            let name = &self.tensor(id).name;
            let warning = format!("bias {name:?} has another scale than input times weights; it was quantized again");
            self.q.warnings.push(warning);
        }
        let constant = match (&self.known[id].plain, &self.known[id].coded) {
            (Some(view), _) => self.q.tensors[view.tensor].data.is_some(),
            (None, Some(coded)) => self.q.tensors[coded.view.tensor].data.is_some(),
            _ => false,
        };
        if !constant {
            return Ok(None);
        }
        let view = self.plain(site, id)?;
        let values = floats(&self.q.tensors[view.tensor]);
        if values.len() != channels && values.len() != 1 {
            return Ok(None);
        }
        // A float cast to an integer saturates.
        let code = |c: usize| (values[spread(values.len(), c)] / scale(c)).round_ties_even() as i32;
        Ok(Some((0..channels).map(code).collect()))
    }

    /// Codes times constant weights into codes; `None` where one of the three is something else.
    fn fused(
        &mut self,
        site: Site<'g>,
        x: TensorId,
        w: TensorId,
        bias: Option<TensorId>,
        axis: usize,
        channels: usize,
    ) -> Result<Option<Fused>> {
        let Some(input) = self.known[x].coded.clone() else { return Ok(None) };
        let Some(affine) = input.affine(&self.q.tensors) else { return Ok(None) };
        let Some(sink) = self.sink(site.node.outputs[0]).filter(|s| s.affine.dtype == affine.dtype) else {
            return Ok(None);
        };
        let Some(weights) = self.weights(site, w, axis)? else { return Ok(None) };
        let Some(bias) = self.bias(site, bias, channels, affine, &weights.scales)? else { return Ok(None) };
        Ok(Some(Fused { input, x: affine, weights, bias, alpha: 1.0, sink }))
    }

    /// The call with its constants, as the result that `fused` ends in.
    fn emit_fused(
        &mut self,
        site: Site<'g>,
        fused: &Fused,
        (call, weights): (Call, &[u8]),
        macs: usize,
        inputs: Vec<TensorId>,
        view: (Vec<usize>, Vec<usize>),
    ) -> Result<()> {
        let factor = |w: &f32| fused.alpha * fused.x.scale * w / fused.sink.affine.scale;
        let scales: Vec<f32> = fused.weights.scales.iter().map(factor).collect();
        let op = Direct::new(call)
            .with("weights", weights)
            .with("bias", &i32_bytes(&fused.bias))
            .with("scales", &f32_bytes(&scales))
            .counting(macs);
        let (shape, order) = view;
        let physical = order.iter().map(|&d| shape[d]).collect();
        let target = fused.sink.affine;
        let name = self.tensor(fused.sink.end).name.clone();
        let tensor = self.emit(site, op.into(), inputs, codes(&name, target, physical))?;
        let view = View { tensor, shape, order };
        self.set_coded(fused.sink.end, Coded { view, code: Code::Affine(target.quantization()) });
        Ok(())
    }

    pub(super) fn conv(&mut self, site: Site<'g>, window: &'g Window, groups: usize) -> Result<()> {
        let (x, w, y) = (self.operand(site, 0)?, self.operand(site, 1)?, site.node.outputs[0]);
        let bias = site.node.inputs.get(2).copied().flatten();
        let (input, output) = (self.tensor(x).shape.clone(), self.tensor(y).shape.clone());
        let Some(fused) = self.fused(site, x, w, bias, 0, output[1])? else {
            return self.float_conv(site, window, groups);
        };
        let order = View::channel_last(input.len());
        let tensor = self.arrange(site, &fused.input.view, &order)?;
        let shape = self.tensor(w).shape.clone();
        let geometry = window_2d(window, &input, &output);
        let activation = Clamp { min: fused.sink.clamp.0, max: fused.sink.clamp.1 };
        let (input_zero_point, output_zero_point) = (fused.x.zero_point, fused.sink.affine.zero_point);
        let unsigned = fused.x.dtype == DType::U8;
        let depthwise = groups == input[1] && groups > 1;
        let (call, bytes) = if depthwise {
            let (wide, bytes) = Weights::narrow(&depthwise_order(&shape, &fused.weights.values));
            let conv = DepthwiseConv2d {
                batches: input[0],
                window: geometry,
                channels: input[1],
                multiplier: output[1] / input[1],
                input_zero_point,
                output_zero_point,
                activation,
            };
            let params = QLinearDepthwiseConv2d { conv, weights_zero_point: 0 };
            let call = match (unsigned, wide) {
                (false, false) => Call::QLinearDepthwiseConv2dI8(params),
                (false, true) => Call::QLinearDepthwiseConv2dI8I16(params),
                (true, false) => Call::QLinearDepthwiseConv2dU8(params),
                (true, true) => Call::QLinearDepthwiseConv2dU8I16(params),
            };
            (call, bytes)
        } else {
            let (wide, bytes) = Weights::narrow(&channel_last_order(&shape, &fused.weights.values));
            let conv = Conv2d {
                batches: input[0],
                window: geometry,
                input_channels: input[1],
                filter_channels: shape[1],
                output_channels: output[1],
                input_zero_point,
                output_zero_point,
                activation,
            };
            let params = QLinearConv2d { conv, weights_zero_point: 0 };
            let call = match (unsigned, wide) {
                (false, false) => Call::QLinearConv2dI8(params),
                (false, true) => Call::QLinearConv2dI8I16(params),
                (true, false) => Call::QLinearConv2dU8(params),
                (true, true) => Call::QLinearConv2dU8I16(params),
            };
            (call, bytes)
        };
        let macs = output.iter().product::<usize>() * shape[1..].iter().product::<usize>();
        self.emit_fused(site, &fused, (call, &bytes), macs, vec![tensor], (output, order))
    }

    /// ONNX Runtime computes it in floats between dequantize and quantize; the integer sum is the same but for ties.
    pub(super) fn conv_transpose(&mut self, site: Site<'g>, window: &'g Window, groups: usize) -> Result<()> {
        let (x, w, y) = (self.operand(site, 0)?, self.operand(site, 1)?, site.node.outputs[0]);
        let bias = site.node.inputs.get(2).copied().flatten();
        let (input, output) = (self.tensor(x).shape.clone(), self.tensor(y).shape.clone());
        let shape = self.tensor(w).shape.clone();
        // Scales run over the outputs of one group, and repeat in every group.
        let one_group =
            groups == 1 || self.known[w].coded.as_ref().is_some_and(|c| c.affine(&self.q.tensors).is_some());
        let fused = if one_group { self.fused(site, x, w, bias, 1, output[1])? } else { None };
        let Some(fused) = fused else {
            return self.float_conv_transpose(site, window, groups);
        };
        let order = View::channel_last(input.len());
        let tensor = self.arrange(site, &fused.input.view, &order)?;
        let (wide, bytes) = Weights::narrow(&transposed_order(&shape, groups, &fused.weights.values));
        let params = QLinearConvTranspose2d {
            conv: transposed_geometry(window, &input, &output, &shape, groups),
            input_zero_point: fused.x.zero_point,
            weights_zero_point: 0,
            output_zero_point: fused.sink.affine.zero_point,
            activation: Clamp { min: fused.sink.clamp.0, max: fused.sink.clamp.1 },
        };
        let call = match (fused.x.dtype == DType::U8, wide) {
            (false, false) => Call::QLinearConvTranspose2dI8(params),
            (false, true) => Call::QLinearConvTranspose2dI8I16(params),
            (true, false) => Call::QLinearConvTranspose2dU8(params),
            (true, true) => Call::QLinearConvTranspose2dU8I16(params),
        };
        let macs = input.iter().product::<usize>() * shape[1..].iter().product::<usize>();
        self.emit_fused(site, &fused, (call, &bytes), macs, vec![tensor], (output, order))
    }

    pub(super) fn gemm(&mut self, site: Site<'g>, op: &'g Op) -> Result<()> {
        let &Op::Gemm { alpha, beta, trans_a, trans_b } = op else { return Err(site.invalid("is no Gemm")) };
        let (a, b, y) = (self.operand(site, 0)?, self.operand(site, 1)?, site.node.outputs[0]);
        let c = site.node.inputs.get(2).copied().flatten();
        let output = self.tensor(y).shape.clone();
        let row_bias = c.is_none_or(|c| self.tensor(c).shape.iter().rev().skip(1).all(|&d| d == 1));
        let scaled_bias = c.is_some() && (alpha != 1.0 || beta != 1.0);
        let fused =
            if row_bias && !scaled_bias { self.fused(site, a, b, c, usize::from(!trans_b), output[1])? } else { None };
        let Some(fused) = fused.map(|fused| Fused { alpha, ..fused }) else { return self.float_gemm(site, op) };
        let (tensor, places) = self.matrix(site, &fused.input.view, trans_a)?;
        let rows = placed(row_order(&self.tensor(b).shape, &fused.weights.values, trans_b), places);
        self.fully_connected(site, &fused, tensor, output, &rows)
    }

    /// The rows of `view` as they lie in memory, and where in a row of the model each element belongs if that is not
    /// where it lies: what a reshape flattened need not be brought into order if the weights can be.
    pub(super) fn matrix(
        &mut self,
        site: Site<'g>,
        view: &View,
        transposed: bool,
    ) -> Result<(TensorId, Option<Vec<usize>>)> {
        if !transposed
            && let Some(source) = self.flattened.get(&view.tensor)
            && let Some((&samples, rest)) = source.shape.split_first()
            && view.shape == [samples, rest.iter().product()]
            && let Some(places) = source.places_of_a_sample()
        {
            return Ok((source.tensor, Some(places)));
        }
        let order = if transposed { vec![1, 0] } else { View::identity(view.shape.len()) };
        Ok((self.arrange(site, view, &order)?, None))
    }

    fn fully_connected(
        &mut self,
        site: Site<'g>,
        fused: &Fused,
        input: TensorId,
        output: Vec<usize>,
        rows: &[i64],
    ) -> Result<()> {
        let output_depth = output.last().copied().unwrap_or(1);
        let input_depth = rows.len().checked_div(output_depth).unwrap_or(0);
        let batches = output.iter().product::<usize>().checked_div(output_depth).unwrap_or(0);
        let params = FullyConnected {
            batches,
            input_depth,
            output_depth,
            input_zero_point: fused.x.zero_point,
            weights_zero_point: 0,
            output_zero_point: fused.sink.affine.zero_point,
            activation: Clamp { min: fused.sink.clamp.0, max: fused.sink.clamp.1 },
        };
        let (wide, bytes) = Weights::narrow(rows);
        let call = match (fused.x.dtype == DType::U8, wide) {
            (false, false) => Call::QLinearFullyConnectedI8(params),
            (false, true) => Call::QLinearFullyConnectedI8I16(params),
            (true, false) => Call::QLinearFullyConnectedU8(params),
            (true, true) => Call::QLinearFullyConnectedU8I16(params),
        };
        let order = View::identity(output.len());
        let macs = batches * input_depth * output_depth;
        self.emit_fused(site, fused, (call, &bytes), macs, vec![input], (output, order))
    }

    pub(super) fn mat_mul(&mut self, site: Site<'g>) -> Result<()> {
        let (a, b, y) = (self.operand(site, 0)?, self.operand(site, 1)?, site.node.outputs[0]);
        let (shape_a, shape_b) = (self.tensor(a).shape.clone(), self.tensor(b).shape.clone());
        let output = self.tensor(y).shape.clone();
        if shape_b.len() == 2
            && shape_a.len() > 1
            && let Some(fused) = self.fused(site, a, b, None, 1, shape_b[1])?
        {
            let (tensor, places) = self.matrix(site, &fused.input.view, false)?;
            let rows = placed(row_order(&shape_b, &fused.weights.values, false), places);
            return self.fully_connected(site, &fused, tensor, output, &rows);
        }
        if self.run_time_product(site, a, b, &output)? {
            return Ok(());
        }
        self.float_mat_mul(site)
    }

    /// Codes times codes, both computed at run time, or weights with more than two dimensions.
    fn run_time_product(&mut self, site: Site<'g>, a: TensorId, b: TensorId, output: &[usize]) -> Result<bool> {
        let y = site.node.outputs[0];
        let (Some(sink), Some(coded_a), Some(coded_b)) =
            (self.sink(y), self.known[a].coded.clone(), self.known[b].coded.clone())
        else {
            return Ok(false);
        };
        let (Some(qa), Some(qb)) = (coded_a.affine(&self.q.tensors), coded_b.affine(&self.q.tensors)) else {
            return Ok(false);
        };
        if qa.dtype != sink.affine.dtype || coded_a.view.shape.len() < 2 || coded_b.view.shape.len() < 2 {
            return Ok(false);
        }
        let tensors = [&coded_a.view, &coded_b.view]
            .into_iter()
            .map(|view| self.arrange(site, view, &View::identity(view.shape.len())))
            .collect::<Result<Vec<_>>>()?;
        let Some(matmul) = matmul(&coded_a.view.shape, &coded_b.view.shape, output) else {
            return Err(site.unsupported("more than 6 dimensions"));
        };
        let params = QLinearMatMul {
            matmul,
            input1_zero_point: qa.zero_point,
            input2_zero_point: qb.zero_point,
            output_zero_point: sink.affine.zero_point,
            activation: Clamp { min: sink.clamp.0, max: sink.clamp.1 },
        };
        let call = match (qa.dtype, qb.dtype) {
            (DType::U8, DType::U8) => Call::QLinearMatMulU8U8(params),
            (DType::U8, _) => Call::QLinearMatMulU8I8(params),
            (_, DType::U8) => Call::QLinearMatMulI8U8(params),
            _ => Call::QLinearMatMulI8I8(params),
        };
        let scale = ScaleF32(qa.scale * qb.scale / sink.affine.scale);
        let macs = output.iter().product::<usize>() * matmul.depth;
        let op = Direct::new(call).with("scales", &f32_bytes(&[scale.0])).counting(macs);
        let name = self.tensor(sink.end).name.clone();
        let tensor = self.emit(site, op.into(), tensors, codes(&name, sink.affine, output.to_vec()))?;
        let view = View::new(tensor, output);
        self.set_coded(sink.end, Coded { view, code: Code::Affine(sink.affine.quantization()) });
        Ok(true)
    }
}

/// Geometry of a product where an operand may be a vector: a matrix of one row, or of one column.
pub(super) fn matmul_of(a: &[usize], b: &[usize], output: &[usize]) -> Option<MatMul> {
    let mut wide = output.to_vec();
    if a.len() == 1 {
        wide.insert(output.len() - usize::from(b.len() > 1), 1);
    }
    if b.len() == 1 {
        wide.push(1);
    }
    let wide_a = if a.len() == 1 { vec![1, a[0]] } else { a.to_vec() };
    let wide_b = if b.len() == 1 { vec![b[0], 1] } else { b.to_vec() };
    matmul(&wide_a, &wide_b, &wide)
}

/// Geometry of a product of stacks of matrices.
fn matmul(a: &[usize], b: &[usize], output: &[usize]) -> Option<MatMul> {
    let (lead_a, &[rows, depth]) = a.split_last_chunk::<2>()?;
    let (lead_b, &[_, columns]) = b.split_last_chunk::<2>()?;
    let lead = &output[..output.len().checked_sub(2)?];
    let wide = |dims: &[usize]| [&vec![1; lead.len().saturating_sub(dims.len())], dims].concat();
    let batch = broadcast(&View::identity(lead.len()), lead, &wide(lead_a), &wide(lead_b))?;
    Some(MatMul { batch, rows, depth, columns })
}

/// Geometry of a transposed convolution with weights of shape `[in, out / groups, spatial...]`.
pub(super) fn transposed_geometry(
    window: &Window,
    input: &[usize],
    output: &[usize],
    weights: &[usize],
    groups: usize,
) -> ConvTranspose2d {
    ConvTranspose2d {
        batches: input[0],
        window: window_2d(window, input, output),
        input_channels: weights[0],
        filter_channels: weights[0] / groups,
        output_channels: output[1],
    }
}
