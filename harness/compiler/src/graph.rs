//! What the model file says, checked for consistency of references but not yet for arithmetic.
//!
//! A [`Graph`] comes from an importer and is never changed. Knows no file format, no quantization rule.

pub mod onnx;
pub mod tflite;

use std::fmt;

/// Index of a tensor in [`Graph::tensors`].
pub type TensorId = usize;

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// IEEE single precision.
    F32,
    /// Signed 8 bit.
    I8,
    /// Unsigned 8 bit.
    U8,
    /// Signed 16 bit.
    I16,
    /// Unsigned 16 bit.
    U16,
    /// Signed 32 bit.
    I32,
    /// Signed 64 bit.
    I64,
    /// One byte, 0 or 1.
    Bool,
}

impl DType {
    /// Bytes of one element.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            DType::I8 | DType::U8 | DType::Bool => 1,
            DType::I16 | DType::U16 => 2,
            DType::F32 | DType::I32 => 4,
            DType::I64 => 8,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DType::F32 => "float32",
            DType::I8 => "int8",
            DType::U8 => "uint8",
            DType::I16 => "int16",
            DType::U16 => "uint16",
            DType::I32 => "int32",
            DType::I64 => "int64",
            DType::Bool => "bool",
        })
    }
}

/// Affine quantization: `real = scale * (q - zero_point)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantization {
    /// One scale, or one per index of dimension `axis`. All finite and positive.
    pub scales: Vec<f32>,
    /// As many zero points as scales.
    pub zero_points: Vec<i64>,
    /// The dimension that several scales run along; 0 for one scale.
    pub axis: usize,
}

/// One tensor of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Name in the file; may be empty.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Dimensions; dynamic batch dimensions have been fixed to 1.
    pub shape: Vec<usize>,
    /// Quantization, where the file gives one.
    pub quantization: Option<Quantization>,
    /// Little-endian bytes of a constant; exactly `elements * dtype.size()` of them.
    pub data: Option<Vec<u8>>,
}

impl Tensor {
    /// Number of elements. The importer has checked that it fits in `usize`.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Size in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.elements() * self.dtype.size()
    }
}

/// Spatial padding scheme of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Output size `ceil(input / stride)`; the odd pixel goes to the bottom or right.
    Same,
    /// No padding.
    Valid,
}

/// Activation fused into an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// None.
    None,
    /// `max(x, 0)`.
    Relu,
    /// `clamp(x, -1, 1)`.
    ReluN1To1,
    /// `clamp(x, 0, 6)`.
    Relu6,
}

/// A sliding window's attributes, height first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowAttributes {
    /// Padding scheme.
    pub padding: Padding,
    /// Strides in height and width; at least 1.
    pub stride: [usize; 2],
    /// Dilations in height and width; at least 1. `[1, 1]` for pools.
    pub dilation: [usize; 2],
    /// Fused activation.
    pub activation: Activation,
}

