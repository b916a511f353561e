//! What the passes may do to the calls that ONNX models make, by the kind of each. A call of no kind stays as it is.

use hilbench_kernels::params::{
    Clamp, FullyConnected, Pool2d, QLinearAdd, QLinearAveragePool2d, QLinearConv2d, QLinearDepthwiseConv2d,
    QLinearGlobalAveragePool, QLinearMul, ScaleF32, Window2d,
};

use super::Direct;
use crate::lower::Call;
use crate::ops::Border;
use crate::ops::channels::{self, Bounds, Cut, Flow, Pair, Site};
use crate::ops::products::{Finish, Products, Rescaled, keep, keep_filters};
use crate::ops::unary::table_bounds;

/// A call by what it computes, whatever its element types are, with the way back from its parameters.
enum Kind {
    Conv(QLinearConv2d, fn(QLinearConv2d) -> Call),
    Depthwise(QLinearDepthwiseConv2d, fn(QLinearDepthwiseConv2d) -> Call),
    FullyConnected(FullyConnected, fn(FullyConnected) -> Call),
    Add(QLinearAdd, fn(QLinearAdd) -> Call),
    Mul(QLinearMul, fn(QLinearMul) -> Call),
    AveragePool(QLinearAveragePool2d, fn(QLinearAveragePool2d) -> Call),
    GlobalAveragePool(QLinearGlobalAveragePool, fn(QLinearGlobalAveragePool) -> Call),
    MaxPool(Pool2d, fn(Pool2d) -> Call),
    Lookup([i8; 256]),
}

/// The kind of a call, if it has one.
fn kind(call: &Call) -> Option<Kind> {
    macro_rules! kinds {
        ($($kind:ident: $($call:ident)+;)*) => {
            match call {
                $($(Call::$call(p) => Some(Kind::$kind(*p, Call::$call)),)+)*
                Call::Lookup(table) => Some(Kind::Lookup(*table)),
                _ => None,
            }
        };
    }
    kinds! {
        Conv: QLinearConv2dI8 QLinearConv2dI8I16 QLinearConv2dU8 QLinearConv2dU8I16;
        Depthwise: QLinearDepthwiseConv2dI8 QLinearDepthwiseConv2dI8I16 QLinearDepthwiseConv2dU8 QLinearDepthwiseConv2dU8I16;
        FullyConnected: QLinearFullyConnectedI8 QLinearFullyConnectedI8I16 QLinearFullyConnectedU8 QLinearFullyConnectedU8I16;
        Add: QLinearAddI8 QLinearAddU8;
        Mul: QLinearMulI8 QLinearMulU8;
        AveragePool: QLinearAveragePool2dI8 QLinearAveragePool2dU8;
        GlobalAveragePool: QLinearGlobalAveragePoolI8 QLinearGlobalAveragePoolU8;
        MaxPool: MaxPool2dI8 MaxPool2dU8;
    }
}

/// The kind of a call whose channels are the last dimension of what it reads and writes. Tensors may have another shape
/// than their reader takes them for: then their channels are not its own.
fn kind_at(direct: &Direct, site: &Site<'_>) -> Option<Kind> {
    let kind = kind(&direct.call)?;
    let (read, written) = (channels::channels(site.inputs[0]), channels::channels(site.outputs[0]));
    let fits = match &kind {
        Kind::Conv(p, _) => (p.conv.input_channels, p.conv.output_channels) == (read, written),
        Kind::Depthwise(p, _) => (p.conv.channels, p.conv.channels * p.conv.multiplier) == (read, written),
        Kind::FullyConnected(p, _) => p.output_depth == written,
        Kind::AveragePool(p, _) => (p.pool.channels, p.pool.channels) == (read, written),
        Kind::GlobalAveragePool(p, _) => (p.channels, p.channels) == (read, written),
        Kind::MaxPool(p, _) => (p.channels, p.channels) == (read, written),
        Kind::Add(..) | Kind::Mul(..) => site.inputs.iter().any(|t| channels::channels(t) == written),
        Kind::Lookup(_) => read == written,
    };
    fits.then_some(kind)
}

/// Constants of a layer of weighted sums, read.
struct Layer {
    /// Without their zero point.
    weights: Vec<i32>,
    bias: Vec<i32>,
    scales: Vec<ScaleF32>,
}

impl Layer {
    /// Places of the weights.
    fn places(&self) -> Vec<usize> {
        (0..self.weights.len()).collect()
    }

    fn rows(&self, p: &FullyConnected, site: &Site<'_>) -> Option<Products<'_>> {
        Products::fully_connected(p, &self.weights, &self.bias, channels::channels(site.inputs[0]))
    }
}

impl Direct {
    fn layer(&self, weights_zero_point: i32) -> Option<Layer> {
        let [(_, weights), (_, bias), (_, scales)] = &self.constants[..] else { return None };
        let wide = matches!(self.call.signature().operands[1], "i16");
        let weights: Vec<i32> = if wide {
            weights.as_slice::<i16>().iter().map(|&w| i32::from(w) - weights_zero_point).collect()
        } else {
            weights.as_slice::<i8>().iter().map(|&w| i32::from(w) - weights_zero_point).collect()
        };
        let scales = scales.as_slice::<f32>().iter().map(|&s| ScaleF32(s)).collect();
        Some(Layer { weights, bias: bias.as_slice().to_vec(), scales })
    }

