//! Weights, biases and multipliers shared by the operators that accumulate products: convolutions, fully connected.

use hilbench_kernels::optimized::dsp;
use hilbench_kernels::params::{Channel, Clamp, Requant};
use hilbench_kernels::requant::requantize_to_i8;

use super::operands::{Operands, PerTensor};
use super::products::keep;
use crate::Result;
use crate::graph::{DType, Quantization, Tensor};
use crate::multiplier::quantize_multiplier;

/// int8 weights, int32 biases (none: empty) and one multiplier an output channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// In the file's order.
    pub values: Vec<i8>,
    /// One an output channel, or empty.
    pub bias: Vec<i32>,
    /// One an output channel, or one for all.
    pub requant: Vec<Requant>,
    /// Zero point of the weights: 0, but for per-tensor fully connected layers of some files.
    pub zero_point: i32,
}

impl Weights {
    /// The weights without their zero point.
    #[must_use]
    pub fn centred(&self) -> Vec<i32> {
        self.values.iter().map(|&w| i32::from(w) - self.zero_point).collect()
    }

    /// Bytes of weights, biases and factors.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.values.len() + 4 * self.bias.len() + 8 * self.requant.len()
    }

    /// What is left of these: `values` and `bias` have been cut, factors are not yet.
    #[must_use]
    pub fn cut(&self, values: Vec<i8>, bias: Vec<i32>, outputs: &[usize]) -> Self {
        let requant = if self.requant.len() == 1 {
            self.requant.clone()
        } else {
            keep(&self.requant, self.requant.len(), outputs)
        };
        Weights { values, bias, requant, zero_point: self.zero_point }
    }
}

/// How the factor of a per-tensor layer is multiplied out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerTensorFactor {
    /// `double(s_in) * double(s_w) / double(s_out)`: convolutions.
    Double,
    /// `double(float(s_in * s_w)) / double(s_out)`: fully connected.
    SingleProduct,
}

/// Reads operands 1 (weights, `channels` along dimension `axis`) and 2 (optional bias).
pub fn weights(
    operands: &Operands<'_>,
    axis: usize,
    channels: usize,
    factor: PerTensorFactor,
    input: PerTensor,
    output: PerTensor,
) -> Result<Weights> {
    weights_and_bias(operands, axis, channels, factor, input, output, 2)
}

/// The same with the bias in operand `bias_operand`.
pub fn weights_and_bias(
    operands: &Operands<'_>,
    axis: usize,
    channels: usize,
    factor: PerTensorFactor,
    input: PerTensor,
    output: PerTensor,
    bias_operand: usize,
) -> Result<Weights> {
    let (tensor, data, q) = constant_weights(operands)?;
    if q.scales.len() > 1 && (q.axis != axis || q.scales.len() != channels) {
        let reason = format!(
            "weights {:?} of shape {:?} have {} scales along dimension {}; {channels} along dimension {axis} are accepted",
            tensor.name,
            tensor.shape,
            q.scales.len(),
            q.axis
        );
        return Err(operands.unsupported(reason));
    }
    let per_channel = factor == PerTensorFactor::Double || q.scales.len() > 1;
    if (per_channel || q.scales.len() > 1) && q.zero_points.iter().any(|&z| z != 0) {
        return Err(operands.unsupported(format!("weights {:?} have zero points other than 0", tensor.name)));
    }
    let zero_point = operands_zero_point(operands, tensor)?;
    let requant = if per_channel {
        (0..channels)
            .map(|c| {
                let scale = f64::from(q.scales[if q.scales.len() == 1 { 0 } else { c }]);
                quantize_multiplier(f64::from(input.scale) * scale / f64::from(output.scale))
            })
            .collect()
    } else {
        vec![quantize_multiplier(f64::from(input.scale * q.scales[0]) / f64::from(output.scale))]
    };
    let values = data.iter().map(|&b| b as i8).collect();
    Ok(Weights { values, bias: bias(operands, bias_operand, channels)?, requant, zero_point })
}

/// The same for layers whose weights were uint8: one scale, any zero point, one factor from a product in single
/// precision (`GetQuantizedConvolutionMultipler`).
pub fn unsigned_weights(
    operands: &Operands<'_>,
    channels: usize,
    input: PerTensor,
    output: PerTensor,
) -> Result<Weights> {
    let (tensor, data, q) = constant_weights(operands)?;
    let [scale] = q.scales[..] else {
        let reason = format!("weights {:?} have {} scales; one is accepted beside uint8", tensor.name, q.scales.len());
        return Err(operands.unsupported(reason));
    };
    let factor = quantize_multiplier(f64::from(input.scale * scale) / f64::from(output.scale));
    Ok(Weights {
        values: data.iter().map(|&b| b as i8).collect(),
        bias: bias(operands, 2, channels)?,
        requant: vec![factor; channels],
        zero_point: operands_zero_point(operands, tensor)?,
    })
}