/// An operator with its attributes. Names are the TFLite names, but for [`Op::Onnx`]; operands follow the TFLite order.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Inputs x, y.
    Add {
        /// Fused activation.
        activation: Activation,
    },
    /// Input x, axis.
    ArgExtreme {
        /// Index of the largest rather than of the smallest.
        max: bool,
    },
    /// Input x.
    AveragePool2d {
        /// Window; filter size below.
        window: WindowAttributes,
        /// Filter height and width.
        filter: [usize; 2],
    },
    /// Inputs `[.., rows, depth]` and `[.., depth, columns]`.
    BatchMatMul {
        /// Which of the two lie transposed.
        adjoint: [bool; 2],
    },
    /// Inputs x, block shape, crops.
    BatchToSpaceNd,
    /// Inputs x, y.
    Binary {
        /// The function.
        function: tflite::Binary,
        /// Fused activation.
        activation: Activation,
    },
    /// Inputs x, shape.
    BroadcastTo,
    /// Input x; to the type of the output.
    Cast,
    /// Inputs: any number.
    Concatenation {
        /// Axis, maybe negative.
        axis: i64,
        /// Fused activation.
        activation: Activation,
    },
    /// Inputs x, weights OHWI, optional bias.
    Conv2d {
        /// Window; the filter size is the weights'.
        window: WindowAttributes,
    },
    /// Input x.
    DepthToSpace {
        /// Height and width of what a pixel becomes.
        block: usize,
    },
    /// Inputs x, weights 1HWO, optional bias.
    DepthwiseConv2d {
        /// Window; the filter size is the weights'.
        window: WindowAttributes,
        /// The file's own word; 0 where it does not say.
        depth_multiplier: usize,
    },
    /// Integer to float.
    Dequantize,
    /// Inputs x, axis.
    ExpandDims,
    /// Inputs dims, value.
    Fill,
    /// Inputs x, weights `[out, in]`, optional bias.
    FullyConnected {
        /// Fused activation.
        activation: Activation,
        /// The output keeps the leading dimensions of the input.
        keep_num_dims: bool,
        /// Floats that meet integer weights are quantized with a zero point.
        asymmetric_inputs: bool,
    },
    /// Inputs x, indices.
    Gather {
        /// Axis, maybe negative.
        axis: i64,
        /// Leading dimensions that indices share with x.
        batch_dims: i64,
    },
    /// Inputs x, indices.
    GatherNd,
    /// Input x.
    HardSwish,
    /// Input x; over the last axis.
    L2Normalization,
    /// Input x.
    LeakyRelu {
        /// Slope below zero.
        alpha: f32,
    },
    /// Input x; over the last axis.
    LogSoftmax,
    /// Inputs x, weights of four gates, recurrent weights, peepholes, biases, projection, hidden state, cell state,
    /// normalization; outputs the hidden states of every step, and both states after the last one.
    Lstm {
        /// Time is the first dimension.
        time_major: bool,
        /// Bound of the cells, both ways; 0 for none.
        cell_clip: f32,
    },
    /// Input x.
    Logistic,
    /// Input x.
    MaxPool2d {
        /// Window; filter size below.
        window: WindowAttributes,
        /// Filter height and width.
        filter: [usize; 2],
    },
    /// Inputs x, y.
    Maximum,
    /// Inputs x, axes.
    Mean {
        /// Reduced dimensions stay as 1.
        keep_dims: bool,
    },
    /// Inputs x, y.
    Minimum,
    /// Inputs x, paddings `[rank, 2]`.
    MirrorPad {
        /// The outermost value is repeated.
        symmetric: bool,
    },
    /// Inputs x, y.
    Mul {
        /// Fused activation.
        activation: Activation,
    },
    /// An operator of a channel-first model, in its own terms.
    Onnx(Box<onnx::Op>),
    /// Inputs: any number, all of one shape.
    Pack {
        /// New axis, maybe negative.
        axis: i64,
    },
    /// Inputs x, paddings `[rank, 2]`.
    Pad,
    /// Inputs x, paddings `[rank, 2]`, value.
    PadV2,
    /// Float to integer, or integer to integer.
    Quantize,
    /// Input x.
    Rank,
    /// Inputs x, axes.
    Reduce {
        /// What is made of the elements.
        reduction: tflite::Reduction,
        /// Reduced dimensions stay as 1.
        keep_dims: bool,
    },
    /// Inputs x, axes.
    ReduceMax {
        /// Reduced dimensions stay as 1.
        keep_dims: bool,
    },
    /// Input x.
    Relu,
    /// Input x.
    Relu6,
    /// Inputs x, optional shape.
    Reshape {
        /// Shape by attribute, for files without the second input; may hold one -1.
        new_shape: Option<Vec<i64>>,
    },
    /// Input x; its numbers by the scale of the output, as a concatenation of uint8 has them.
    Rescale,
    /// Inputs x, size `[2]`.
    ResizeBilinear {
        /// Corners fall on corners.
        align_corners: bool,
        /// Samples sit in the middle of pixels.
        half_pixel_centers: bool,
    },
    /// Inputs x, size `[2]`.
    ResizeNearestNeighbor {
        /// Corners fall on corners.
        align_corners: bool,
        /// Samples sit in the middle of pixels.
        half_pixel_centers: bool,
    },
    /// Inputs x, axes.
    Reverse,
    /// Inputs condition, x, y.
    Select,
    /// Input x; output its shape as integers.
    Shape,
    /// Inputs x, begin, size.
    Slice,
    /// Input x; over the last axis.
    Softmax {
        /// Factor on the input.
        beta: f32,
    },
    /// Inputs x, block shape, paddings.
    SpaceToBatchNd,
    /// Input x.
    SpaceToDepth {
        /// Height and width of what becomes a pixel.
        block: usize,
    },
    /// Inputs axis, x.
    Split,
    /// Inputs x, sizes, axis.
    SplitV,
    /// Input x.
    Squeeze {
        /// Dimensions to drop; empty for every dimension of size 1.
        dims: Vec<i64>,
    },
    /// Inputs x, begin, end, strides.
    StridedSlice {
        /// Bit i: ignore begin of dimension i.
        begin_mask: u32,
        /// Bit i: ignore end of dimension i.
        end_mask: u32,
        /// Bit i: as many full dimensions as needed.
        ellipsis_mask: u32,
        /// Bit i: a new dimension of 1.
        new_axis_mask: u32,
        /// Bit i: drop the dimension.
        shrink_axis_mask: u32,
        /// `end` counts from `begin`.
        offset: bool,
    },
    /// Inputs x, y.
    Sub {
        /// Fused activation.
        activation: Activation,
    },
    /// Input x.
    Tanh,
    /// Input x; rows of its bytes, whatever they are elements of.
    Part {
        /// The first byte.
        start: usize,
        /// Number of rows.
        rows: usize,
        /// Bytes from one row to the next.
        stride: usize,
        /// Bytes of a row.
        bytes: usize,
    },
    /// Inputs x, repeats.
    Tile,
    /// Inputs x, k; outputs values and indices, or one of them.
    TopK {
        /// Of one output: the indices.
        indices: bool,
    },
    /// Inputs x, permutation.
    Transpose,
    /// Inputs shape, weights OHWI, x, optional bias.
    TransposeConv {
        /// Window; strides walk over the output.
        window: WindowAttributes,
    },
    /// Input x.
    Unary(tflite::Unary),
    /// An operator whose tensors were uint8 and are now int8, all values 128 lower: weights may have a zero point.
    Unsigned(Box<Op>),
    /// Input x.
    Unpack {
        /// Axis that goes, maybe negative.
        axis: i64,
    },
    /// Input x; zeros of its shape.
    ZerosLike,
}

