//! [`Call`]: the table of everything a device can be asked to do. One row names parameters, function and operand types;
//! the host's way to run it and the emitted source both come from that row, so they cannot drift apart.

use std::fmt::Debug;

use hilbench_kernels::optimized::{dsp, generic, mve};
use hilbench_kernels::params::{self, Channel, Requant, ScaleF32};
use hilbench_kernels::reference;

use crate::value::Value;

/// An element type that a kernel reads, viewed in the bytes of a [`Value`].
trait Element: Copy {
    fn read(value: &Value) -> Vec<Self>;
}

macro_rules! plain_elements {
    ($($t:ty)*) => {$(
        impl Element for $t {
            fn read(value: &Value) -> Vec<Self> {
                value.as_slice::<$t>().to_vec()
            }
        }
    )*};
}
plain_elements!(i8 u8 i16 u16 i32 u32 i64 f32);

impl Element for Requant {
    fn read(value: &Value) -> Vec<Self> {
        value.as_slice::<i32>().chunks_exact(2).map(|c| Requant { multiplier: c[0], shift: c[1] }).collect()
    }
}

impl Element for Channel {
    fn read(value: &Value) -> Vec<Self> {
        value.as_slice::<i32>().as_chunks().0.iter().map(|&words| Channel::from_words(words)).collect()
    }
}

impl Element for ScaleF32 {
    fn read(value: &Value) -> Vec<Self> {
        value.as_slice::<f32>().iter().map(|&scale| ScaleF32(scale)).collect()
    }
}

/// How a call is written down in source.
pub struct Signature {
    /// Path of the function, with `dsp`, `generic`, `mve` and `reference` in scope.
    pub path: &'static str,
    /// Element types of the operands.
    pub operands: &'static [&'static str],
    /// Element type of the scratch memory.
    pub scratch: Option<&'static str>,
    /// Element type of the output.
    pub output: &'static str,
}

/// Bytes of an element that a [`Signature`] names.
#[must_use]
pub fn element_bytes(element: &str) -> usize {
    match element {
        "i8" | "u8" => 1,
        "i16" | "u16" => 2,
        "i64" | "Channel" | "Requant" => 8,
        _ => 4,
    }
}

macro_rules! calls {
    ($($name:ident($params:ty): $($path:ident)::+ ($($operand:ty),*) $([$scratch:ty])? -> $output:ty;)*) => {
        /// A device function with its parameters.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs, reason = "a row is its own documentation")]
        pub enum Call {
            $($name($params),)*
        }

        impl Call {
            /// The function's name and types.
            #[must_use]
            pub fn signature(&self) -> Signature {
                match self {
                    $(Call::$name(_) => Signature {
                        path: &concat!($("::", stringify!($path)),+)[2..],
                        operands: &[$(stringify!($operand)),*],
                        scratch: calls!(@scratch_name $($scratch)?),
                        output: stringify!($output),
                    },)*
                }
            }

            /// The parameters as a Rust expression.
            #[must_use]
            pub fn params(&self) -> String {
                match self {
                    $(Call::$name(params) => format!("&{params:?}"),)*
                }
            }

            /// Runs the function here, on copies of its operands. `scratch` is ignored by functions without it.
            pub fn run(&self, operands: &[&Value], scratch: &mut Value, output: &mut Value) {
                let mut operands = operands.iter();
                let mut next = || *operands.next().expect("a step has the operands of its signature");
                match self {
                    $(Call::$name(params) => calls!(@invoke ($($path)::+) params
                        ($(<$operand as Element>::read(next())),*) scratch ($($scratch)?) output $output),)*
                }
            }
        }
    };
    (@scratch_name $scratch:ty) => { Some(stringify!($scratch)) };
    (@scratch_name) => { None };
    (@invoke ($($path:ident)::+) $p:ident ($($operand:expr),*) $s:ident ($scratch:ty) $o:ident $output:ty) => {
        $($path)::+($p, $(&$operand,)* $s.as_mut_slice::<$scratch>(), $o.as_mut_slice::<$output>())
    };
    (@invoke ($($path:ident)::+) $p:ident ($($operand:expr),*) $s:ident () $o:ident $output:ty) => {
        $($path)::+($p, $(&$operand,)* $o.as_mut_slice::<$output>())
    };
}

