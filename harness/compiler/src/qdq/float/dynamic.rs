//! Dynamic quantization, undone: the scale of an activation that is chosen at run time is 1 here and its codes are the
//! floats themselves. What follows (integer product, cast, multiplication by both scales) then computes the float
//! model with its quantized weights. The result is nearer to the float model than the original, and not equal to it.

use super::super::view::{View, integers};
use super::super::{Site, Stage};
use crate::Result;
use crate::graph::{DType, Tensor, TensorId};

impl<'g> Stage<'g> {
    pub(super) fn dynamic_quantize(&mut self, site: Site<'g>) -> Result<()> {
        let view = self.floats_of(site, 0)?;
        let &[q, scale, zero_point] = &site.node.outputs[..] else {
            return Err(site.invalid("has no three outputs"));
        };
        if [q, scale, zero_point].iter().any(|id| self.graph.outputs.contains(id)) {
            return Err(site.unsupported("codes or scales chosen at run time as model outputs"));
        }
        self.set_plain(q, view);
        let mut constant = |id: TensorId, dtype: DType, data: Vec<u8>| {
            let name = self.graph.tensors[id].name.clone();
            self.q.tensors.push(Tensor { name, dtype, shape: vec![], quantization: None, data: Some(data) });
            let tensor = self.q.tensors.len() - 1;
            self.known[id].plain = Some(View::new(tensor, &[]));
        };
        constant(scale, DType::F32, 1_f32.to_le_bytes().to_vec());
        constant(zero_point, DType::U8, vec![0]);
        let text = format!(
            "{}: activations are not quantized at run time; this part is computed in float32",
            self.graph.describe(site.node)
        );
        self.q.warnings.push(text);
        Ok(())
    }

    /// Constant integer weights as floats, their zero points (operand 3) taken off; several run along `axis`.
    pub(super) fn integer_weights(&mut self, site: Site<'g>, id: TensorId, axis: usize) -> Result<Vec<f32>> {
        let view = self.plain(site, id)?;
        let tensor = self.arrange(site, &view, &View::identity(view.shape.len()))?;
        let source = &self.q.tensors[tensor];
        if source.data.is_none() || !matches!(source.dtype, DType::I8 | DType::U8) {
            return Err(site.unsupported(format!("weights {:?} that are computed at run time", self.tensor(id).name)));
        }
        let codes = integers(source);
        let zeros = match site.node.inputs.get(3).copied().flatten() {
            None => vec![0],
            Some(id) => match &self.known[id].plain {
                Some(view) if self.q.tensors[view.tensor].data.is_some() => integers(&self.q.tensors[view.tensor]),
                _ => return Err(site.unsupported("zero points of weights that are computed at run time")),
            },
        };
        let channels = view.shape.get(axis).copied().unwrap_or(1);
        if zeros.len() != 1 && zeros.len() != channels {
            return Err(site.invalid(format!("{} zero points for {channels} channels", zeros.len())));
        }
        let inner: usize = view.shape.get(axis + 1..).unwrap_or_default().iter().product();
        let zero = |i: usize| if zeros.len() == 1 { zeros[0] } else { zeros[i / inner.max(1) % channels.max(1)] };
        Ok(codes.iter().enumerate().map(|(i, &w)| (w - zero(i)) as f32).collect())
    }
}