    /// The same call of other shape: weights by place in the old ones, biases, and the output channels that are left.
    fn cut(&self, call: Call, weights: &[usize], bias: &[i32], outputs: &[usize], macs: u64) -> Self {
        let width = if self.call.signature().operands[1] == "i16" { 2 } else { 1 };
        let [(_, old), _, (_, scales)] = &self.constants[..] else { return self.clone() };
        let scales = scales.as_slice::<f32>();
        let scales = if scales.len() == 1 { scales.to_vec() } else { keep(scales, scales.len(), outputs) };
        let weights = weights.iter().flat_map(|&w| &old.as_bytes()[w * width..(w + 1) * width]).copied();
        let bytes = |values: Vec<[u8; 4]>| values.into_iter().flatten().collect::<Vec<u8>>();
        let cut = Direct { call, constants: Vec::new(), scratch: self.scratch, macs };
        cut.with("weights", &weights.collect::<Vec<u8>>())
            .with("bias", &bytes(bias.iter().map(|b| b.to_le_bytes()).collect()))
            .with("scales", &bytes(scales.iter().map(|s| s.to_le_bytes()).collect()))
    }
}

/// Bounds of the outputs.
pub(super) fn bounds(direct: &Direct, site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
    let finished = |products: &Products<'_>, finish: &dyn Finish| vec![products.bounds(site.bounds[0], finish)];
    match kind_at(direct, site)? {
        Kind::Conv(p, _) => {
            let layer = direct.layer(p.weights_zero_point)?;
            let (zero_point, activation) = (p.conv.output_zero_point, p.conv.activation);
            Some(finished(
                &Products::conv2d(&p.conv, &layer.weights, &layer.bias),
                &Rescaled { factors: &layer.scales, zero_point, activation },
            ))
        }
        Kind::Depthwise(p, _) => {
            let (mut layer, c) = (direct.layer(p.weights_zero_point)?, &p.conv);
            let count = c.channels * c.multiplier;
            layer.weights =
                (0..count).flat_map(|o| layer.weights[o..].iter().step_by(count).copied()).collect::<Vec<i32>>();
            let products = Products::depthwise_conv2d(c, &layer.weights, &layer.bias);
            let (zero_point, activation) = (c.output_zero_point, c.activation);
            Some(finished(&products, &Rescaled { factors: &layer.scales, zero_point, activation }))
        }
        Kind::FullyConnected(p, _) => {
            let layer = direct.layer(p.weights_zero_point)?;
            let (zero_point, activation) = (p.output_zero_point, p.activation);
            Some(finished(&layer.rows(&p, site)?, &Rescaled { factors: &layer.scales, zero_point, activation }))
        }
        Kind::Add(..) | Kind::AveragePool(..) | Kind::GlobalAveragePool(..) | Kind::MaxPool(..) => {
            channels::monotonic(direct, site)
        }
        Kind::Mul(..) => channels::monotonic_in_each(direct, site),
        Kind::Lookup(table) => Some(vec![table_bounds(&table, site)]),
    }
}

/// How channels hang together.
pub(super) fn flow(direct: &Direct, site: &Site<'_>) -> Flow {
    let mixed = |needs: Option<Vec<Vec<bool>>>| needs.map_or(Flow::Whole, Flow::Mixed);
    match kind_at(direct, site) {
        Some(Kind::Conv(p, _)) if p.conv.filter_channels == p.conv.input_channels => {
            let layer = direct.layer(p.weights_zero_point);
            mixed(layer.map(|layer| Products::conv2d(&p.conv, &layer.weights, &layer.bias).needs(site.bounds[0])))
        }
        Some(Kind::Depthwise(p, _)) => {
            let (count, each) = (p.conv.channels * p.conv.multiplier, p.conv.multiplier);
            Flow::Paired((0..count).map(|o| Pair::tied(o / each, o)).collect())
        }
        Some(Kind::FullyConnected(p, _)) => {
            let layer = direct.layer(p.weights_zero_point);
            mixed(layer.and_then(|layer| Some(layer.rows(&p, site)?.needs(site.bounds[0]))))
        }
        Some(Kind::Add(..) | Kind::Mul(..)) => channels::broadcast_channels(site),
        Some(Kind::AveragePool(..) | Kind::GlobalAveragePool(..) | Kind::MaxPool(..) | Kind::Lookup(_)) => {
            channels::same_channels(site)
        }
        Some(Kind::Conv(..)) | None => Flow::Whole,
    }
}

/// The call for the channels that are left.
pub(super) fn narrowed(direct: &Direct, site: &Site<'_>, cut: &Cut<'_>) -> Option<Direct> {
    let (inputs, outputs) = (cut.inputs[0], cut.outputs[0]);
    let plain = |call: Call| Some(Direct { call, ..direct.clone() });
    match kind_at(direct, site)? {
        Kind::Conv(mut p, call) => {
            let layer = direct.layer(p.weights_zero_point)?;
            let bias =
                Products::conv2d(&p.conv, &layer.weights, &layer.bias).folded_bias(site.bounds[0], inputs, outputs);
            let weights = keep_filters(&layer.places(), p.conv.output_channels, p.conv.input_channels, cut);
            let macs = direct.macs / layer.weights.len().max(1) as u64 * weights.len() as u64;
            (p.conv.input_channels, p.conv.filter_channels) = (inputs.len(), inputs.len());
            p.conv.output_channels = outputs.len();
            Some(direct.cut(call(p), &weights, &bias, outputs, macs))
        }
        Kind::Depthwise(mut p, call) => {
            let layer = direct.layer(p.weights_zero_point)?;
            let count = p.conv.channels * p.conv.multiplier;
            let weights = keep(&layer.places(), count, outputs);
            let bias = if layer.bias.is_empty() { Vec::new() } else { keep(&layer.bias, count, outputs) };
            let macs = direct.macs / count.max(1) as u64 * outputs.len() as u64;
            p.conv.channels = inputs.len();
            Some(direct.cut(call(p), &weights, &bias, outputs, macs))
        }
        Kind::FullyConnected(mut p, call) => {
            let layer = direct.layer(p.weights_zero_point)?;
            let products = layer.rows(&p, site)?;
            let bias = products.folded_bias(site.bounds[0], inputs, outputs);
            let weights = keep_filters(&layer.places(), p.output_depth, products.filter_channels, cut);
            let macs = direct.macs / layer.weights.len().max(1) as u64 * weights.len() as u64;
            (p.input_depth, p.output_depth) = (products.taps * inputs.len(), outputs.len());
            Some(direct.cut(call(p), &weights, &bias, outputs, macs))
        }
        Kind::Add(mut p, call) => {
            p.broadcast = channels::narrowed_broadcast(&p.broadcast, site, cut);
            plain(call(p))
        }
        Kind::Mul(mut p, call) => {
            p.broadcast = channels::narrowed_broadcast(&p.broadcast, site, cut);
            plain(call(p))
        }
        Kind::AveragePool(mut p, call) => {
            p.pool.channels = outputs.len();
            plain(call(p))
        }
        Kind::GlobalAveragePool(mut p, call) => {
            p.channels = outputs.len();
            plain(call(p))
        }
        Kind::MaxPool(mut p, call) => {
            p.channels = outputs.len();
            plain(call(p))
        }
        Kind::Lookup(_) => None,
    }
}

impl Kind {
    /// The bounds that are applied last.
    fn activation(&mut self) -> Option<&mut Clamp> {
        match self {
            Kind::Conv(p, _) => Some(&mut p.conv.activation),
            Kind::Depthwise(p, _) => Some(&mut p.conv.activation),
            Kind::FullyConnected(p, _) => Some(&mut p.activation),
            Kind::Add(p, _) => Some(&mut p.activation),
            Kind::Mul(p, _) => Some(&mut p.activation),
            Kind::AveragePool(p, _) => Some(&mut p.pool.activation),
            Kind::GlobalAveragePool(p, _) => Some(&mut p.activation),
            Kind::MaxPool(p, _) => Some(&mut p.activation),
            Kind::Lookup(_) => None,
        }
    }

