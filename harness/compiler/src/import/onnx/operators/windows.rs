//! Operators with windows over spatial dimensions: convolutions, pools, resizes. Padding becomes explicit here.

use super::super::reader::Reader;
use super::quantized::need_opset_10;
use crate::Result;
use crate::graph::onnx::{Coordinates, Interpolation, Nearest, Op, Pooling, Reduction, Window};
use crate::graph::{DType, TensorId};

/// Largest kernel, stride, dilation or padding: larger ones occur in no model, and products must not overflow.
const MAX_SIZE: i64 = 32767;

/// Most taps of a window.
const MAX_TAPS: usize = 1 << 20;

fn sizes(r: &Reader<'_, '_>, name: &str, spatial: usize, default: i64, least: i64) -> Result<Vec<usize>> {
    let values = r.ints(name)?.map_or_else(|| vec![default; spatial], <[i64]>::to_vec);
    if values.len() != spatial || values.iter().any(|v| !(least..=MAX_SIZE).contains(v)) {
        let reason =
            format!("attribute {name:?} is {values:?}; {spatial} numbers from {least} to {MAX_SIZE} are expected");
        return Err(r.invalid(reason));
    }
    Ok(values.into_iter().map(|v| v as usize).collect())
}

/// Geometry of a window over `input` (spatial sizes) with the output that belongs to it.
fn window(r: &Reader<'_, '_>, input: &[usize], kernel: Vec<usize>, ceil: bool) -> Result<(Window, Vec<usize>)> {
    let spatial = input.len();
    if !(1..=2).contains(&spatial) {
        return Err(r.unsupported(format!("{spatial} spatial dimensions; one and two are accepted")));
    }
    let taps = kernel.iter().try_fold(1_usize, |n, &k| n.checked_mul(k)).filter(|&n| n <= MAX_TAPS);
    if taps.is_none() || kernel.contains(&0) {
        return Err(r.unsupported(format!("a window of {kernel:?}; 1 to {MAX_TAPS} taps are accepted")));
    }
    let stride = sizes(r, "strides", spatial, 1, 1)?;
    let dilation = sizes(r, "dilations", spatial, 1, 1)?;
    let pads = match r.ints("pads")? {
        Some(_) => sizes(r, "pads", 2 * spatial, 0, 0)?,
        None => vec![0; 2 * spatial],
    };
    let auto = r.text("auto_pad", "NOTSET")?;
    let (mut before, mut after, mut output) = (pads[..spatial].to_vec(), pads[spatial..].to_vec(), Vec::new());
    for i in 0..spatial {
        let span = (kernel[i] - 1) * dilation[i] + 1;
        match auto {
            "NOTSET" | "" => {}
            "VALID" => (before[i], after[i]) = (0, 0),
            "SAME_UPPER" | "SAME_LOWER" => {
                let needed = (input[i].div_ceil(stride[i]).max(1) - 1) * stride[i] + span;
                let padding = needed.saturating_sub(input[i]);
                let (less, more) = (padding / 2, padding - padding / 2);
                (before[i], after[i]) = if auto == "SAME_UPPER" { (less, more) } else { (more, less) };
            }
            other => return Err(r.invalid(format!("auto_pad {other:?}"))),
        }
        let padded = input[i] + before[i] + after[i];
        let Some(room) = padded.checked_sub(span) else {
            return Err(r.invalid(format!("a window of {span} does not fit in {padded} elements with padding")));
        };
        let mut count = if ceil { room.div_ceil(stride[i]) } else { room / stride[i] } + 1;
        // A window that begins behind the input and its padding before does not exist.
        if ceil && (count - 1) * stride[i] >= input[i] + before[i] {
            count -= 1;
        }
        output.push(count);
    }
    Ok((Window { kernel, stride, dilation, before, after }, output))
}

/// Batch, channels and spatial sizes of `x`.
fn image(r: &Reader<'_, '_>, x: TensorId) -> Result<(usize, usize, Vec<usize>)> {
    match r.shape(x).split_first_chunk::<2>() {
        Some((&[n, c], spatial)) if !spatial.is_empty() && !r.shape(x).contains(&0) => Ok((n, c, spatial.to_vec())),
        _ => Err(r.invalid(format!(
            "tensor {:?} has shape {:?}; [batch, channels, spatial...] is expected",
            r.of(x).name,
            r.shape(x)
        ))),
    }
}

