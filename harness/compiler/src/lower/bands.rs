//! Calls cut into bands of output rows: which calls can be, and what each band reads and writes.

use std::ops::Range;

use hilbench_kernels::params::{Band, Bands, Elements};

use super::{Call, Signature};

/// One band of a call.
#[derive(Clone, Debug)]
pub struct CallBand {
    /// The call that computes it.
    pub call: Call,
    /// Bytes that it reads of the first operands; the others are read whole.
    pub inputs: Vec<Range<usize>>,
    /// Bytes of the output that it writes.
    pub output: Range<usize>,
}

/// Writes what holds of every variant once: those with parameters of a shape, those of single elements, and the others.
macro_rules! by_kind {
    ($call:expr, $name:ident, $params:ident => $shaped:expr, $elements:expr, $whole:expr; $($variant:ident)*; $($element:ident)*) => {
        match $call {
            $(Call::$variant($params) => { let $name = Call::$variant; $shaped })*
            $(Call::$element(_))|* => $elements,
            _ => $whole,
        }
    };
}

macro_rules! bands {
    ($call:expr, $name:ident, $params:ident => $shaped:expr, $elements:expr, $whole:expr) => {
        by_kind! {
            $call, $name, $params => $shaped, $elements, $whole;
            Add AveragePool2d Conv2d DepthwiseConv2d DspAdd DspAveragePool2d DspConv2d DspDepthwiseConv2d
            DspDepthwiseTaps DspMaxPool2d DspMul DspQLinearAddI8 DspQLinearAddU8 DspQLinearConv2dI8 DspQLinearConv2dU8
            DspQLinearDepthwiseConv2dI8 DspQLinearDepthwiseConv2dU8 DspQLinearMulI8 DspQLinearMulU8 DspSub MaxPool2d
            Mul MveAdd MveAveragePool2d MveConv2d MveDepthwiseConv2d MveMaxPool2d MveMul MveSub PortableFloatConv2d
            PortableFloatDepthwiseConv2d PortableQLinearAddI8 PortableQLinearAddU8 PortableQLinearConv2dI8
            PortableQLinearConv2dI8I16 PortableQLinearConv2dU8 PortableQLinearConv2dU8I16
            PortableQLinearDepthwiseConv2dI8 PortableQLinearDepthwiseConv2dI8I16 PortableQLinearDepthwiseConv2dU8
            PortableQLinearDepthwiseConv2dU8I16 PortableQLinearMulI8 PortableQLinearMulU8 Sub;
            DequantizeI8 DequantizeU8 Lookup LookupF32 QuantizeEvenI8 QuantizeEvenU8 QuantizeI8 QuantizeU8
        }
    };
}

impl Call {
    /// Rows that a call with so many output elements can be cut between; 1 if it cannot be cut.
    #[must_use]
    pub fn rows(&self, output_elements: usize) -> usize {
        bands!(self, _name, params => params.rows(), output_elements, 1)
    }

    /// Whether its bands are cut by [`Elements`]: its own parameters say nothing of a shape.
    #[must_use]
    pub fn is_elementwise(&self) -> bool {
        bands!(self, _name, _params => false, true, false)
    }

    /// The part that writes `rows` of its [`rows`](Call::rows) from `first` on; all of a call that cannot be cut has no
    /// parts.
    #[must_use]
    pub fn band(&self, first: usize, rows: usize) -> Option<CallBand> {
        let signature = self.signature();
        bands!(
            self,
            name,
            params => Some(in_bytes(&signature, params.band(first, rows), name)),
            Some(in_bytes(&signature, Elements(first + rows).band(first, rows), |_| self.clone())),
            None
        )
    }
}

fn in_bytes<P>(signature: &Signature, band: Band<P>, call: impl FnOnce(P) -> Call) -> CallBand {
    let bytes = |range: &Range<usize>, element: &str| {
        let size = super::element_bytes(element);
        range.start * size..range.end * size
    };
    let cut = if band.inputs[1].is_empty() { 1 } else { 2 };
    let inputs = band.inputs[..cut].iter().zip(signature.operands).map(|(range, element)| bytes(range, element));
    CallBand { inputs: inputs.collect(), output: bytes(&band.output, signature.output), call: call(band.params) }
}
