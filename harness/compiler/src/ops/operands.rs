//! What a rule may ask of an operator's operands, with errors that name the operator, the tensor and what was found.

use hilbench_kernels::params::{Broadcast, Clamp, Reduce, Window2d};
use hilbench_kernels::shape::MAX_RANK;

use crate::graph::{Activation, DType, Node, Op, Padding, Tensor, TensorId, WindowAttributes};
use crate::{Error, Result};

/// Scale and zero point of a tensor that has one of each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerTensor {
    /// Scale, finite and positive.
    pub scale: f32,
    /// Zero point, within the tensor's type.
    pub zero_point: i32,
}

/// An operator with the tensors it refers to.
pub struct Operands<'a> {
    /// All tensors; constants folded so far carry data.
    pub tensors: &'a [Tensor],
    /// The operator.
    pub node: &'a Node,
}

impl<'a> Operands<'a> {
    fn subject(&self) -> String {
        let name = self.node.outputs.first().map_or("", |&t| self.tensors[t].name.as_str());
        format!("{} #{} {name:?}", self.node.op_name, self.node.index)
    }

    /// What the operator is, whether its tensors were unsigned or not.
    #[must_use]
    pub fn op(&self) -> &'a Op {
        match &self.node.op {
            Op::Unsigned(op) => op,
            op => op,
        }
    }

    /// The operator asks for something that no rule computes.
    pub fn unsupported(&self, reason: impl Into<String>) -> Error {
        Error::Unsupported { subject: self.subject(), reason: reason.into() }
    }

    /// The operator contradicts itself.
    pub fn invalid(&self, reason: impl Into<String>) -> Error {
        Error::Invalid { subject: self.subject(), reason: reason.into() }
    }

    /// Index of operand `i`, which must be present.
    pub fn input_id(&self, i: usize) -> Result<TensorId> {
        self.node.inputs.get(i).copied().flatten().ok_or_else(|| self.invalid(format!("operand {i} is missing")))
    }

    /// Operand `i`, which must be present.
    pub fn input(&self, i: usize) -> Result<&'a Tensor> {
        Ok(&self.tensors[self.input_id(i)?])
    }

    /// Operand `i`, if it is present.
    #[must_use]
    pub fn optional(&self, i: usize) -> Option<&'a Tensor> {
        self.node.inputs.get(i).copied().flatten().map(|t| &self.tensors[t])
    }

    /// Result 0, which must be present.
    pub fn output(&self) -> Result<&'a Tensor> {
        let id = *self.node.outputs.first().ok_or_else(|| self.invalid("has no output"))?;
        Ok(&self.tensors[id])
    }

    /// `tensor` as an int8 activation with one scale.
    pub fn int8(&self, tensor: &Tensor) -> Result<PerTensor> {
        if tensor.dtype != DType::I8 {
            let reason = format!("tensor {:?} is {}; int8 is accepted beside int8", tensor.name, tensor.dtype);
            return Err(self.unsupported(reason));
        }
        self.per_tensor(tensor)
    }

    /// Scale and zero point of a quantized tensor of 8 bits.
    pub fn per_tensor(&self, tensor: &Tensor) -> Result<PerTensor> {
        let Some(q) = &tensor.quantization else {
            return Err(self.invalid(format!("tensor {:?} has no scale", tensor.name)));
        };
        let ([scale], [zero_point]) = (&q.scales[..], &q.zero_points[..]) else {
            let reason =
                format!("tensor {:?} has {} scales; activations are accepted with one", tensor.name, q.scales.len());
            return Err(self.unsupported(reason));
        };
        let range = if tensor.dtype == DType::U8 { 0..=255 } else { -128..=127 };
        if !range.contains(zero_point) {
            let reason = format!(
                "tensor {:?}: zero point {zero_point} lies outside {} to {}",
                tensor.name,
                range.start(),
                range.end()
            );
            return Err(self.invalid(reason));
        }
        Ok(PerTensor { scale: *scale, zero_point: *zero_point as i32 })
    }

    /// The integers of constant operand `i`.
    pub fn integers(&self, i: usize) -> Result<Vec<i64>> {
        let tensor = self.input(i)?;
        let Some(data) = &tensor.data else {
            let reason = format!("operand {i} ({:?}) is computed at run time; a constant is accepted", tensor.name);
            return Err(self.unsupported(reason));
        };
        match tensor.dtype {
            DType::I32 => {
                Ok(data.chunks_exact(4).map(|c| i64::from(i32::from_le_bytes([c[0], c[1], c[2], c[3]]))).collect())
            }
            DType::I64 => Ok(data
                .chunks_exact(8)
                .map(|c| i64::from_le_bytes([c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]]))
                .collect()),
            other => {
                Err(self.invalid(format!("operand {i} ({:?}) is {other}; int32 or int64 is expected", tensor.name)))
            }
        }
    }

    /// Axis `axis` of a tensor of this rank; negative ones count from the end.
    pub fn axis(&self, axis: i64, rank: usize) -> Result<usize> {
        let positive = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
        usize::try_from(positive)
            .ok()
            .filter(|&a| a < rank)
            .ok_or_else(|| self.invalid(format!("axis {axis} of a tensor with {rank} dimensions")))
    }

    /// The shape of `tensor` as exactly `N` dimensions.
    pub fn dims<const N: usize>(&self, tensor: &Tensor) -> Result<[usize; N]> {
        <[usize; N]>::try_from(&tensor.shape[..]).map_err(|_| {
            self.invalid(format!("tensor {:?} has shape {:?}; {N} dimensions are expected", tensor.name, tensor.shape))
        })
    }

    /// The shape of `tensor` right aligned in [`MAX_RANK`] dimensions.
    pub fn padded_dims(&self, tensor: &Tensor) -> Result<[usize; MAX_RANK]> {
        right_aligned(&tensor.shape).ok_or_else(|| {
            let rank = tensor.shape.len();
            self.unsupported(format!("tensor {:?} has {rank} dimensions; up to {MAX_RANK} are accepted", tensor.name))
        })
    }

    /// The file's shape of result `i` must be the one that the operator computes.
    pub fn expect_shape(&self, i: usize, computed: &[usize]) -> Result<()> {
        let Some(&id) = self.node.outputs.get(i) else {
            return Err(self.invalid(format!("output {i} is missing")));
        };
        let tensor = &self.tensors[id];
        if tensor.shape == computed {
            return Ok(());
        }
        let reason =
            format!("tensor {:?} has shape {:?}; the operator computes {computed:?}", tensor.name, tensor.shape);
        Err(self.invalid(reason))
    }

    /// Two tensors of a copying operator must be of one type and hold the same quantization, bit for bit.
    pub fn expect_same_values(&self, a: &Tensor, b: &Tensor) -> Result<()> {
        if a.dtype != b.dtype {
            return Err(self.invalid(format!("{:?} is {}, but {:?} is {}", a.name, a.dtype, b.name, b.dtype)));
        }
        if !matches!(a.dtype, DType::I8 | DType::U8) {
            return Ok(());
        }
        let (qa, qb) = (self.per_tensor(a)?, self.per_tensor(b)?);
        if qa == qb {
            return Ok(());
        }
        let reason = format!(
            "{:?} has scale {} and zero point {}, but {:?} has {} and {}; equal ones are accepted",
            a.name, qa.scale, qa.zero_point, b.name, qb.scale, qb.zero_point
        );
        Err(self.unsupported(reason))
    }

    /// Bounds of a fused activation in the units of an int8 output (`CalculateActivationRangeQuantized`).
    pub fn clamp(&self, activation: Activation, output: PerTensor) -> Result<Clamp> {
        self.clamp_within(activation, output, -128, 127)
    }

    /// The same of an output whose type holds `lowest` to `highest`.
    pub fn clamp_within(&self, activation: Activation, output: PerTensor, lowest: i32, highest: i32) -> Result<Clamp> {
        let quantized = |real: f32| {
            let steps = (real / output.scale).round();
            // `no_integer_overflow_from_quantization` of the reference, which has no bound there.
            if steps.abs() >= 2f32.powi(31) {
                let reason = format!("output scale {} is too fine for a bound of {real}", output.scale);
                return Err(self.unsupported(reason));
            }
            // Saturates; a bound outside the type is cut below.
            Ok((steps as i32).saturating_add(output.zero_point))
        };
        let (min, max) = match activation {
            Activation::None => (lowest, highest),
            Activation::Relu => (quantized(0.0)?, highest),
            Activation::Relu6 => (quantized(0.0)?, quantized(6.0)?),
            Activation::ReluN1To1 => (quantized(-1.0)?, quantized(1.0)?),
        };
        Ok(Clamp { min: min.max(lowest), max: max.min(highest) })
    }

    /// Geometry of a window over an NHWC tensor, with the sizes that TFLite computes.
    pub fn window(&self, attributes: &WindowAttributes, input: [usize; 4], filter: [usize; 2]) -> Result<Window2d> {
        if filter.contains(&0) {
            return Err(self.invalid(format!("has a filter of {} x {}", filter[0], filter[1])));
        }
        let mut sizes = [(0, 0); 2];
        for i in 0..2 {
            let size = input[i + 1];
            let effective = (filter[i] - 1) * attributes.dilation[i] + 1;
            let stride = attributes.stride[i];
            let output = match attributes.padding {
                Padding::Same => size.div_ceil(stride),
                Padding::Valid if effective <= size => (size - effective) / stride + 1,
                Padding::Valid => {
                    let reason = format!("a window of {effective} does not fit in {size} without padding");
                    return Err(self.invalid(reason));
                }
            };
            let padding = ((output.max(1) - 1) * stride + effective).saturating_sub(size);
            sizes[i] = (output, padding / 2);
        }
        Ok(Window2d {
            input_h: input[1],
            input_w: input[2],
            filter_h: filter[0],
            filter_w: filter[1],
            stride_h: attributes.stride[0],
            stride_w: attributes.stride[1],
            dilation_h: attributes.dilation[0],
            dilation_w: attributes.dilation[1],
            pad_top: sizes[0].1,
            pad_left: sizes[1].1,
            output_h: sizes[0].0,
            output_w: sizes[1].0,
        })
    }

    /// An int8 result whose scale and zero point the operator fixes.
    pub fn expect_output_scale(&self, scale: f32, zero_point: i32) -> Result<()> {
        let found = self.int8(self.output()?)?;
        if found == (PerTensor { scale, zero_point }) {
            return Ok(());
        }
        let reason = format!(
            "output has scale {} and zero point {}; {scale} and {zero_point} are accepted",
            found.scale, found.zero_point
        );
        Err(self.unsupported(reason))
    }

    /// Height and width that constant operand 1 asks for.
    pub fn resized(&self) -> Result<[usize; 2]> {
        let size = self.integers(1)?;
        let dimension = |i: usize| size.get(i).and_then(|&d| usize::try_from(d).ok()).filter(|&d| d > 0);
        let (Some(height), Some(width), 2) = (dimension(0), dimension(1), size.len()) else {
            return Err(self.invalid(format!("size is {size:?}; height and width are expected")));
        };
        Ok([height, width])
    }

    /// `tensor` as rows of its last dimension: their number and their length.
    pub fn rows(&self, tensor: &Tensor) -> Result<(usize, usize)> {
        match tensor.shape.split_last() {
            Some((&depth, leading)) if depth > 0 => Ok((leading.iter().product(), depth)),
            _ => Err(self.invalid(format!(
                "tensor {:?} has shape {:?}; a last dimension is expected",
                tensor.name, tensor.shape
            ))),
        }
    }

    /// Operand 0 reduced over the axes in constant operand 1; checks the shape of result 0.
    pub fn reduce(&self, keep_dims: bool) -> Result<Reduce> {
        let x = self.input(0)?;
        let dims = self.padded_dims(x)?;
        let leading = MAX_RANK - x.shape.len();
        let mut reduced = [false; MAX_RANK];
        for axis in self.integers(1)? {
            reduced[leading + self.axis(axis, x.shape.len())?] = true;
        }
        let shape: Vec<usize> = (leading..MAX_RANK)
            .filter(|&i| keep_dims || !reduced[i])
            .map(|i| if reduced[i] { 1 } else { dims[i] })
            .collect();
        self.expect_shape(0, &shape)?;
        Ok(Reduce { dims, reduced })
    }

    /// How operands 0 and 1 spread over result 0, by the rules of numpy.
    pub fn broadcast(&self) -> Result<Broadcast> {
        let (a, b) = (self.input(0)?, self.input(1)?);
        let (da, db) = (self.padded_dims(a)?, self.padded_dims(b)?);
        let mut dims = [1; MAX_RANK];
        for i in 0..MAX_RANK {
            dims[i] = match (da[i], db[i]) {
                (x, y) if x == y => x,
                (1, y) => y,
                (x, 1) => x,
                _ => return Err(self.invalid(format!("shapes {:?} and {:?} do not broadcast", a.shape, b.shape))),
            };
        }
        let rank = a.shape.len().max(b.shape.len());
        self.expect_shape(0, &dims[MAX_RANK - rank..])?;
        Ok(Broadcast { dims, strides1: broadcast_strides(&da), strides2: broadcast_strides(&db) })
    }
}

/// `shape` with leading dimensions of 1, or `None` if it has too many.
pub(super) fn right_aligned(shape: &[usize]) -> Option<[usize; MAX_RANK]> {
    let mut dims = [1; MAX_RANK];
    dims[MAX_RANK.checked_sub(shape.len())?..].copy_from_slice(shape);
    Some(dims)
}

/// Dense strides of an operand, 0 along dimensions of 1 so that they repeat.
pub(super) fn broadcast_strides(dims: &[usize; MAX_RANK]) -> [usize; MAX_RANK] {
    let dense = hilbench_kernels::shape::dense_strides(dims);
    std::array::from_fn(|i| if dims[i] == 1 { 0 } else { dense[i] })
}
