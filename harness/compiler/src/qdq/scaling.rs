//! Quantize and dequantize operators: codes of 8 bits with one scale are kept as what they stand for; several scales,
//! blocks, and codes of other widths are computed where the model runs.

use hilbench_kernels::params::{Clamp, QuantizeMapped, QuantizeMinifloat, ScaleMap};
use hilbench_kernels::reference::qlinear;

use super::elementwise::codes;
use super::view::{Affine, Code, Coded, View, floats};
use super::{Site, Stage};
use crate::Result;
use crate::graph::onnx::{Codes, Scaling};
use crate::graph::{DType, Quantization};
use crate::lower::Call;
use crate::ops::direct::{self, Direct};

impl<'g> Stage<'g> {
    /// Codes with the result's scale are the result; others go through a table; floats are rounded.
    pub(super) fn quantize(&mut self, site: Site<'g>, scaling: &Scaling, saturate: bool) -> Result<()> {
        let (x, y) = (self.operand(site, 0)?, site.node.outputs[0]);
        let Some(q) = self.quantization(site.node, scaling.axis) else {
            return self.quantize_at_run_time(site, scaling);
        };
        if scaling.block.is_some() || scaling.codes != Codes::Whole {
            return self.quantize_mapped(site, scaling, &q, saturate);
        }
        let dtype = self.tensor(y).dtype;
        let target = match (&q.scales[..], &q.zero_points[..], dtype) {
            (&[scale], &[zero_point], DType::I8 | DType::U8) => Affine { scale, zero_point: zero_point as i32, dtype },
            _ => return self.quantize_along(site, scaling, &q),
        };
        let constant = |view: &View| self.q.tensors[view.tensor].data.is_some();
        if self.known[x].plain.as_ref().is_some_and(constant) && self.known[x].coded.is_none() {
            return self.quantize_along(site, scaling, &q);
        }
        let view = match self.known[x].coded.clone() {
            Some(coded) if coded.table(&self.q.tensors).is_some() => self.requantized(site, &coded, target)?,
            _ => {
                let view = self.plain(site, x)?;
                if self.q.tensors[view.tensor].dtype != DType::F32 {
                    return Err(site.unsupported(format!("a result from {}", self.q.tensors[view.tensor].dtype)));
                }
                let op = direct::quantize(target.scale, target.zero_point, dtype == DType::U8);
                let tensor = self.emit(site, op, vec![view.tensor], codes("", target, view.physical()))?;
                View { tensor, ..view }
            }
        };
        self.set_plain(y, view);
        Ok(())
    }

    /// Quantizes constants here, ties to even, along an axis if there are several scales; others where the model runs.
    fn quantize_along(&mut self, site: Site<'g>, scaling: &Scaling, q: &Quantization) -> Result<()> {
        let (x, y) = (self.operand(site, 0)?, site.node.outputs[0]);
        let view = self.plain(site, x)?;
        let (source, dtype) = (&self.q.tensors[view.tensor], self.tensor(y).dtype);
        if source.data.is_none() || source.dtype != DType::F32 || !matches!(dtype, DType::I8 | DType::U8 | DType::I32) {
            return self.quantize_mapped(site, scaling, q, true);
        }
        let (low, high) = match dtype {
            DType::I8 => (-128, 127),
            DType::U8 => (0, 255),
            _ => (i64::from(i32::MIN), i64::from(i32::MAX)),
        };
        let (physical, place) = (view.physical(), view.place(q.axis));
        let inner: usize = physical.get(place + 1..).unwrap_or_default().iter().product();
        let size = physical.get(place).copied().unwrap_or(1);
        let code = |(i, &x): (usize, &f32)| {
            let c = if q.scales.len() == 1 { 0 } else { i / inner.max(1) % size.max(1) };
            let steps = (x / q.scales[c]).round_ties_even();
            (steps as i64).saturating_add(q.zero_points[c]).clamp(low, high)
        };
        let codes: Vec<i64> = floats(source).iter().enumerate().map(code).collect();
        let data = match dtype {
            DType::I32 => codes.iter().flat_map(|&c| (c as i32).to_le_bytes()).collect(),
            _ => codes.iter().map(|&c| c as u8).collect(),
        };
        let tensor =
            crate::graph::Tensor { name: self.tensor(y).name.clone(), dtype, data: Some(data), ..source.clone() };
        self.q.tensors.push(tensor);
        let tensor = self.q.tensors.len() - 1;
        self.set_plain(y, View { tensor, ..view });
        Ok(())
    }

    pub(super) fn dequantize(&mut self, site: Site<'g>, scaling: &Scaling) -> Result<()> {
        let (x, y) = (self.operand(site, 0)?, site.node.outputs[0]);
        let Some(q) = self.quantization(site.node, scaling.axis) else {
            return Err(site.unsupported("scales and zero points that are constant, finite and positive are accepted"));
        };
        let view = self.plain(site, x)?;
        let tensor = &mut self.q.tensors[view.tensor];
        let (computed, wide) = (tensor.data.is_none(), matches!(tensor.dtype, DType::I16 | DType::U16));
        if computed && tensor.quantization.is_none() && q.scales.len() == 1 && !matches!(scaling.codes, Codes::Float(_))
        {
            tensor.quantization = Some(q.clone());
        }
        if scaling.block.is_some()
            || matches!(scaling.codes, Codes::Float(_))
            || computed && (wide || q.scales.len() > 1)
        {
            return self.dequantize_mapped(site, scaling, &q);
        }
        self.set_coded(y, Coded { view, code: Code::Affine(q) });
        Ok(())
    }

