//! Operators by name: attributes, and how many operands they have.

use flatbuffers::InvalidFlatbuffer;

use super::schema::{
    ArithmeticOptions, BatchMatMulOptions, BlockOptions, ConcatenationOptions, Conv2DOptions, DepthwiseConv2DOptions,
    FullyConnectedOptions, GatherOptions, GeluOptions, LeakyReluOptions, MirrorPadOptions, Operator, PackOptions,
    Pool2DOptions, ReducerOptions, ReshapeOptions, ResizeBilinearOptions, ResizeNearestNeighborOptions,
    SequenceLstmOptions, SoftmaxOptions, SplitOptions, SqueezeOptions, StridedSliceOptions, TransposeConvOptions,
    UnpackOptions,
};
use crate::graph::tflite::{Binary, Reduction, Unary};
use crate::graph::{Activation, Op, Padding, WindowAttributes};

/// Number of CUSTOM.
pub(super) const CUSTOM: i32 = 32;

/// Most taps of a pool: more than any model has, and few enough for a textbook loop.
const MAX_TAPS: usize = 1 << 16;

/// Why an operator's attributes are not taken.
pub(super) enum Refusal {
    /// No such operator here.
    Operator,
    /// Attributes that no rule computes.
    Unsupported(String),
    /// Attributes that make no sense.
    Invalid(String),
    /// Damaged options.
    Malformed(InvalidFlatbuffer),
}

impl From<InvalidFlatbuffer> for Refusal {
    fn from(e: InvalidFlatbuffer) -> Self {
        Refusal::Malformed(e)
    }
}

/// Fewest and most operands and results of an operator.
pub(super) fn arity(op: &Op) -> ([usize; 2], [usize; 2]) {
    let one = [1, 1];
    match op {
        Op::Add { .. }
        | Op::ArgExtreme { .. }
        | Op::BatchMatMul { .. }
        | Op::Binary { .. }
        | Op::BroadcastTo
        | Op::ExpandDims
        | Op::Fill
        | Op::Gather { .. }
        | Op::GatherNd
        | Op::Maximum
        | Op::Mean { .. }
        | Op::Minimum
        | Op::MirrorPad { .. }
        | Op::Mul { .. }
        | Op::Pad
        | Op::Reduce { .. }
        | Op::ReduceMax { .. }
        | Op::ResizeBilinear { .. }
        | Op::ResizeNearestNeighbor { .. }
        | Op::Reverse
        | Op::Sub { .. }
        | Op::Tile
        | Op::Transpose => ([2, 2], one),
        Op::Concatenation { .. } | Op::Pack { .. } => ([1, usize::MAX], one),
        Op::Conv2d { .. } | Op::DepthwiseConv2d { .. } | Op::FullyConnected { .. } => ([2, 3], one),
        Op::BatchToSpaceNd | Op::PadV2 | Op::Select | Op::Slice | Op::SpaceToBatchNd => ([3, 3], one),
        Op::Reshape { .. } => ([1, 2], one),
        Op::Split => ([2, 2], [1, usize::MAX]),
        Op::SplitV => ([3, 3], [1, usize::MAX]),
        Op::StridedSlice { .. } => ([4, 4], one),
        Op::Lstm { .. } => ([20, 24], one),
        Op::TopK { .. } => ([2, 2], [2, 2]),
        Op::TransposeConv { .. } => ([3, 4], one),
        Op::Unpack { .. } => (one, [1, usize::MAX]),
        Op::AveragePool2d { .. }
        | Op::Cast
        | Op::DepthToSpace { .. }
        | Op::Dequantize
        | Op::HardSwish
        | Op::L2Normalization
        | Op::LeakyRelu { .. }
        | Op::LogSoftmax
        | Op::Logistic
        | Op::MaxPool2d { .. }
        | Op::Quantize
        | Op::Rank
        | Op::Relu
        | Op::Relu6
        | Op::Shape
        | Op::Softmax { .. }
        | Op::SpaceToDepth { .. }
        | Op::Squeeze { .. }
        | Op::Tanh
        | Op::Unary(_)
        | Op::ZerosLike => (one, one),
        // Not an operator of this format.
        Op::Onnx(_) | Op::Part { .. } | Op::Rescale | Op::Unsigned(_) => ([0, 0], [0, 0]),
    }
}

