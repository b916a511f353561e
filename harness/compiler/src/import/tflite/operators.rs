//! Operators by their number in the schema: name and attributes.

use flatbuffers::InvalidFlatbuffer;

use super::schema::{
    ArithmeticOptions, ConcatenationOptions, Conv2DOptions, DepthwiseConv2DOptions, FullyConnectedOptions,
    LeakyReluOptions, Operator, PackOptions, Pool2DOptions, ReducerOptions, ReshapeOptions,
    ResizeNearestNeighborOptions, SoftmaxOptions, SplitOptions, SqueezeOptions, StridedSliceOptions,
};
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

/// The schema's name of operator number `code`.
pub(super) fn name(code: i32) -> Option<&'static str> {
    usize::try_from(code).ok().and_then(|i| NAMES.get(i)).copied()
}

/// Fewest and most operands and results of an operator.
pub(super) fn arity(op: &Op) -> ([usize; 2], [usize; 2]) {
    let one = [1, 1];
    match op {
        Op::Add { .. } | Op::ExpandDims | Op::Maximum | Op::Mean { .. } | Op::Minimum | Op::Mul { .. } => ([2, 2], one),
        Op::Pad | Op::ReduceMax { .. } | Op::ResizeNearestNeighbor { .. } | Op::Sub { .. } | Op::Transpose => {
            ([2, 2], one)
        }
        Op::Concatenation { .. } | Op::Pack { .. } => ([1, usize::MAX], one),
        Op::Conv2d { .. } | Op::DepthwiseConv2d { .. } | Op::FullyConnected { .. } => ([2, 3], one),
        Op::PadV2 | Op::Slice => ([3, 3], one),
        Op::Reshape { .. } => ([1, 2], one),
        Op::Split => ([2, 2], [1, usize::MAX]),
        Op::StridedSlice { .. } => ([4, 4], one),
        Op::AveragePool2d { .. }
        | Op::Dequantize
        | Op::HardSwish
        | Op::LeakyRelu { .. }
        | Op::LogSoftmax
        | Op::Logistic
        | Op::MaxPool2d { .. }
        | Op::Quantize
        | Op::Relu
        | Op::Relu6
        | Op::Shape
        | Op::Softmax { .. }
        | Op::Squeeze { .. }
        | Op::Tanh => (one, one),
        // Not an operator of this format.
        Op::Onnx(_) => ([0, 0], [0, 0]),
    }
}