/// Geometry and result of a convolution of `x` with `w`.
fn convolution(r: &Reader<'_, '_>, x: TensorId, w: TensorId) -> Result<(Window, usize, Vec<usize>)> {
    let (batch, channels, spatial) = image(r, x)?;
    let (filters, filter_channels, kernel) = image(r, w)?;
    let groups = usize::try_from(r.int("group", 1)?).unwrap_or(0);
    let fits = groups > 0
        && Some(channels) == filter_channels.checked_mul(groups)
        && filters.is_multiple_of(groups)
        && kernel.len() == spatial.len();
    if !fits {
        let reason = format!("weights of shape {:?} in {groups} groups do not fit {:?}", r.shape(w), r.shape(x));
        return Err(r.invalid(reason));
    }
    if let Some(given) = r.ints("kernel_shape")?
        && !given.iter().map(|&k| usize::try_from(k).unwrap_or(0)).eq(kernel.iter().copied())
    {
        return Err(r.invalid(format!("kernel_shape {given:?}, but weights of shape {:?}", r.shape(w))));
    }
    let (window, output) = window(r, &spatial, kernel, false)?;
    Ok((window, groups, [&[batch, filters], &output[..]].concat()))
}

pub(super) fn conv(r: &mut Reader<'_, '_>) -> Result<()> {
    let (x, w) = (r.input(0)?, r.input(1)?);
    let bias = r.optional(2)?;
    let y = conv_of(r, x, w, bias)?;
    r.result(0, y)
}

pub(super) fn conv_of(r: &mut Reader<'_, '_>, x: TensorId, w: TensorId, bias: Option<TensorId>) -> Result<TensorId> {
    let (window, groups, shape) = convolution(r, x, w)?;
    if let Some(bias) = bias
        && r.shape(bias) != [shape[1]]
    {
        let reason = format!("bias {:?} has shape {:?}; [{}] is expected", r.of(bias).name, r.shape(bias), shape[1]);
        return Err(r.invalid(reason));
    }
    r.push_optional(Op::Conv { window, groups }, vec![Some(x), Some(w), bias], r.dtype(x), shape)
}

pub(super) fn conv_integer(r: &mut Reader<'_, '_>) -> Result<()> {
    need_opset_10(r)?;
    let (x, w) = (r.input(0)?, r.input(1)?);
    let (window, groups, shape) = convolution(r, x, w)?;
    let inputs = vec![Some(x), Some(w), r.optional(2)?, r.optional(3)?];
    let y = r.push_optional(Op::ConvInteger { window, groups }, inputs, DType::I32, shape)?;
    r.result(0, y)
}

pub(super) fn conv_transpose(r: &mut Reader<'_, '_>) -> Result<()> {
    let (x, w) = (r.input(0)?, r.input(1)?);
    let bias = r.optional(2)?;
    let (batch, channels, spatial) = image(r, x)?;
    let (filters, per_group, kernel) = image(r, w)?;
    let groups = usize::try_from(r.int("group", 1)?).unwrap_or(0);
    let outputs = per_group.checked_mul(groups).unwrap_or(0);
    if groups == 0
        || channels != filters
        || !channels.is_multiple_of(groups)
        || kernel.len() != spatial.len()
        || outputs == 0
    {
        let reason = format!("weights of shape {:?} in {groups} groups do not fit {:?}", r.shape(w), r.shape(x));
        return Err(r.invalid(reason));
    }
    let n = spatial.len();
    if !(1..=2).contains(&n) {
        return Err(r.unsupported(format!("{n} spatial dimensions; one and two are accepted")));
    }
    let stride = sizes(r, "strides", n, 1, 1)?;
    let dilation = sizes(r, "dilations", n, 1, 1)?;
    let extra = sizes(r, "output_padding", n, 0, 0)?;
    let pads = match r.ints("pads")? {
        Some(_) => sizes(r, "pads", 2 * n, 0, 0)?,
        None => vec![0; 2 * n],
    };
    let auto = r.text("auto_pad", "NOTSET")?;
    let wanted = r.ints("output_shape")?;
    let (mut before, mut after, mut output) = (pads[..n].to_vec(), pads[n..].to_vec(), Vec::new());
    for i in 0..n {
        let full = (spatial[i].max(1) - 1) * stride[i] + extra[i] + (kernel[i].max(1) - 1) * dilation[i] + 1;
        let target = match (wanted, auto) {
            (Some(shape), _) => {
                let size = shape.get((shape.len() + i).wrapping_sub(n)).and_then(|&d| usize::try_from(d).ok());
                Some(size.ok_or_else(|| r.invalid(format!("output_shape {shape:?}")))?)
            }
            (None, "SAME_UPPER" | "SAME_LOWER") => Some(spatial[i] * stride[i]),
            (None, _) => None,
        };
        if let Some(target) = target {
            let padding = full.checked_sub(target).ok_or_else(|| {
                r.unsupported(format!("an output of {target}, more than the {full} elements that are computed"))
            })?;
            let (less, more) = (padding / 2, padding - padding / 2);
            (before[i], after[i]) = if auto == "SAME_UPPER" { (less, more) } else { (more, less) };
        } else if auto == "VALID" {
            (before[i], after[i]) = (0, 0);
        }
        let size = full
            .checked_sub(before[i] + after[i])
            .ok_or_else(|| r.invalid(format!("padding takes {} of {full} elements away", before[i] + after[i])))?;
        output.push(size);
    }
    let window = Window { kernel, stride, dilation, before, after };
    if let Some(bias) = bias
        && r.shape(bias) != [outputs]
    {
        return Err(r.invalid(format!(
            "bias {:?} has shape {:?}; [{outputs}] is expected",
            r.of(bias).name,
            r.shape(bias)
        )));
    }
    let shape = [&[batch, outputs], &output[..]].concat();
    let y = r.push_optional(Op::ConvTranspose { window, groups }, vec![Some(x), Some(w), bias], r.dtype(x), shape)?;
    r.result(0, y)
}