/// Operator `name` with the attributes in `operator`.
pub(super) fn op<'a>(name: &str, operator: &Operator<'a>, file: &'a [u8]) -> Result<Op, Refusal> {
    Ok(match name {
        "ABS" => Op::Unary(Unary::Abs),
        "ADD" => Op::Add { activation: arithmetic(operator, file)? },
        "ARG_MAX" => Op::ArgExtreme { max: true },
        "ARG_MIN" => Op::ArgExtreme { max: false },
        "AVERAGE_POOL_2D" => {
            let (window, filter) = pool(operator, file)?;
            Op::AveragePool2d { window, filter }
        }
        "BATCH_MATMUL" => {
            let o = operator.options_as::<BatchMatMulOptions<'_>>(file)?;
            Op::BatchMatMul { adjoint: [o.is_some_and(|o| o.adj_x()), o.is_some_and(|o| o.adj_y())] }
        }
        "BATCH_TO_SPACE_ND" => Op::BatchToSpaceNd,
        "BROADCAST_TO" => Op::BroadcastTo,
        "CAST" => Op::Cast,
        "CEIL" => Op::Unary(Unary::Ceil),
        "CONCATENATION" => {
            let options = operator.options_as::<ConcatenationOptions<'_>>(file)?;
            Op::Concatenation {
                axis: options.map_or(0, |o| i64::from(o.axis())),
                activation: activation(options.map_or(0, |o| o.activation()))?,
            }
        }
        "CONV_2D" => {
            let o = operator.options_as::<Conv2DOptions<'_>>(file)?.ok_or_else(missing)?;
            let dilation = [o.dilation_h(), o.dilation_w()];
            Op::Conv2d { window: window(o.padding(), [o.stride_h(), o.stride_w()], dilation, o.activation())? }
        }
        "COS" => Op::Unary(Unary::Cos),
        "DEPTH_TO_SPACE" => {
            let options = operator.options_as::<BlockOptions<'_>>(file)?.ok_or_else(missing)?;
            Op::DepthToSpace { block: positive("block size", options.block_size())? }
        }
        "DEPTHWISE_CONV_2D" => {
            let o = operator.options_as::<DepthwiseConv2DOptions<'_>>(file)?.ok_or_else(missing)?;
            let dilation = [o.dilation_h(), o.dilation_w()];
            Op::DepthwiseConv2d {
                window: window(o.padding(), [o.stride_h(), o.stride_w()], dilation, o.activation())?,
                depth_multiplier: usize::try_from(o.depth_multiplier()).unwrap_or(0),
            }
        }
        "DEQUANTIZE" => Op::Dequantize,
        "DIV" => Op::Binary { function: Binary::Div, activation: arithmetic(operator, file)? },
        "ELU" => Op::Unary(Unary::Elu),
        "EQUAL" => binary(Binary::Equal),
        "EXP" => Op::Unary(Unary::Exp),
        "EXPAND_DIMS" => Op::ExpandDims,
        "FILL" => Op::Fill,
        "FLOOR" => Op::Unary(Unary::Floor),
        "FULLY_CONNECTED" => {
            let options = operator.options_as::<FullyConnectedOptions<'_>>(file)?;
            if options.is_some_and(|o| o.weights_format() != 0) {
                return Err(Refusal::Unsupported("shuffled weights; the default format is accepted".into()));
            }
            Op::FullyConnected {
                activation: activation(options.map_or(0, |o| o.activation()))?,
                keep_num_dims: options.is_some_and(|o| o.keep_num_dims()),
                asymmetric_inputs: options.is_some_and(|o| o.asymmetric_quantize_inputs()),
            }
        }
        "GATHER" => {
            let o = operator.options_as::<GatherOptions<'_>>(file)?;
            Op::Gather { axis: o.map_or(0, |o| o.axis().into()), batch_dims: o.map_or(0, |o| o.batch_dims().into()) }
        }
        "GATHER_ND" => Op::GatherNd,
        "GELU" => {
            let approximate = operator.options_as::<GeluOptions<'_>>(file)?.is_some_and(|o| o.approximate());
            Op::Unary(if approximate { Unary::GeluTanh } else { Unary::Gelu })
        }
        "GREATER" => binary(Binary::Greater),
        "GREATER_EQUAL" => binary(Binary::GreaterEqual),
        "HARD_SWISH" => Op::HardSwish,
        "L2_NORMALIZATION" => match arithmetic(operator, file)? {
            Activation::None => Op::L2Normalization,
            _ => return Err(Refusal::Unsupported("a fused activation; none is accepted".into())),
        },
        "LEAKY_RELU" => {
            let options = operator.options_as::<LeakyReluOptions<'_>>(file)?;
            Op::LeakyRelu { alpha: options.map_or(0.0, |o| o.alpha()) }
        }
        "LESS" => binary(Binary::Less),
        "LESS_EQUAL" => binary(Binary::LessEqual),
        "LOG" => Op::Unary(Unary::Log),
        "LOGICAL_AND" => binary(Binary::LogicalAnd),
        "LOGICAL_NOT" => Op::Unary(Unary::LogicalNot),
        "LOGICAL_OR" => binary(Binary::LogicalOr),
        "LOGISTIC" => Op::Logistic,
        "LOG_SOFTMAX" => Op::LogSoftmax,
        "MAXIMUM" => Op::Maximum,
        "MAX_POOL_2D" => {
            let (window, filter) = pool(operator, file)?;
            Op::MaxPool2d { window, filter }
        }
        "MEAN" => Op::Mean { keep_dims: keep_dims(operator, file)? },
        "MINIMUM" => Op::Minimum,
        "MIRROR_PAD" => {
            let mode = operator.options_as::<MirrorPadOptions<'_>>(file)?.map_or(0, |o| o.mode());
            match mode {
                0 | 1 => Op::MirrorPad { symmetric: mode == 1 },
                other => return Err(Refusal::Invalid(format!("mode {other}; REFLECT (0) and SYMMETRIC (1) exist"))),
            }
        }
        "MUL" => Op::Mul { activation: arithmetic(operator, file)? },
        "NEG" => Op::Unary(Unary::Neg),
        "NOT_EQUAL" => binary(Binary::NotEqual),
        "PACK" => {
            let options = operator.options_as::<PackOptions<'_>>(file)?;
            let values = options.map(|o| o.values_count());
            let operands = operator.inputs().map_or(0, |v| v.len());
            if values.is_some_and(|v| usize::try_from(v) != Ok(operands)) {
                return Err(Refusal::Invalid(format!("packs {values:?} values but has {operands} operands")));
            }
            Op::Pack { axis: options.map_or(0, |o| i64::from(o.axis())) }
        }
        "PAD" => Op::Pad,
        "PADV2" => Op::PadV2,
        "POW" => binary(Binary::Pow),
        "PRELU" => binary(Binary::PRelu),
        "QUANTIZE" => Op::Quantize,
        "RANK" => Op::Rank,
        "REDUCE_ALL" => Op::Reduce { reduction: Reduction::All, keep_dims: keep_dims(operator, file)? },
        "REDUCE_ANY" => Op::Reduce { reduction: Reduction::Any, keep_dims: keep_dims(operator, file)? },
        "REDUCE_MAX" => Op::ReduceMax { keep_dims: keep_dims(operator, file)? },
        "REDUCE_MIN" => Op::Reduce { reduction: Reduction::Min, keep_dims: keep_dims(operator, file)? },
        "REDUCE_PROD" => Op::Reduce { reduction: Reduction::Prod, keep_dims: keep_dims(operator, file)? },
        "RELU" => Op::Relu,
        "RELU6" => Op::Relu6,
        "RELU_0_TO_1" => Op::Unary(Unary::Relu0To1),
        "RELU_N1_TO_1" => Op::Unary(Unary::ReluN1To1),
        "RESHAPE" => {
            let options = operator.options_as::<ReshapeOptions<'_>>(file)?;
            let new_shape = options.and_then(|o| o.new_shape());
            Op::Reshape { new_shape: new_shape.map(|v| v.iter().map(i64::from).collect()) }
        }
        "RESIZE_BILINEAR" => {
            let options = operator.options_as::<ResizeBilinearOptions<'_>>(file)?;
            Op::ResizeBilinear {
                align_corners: options.is_some_and(|o| o.align_corners()),
                half_pixel_centers: options.is_some_and(|o| o.half_pixel_centers()),
            }
        }
        "RESIZE_NEAREST_NEIGHBOR" => {
            let options = operator.options_as::<ResizeNearestNeighborOptions<'_>>(file)?;
            Op::ResizeNearestNeighbor {
                align_corners: options.is_some_and(|o| o.align_corners()),
                half_pixel_centers: options.is_some_and(|o| o.half_pixel_centers()),
            }
        }
        "REVERSE_V2" => Op::Reverse,
        "ROUND" => Op::Unary(Unary::Round),
        "RSQRT" => Op::Unary(Unary::Rsqrt),
        "SELECT" | "SELECT_V2" => Op::Select,
        "SHAPE" => Op::Shape,
        "SIGN" => Op::Unary(Unary::Sign),
        "SIN" => Op::Unary(Unary::Sin),
        "SLICE" => Op::Slice,
        "SOFTMAX" => {
            let o = operator.options_as::<SoftmaxOptions<'_>>(file)?.ok_or_else(missing)?;
            if !o.beta().is_finite() || o.beta() <= 0.0 {
                return Err(Refusal::Invalid(format!("beta is {}", o.beta())));
            }
            Op::Softmax { beta: o.beta() }
        }
        "SPACE_TO_BATCH_ND" => Op::SpaceToBatchNd,
        "SPACE_TO_DEPTH" => {
            let options = operator.options_as::<BlockOptions<'_>>(file)?.ok_or_else(missing)?;
            Op::SpaceToDepth { block: positive("block size", options.block_size())? }
        }
        "SPLIT" => {
            let splits = operator.options_as::<SplitOptions<'_>>(file)?.map(|o| o.num_splits());
            let results = operator.outputs().map_or(0, |v| v.len());
            if splits.is_some_and(|n| usize::try_from(n) != Ok(results)) {
                return Err(Refusal::Invalid(format!("splits into {splits:?} but has {results} outputs")));
            }
            Op::Split
        }
        "SPLIT_V" => Op::SplitV,
        "SQRT" => Op::Unary(Unary::Sqrt),
        "SQUARE" => Op::Unary(Unary::Square),
        "SQUARED_DIFFERENCE" => binary(Binary::SquaredDifference),
        "SQUEEZE" => {
            let options = operator.options_as::<SqueezeOptions<'_>>(file)?;
            let dims = options.and_then(|o| o.squeeze_dims());
            Op::Squeeze { dims: dims.map(|v| v.iter().map(i64::from).collect()).unwrap_or_default() }
        }
        "STRIDED_SLICE" => {
            let o = operator.options_as::<StridedSliceOptions<'_>>(file)?.ok_or_else(missing)?;
            Op::StridedSlice {
                begin_mask: o.begin_mask() as u32,
                end_mask: o.end_mask() as u32,
                ellipsis_mask: o.ellipsis_mask() as u32,
                new_axis_mask: o.new_axis_mask() as u32,
                shrink_axis_mask: o.shrink_axis_mask() as u32,
                offset: o.offset(),
            }
        }
        "SUB" => Op::Sub { activation: arithmetic(operator, file)? },
        "SUM" => Op::Reduce { reduction: Reduction::Sum, keep_dims: keep_dims(operator, file)? },
        "TANH" => Op::Tanh,
        "TILE" => Op::Tile,
        "TOPK_V2" => Op::TopK { indices: false },
        "TRANSPOSE" => Op::Transpose,
        "TRANSPOSE_CONV" => {
            let o = operator.options_as::<TransposeConvOptions<'_>>(file)?.ok_or_else(missing)?;
            let stride = [o.stride_h(), o.stride_w()];
            Op::TransposeConv { window: window(o.padding(), stride, [1, 1], o.activation())? }
        }
        "UNIDIRECTIONAL_SEQUENCE_LSTM" => {
            let o = operator.options_as::<SequenceLstmOptions<'_>>(file)?.ok_or_else(missing)?;
            if o.activation() != 4 {
                return Err(Refusal::Unsupported(format!("activation {}; TANH (4) is accepted", o.activation())));
            }
            if !o.cell_clip().is_finite() || o.proj_clip() != 0.0 {
                return Err(Refusal::Unsupported("a clipped projection, or a bound that is not finite".into()));
            }
            Op::Lstm { time_major: o.time_major(), cell_clip: o.cell_clip() }
        }
        "UNPACK" => {
            let o = operator.options_as::<UnpackOptions<'_>>(file)?.ok_or_else(missing)?;
            let results = operator.outputs().map_or(0, |v| v.len());
            if usize::try_from(o.num()) != Ok(results) {
                return Err(Refusal::Invalid(format!("unpacks {} values but has {results} outputs", o.num())));
            }
            Op::Unpack { axis: o.axis().into() }
        }
        "ZEROS_LIKE" => Op::ZerosLike,
        _ => return Err(Refusal::Operator),
    })
}