pub fn constant_weights<'a>(operands: &Operands<'a>) -> Result<(&'a Tensor, &'a [u8], &'a Quantization)> {
    let tensor = operands.input(1)?;
    if tensor.dtype != DType::I8 {
        let reason = format!("weights {:?} are {}, int8 is accepted", tensor.name, tensor.dtype);
        return Err(operands.unsupported(reason));
    }
    let Some(data) = &tensor.data else {
        return Err(
            operands.unsupported(format!("weights {:?} are computed at run time; constants are accepted", tensor.name))
        );
    };
    let Some(q) = &tensor.quantization else {
        return Err(operands.invalid(format!("weights {:?} have no scale", tensor.name)));
    };
    Ok((tensor, data, q))
}

fn operands_zero_point(operands: &Operands<'_>, tensor: &Tensor) -> Result<i32> {
    let zero_point = tensor.quantization.as_ref().and_then(|q| q.zero_points.first().copied()).unwrap_or(0);
    i8::try_from(zero_point).map(i32::from).map_err(|_| {
        operands.invalid(format!("weights {:?}: zero point {zero_point} lies outside -128 to 127", tensor.name))
    })
}

fn bias(operands: &Operands<'_>, operand: usize, channels: usize) -> Result<Vec<i32>> {
    let Some(tensor) = operands.optional(operand) else { return Ok(Vec::new()) };
    let Some(data) = tensor.data.as_ref().filter(|_| tensor.dtype == DType::I32) else {
        return Err(
            operands.unsupported(format!("bias {:?} is {}; a constant int32 is accepted", tensor.name, tensor.dtype))
        );
    };
    if tensor.elements() != channels {
        let reason = format!("bias {:?} has {} elements; {channels} are expected", tensor.name, tensor.elements());
        return Err(operands.invalid(reason));
    }
    Ok(data.chunks_exact(4).map(|c| i32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect())
}

/// A layer whose sums are known to be small, so that kernels may round them the short way.
pub struct SmallSums {
    /// One row an output channel.
    pub rows: Vec<i8>,
    /// One an output channel.
    pub folded_bias: Vec<i32>,
    /// One an output channel, or one for all.
    pub requant: Vec<Requant>,
}

/// Brings a layer into the form that [`dsp::is_exact`] asks for, if it has one: a channel that answers the same for any
/// input loses its weights and gets a bias and a factor that give this answer. Some models have many of them, with
/// factors of any size.
#[must_use]
pub fn small_sums(
    rows: &[i8],
    folded_bias: &[i32],
    requant: &[Requant],
    zero_point: i32,
    activation: Clamp,
) -> Option<SmallSums> {
    let mut layer = SmallSums { rows: rows.to_vec(), folded_bias: folded_bias.to_vec(), requant: requant.to_vec() };
    if dsp::is_exact(&layer.rows, &layer.folded_bias, &layer.requant) {
        return Some(layer);
    }
    layer.requant = (0..folded_bias.len()).map(|c| requant[if requant.len() == 1 { 0 } else { c }]).collect();
    let taps = rows.len() / folded_bias.len();
    for (c, row) in layer.rows.chunks_exact_mut(taps).enumerate() {
        let r = layer.requant[c];
        // Rescaling is monotonic (but for a left shift, which wraps), so equal answers at both ends are all answers.
        let sum = |f: fn(i64) -> i64| row.iter().map(|&w| f(i64::from(w))).sum::<i64>();
        let (low, high) = (sum(|w| (-128 * w).min(127 * w)), sum(|w| (-128 * w).max(127 * w)));
        let ends = [low, high].map(|sum| i32::try_from(i64::from(folded_bias[c]) + sum));
        let [Ok(low), Ok(high)] = ends else { continue };
        let answer = |acc| i32::from(requantize_to_i8(acc, r, zero_point, activation.min, activation.max));
        if answer(low) == answer(high) && (r.shift <= 0 || low == high) {
            row.fill(0);
            layer.folded_bias[c] = 4 * (answer(low) - zero_point);
            layer.requant[c] = Requant { multiplier: 1 << 30, shift: -1 };
        }
    }
    dsp::is_exact(&layer.rows, &layer.folded_bias, &layer.requant).then_some(layer)
}

impl SmallSums {
    /// What each output channel begins with and is finished by, as the bytes of a constant.
    #[must_use]
    pub fn channels(&self) -> Vec<u8> {
        let requant = self.requant.iter().cycle();
        let channels = self.folded_bias.iter().zip(requant).map(|(&bias, &requant)| Channel::new(bias, requant));
        channels.flat_map(Channel::words).flat_map(i32::to_le_bytes).collect()
    }
}

/// Multipliers and shifts as the bytes of a constant.
#[must_use]
pub fn requant_bytes(requant: &[Requant]) -> Vec<u8> {
    requant.iter().flat_map(|r| [r.multiplier, r.shift]).flat_map(i32::to_le_bytes).collect()
}

/// Integers as the bytes of a constant.
#[must_use]
pub fn i32_bytes(values: &[i32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Packed weights as the bytes of a constant.
#[must_use]
pub fn u32_bytes(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Weights as the bytes of a constant.
#[must_use]
pub fn i8_bytes(values: &[i8]) -> Vec<u8> {
    values.iter().map(|&v| v as u8).collect()
}