    /// To codes with several scales, of 16 bits, or of fewer than 8.
    fn quantize_mapped(&mut self, site: Site<'g>, scaling: &Scaling, q: &Quantization, saturate: bool) -> Result<()> {
        let (y, dtype) = (site.node.outputs[0], self.tensor(site.node.outputs[0]).dtype);
        let view = self.floats_of(site, 0)?;
        let order = View::identity(view.shape.len());
        let x = self.arrange(site, &view, &order)?;
        let map = scale_map(scaling, &view.shape, q.scales.len());
        if let Codes::Float(format) = scaling.codes {
            refuse_zero_points(site, q)?;
            let call = Call::QuantizeMinifloat(QuantizeMinifloat { map, format, saturate });
            let op = Direct::new(call).with("scales", &bytes(&q.scales));
            self.set_result(site, op, vec![x], (y, dtype), order)?;
            return Ok(());
        }
        let (call, bits, signed): (fn(QuantizeMapped) -> Call, u32, bool) = match dtype {
            DType::I8 => (Call::QuantizeMappedI8, 8, true),
            DType::U8 => (Call::QuantizeMappedU8, 8, false),
            DType::I16 => (Call::QuantizeMappedI16, 16, true),
            DType::U16 => (Call::QuantizeMappedU16, 16, false),
            other => {
                let reason = format!(
                    "tensor {:?} is quantized to {other} at run time; 2 to 16 bits are accepted",
                    self.tensor(y).name
                );
                return Err(site.unsupported(reason));
            }
        };
        let bits = if let Codes::Bits(bits) = scaling.codes { bits } else { bits };
        let range = if signed {
            Clamp { min: -(1 << (bits - 1)), max: (1 << (bits - 1)) - 1 }
        } else {
            Clamp { min: 0, max: (1 << bits) - 1 }
        };
        let call = call(QuantizeMapped { map, range });
        let tensor = self.set_result(site, mapped(call, q), vec![x], (y, dtype), order)?;
        if q.scales.len() == 1 {
            self.q.tensors[tensor].quantization = Some(q.clone());
        }
        Ok(())
    }

    /// From codes with several scales, of 16 bits, or that are floats of few bits.
    fn dequantize_mapped(&mut self, site: Site<'g>, scaling: &Scaling, q: &Quantization) -> Result<()> {
        let (x, y) = (self.operand(site, 0)?, site.node.outputs[0]);
        let view = self.plain(site, x)?;
        let order = View::identity(view.shape.len());
        let codes = self.arrange(site, &view, &order)?;
        let map = scale_map(scaling, &view.shape, q.scales.len());
        let op = match (scaling.codes, self.q.tensors[codes].dtype) {
            (Codes::Float(format), _) => {
                refuse_zero_points(site, q)?;
                let table: Vec<f32> = (0..=u8::MAX).map(|code| qlinear::decode_minifloat(&format, code)).collect();
                Direct::new(Call::ScaleCodes(map)).with("values", &bytes(&table)).with("scales", &bytes(&q.scales))
            }
            (_, DType::I8) => mapped(Call::DequantizeMappedI8(map), q),
            (_, DType::U8) => mapped(Call::DequantizeMappedU8(map), q),
            (_, DType::I16) => mapped(Call::DequantizeMappedI16(map), q),
            (_, DType::U16) => mapped(Call::DequantizeMappedU16(map), q),
            (_, other) => {
                let reason = format!(
                    "tensor {:?} is dequantized from {other} with {} scales; 2 to 16 bits are accepted",
                    self.tensor(x).name,
                    q.scales.len()
                );
                return Err(site.unsupported(reason));
            }
        };
        self.set_result(site, op, vec![codes], (y, DType::F32), order)?;
        Ok(())
    }
}

/// Where the scale of an element of a tensor of this shape is, among so many.
fn scale_map(scaling: &Scaling, shape: &[usize], scales: usize) -> ScaleMap {
    let axis = shape.get(scaling.axis).copied().unwrap_or(1);
    let inner = shape.get(scaling.axis + 1..).unwrap_or_default().iter().product();
    match scaling.block {
        Some(block) => ScaleMap {
            axis,
            inner,
            block,
            stride_outer: axis.div_ceil(block) * inner,
            stride_block: inner,
            stride_inner: 1,
        },
        None => {
            let stride_block = usize::from(scales > 1);
            ScaleMap { axis, inner, block: 1, stride_outer: 0, stride_block, stride_inner: 0 }
        }
    }
}

/// A call with scales and zero points.
fn mapped(call: Call, q: &Quantization) -> Direct {
    let zero_points: Vec<u8> = q.zero_points.iter().flat_map(|&z| (z as i32).to_le_bytes()).collect();
    Direct::new(call).with("scales", &bytes(&q.scales)).with("zero points", &zero_points)
}

fn bytes(floats: &[f32]) -> Vec<u8> {
    floats.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// Floats of few bits have no zero point but zero, whose bits are all zero.
fn refuse_zero_points(site: Site<'_>, q: &Quantization) -> Result<()> {
    match q.zero_points.iter().find(|&&z| z != 0) {
        Some(z) => Err(site.invalid(format!("a zero point with bits {z:#x} of floats of few bits; 0 is accepted"))),
        None => Ok(()),
    }
}