fn pool(r: &mut Reader<'_, '_>, x: TensorId, pooling: Pooling) -> Result<TensorId> {
    let (batch, channels, spatial) = image(r, x)?;
    if r.ints("kernel_shape")?.is_none() {
        return Err(r.invalid("has no kernel_shape"));
    }
    let kernel = sizes(r, "kernel_shape", spatial.len(), 1, 1)?;
    let ceil = r.flag("ceil_mode", false)?;
    let (window, output) = window(r, &spatial, kernel, ceil)?;
    let shape = [&[batch, channels], &output[..]].concat();
    r.push(Op::Pool { pooling, window }, &[x], r.dtype(x), shape)
}

pub(super) fn average_pool(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let y = average_pool_of(r, x)?;
    r.result(0, y)
}

pub(super) fn average_pool_of(r: &mut Reader<'_, '_>, x: TensorId) -> Result<TensorId> {
    let pooling = Pooling::Average(r.flag("count_include_pad", false)?);
    pool(r, x, pooling)
}

pub(super) fn max_pool(r: &mut Reader<'_, '_>) -> Result<()> {
    if r.wants(1) {
        return Err(r.unsupported("indices of the maxima; the maxima alone are accepted"));
    }
    let x = r.input(0)?;
    let y = pool(r, x, Pooling::Max)?;
    r.result(0, y)
}

pub(super) fn global_average_pool(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let y = global_average_pool_of(r, x)?;
    r.result(0, y)
}

fn ones(r: &Reader<'_, '_>, x: TensorId) -> Result<Vec<usize>> {
    let (batch, channels, spatial) = image(r, x)?;
    Ok([&[batch, channels], &vec![1; spatial.len()][..]].concat())
}

pub(super) fn global_average_pool_of(r: &mut Reader<'_, '_>, x: TensorId) -> Result<TensorId> {
    let shape = ones(r, x)?;
    r.push(Op::GlobalAveragePool, &[x], r.dtype(x), shape)
}

pub(super) fn global_max_pool(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let shape = ones(r, x)?;
    let op = Op::Reduce { reduction: Reduction::Max, axes: (2..shape.len()).collect() };
    let y = r.push(op, &[x], r.dtype(x), shape)?;
    r.result(0, y)
}

/// The output of a resize by `scales`.
fn scaled(r: &Reader<'_, '_>, shape: &[usize], scales: &[f32]) -> Result<Vec<usize>> {
    let size = |(&d, &s): (&usize, &f32)| {
        let size = (d as f32 * s).floor();
        if s.is_finite() && s > 0.0 && size < 65536.0 {
            Ok(size as usize)
        } else {
            Err(r.invalid(format!("scales {scales:?}")))
        }
    };
    if scales.len() != shape.len() {
        return Err(r.invalid(format!("{} scales for shape {shape:?}", scales.len())));
    }
    shape.iter().zip(scales).map(size).collect()
}