    /// The padded window whose padding has the input's zero point.
    fn window(&mut self) -> Option<(&mut Window2d, i32)> {
        match self {
            Kind::Conv(p, _) => Some((&mut p.conv.window, p.conv.input_zero_point)),
            Kind::Depthwise(p, _) => Some((&mut p.conv.window, p.conv.input_zero_point)),
            _ => None,
        }
    }

    fn call(self) -> Call {
        match self {
            Kind::Conv(p, call) => call(p),
            Kind::Depthwise(p, call) => call(p),
            Kind::FullyConnected(p, call) => call(p),
            Kind::Add(p, call) => call(p),
            Kind::Mul(p, call) => call(p),
            Kind::AveragePool(p, call) => call(p),
            Kind::GlobalAveragePool(p, call) => call(p),
            Kind::MaxPool(p, call) => call(p),
            Kind::Lookup(table) => Call::Lookup(table),
        }
    }
}

/// The call over what lies inside of a border.
pub(super) fn bordered(direct: &Direct, border: &Border) -> Option<Direct> {
    let mut kind = kind(&direct.call)?;
    let (window, padding) = kind.window()?;
    *window = border.around(window, padding)?;
    Some(Direct { call: kind.call(), ..direct.clone() })
}

/// The bounds that the call applies last.
pub(super) fn activation(direct: &Direct) -> Option<Clamp> {
    kind(&direct.call)?.activation().copied()
}

/// The call with other bounds in the end.
pub(super) fn with_activation(direct: &Direct, activation: Clamp) -> Option<Direct> {
    let mut kind = kind(&direct.call)?;
    *kind.activation()? = activation;
    Some(Direct { call: kind.call(), ..direct.clone() })
}