calls! {
    Add(params::Add): generic::add(i8, i8) -> i8;
    And(params::Broadcast): reference::and(u8, u8) -> u8;
    ArgMaxF32(params::ArgPick): reference::arg_max(f32) -> i32;
    ArgMaxI8(params::ArgPick): reference::arg_max(i8) -> i32;
    ArgMaxU8(params::ArgPick): reference::arg_max(u8) -> i32;
    ArgMinF32(params::ArgPick): reference::arg_min(f32) -> i32;
    ArgMinI8(params::ArgPick): reference::arg_min(i8) -> i32;
    ArgMinU8(params::ArgPick): reference::arg_min(u8) -> i32;
    Assign8(params::StridedCopy): generic::strided_copy(u8) -> u8;
    AsymmetricConv2d(params::QLinearConv2d): reference::qlinear::conv2d(i8, i8, i32, Requant) -> i8;
    AsymmetricDepthwiseConv2d(params::QLinearDepthwiseConv2d): reference::qlinear::depthwise_conv2d(i8, i16, i32, Requant) -> i8;
    AveragePool2dU8(params::Pool2d): reference::average_pool2d_u8(u8) -> u8;
    AveragePool2d(params::Pool2d): generic::average_pool2d(i8) -> i8;
    Conv2d(params::Conv2d): generic::conv2d(i8, i8, i32, Requant) [i8] -> i8;
    BatchMatMul(params::QLinearMatMul): reference::qlinear::matmul(i8, i8, Requant) -> i8;
    CompareI8(params::Compare): reference::compare(i8, i8) -> u8;
    ConvIntegerI8I8(params::Conv2d): reference::qlinear::conv2d_integer(i8, i8, i8, i8) -> i32;
    ConvIntegerI8U8(params::Conv2d): reference::qlinear::conv2d_integer(i8, u8, i8, u8) -> i32;
    ConvIntegerU8I8(params::Conv2d): reference::qlinear::conv2d_integer(u8, i8, u8, i8) -> i32;
    ConvIntegerU8U8(params::Conv2d): reference::qlinear::conv2d_integer(u8, u8, u8, u8) -> i32;
    Copy8(params::StridedCopy): generic::strided_copy(u8) -> u8;
    ConvTranspose2d(params::QLinearConvTranspose2d): reference::qlinear::conv_transpose2d(i8, i8, i32, Requant) -> i8;
    ConvertI32F32(()): reference::i32_to_f32(i32) -> f32;
    ConvertI8F32(()): reference::i8_to_f32(i8) -> f32;
    ConvertI8I32(()): reference::i8_to_i32(i8) -> i32;
    ConvertU8F32(()): reference::u8_to_f32(u8) -> f32;
    ConvertU8I32(()): reference::u8_to_i32(u8) -> i32;
    Copy16(params::StridedCopy): generic::strided_copy(u16) -> u16;
    Copy32(params::StridedCopy): generic::strided_copy(u32) -> u32;
    DepthwiseConv2d(params::DepthwiseConv2d): generic::depthwise_conv2d(i8, i8, i32, Requant) -> i8;
    DequantizeAccumulators(Vec<params::ScaleF32>): reference::qlinear::dequantize_accumulators(i32, f32) -> f32;
    DspAdd(params::Add): dsp::add(i8, i8) -> i8;
    DspAveragePool2d(params::Pool2d): dsp::average_pool2d(i8) -> i8;
    DspConv2d(params::Conv2d): dsp::conv2d(i8, u32, Channel) [u32] -> i8;
    DspDepthwiseConv2d(params::DepthwiseConv2d): dsp::depthwise_conv2d(i8, i8, Channel) [u32] -> i8;
    DspDepthwiseTaps(params::DepthwiseConv2d): dsp::depthwise_taps(i8, u32, Channel) -> i8;
    DspFullyConnected(params::FullyConnected): dsp::fully_connected(i8, u32, i32, Requant) [u32] -> i8;
    DspMaxPool2d(params::Pool2d): dsp::max_pool2d(i8) -> i8;
    DspMul(params::Mul): dsp::mul(i8, i8) -> i8;
    DspQLinearAddI8(params::QLinearAdd): dsp::qlinear_add(i8, i8) -> i8;
    DspQLinearAddU8(params::QLinearAdd): dsp::qlinear_add(u8, u8) -> u8;
    DspQLinearConv2dI8(params::QLinearConv2d): dsp::qlinear_conv2d(i8, u32, i32, ScaleF32) [u32] -> i8;
    DspQLinearConv2dU8(params::QLinearConv2d): dsp::qlinear_conv2d(u8, u32, i32, ScaleF32) [u32] -> u8;
    DspQLinearDepthwiseConv2dI8(params::QLinearDepthwiseConv2d): dsp::qlinear_depthwise_conv2d(i8, u32, i32, ScaleF32) -> i8;
    DspQLinearDepthwiseConv2dU8(params::QLinearDepthwiseConv2d): dsp::qlinear_depthwise_conv2d(u8, u32, i32, ScaleF32) -> u8;
    DspQLinearFullyConnectedI8(params::FullyConnected): dsp::qlinear_fully_connected(i8, u32, i32, ScaleF32) [u32] -> i8;
    DspQLinearFullyConnectedU8(params::FullyConnected): dsp::qlinear_fully_connected(u8, u32, i32, ScaleF32) [u32] -> u8;
    DspQLinearMulI8(params::QLinearMul): dsp::qlinear_mul(i8, i8) -> i8;
    DspQLinearMulU8(params::QLinearMul): dsp::qlinear_mul(u8, u8) -> u8;
    DspSub(params::Add): dsp::sub(i8, i8) -> i8;
    DequantizeI8(params::Affine): reference::dequantize_i8(i8) -> f32;
    DequantizeU8(params::Affine): reference::dequantize_u8(u8) -> f32;
    DequantizeMappedI16(params::ScaleMap): reference::qlinear::dequantize_mapped(i16, f32, i32) -> f32;
    DequantizeMappedI8(params::ScaleMap): reference::qlinear::dequantize_mapped(i8, f32, i32) -> f32;
    DequantizeMappedU16(params::ScaleMap): reference::qlinear::dequantize_mapped(u16, f32, i32) -> f32;
    DequantizeMappedU8(params::ScaleMap): reference::qlinear::dequantize_mapped(u8, f32, i32) -> f32;
    DynamicQuantize(()): reference::qlinear::dynamic_quantize(f32, f32, u8) -> u8;
    DynamicScale(()): reference::qlinear::dynamic_scale(f32) -> f32;
    DynamicZeroPoint(()): reference::qlinear::dynamic_zero_point(f32, f32) -> u8;
    EqualF32(params::Broadcast): reference::equal(f32, f32) -> u8;
    EqualI32(params::Broadcast): reference::equal(i32, i32) -> u8;
    Fill16(u16): generic::fill() -> u16;
    Fill8(u8): generic::fill() -> u8;
    Fill32(u32): generic::fill() -> u32;
    FloatAbs(()): reference::float::abs(f32) -> f32;
    FloatAcos(()): reference::float::acos(f32) -> f32;
    FloatAcosh(()): reference::float::acosh(f32) -> f32;
    FloatAdd(params::Broadcast): reference::float::add(f32, f32) -> f32;
    FloatAsin(()): reference::float::asin(f32) -> f32;
    FloatAsinh(()): reference::float::asinh(f32) -> f32;
    FloatAtan(()): reference::float::atan(f32) -> f32;
    FloatAtanh(()): reference::float::atanh(f32) -> f32;
    FloatAveragePool2d(params::Pool2dF32): reference::float::average_pool2d(f32) -> f32;
    FloatCeil(()): reference::float::ceil(f32) -> f32;
    FloatCelu(params::UnaryF32): reference::float::celu(f32) -> f32;
    FloatClip(params::ClampF32): reference::float::clip(f32) -> f32;
    FloatConv2d(params::Conv2dF32): reference::float::conv2d(f32, f32, f32) -> f32;
    FloatConvTranspose2d(params::ConvTranspose2dF32): reference::float::conv_transpose2d(f32, f32, f32) -> f32;
    FloatCos(()): reference::float::cos(f32) -> f32;
    FloatCosh(()): reference::float::cosh(f32) -> f32;
    FloatDepthwiseConv2d(params::DepthwiseConv2dF32): reference::float::depthwise_conv2d(f32, f32, f32) -> f32;
    FloatDiv(params::Broadcast): reference::float::div(f32, f32) -> f32;
    FloatElu(params::UnaryF32): reference::float::elu(f32) -> f32;
    FloatErf(()): reference::float::erf(f32) -> f32;
    FloatExp(()): reference::float::exp(f32) -> f32;
    FloatFloor(()): reference::float::floor(f32) -> f32;
    FloatFullyConnected(params::FullyConnectedF32): reference::float::fully_connected(f32, f32, f32) -> f32;
    FloatGelu(()): reference::float::gelu(f32) -> f32;
    FloatGeluTanh(()): reference::float::gelu_tanh(f32) -> f32;
    FloatGlobalAveragePool(params::Rows): reference::float::global_average_pool(f32) -> f32;
    FloatHardSigmoid(params::UnaryF32): reference::float::hard_sigmoid(f32) -> f32;
    FloatHardSwish(()): reference::float::hard_swish(f32) -> f32;
    FloatL2Normalization(params::Rows): reference::float::l2_normalization(f32) -> f32;
    FloatLeakyRelu(params::UnaryF32): reference::float::leaky_relu(f32) -> f32;
    FloatGru(params::Recurrent): reference::float::gru(f32, f32, f32, f32, f32) [f32] -> f32;
    FloatLstm(params::Recurrent): reference::float::lstm(f32, f32, f32, f32, f32, f32) [f32] -> f32;
    FloatLstmSequence(params::LstmSequence): reference::float::lstm_sequence(f32, f32, f32, f32, f32, f32) [f32] -> f32;
    FloatLog(()): reference::float::log(f32) -> f32;
    FloatLogSoftmax(params::Rows): reference::float::log_softmax(f32) -> f32;
    FloatLrn(params::Lrn): reference::float::lrn(f32) -> f32;
    FloatMatMul(params::MatMul): reference::float::matmul(f32, f32) -> f32;
    FloatMax(params::Broadcast): reference::float::maximum(f32, f32) -> f32;
    FloatMaxPool2d(params::Pool2dF32): reference::float::max_pool2d(f32) -> f32;
    FloatMin(params::Broadcast): reference::float::minimum(f32, f32) -> f32;
    FloatMish(()): reference::float::mish(f32) -> f32;
    FloatMul(params::Broadcast): reference::float::mul(f32, f32) -> f32;
    FloatNeg(()): reference::float::neg(f32) -> f32;
    FloatPRelu(params::Broadcast): reference::float::prelu(f32, f32) -> f32;
    FloatPow(params::Broadcast): reference::float::pow(f32, f32) -> f32;
    FloatReciprocal(()): reference::float::reciprocal(f32) -> f32;
    FloatReduceL1(params::Reduce): reference::float::reduce_l1(f32) -> f32;
    FloatReduceL2(params::Reduce): reference::float::reduce_l2(f32) -> f32;
    FloatReduceLogSum(params::Reduce): reference::float::reduce_log_sum(f32) -> f32;
    FloatReduceLogSumExp(params::Reduce): reference::float::reduce_log_sum_exp(f32) -> f32;
    FloatReduceMax(params::Reduce): reference::float::reduce_max(f32) -> f32;
    FloatReduceMean(params::Reduce): reference::float::reduce_mean(f32) -> f32;
    FloatReduceMin(params::Reduce): reference::float::reduce_min(f32) -> f32;
    FloatReduceProd(params::Reduce): reference::float::reduce_prod(f32) -> f32;
    FloatReduceSum(params::Reduce): reference::float::reduce_sum(f32) -> f32;
    FloatReduceSumSquare(params::Reduce): reference::float::reduce_sum_square(f32) -> f32;
    FloatRound(()): reference::float::round(f32) -> f32;
    FloatRsqrt(()): reference::float::rsqrt(f32) -> f32;
    FloatSelu(params::UnaryF32): reference::float::selu(f32) -> f32;
    FloatSigmoid(()): reference::float::sigmoid(f32) -> f32;
    FloatSign(()): reference::float::sign(f32) -> f32;
    FloatSin(()): reference::float::sin(f32) -> f32;
    FloatSinh(()): reference::float::sinh(f32) -> f32;
    FloatSoftmax(params::Rows): reference::float::softmax(f32) -> f32;
    FloatSoftplus(()): reference::float::softplus(f32) -> f32;
    FloatSoftsign(()): reference::float::softsign(f32) -> f32;
    FloatSqrt(()): reference::float::sqrt(f32) -> f32;
    FloatSquare(()): reference::float::square(f32) -> f32;
    FloatSquaredDifference(params::Broadcast): reference::float::squared_difference(f32, f32) -> f32;
    FloatSub(params::Broadcast): reference::float::sub(f32, f32) -> f32;
    FloatTan(()): reference::float::tan(f32) -> f32;
    FloatTanh(()): reference::float::tanh(f32) -> f32;
    FloatThresholdedRelu(params::UnaryF32): reference::float::thresholded_relu(f32) -> f32;
    FullyConnected(params::FullyConnected): generic::fully_connected(i8, i8, i32, Requant) -> i8;
    FullyConnectedOffset(params::FullyConnected): reference::fully_connected(i8, i8, i32, Requant) -> i8;
    Gather8(params::Gather): reference::gather(u8, i32) -> u8;
    Gather16(params::Gather): reference::gather(u16, i32) -> u16;
    Gather32(params::Gather): reference::gather(u32, i32) -> u32;
    GatherNd16(params::GatherNd): reference::gather_nd(u16, i32) -> u16;
    GatherNd32(params::GatherNd): reference::gather_nd(u32, i32) -> u32;
    GatherNd8(params::GatherNd): reference::gather_nd(u8, i32) -> u8;
    GreaterF32(params::Broadcast): reference::greater(f32, f32) -> u8;
    GreaterI32(params::Broadcast): reference::greater(i32, i32) -> u8;
    GreaterOrEqualF32(params::Broadcast): reference::greater_or_equal(f32, f32) -> u8;
    GreaterOrEqualI32(params::Broadcast): reference::greater_or_equal(i32, i32) -> u8;
    HybridConv2d(params::Conv2dHybrid): reference::hybrid::conv2d(f32, i8, f32, f32) [i8] -> f32;
    HybridDepthwiseConv2d(params::DepthwiseConv2dF32): reference::hybrid::depthwise_conv2d(f32, i8, f32, f32) [i8] -> f32;
    HybridFullyConnected(params::FullyConnectedHybrid): reference::hybrid::fully_connected(f32, i8, f32, f32) [i8] -> f32;
    Int16Add(params::Add): reference::int16::add(i16, i16) -> i16;
    Int16AveragePool2d(params::Pool2d): reference::int16::average_pool2d(i16) -> i16;
    Int16Conv2d(params::Conv2d): reference::int16::conv2d(i16, i8, i64, Requant) -> i16;
    Int16ConvTranspose2d(params::QLinearConvTranspose2d): reference::int16::conv_transpose2d(i16, i8, i64, Requant) -> i16;
    Int16DepthwiseConv2d(params::DepthwiseConv2d): reference::int16::depthwise_conv2d(i16, i8, i64, Requant) -> i16;
    Int16Dequantize(params::Affine): reference::int16::dequantize(i16) -> f32;
    Int16FromI8(params::Rescale): reference::int16::from_i8(i8) -> i16;
    Int16FullyConnected(params::FullyConnected): reference::int16::fully_connected(i16, i8, i64, Requant) -> i16;
    Int16LeakyRelu(params::LeakyRelu): reference::int16::leaky_relu(i16) -> i16;
    Int16Logistic(params::Sigmoidal16): reference::int16::logistic(i16, u16) -> i16;
    Int16Lstm(params::LstmInteger): reference::int16::lstm_i16(i16, i16, i16, i8, i8, i64, u16) [i16] -> i16;
    Int16MaxPool2d(params::Pool2d): reference::int16::max_pool2d(i16) -> i16;
    Int16Mul(params::Mul): reference::int16::mul(i16, i16) -> i16;
    Int16Quantize(params::Affine): reference::int16::quantize(f32) -> i16;
    Int16Relu(params::Relu): reference::int16::relu(i16) -> i16;
    Int16Rescale(params::Requant): reference::int16::rescale(i16) -> i16;
    Int16Softmax(params::Softmax16): reference::int16::softmax(i16, i16, i16) -> i16;
    Int16Sub(params::Add): reference::int16::sub(i16, i16) -> i16;
    Int16Tanh(params::Sigmoidal16): reference::int16::tanh(i16, u16) -> i16;
    Int16ToI8(params::Rescale): reference::int16::to_i8(i16) -> i8;
    Int8Lstm(params::LstmInteger): reference::int16::lstm_i8(i8, i8, i16, i8, i8, i32, u16) [i16] -> i8;
    L2Normalization(params::L2Normalization): reference::l2_normalization(i8) -> i8;
    LessF32(params::Broadcast): reference::less(f32, f32) -> u8;
    LessI32(params::Broadcast): reference::less(i32, i32) -> u8;
    LessOrEqualF32(params::Broadcast): reference::less_or_equal(f32, f32) -> u8;
    LessOrEqualI32(params::Broadcast): reference::less_or_equal(i32, i32) -> u8;
    LogSoftmax(params::LogSoftmax): reference::log_softmax(i8) -> i8;
    LogSoftmaxF32(params::Rows): reference::log_softmax_f32(f32) -> f32;
    Lookup([i8; 256]): generic::lookup(i8) -> i8;
    LookupF32(Box<[f32; 256]>): reference::qlinear::lookup(u8) -> f32;
    MatMulIntegerI8I8(params::MatMul): reference::qlinear::matmul_integer(i8, i8, i8, i8) -> i32;
    MatMulIntegerI8U8(params::MatMul): reference::qlinear::matmul_integer(i8, u8, i8, u8) -> i32;
    MatMulIntegerU8I8(params::MatMul): reference::qlinear::matmul_integer(u8, i8, u8, i8) -> i32;
    MatMulIntegerU8U8(params::MatMul): reference::qlinear::matmul_integer(u8, u8, u8, u8) -> i32;
    MaxPool2d(params::Pool2d): generic::max_pool2d(i8) -> i8;
    MaxPool2dI8(params::Pool2d): reference::qlinear::max_pool2d(i8) -> i8;
    MaxPool2dU8(params::Pool2d): reference::qlinear::max_pool2d(u8) -> u8;
    MaximumI8(params::Broadcast): reference::maximum(i8, i8) -> i8;
    Mean(params::Mean): generic::mean(i8) -> i8;
    MinimumI8(params::Broadcast): reference::minimum(i8, i8) -> i8;
    Mul(params::Mul): generic::mul(i8, i8) -> i8;
    MveAdd(params::Add): mve::add(i8, i8) -> i8;
    MveAveragePool2d(params::Pool2d): mve::average_pool2d(i8) -> i8;
    MveConv2d(params::Conv2d): mve::conv2d(i8, i8, Channel) [i8] -> i8;
    MveDepthwiseConv2d(params::DepthwiseConv2d): mve::depthwise_conv2d(i8, u32, Channel) [i8] -> i8;
    MveFullyConnected(params::FullyConnected): mve::fully_connected(i8, i8, i32, Requant) -> i8;
    MveMaxPool2d(params::Pool2d): mve::max_pool2d(i8) -> i8;
    MveMul(params::Mul): mve::mul(i8, i8) -> i8;
    MveSub(params::Add): mve::sub(i8, i8) -> i8;
    NotEqualF32(params::Broadcast): reference::not_equal(f32, f32) -> u8;
    NotEqualI32(params::Broadcast): reference::not_equal(i32, i32) -> u8;
    Or(params::Broadcast): reference::or(u8, u8) -> u8;
    PRelu(params::PRelu): reference::prelu(i8, i8) -> i8;
    PadWithin16(params::PadWithin): reference::pad_within(u16) -> u16;
    PadWithin32(params::PadWithin): reference::pad_within(u32) -> u32;
    PadWithin8(params::PadWithin): reference::pad_within(u8) -> u8;
    PortableAsymmetricConv2d(params::QLinearConv2d): generic::qlinear_conv2d(i8, i8, i32, Requant) [i8] -> i8;
    PortableAsymmetricDepthwiseConv2d(params::QLinearDepthwiseConv2d): generic::qlinear_depthwise_conv2d(i8, i16, i32, Requant) -> i8;
    PortableConvIntegerI8I8(params::Conv2d): generic::conv2d_integer(i8, i8, i8, i8) [i16] -> i32;
    PortableConvIntegerI8U8(params::Conv2d): generic::conv2d_integer(i8, u8, i8, u8) [i16] -> i32;
    PortableConvIntegerU8I8(params::Conv2d): generic::conv2d_integer(u8, i8, u8, i8) [i16] -> i32;
    PortableConvIntegerU8U8(params::Conv2d): generic::conv2d_integer(u8, u8, u8, u8) [i16] -> i32;
    PortableFloatConv2d(params::Conv2dF32): generic::float::conv2d(f32, f32, f32) -> f32;
    PortableFloatDepthwiseConv2d(params::DepthwiseConv2dF32): generic::float::depthwise_conv2d(f32, f32, f32) -> f32;
    PortableFloatFullyConnected(params::FullyConnectedF32): generic::float::fully_connected(f32, f32, f32) -> f32;
    PortableMatMulIntegerI8I8(params::MatMul): generic::matmul_integer(i8, i8, i8, i8) -> i32;
    PortableMatMulIntegerI8U8(params::MatMul): generic::matmul_integer(i8, u8, i8, u8) -> i32;
    PortableMatMulIntegerU8I8(params::MatMul): generic::matmul_integer(u8, i8, u8, i8) -> i32;
    PortableMatMulIntegerU8U8(params::MatMul): generic::matmul_integer(u8, u8, u8, u8) -> i32;
    PortableQLinearAddI8(params::QLinearAdd): generic::qlinear_add(i8, i8) -> i8;
    PortableQLinearAddU8(params::QLinearAdd): generic::qlinear_add(u8, u8) -> u8;
    PortableQLinearConv2dI8(params::QLinearConv2d): generic::qlinear_conv2d(i8, i8, i32, ScaleF32) [i8] -> i8;
    PortableQLinearConv2dI8I16(params::QLinearConv2d): generic::qlinear_conv2d(i8, i16, i32, ScaleF32) [i8] -> i8;
    PortableQLinearConv2dU8(params::QLinearConv2d): generic::qlinear_conv2d(u8, i8, i32, ScaleF32) [u8] -> u8;
    PortableQLinearConv2dU8I16(params::QLinearConv2d): generic::qlinear_conv2d(u8, i16, i32, ScaleF32) [u8] -> u8;
    PortableQLinearDepthwiseConv2dI8(params::QLinearDepthwiseConv2d): generic::qlinear_depthwise_conv2d(i8, i8, i32, ScaleF32) -> i8;
    PortableQLinearDepthwiseConv2dI8I16(params::QLinearDepthwiseConv2d): generic::qlinear_depthwise_conv2d(i8, i16, i32, ScaleF32) -> i8;
    PortableQLinearDepthwiseConv2dU8(params::QLinearDepthwiseConv2d): generic::qlinear_depthwise_conv2d(u8, i8, i32, ScaleF32) -> u8;
    PortableQLinearDepthwiseConv2dU8I16(params::QLinearDepthwiseConv2d): generic::qlinear_depthwise_conv2d(u8, i16, i32, ScaleF32) -> u8;
    PortableQLinearFullyConnectedI8(params::FullyConnected): generic::qlinear_fully_connected(i8, i8, i32, ScaleF32) -> i8;
    PortableQLinearFullyConnectedI8I16(params::FullyConnected): generic::qlinear_fully_connected(i8, i16, i32, ScaleF32) -> i8;
    PortableQLinearFullyConnectedU8(params::FullyConnected): generic::qlinear_fully_connected(u8, i8, i32, ScaleF32) -> u8;
    PortableQLinearFullyConnectedU8I16(params::FullyConnected): generic::qlinear_fully_connected(u8, i16, i32, ScaleF32) -> u8;
    PortableQLinearMulI8(params::QLinearMul): generic::qlinear_mul(i8, i8) -> i8;
    PortableQLinearMulU8(params::QLinearMul): generic::qlinear_mul(u8, u8) -> u8;
    QLinearAddI8(params::QLinearAdd): reference::qlinear::add(i8, i8) -> i8;
    QLinearAddU8(params::QLinearAdd): reference::qlinear::add(u8, u8) -> u8;
    QLinearAveragePool2dI8(params::QLinearAveragePool2d): reference::qlinear::average_pool2d(i8) -> i8;
    QLinearAveragePool2dU8(params::QLinearAveragePool2d): reference::qlinear::average_pool2d(u8) -> u8;
    QLinearConvTranspose2dI8(params::QLinearConvTranspose2d): reference::qlinear::conv_transpose2d(i8, i8, i32, ScaleF32) -> i8;
    QLinearConvTranspose2dI8I16(params::QLinearConvTranspose2d): reference::qlinear::conv_transpose2d(i8, i16, i32, ScaleF32) -> i8;
    QLinearConvTranspose2dU8(params::QLinearConvTranspose2d): reference::qlinear::conv_transpose2d(u8, i8, i32, ScaleF32) -> u8;
    QLinearConvTranspose2dU8I16(params::QLinearConvTranspose2d): reference::qlinear::conv_transpose2d(u8, i16, i32, ScaleF32) -> u8;
    QLinearConv2dI8(params::QLinearConv2d): reference::qlinear::conv2d(i8, i8, i32, ScaleF32) -> i8;
    QLinearConv2dI8I16(params::QLinearConv2d): reference::qlinear::conv2d(i8, i16, i32, ScaleF32) -> i8;
    QLinearConv2dU8(params::QLinearConv2d): reference::qlinear::conv2d(u8, i8, i32, ScaleF32) -> u8;
    QLinearConv2dU8I16(params::QLinearConv2d): reference::qlinear::conv2d(u8, i16, i32, ScaleF32) -> u8;
    QLinearDepthwiseConv2dI8(params::QLinearDepthwiseConv2d): reference::qlinear::depthwise_conv2d(i8, i8, i32, ScaleF32) -> i8;
    QLinearDepthwiseConv2dI8I16(params::QLinearDepthwiseConv2d): reference::qlinear::depthwise_conv2d(i8, i16, i32, ScaleF32) -> i8;
    QLinearDepthwiseConv2dU8(params::QLinearDepthwiseConv2d): reference::qlinear::depthwise_conv2d(u8, i8, i32, ScaleF32) -> u8;
    QLinearDepthwiseConv2dU8I16(params::QLinearDepthwiseConv2d): reference::qlinear::depthwise_conv2d(u8, i16, i32, ScaleF32) -> u8;
    QLinearFullyConnectedI8(params::FullyConnected): reference::qlinear::fully_connected(i8, i8, i32, ScaleF32) -> i8;
    QLinearFullyConnectedI8I16(params::FullyConnected): reference::qlinear::fully_connected(i8, i16, i32, ScaleF32) -> i8;
    QLinearFullyConnectedU8(params::FullyConnected): reference::qlinear::fully_connected(u8, i8, i32, ScaleF32) -> u8;
    QLinearFullyConnectedU8I16(params::FullyConnected): reference::qlinear::fully_connected(u8, i16, i32, ScaleF32) -> u8;
    QLinearGlobalAveragePoolI8(params::QLinearGlobalAveragePool): reference::qlinear::global_average_pool(i8) -> i8;
    QLinearGlobalAveragePoolU8(params::QLinearGlobalAveragePool): reference::qlinear::global_average_pool(u8) -> u8;
    QLinearMatMulI8I8(params::QLinearMatMul): reference::qlinear::matmul(i8, i8, ScaleF32) -> i8;
    QLinearMatMulI8U8(params::QLinearMatMul): reference::qlinear::matmul(i8, u8, ScaleF32) -> i8;
    QLinearMatMulU8I8(params::QLinearMatMul): reference::qlinear::matmul(u8, i8, ScaleF32) -> u8;
    QLinearMatMulU8U8(params::QLinearMatMul): reference::qlinear::matmul(u8, u8, ScaleF32) -> u8;
    QLinearMulI8(params::QLinearMul): reference::qlinear::mul(i8, i8) -> i8;
    QLinearMulU8(params::QLinearMul): reference::qlinear::mul(u8, u8) -> u8;
    QLinearSoftmaxI8(params::QLinearSoftmax): reference::qlinear::softmax(i8, f32) -> i8;
    QLinearSoftmaxU8(params::QLinearSoftmax): reference::qlinear::softmax(u8, f32) -> u8;
    QuantizeEvenI8(params::Affine): reference::qlinear::quantize(f32) -> i8;
    QuantizeEvenU8(params::Affine): reference::qlinear::quantize(f32) -> u8;
    QuantizeI8(params::Affine): reference::quantize_i8(f32) -> i8;
    QuantizeMappedI16(params::QuantizeMapped): reference::qlinear::quantize_mapped(f32, f32, i32) -> i16;
    QuantizeMappedI8(params::QuantizeMapped): reference::qlinear::quantize_mapped(f32, f32, i32) -> i8;
    QuantizeMappedU16(params::QuantizeMapped): reference::qlinear::quantize_mapped(f32, f32, i32) -> u16;
    QuantizeMappedU8(params::QuantizeMapped): reference::qlinear::quantize_mapped(f32, f32, i32) -> u8;
    QuantizeMinifloat(params::QuantizeMinifloat): reference::qlinear::quantize_minifloat(f32, f32) -> u8;
    QuantizeU8(params::Affine): reference::quantize_u8(f32) -> u8;
    ReduceMaxI8(params::Reduce): reference::reduce_max(i8) -> i8;
    ReduceMinI8(params::Reduce): reference::reduce_min(i8) -> i8;
    ReduceMinU8(params::Reduce): reference::reduce_min(u8) -> u8;
    ReduceProd(params::ReduceProd): reference::reduce_prod(i8) -> i8;
    ReduceMaxU8(params::Reduce): reference::reduce_max(u8) -> u8;
    ResizeBilinear(params::ResizeBilinear): reference::resize_bilinear(i8) -> i8;
    ResizeBilinearU8(params::ResizeBilinear): reference::resize_bilinear_u8(u8) -> u8;
    ResizeLinearF32(params::Resize2d): reference::resize_linear(f32) -> f32;
    ResizeLinearI8(params::Resize2d): reference::resize_linear(i8) -> i8;
    ResizeLinearU8(params::Resize2d): reference::resize_linear(u8) -> u8;
    ResizeNearest32(params::Resize2d): reference::resize_nearest(u32) -> u32;
    ResizeNearest8(params::Resize2d): reference::resize_nearest(u8) -> u8;
    ResizeNearestNeighbor8(params::ResizeNearest): generic::resize_nearest_neighbor(u8) -> u8;
    ResizeNearestNeighbor32(params::ResizeNearest): generic::resize_nearest_neighbor(u32) -> u32;
    ScaleCodes(params::ScaleMap): reference::qlinear::scale_codes(u8, f32, f32) -> f32;
    Select8(params::Select): reference::select(u8, u8, u8) -> u8;
    Select16(params::Select): reference::select(u8, u16, u16) -> u16;
    Select32(params::Select): reference::select(u8, u32, u32) -> u32;
    Softmax(params::Softmax): generic::softmax(i8) -> i8;
    SquaredDifference(params::SquaredDifference): reference::squared_difference(i8, i8) -> i8;
    Sub(params::Add): generic::sub(i8, i8) -> i8;
    TopKIndicesF32(params::TopK): reference::top_k_indices(f32) -> i32;
    TopKIndicesI32(params::TopK): reference::top_k_indices(i32) -> i32;
    TopKIndicesI8(params::TopK): reference::top_k_indices(i8) -> i32;
    TopKIndicesU8(params::TopK): reference::top_k_indices(u8) -> i32;
    TopKValuesF32(params::TopK): reference::top_k_values(f32) -> f32;
    TopKValuesI32(params::TopK): reference::top_k_values(i32) -> i32;
    TopKValuesI8(params::TopK): reference::top_k_values(i8) -> i8;
    TopKValuesU8(params::TopK): reference::top_k_values(u8) -> u8;
    TruncateI8(()): reference::truncate_i8(f32) -> i8;
    TruncateI32(()): reference::truncate_i32(f32) -> i32;
    TruncateU8(()): reference::truncate_u8(f32) -> u8;
    Xor(params::Broadcast): reference::xor(u8, u8) -> u8;
}