/// The output of a resize to `sizes` along `axes`, and its scales. To keep the shape of the picture, one scale serves all
/// axes: the smallest or the largest of those that were asked for.
fn sized(r: &Reader<'_, '_>, input: &[usize], axes: &[usize], sizes: &[i64]) -> Result<(Vec<usize>, Vec<f32>)> {
    if sizes.len() != axes.len() || sizes.iter().any(|s| !(1..65536).contains(s)) {
        return Err(r.invalid(format!("sizes {sizes:?} for shape {input:?}")));
    }
    let asked = axes.iter().zip(sizes).map(|(&axis, &size)| size as f32 / input[axis] as f32);
    let common = match r.text("keep_aspect_ratio_policy", "stretch")? {
        "stretch" => None,
        "not_larger" => Some(asked.fold(f32::INFINITY, f32::min)),
        "not_smaller" => Some(asked.fold(0.0, f32::max)),
        other => return Err(r.invalid(format!("keep_aspect_ratio_policy {other:?}"))),
    };
    let (mut shape, mut scales) = (input.to_vec(), vec![1.0; input.len()]);
    for (&axis, &size) in axes.iter().zip(sizes) {
        shape[axis] = match common {
            Some(scale) => (scale * input[axis] as f32 + 0.5).floor().min(65535.0) as usize,
            None => size as usize,
        };
        scales[axis] = common.unwrap_or(size as f32 / input[axis] as f32);
    }
    Ok((shape, scales))
}

pub(super) fn upsample(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let scales = match r.optional(1)? {
        Some(id) => r.reals(id)?,
        None => r.floats("scales")?.unwrap_or_default().to_vec(),
    };
    let interpolation = match r.text("mode", "nearest")? {
        "nearest" => Interpolation::Nearest(Nearest::Floor),
        "linear" | "bilinear" => Interpolation::Linear,
        other => return Err(r.unsupported(format!("mode {other:?}; nearest and linear are accepted"))),
    };
    let shape = scaled(r, &r.shape(x), &scales)?;
    let y =
        r.push(Op::Resize { interpolation, coordinates: Coordinates::Asymmetric, scales }, &[x], r.dtype(x), shape)?;
    r.result(0, y)
}

pub(super) fn resize(r: &mut Reader<'_, '_>) -> Result<()> {
    let x = r.input(0)?;
    let input = r.shape(x);
    let old = r.opset() < 11;
    if r.flag("antialias", false)? {
        return Err(r.unsupported("antialias; a resize without is accepted"));
    }
    let axes = match r.ints("axes")? {
        Some(axes) => axes.iter().map(|&a| r.axis(a, input.len())).collect::<Result<Vec<_>>>()?,
        None => (0..input.len()).collect(),
    };
    let (scales_at, sizes_at) = if old { (1, usize::MAX) } else { (2, 3) };
    let given = |r: &Reader<'_, '_>, i: usize| -> Result<Option<TensorId>> {
        Ok(r.optional(i)?.filter(|&id| r.of(id).elements() > 0))
    };
    let (shape, scales) = match (given(r, scales_at)?, given(r, sizes_at)?) {
        (Some(id), _) => {
            let given = r.reals(id)?;
            if given.len() != axes.len() {
                return Err(r.invalid(format!("{} scales for {} dimensions", given.len(), axes.len())));
            }
            let mut scales = vec![1.0; input.len()];
            axes.iter().zip(&given).for_each(|(&axis, &scale)| scales[axis] = scale);
            (scaled(r, &input, &scales)?, scales)
        }
        (None, Some(id)) => sized(r, &input, &axes, &r.integers(id)?)?,
        (None, None) => return Err(r.invalid("has neither scales nor sizes")),
    };
    let coordinates = match r.text("coordinate_transformation_mode", if old { "asymmetric" } else { "half_pixel" })? {
        "asymmetric" => Coordinates::Asymmetric,
        "align_corners" => Coordinates::AlignCorners,
        "half_pixel" => Coordinates::HalfPixel,
        "pytorch_half_pixel" => Coordinates::PytorchHalfPixel,
        other => return Err(r.unsupported(format!("coordinate_transformation_mode {other:?}"))),
    };
    let interpolation = match r.text("mode", "nearest")? {
        "nearest" => {
            Interpolation::Nearest(match r.text("nearest_mode", if old { "floor" } else { "round_prefer_floor" })? {
                "ceil" => Nearest::Ceil,
                "floor" => Nearest::Floor,
                "round_prefer_ceil" => Nearest::RoundPreferCeil,
                "round_prefer_floor" => Nearest::RoundPreferFloor,
                other => return Err(r.unsupported(format!("nearest_mode {other:?}"))),
            })
        }
        "linear" => Interpolation::Linear,
        other => return Err(r.unsupported(format!("mode {other:?}; nearest and linear are accepted"))),
    };
    let y = r.push(Op::Resize { interpolation, coordinates, scales }, &[x], r.dtype(x), shape)?;
    r.result(0, y)
}
