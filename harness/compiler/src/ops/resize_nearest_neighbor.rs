//! RESIZE_NEAREST_NEIGHBOR with a constant size.

use hilbench_kernels::{params, reference};

use super::channels::{self, Bounds, Cut, Flow, Site};
use super::strided::{by_width, unsupported_width};
use super::{Computation, Operands, QOp, Quantized};
use crate::Result;
use crate::graph::Op;
use crate::lower::{Call, Lowering, Step};
use crate::qgraph::QNode;
use crate::value::Value;

/// Each output pixel is the nearest input pixel.
#[derive(Clone, Debug)]
pub struct ResizeNearestNeighbor {
    element_bytes: usize,
    params: params::ResizeNearest,
}

pub(super) fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::ResizeNearestNeighbor { align_corners, half_pixel_centers } = operands.node.op else {
        return Err(operands.invalid("is not RESIZE_NEAREST_NEIGHBOR"));
    };
    let x = operands.input(0)?;
    let [batches, input_h, input_w, channels] = operands.dims(x)?;
    let [output_h, output_w] = operands.resized()?;
    operands.expect_shape(0, &[batches, output_h, output_w, channels])?;
    operands.expect_same_values(x, operands.output()?)?;
    let params = params::ResizeNearest {
        batches,
        input_h,
        input_w,
        output_h,
        output_w,
        channels,
        align_corners,
        half_pixel_centers,
    };
    Ok((ResizeNearestNeighbor { element_bytes: x.dtype.size(), params }.into(), vec![operands.input_id(0)?]))
}

impl Computation for ResizeNearestNeighbor {
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]) {
        by_width!(self.element_bytes, T => {
            reference::resize_nearest_neighbor::<T>(&self.params, inputs[0].as_slice(), outputs[0].as_mut_slice());
        });
    }

    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>> {
        let call = match self.element_bytes {
            1 => Call::ResizeNearestNeighbor8(self.params),
            4 => Call::ResizeNearestNeighbor32(self.params),
            width => return Err(unsupported_width(node, width)),
        };
        let operands = vec![lowering.operand(node.inputs[0])];
        Ok(vec![Step { call, operands, scratch: None, output: lowering.buffer(node.outputs[0]) }])
    }

    fn bounds(&self, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
        channels::monotonic(self, site)
    }

    fn flow(&self, site: &Site<'_>) -> Flow {
        channels::same_channels(site)
    }

    fn narrowed(&self, _: &Site<'_>, cut: &Cut<'_>) -> Option<QOp> {
        let params = params::ResizeNearest { channels: cut.outputs[0].len(), ..self.params };
        Some(ResizeNearestNeighbor { element_bytes: self.element_bytes, params }.into())
    }
}