/// Operator `name` with the attributes in `operator`.
pub(super) fn op<'a>(name: &str, operator: &Operator<'a>, file: &'a [u8]) -> Result<Op, Refusal> {
    Ok(match name {
        "ADD" => Op::Add { activation: arithmetic(operator, file)? },
        "AVERAGE_POOL_2D" => {
            let (window, filter) = pool(operator, file)?;
            Op::AveragePool2d { window, filter }
        }
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
        "DEPTHWISE_CONV_2D" => {
            let o = operator.options_as::<DepthwiseConv2DOptions<'_>>(file)?.ok_or_else(missing)?;
            let dilation = [o.dilation_h(), o.dilation_w()];
            Op::DepthwiseConv2d {
                window: window(o.padding(), [o.stride_h(), o.stride_w()], dilation, o.activation())?,
                depth_multiplier: usize::try_from(o.depth_multiplier()).unwrap_or(0),
            }
        }
        "DEQUANTIZE" => Op::Dequantize,
        "EXPAND_DIMS" => Op::ExpandDims,
        "FULLY_CONNECTED" => {
            let options = operator.options_as::<FullyConnectedOptions<'_>>(file)?;
            if options.is_some_and(|o| o.weights_format() != 0) {
                return Err(Refusal::Unsupported("shuffled weights; the default format is accepted".into()));
            }
            Op::FullyConnected {
                activation: activation(options.map_or(0, |o| o.activation()))?,
                keep_num_dims: options.is_some_and(|o| o.keep_num_dims()),
            }
        }
        "HARD_SWISH" => Op::HardSwish,
        "LEAKY_RELU" => {
            let options = operator.options_as::<LeakyReluOptions<'_>>(file)?;
            Op::LeakyRelu { alpha: options.map_or(0.0, |o| o.alpha()) }
        }
        "LOGISTIC" => Op::Logistic,
        "LOG_SOFTMAX" => Op::LogSoftmax,
        "MAXIMUM" => Op::Maximum,
        "MAX_POOL_2D" => {
            let (window, filter) = pool(operator, file)?;
            Op::MaxPool2d { window, filter }
        }
        "MEAN" => Op::Mean { keep_dims: keep_dims(operator, file)? },
        "MINIMUM" => Op::Minimum,
        "MUL" => Op::Mul { activation: arithmetic(operator, file)? },
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
        "QUANTIZE" => Op::Quantize,
        "REDUCE_MAX" => Op::ReduceMax { keep_dims: keep_dims(operator, file)? },
        "RELU" => Op::Relu,
        "RELU6" => Op::Relu6,
        "RESHAPE" => {
            let options = operator.options_as::<ReshapeOptions<'_>>(file)?;
            let new_shape = options.and_then(|o| o.new_shape());
            Op::Reshape { new_shape: new_shape.map(|v| v.iter().map(i64::from).collect()) }
        }
        "RESIZE_NEAREST_NEIGHBOR" => {
            let options = operator.options_as::<ResizeNearestNeighborOptions<'_>>(file)?;
            Op::ResizeNearestNeighbor {
                align_corners: options.is_some_and(|o| o.align_corners()),
                half_pixel_centers: options.is_some_and(|o| o.half_pixel_centers()),
            }
        }
        "SHAPE" => Op::Shape,
        "SLICE" => Op::Slice,
        "SOFTMAX" => {
            let o = operator.options_as::<SoftmaxOptions<'_>>(file)?.ok_or_else(missing)?;
            if !o.beta().is_finite() || o.beta() <= 0.0 {
                return Err(Refusal::Invalid(format!("beta is {}", o.beta())));
            }
            Op::Softmax { beta: o.beta() }
        }
        "SPLIT" => {
            let splits = operator.options_as::<SplitOptions<'_>>(file)?.map(|o| o.num_splits());
            let results = operator.outputs().map_or(0, |v| v.len());
            if splits.is_some_and(|n| usize::try_from(n) != Ok(results)) {
                return Err(Refusal::Invalid(format!("splits into {splits:?} but has {results} outputs")));
            }
            Op::Split
        }
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
        "TANH" => Op::Tanh,
        "TRANSPOSE" => Op::Transpose,
        _ => return Err(Refusal::Operator),
    })
}