fn missing() -> Refusal {
    Refusal::Invalid("has no options table".into())
}

/// A function of two operands without attributes.
fn binary(function: Binary) -> Op {
    Op::Binary { function, activation: Activation::None }
}

fn arithmetic<'a>(operator: &Operator<'a>, file: &'a [u8]) -> Result<Activation, Refusal> {
    activation(operator.options_as::<ArithmeticOptions<'_>>(file)?.map_or(0, |o| o.activation()))
}

fn keep_dims<'a>(operator: &Operator<'a>, file: &'a [u8]) -> Result<bool, Refusal> {
    Ok(operator.options_as::<ReducerOptions<'_>>(file)?.is_some_and(|o| o.keep_dims()))
}

fn pool<'a>(operator: &Operator<'a>, file: &'a [u8]) -> Result<(WindowAttributes, [usize; 2]), Refusal> {
    let o = operator.options_as::<Pool2DOptions<'_>>(file)?.ok_or_else(missing)?;
    let filter = [positive("filter height", o.filter_h())?, positive("filter width", o.filter_w())?];
    if filter[0] * filter[1] > MAX_TAPS {
        let reason = format!("a filter of {} x {}; up to {MAX_TAPS} taps are accepted", filter[0], filter[1]);
        return Err(Refusal::Unsupported(reason));
    }
    Ok((window(o.padding(), [o.stride_h(), o.stride_w()], [1, 1], o.activation())?, filter))
}