/// One operator of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Index in the file's operator list.
    pub index: usize,
    /// Operator name in the file format's own words, e.g. `CONV_2D`.
    pub op_name: &'static str,
    /// What it does.
    pub op: Op,
    /// Operands; `None` for an optional one that is absent.
    pub inputs: Vec<Option<TensorId>>,
    /// Results.
    pub outputs: Vec<TensorId>,
}

/// A value that an inference leaves for the next one.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Name in the file; may be empty.
    pub name: String,
    /// Holds the value when an inference begins. No operator writes it.
    pub incoming: TensorId,
    /// Holds the value when it ends; of the type and size of `incoming`.
    pub outgoing: TensorId,
    /// Little-endian bytes before the first inference of a sequence.
    pub initial: Vec<u8>,
}

/// A model file, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// What the file calls itself, or empty.
    pub name: String,
    /// Version of the operators, where the format has one for all of them.
    pub opset: Option<i64>,
    /// All tensors.
    pub tensors: Vec<Tensor>,
    /// Operators in execution order: every operand is an input, a constant, or written by an earlier node.
    pub nodes: Vec<Node>,
    /// Model inputs, in order.
    pub inputs: Vec<TensorId>,
    /// Model outputs, in order.
    pub outputs: Vec<TensorId>,
    /// What is kept from one inference to the next.
    pub states: Vec<State>,
    /// What was taken, but not as the author of the file meant it; one sentence each.
    pub warnings: Vec<String>,
}

impl Graph {
    /// The tensors that hold a value before the first operator: inputs, and states.
    pub fn entries(&self) -> impl Iterator<Item = TensorId> {
        self.inputs.iter().copied().chain(self.states.iter().map(|s| s.incoming))
    }

    /// The tensors that are read after the last operator: outputs, and states.
    pub fn exits(&self) -> impl Iterator<Item = TensorId> {
        self.outputs.iter().copied().chain(self.states.iter().map(|s| s.outgoing))
    }

    /// How messages name an operator: `CONV_2D #3 "model/conv/Relu"` (the name is its first output's).
    #[must_use]
    pub fn describe(&self, node: &Node) -> String {
        let name = node.outputs.first().map_or("", |&t| self.tensors[t].name.as_str());
        format!("{} #{} {name:?}", node.op_name, node.index)
    }

    /// How messages name a tensor: `tensor #7 "model/conv/Relu"`.
    #[must_use]
    pub fn describe_tensor(&self, id: TensorId) -> String {
        format!("tensor #{id} {:?}", self.tensors[id].name)
    }
}
