//! Resize of height and width. The nearest pixel is data movement; a linear resize of codes works on the numbers they hold,
//! one of dequantized values in floats.

use hilbench_kernels::params::{self, Resize2d};

use super::view::{Coded, View};
use super::{Facts, Site, Stage};
use crate::Result;
use crate::graph::DType;
use crate::graph::onnx::{Coordinates, Interpolation, Nearest};
use crate::lower::Call;
use crate::ops::direct::Direct;

impl<'g> Stage<'g> {
    pub(super) fn resize(
        &mut self,
        site: Site<'g>,
        interpolation: Interpolation,
        coordinates: Coordinates,
        scales: &[f32],
    ) -> Result<()> {
        let (x, y) = (self.operand(site, 0)?, site.node.outputs[0]);
        let (input, output) = (self.tensor(x).shape.clone(), self.tensor(y).shape.clone());
        if !(3..=4).contains(&input.len()) || input[..2] != output[..2] || input.contains(&0) {
            let reason =
                format!("{input:?} to {output:?}; batches of images, resized in height and width, are accepted");
            return Err(site.unsupported(reason));
        }
        // One spatial dimension is a width.
        let tall = input.len() == 4;
        let (h, w) = (2, input.len() - 1);
        let params = Resize2d {
            batches: input[0],
            input_h: if tall { input[h] } else { 1 },
            input_w: input[w],
            output_h: if tall { output[h] } else { 1 },
            output_w: output[w],
            channels: input[1],
            scale_h: if tall { scales[h] } else { 1.0 },
            scale_w: scales[w],
            coordinates: match coordinates {
                Coordinates::Asymmetric => params::Coordinates::Asymmetric,
                Coordinates::AlignCorners => params::Coordinates::AlignCorners,
                Coordinates::HalfPixel => params::Coordinates::HalfPixel,
                Coordinates::PytorchHalfPixel => params::Coordinates::PytorchHalfPixel,
            },
            nearest: match interpolation {
                Interpolation::Nearest(Nearest::Ceil) => params::Nearest::Ceil,
                Interpolation::Nearest(Nearest::Floor) | Interpolation::Linear => params::Nearest::Floor,
                Interpolation::Nearest(Nearest::RoundPreferCeil) => params::Nearest::RoundPreferCeil,
                Interpolation::Nearest(Nearest::RoundPreferFloor) => params::Nearest::RoundPreferFloor,
            },
        };
        let linear = interpolation == Interpolation::Linear;
        let coded = self.known[x].coded.clone();
        // ONNX Runtime interpolates codes only where the model itself does: between dequantize and quantize it leaves a
        // linear resize in floats.
        let coded = coded.filter(|c| {
            if linear {
                self.tensor(x).dtype != DType::F32 && c.affine(&self.q.tensors).is_some()
            } else {
                c.table(&self.q.tensors).is_some()
            }
        });
        let source = match &coded {
            Some(coded) => coded.view.clone(),
            None => self.plain(site, x)?,
        };
        let dtype = self.q.tensors[source.tensor].dtype;
        let call = match (linear, dtype) {
            (false, _) if dtype.size() == 1 => Call::ResizeNearest8(params),
            (false, _) if dtype.size() == 4 => Call::ResizeNearest32(params),
            (true, DType::F32) => Call::ResizeLinearF32(params),
            (true, DType::I8) => Call::ResizeLinearI8(params),
            (true, DType::U8) => Call::ResizeLinearU8(params),
            _ => return Err(site.unsupported(format!("elements of type {dtype}"))),
        };
        if linear && dtype == DType::F32 {
            self.note_float(site);
        }
        let order = View::channel_last(input.len());
        let tensor = self.arrange(site, &source, &order)?;
        let facts = Facts {
            name: String::new(),
            dtype,
            shape: order.iter().map(|&d| output[d]).collect(),
            quantization: self.q.tensors[tensor].quantization.clone(),
        };
        let tensor = self.emit(site, Direct::new(call).into(), vec![tensor], facts)?;
        let view = View { tensor, shape: output, order };
        match coded {
            Some(Coded { code, .. }) => self.set_coded(y, Coded { view, code }),
            None => self.set_plain(y, view),
        }
        Ok(())
    }
}