fn window(padding: i8, stride: [i32; 2], dilation: [i32; 2], fused: i8) -> Result<WindowAttributes, Refusal> {
    Ok(WindowAttributes {
        padding: match padding {
            0 => Padding::Same,
            1 => Padding::Valid,
            other => return Err(Refusal::Invalid(format!("padding scheme {other}; SAME (0) and VALID (1) exist"))),
        },
        stride: [positive("stride in height", stride[0])?, positive("stride in width", stride[1])?],
        dilation: [positive("dilation in height", dilation[0])?, positive("dilation in width", dilation[1])?],
        activation: activation(fused)?,
    })
}

/// A size between 1 and 32767: larger ones occur in no model, and products of them must not overflow.
fn positive(what: &str, value: i32) -> Result<usize, Refusal> {
    match usize::try_from(value) {
        Ok(size @ 1..=32767) => Ok(size),
        _ => Err(Refusal::Invalid(format!("{what} is {value}; 1 to 32767 is expected"))),
    }
}

fn activation(code: i8) -> Result<Activation, Refusal> {
    match code {
        0 => Ok(Activation::None),
        1 => Ok(Activation::Relu),
        2 => Ok(Activation::ReluN1To1),
        3 => Ok(Activation::Relu6),
        4 => Err(Refusal::Unsupported("fused activation TANH; RELU, RELU6 and RELU_N1_TO_1 are accepted".into())),
        5 => Err(Refusal::Unsupported("fused activation SIGN_BIT; RELU, RELU6 and RELU_N1_TO_1 are accepted".into())),
        other => Err(Refusal::Invalid(format!("fused activation {other} does not exist"))),
    }
}