fn missing() -> Refusal {
    Refusal::Invalid("has no options table".into())
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

/// Names by number, as the schema of TensorFlow 2.18 and later has them.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "DEQUANTIZE",
    "EMBEDDING_LOOKUP", "FLOOR", "FULLY_CONNECTED", "HASHTABLE_LOOKUP", "L2_NORMALIZATION", "L2_POOL_2D",
    "LOCAL_RESPONSE_NORMALIZATION", "LOGISTIC", "LSH_PROJECTION", "LSTM", "MAX_POOL_2D", "MUL", "RELU",
    "RELU_N1_TO_1", "RELU6", "RESHAPE", "RESIZE_BILINEAR", "RNN", "SOFTMAX", "SPACE_TO_DEPTH", "SVDF", "TANH",
    "CONCAT_EMBEDDINGS", "SKIP_GRAM", "CALL", "CUSTOM", "EMBEDDING_LOOKUP_SPARSE", "PAD",
    "UNIDIRECTIONAL_SEQUENCE_RNN", "GATHER", "BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND", "TRANSPOSE", "MEAN",
    "SUB", "DIV", "SQUEEZE", "UNIDIRECTIONAL_SEQUENCE_LSTM", "STRIDED_SLICE", "BIDIRECTIONAL_SEQUENCE_RNN",
    "EXP", "TOPK_V2", "SPLIT", "LOG_SOFTMAX", "DELEGATE", "BIDIRECTIONAL_SEQUENCE_LSTM", "CAST", "PRELU",
    "MAXIMUM", "ARG_MAX", "MINIMUM", "LESS", "NEG", "PADV2", "GREATER", "GREATER_EQUAL", "LESS_EQUAL",
    "SELECT", "SLICE", "SIN", "TRANSPOSE_CONV", "SPARSE_TO_DENSE", "TILE", "EXPAND_DIMS", "EQUAL",
    "NOT_EQUAL", "LOG", "SUM", "SQRT", "RSQRT", "SHAPE", "POW", "ARG_MIN", "FAKE_QUANT", "REDUCE_PROD",
    "REDUCE_MAX", "PACK", "LOGICAL_OR", "ONE_HOT", "LOGICAL_AND", "LOGICAL_NOT", "UNPACK", "REDUCE_MIN",
    "FLOOR_DIV", "REDUCE_ANY", "SQUARE", "ZEROS_LIKE", "FILL", "FLOOR_MOD", "RANGE",
    "RESIZE_NEAREST_NEIGHBOR", "LEAKY_RELU", "SQUARED_DIFFERENCE", "MIRROR_PAD", "ABS", "SPLIT_V", "UNIQUE",
    "CEIL", "REVERSE_V2", "ADD_N", "GATHER_ND", "COS", "WHERE", "RANK", "ELU", "REVERSE_SEQUENCE",
    "MATRIX_DIAG", "QUANTIZE", "MATRIX_SET_DIAG", "ROUND", "HARD_SWISH", "IF", "WHILE",
    "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5", "SCATTER_ND", "SELECT_V2", "DENSIFY", "SEGMENT_SUM",
    "BATCH_MATMUL", "PLACEHOLDER_FOR_GREATER_OP_CODES", "CUMSUM", "CALL_ONCE", "BROADCAST_TO", "RFFT2D",
    "CONV_3D", "IMAG", "REAL", "COMPLEX_ABS", "HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT",
    "HASHTABLE_SIZE", "REDUCE_ALL", "CONV_3D_TRANSPOSE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE",
    "BROADCAST_ARGS", "RANDOM_STANDARD_NORMAL", "BUCKETIZE", "RANDOM_UNIFORM", "MULTINOMIAL", "GELU",
    "DYNAMIC_UPDATE_SLICE", "RELU_0_TO_1", "UNSORTED_SEGMENT_PROD", "UNSORTED_SEGMENT_MAX",
    "UNSORTED_SEGMENT_SUM", "ATAN2", "UNSORTED_SEGMENT_MIN", "SIGN", "BITCAST", "BITWISE_XOR", "RIGHT_SHIFT",
    "STABLEHLO_LOGISTIC", "STABLEHLO_ADD", "STABLEHLO_DIVIDE", "STABLEHLO_MULTIPLY", "STABLEHLO_MAXIMUM",
    "STABLEHLO_RESHAPE", "STABLEHLO_CLAMP", "STABLEHLO_CONCATENATE", "STABLEHLO_BROADCAST_IN_DIM",
    "STABLEHLO_CONVOLUTION", "STABLEHLO_SLICE", "STABLEHLO_CUSTOM_CALL", "STABLEHLO_REDUCE", "STABLEHLO_ABS",
    "STABLEHLO_AND", "STABLEHLO_COSINE", "STABLEHLO_EXPONENTIAL", "STABLEHLO_FLOOR", "STABLEHLO_LOG",
    "STABLEHLO_MINIMUM", "STABLEHLO_NEGATE", "STABLEHLO_OR", "STABLEHLO_POWER", "STABLEHLO_REMAINDER",
    "STABLEHLO_RSQRT", "STABLEHLO_SELECT", "STABLEHLO_SUBTRACT", "STABLEHLO_TANH", "STABLEHLO_SCATTER",
    "STABLEHLO_COMPARE", "STABLEHLO_CONVERT", "STABLEHLO_DYNAMIC_SLICE", "STABLEHLO_DYNAMIC_UPDATE_SLICE",
    "STABLEHLO_PAD", "STABLEHLO_IOTA", "STABLEHLO_DOT_GENERAL", "STABLEHLO_REDUCE_WINDOW", "STABLEHLO_SORT",
    "STABLEHLO_WHILE", "STABLEHLO_GATHER", "STABLEHLO_TRANSPOSE", "DILATE", "STABLEHLO_RNG_BIT_GENERATOR",
    "REDUCE_WINDOW", "STABLEHLO_COMPOSITE", "STABLEHLO_SHIFT_LEFT", "STABLEHLO_CBRT", "STABLEHLO_CASE",
];
