//! Everything the compiler knows of each operator, one file an operator: when it is accepted, the numbers its
//! arithmetic needs, how the reference computes it, and which device calls compute it.

mod operands;
pub(crate) mod requantized;

pub mod add;
pub mod channels;
pub mod concatenation;
pub mod conv_2d;
pub mod depthwise_conv_2d;
pub mod dequantize;
pub mod direct;
mod extended;
pub mod fully_connected;
pub mod hard_swish;
pub mod leaky_relu;
pub mod log_softmax;
pub mod logistic;
pub mod maximum;
pub mod mean;
pub mod mul;
pub mod pad;
pub mod pool_2d;
mod portable;
mod products;
pub mod quantize;
pub mod reduce_max;
pub mod relu;
pub mod reshape;
pub mod resize_nearest_neighbor;
pub mod shape;
pub mod softmax;
pub mod strided;
pub mod tanh;
pub mod transpose;
pub mod unary;

use std::fmt::Debug;

use hilbench_kernels::params::Clamp;

use crate::Result;
use crate::graph::{Op, TensorId};
use crate::host::{Kernel, Level};
use crate::lower::{Lowering, Step};
use crate::qgraph::QNode;
use crate::value::Value;

use channels::{Bounds, Cut, Flow, Site};
pub use operands::Operands;
pub use pad::Border;

/// A computation with every number decided.
pub trait Computation: Debug {
    /// Computes `outputs` from `inputs` with the reference kernels.
    fn reference(&self, inputs: &[&Value], outputs: &mut [Value]);

    /// The device calls that compute `node`; none if its output is its input under another shape.
    ///
    /// # Errors
    /// Element types that no device kernel takes.
    fn lower(&self, node: &QNode, lowering: &mut Lowering<'_>) -> Result<Vec<Step>>;

    /// A faster way to the same outputs on this host, with one output; `None` where there is none.
    fn host(&self, _: Level) -> Option<Kernel> {
        None
    }

    /// The numbers that were decided, without the weights.
    fn describe(&self) -> String {
        format!("{self:?}")
    }

    /// Multiply-accumulates, as convolutions and fully connected layers count them.
    fn macs(&self) -> u64 {
        0
    }

    /// The function that every element of the output is of the same element of the only input without a constant: its
    /// result by the bits of the operand. `constants` are the bytes of the inputs that are constant.
    fn table(&self, _constants: &[Option<&[u8]>]) -> Option<[i8; 256]> {
        None
    }

    /// Bounds that are applied to the results last, and may be others.
    fn activation(&self) -> Option<Clamp> {
        None
    }

    /// The same with other bounds in the end; `None` without [`Computation::activation`].
    fn with_activation(&self, _activation: Clamp) -> Option<QOp> {
        None
    }

    /// The same over what lies inside of a border, if the border's value is what the windows have for padding.
    fn bordered(&self, _border: &Border) -> Option<QOp> {
        None
    }

    /// Whether the bytes of the output are those of the input, in their order.
    fn moves_nothing(&self) -> bool {
        false
    }

    /// Bytes of weights, biases and factors, as the file describes them.
    fn constant_bytes(&self) -> usize {
        0
    }

    /// Bounds of every channel of every output, where more is known of them than their type.
    fn bounds(&self, _site: &Site<'_>) -> Option<Vec<Vec<Bounds>>> {
        None
    }

    /// How channels hang together.
    fn flow(&self, _site: &Site<'_>) -> Flow {
        Flow::Whole
    }

    /// The computation of the channels that are left, which is the same as before for them; `None` if its numbers do
    /// not depend on how many there are. Only asked where [`Computation::flow`] allows the cut. Inputs and outputs of
    /// which nothing is left are not among its own.
    fn narrowed(&self, _site: &Site<'_>, _cut: &Cut<'_>) -> Option<QOp> {
        None
    }
}

macro_rules! computations {
    ($($variant:ident($computation:ty);)*) => {
        /// A computation, by kind.
        #[derive(Clone, Debug)]
        #[allow(missing_docs, reason = "each is documented where it is defined")]
        pub enum QOp {
            $($variant($computation),)*
        }

        impl QOp {
            /// What every computation can do.
            #[must_use]
            pub fn computation(&self) -> &dyn Computation {
                match self {
                    $(QOp::$variant(c) => c,)*
                }
            }
        }

        $(impl From<$computation> for QOp {
            fn from(c: $computation) -> Self {
                QOp::$variant(c)
            }
        })*
    };
}

computations! {
    Add(add::Add);
    Concatenation(concatenation::Concatenation);
    Conv2d(conv_2d::Conv2d);
    DepthwiseConv2d(depthwise_conv_2d::DepthwiseConv2d);
    Dequantize(dequantize::Dequantize);
    Direct(direct::Direct);
    FullyConnected(fully_connected::FullyConnected);
    LogSoftmax(log_softmax::LogSoftmax);
    Maximum(maximum::Maximum);
    Mean(mean::Mean);
    Mul(mul::Mul);
    Pad(pad::Pad);
    Pool2d(pool_2d::Pool2d);
    Quantize(quantize::Quantize);
    ReduceMax(reduce_max::ReduceMax);
    Reshape(reshape::Reshape);
    ResizeNearestNeighbor(resize_nearest_neighbor::ResizeNearestNeighbor);
    Softmax(softmax::Softmax);
    Strided(strided::Strided);
    Transpose(transpose::Transpose);
    Unary(unary::Unary);
}

impl QOp {
    /// Whether floats become 8-bit codes.
    #[must_use]
    pub fn is_quantize(&self) -> bool {
        match self {
            QOp::Quantize(_) => true,
            QOp::Direct(direct) => direct.is_quantize(),
            _ => false,
        }
    }
}

/// A computation and the tensors it reads at run time.
pub type Quantized = (QOp, Vec<TensorId>);

macro_rules! rules {
    ($($variant:ident $name:literal $types:literal $rule:path;)*) => {
        /// Decides the arithmetic of one operator.
        ///
        /// # Errors
        /// Types, shapes or parameters that the operator's rule refuses, by the operator's name.
        pub fn quantize(operands: &Operands<'_>) -> Result<Quantized> {
            match &operands.node.op {
                $(Op::$variant { .. } => $rule(operands),)*
                Op::Onnx(_) => Err(operands.invalid("is not an operator of TFLite")),
            }
        }

        /// Every supported operator with the element types it takes, by name.
        pub const SUPPORTED: &[(&str, &str)] = &[$(($name, $types)),*];
    };
}

rules! {
    Add "ADD" "int8, broadcasting" add::quantize;
    AveragePool2d "AVERAGE_POOL_2D" "int8" pool_2d::quantize;
    Concatenation "CONCATENATION" "8 or 32 bits, equal scales" concatenation::quantize;
    Conv2d "CONV_2D" "int8, weights int8 per tensor or per channel, groups, dilation" conv_2d::quantize;
    DepthwiseConv2d "DEPTHWISE_CONV_2D" "int8, weights int8 per tensor or per channel, any multiplier, dilation" depthwise_conv_2d::quantize;
    Dequantize "DEQUANTIZE" "int8 or uint8 to float32" dequantize::quantize;
    ExpandDims "EXPAND_DIMS" "8 or 32 bits" reshape::quantize;
    FullyConnected "FULLY_CONNECTED" "int8, weights int8 per tensor or per channel" fully_connected::quantize;
    HardSwish "HARD_SWISH" "int8" hard_swish::quantize;
    LeakyRelu "LEAKY_RELU" "int8" leaky_relu::quantize;
    LogSoftmax "LOG_SOFTMAX" "int8, float32" log_softmax::quantize;
    Logistic "LOGISTIC" "int8" logistic::quantize;
    MaxPool2d "MAX_POOL_2D" "int8" pool_2d::quantize;
    Maximum "MAXIMUM" "int8, broadcasting" maximum::quantize;
    Mean "MEAN" "int8, any axes" mean::quantize;
    Minimum "MINIMUM" "int8, broadcasting" maximum::quantize;
    Mul "MUL" "int8, broadcasting" mul::quantize;
    Pack "PACK" "8 or 32 bits, equal scales" concatenation::quantize;
    Pad "PAD" "8 or 32 bits" pad::quantize;
    PadV2 "PADV2" "8 or 32 bits" pad::quantize;
    Quantize "QUANTIZE" "float32 to int8 or uint8, int8 and uint8 to each other" quantize::quantize;
    ReduceMax "REDUCE_MAX" "int8, any axes" reduce_max::quantize;
    Relu "RELU" "int8" relu::quantize;
    Relu6 "RELU6" "int8" relu::quantize;
    Reshape "RESHAPE" "8 or 32 bits" reshape::quantize;
    ResizeNearestNeighbor "RESIZE_NEAREST_NEIGHBOR" "8 or 32 bits" resize_nearest_neighbor::quantize;
    Shape "SHAPE" "any shape, folded" shape::quantize;
    Slice "SLICE" "8 or 32 bits" strided::quantize;
    Softmax "SOFTMAX" "int8" softmax::quantize;
    Split "SPLIT" "8 or 32 bits" strided::quantize;
    Squeeze "SQUEEZE" "8 or 32 bits" reshape::quantize;
    StridedSlice "STRIDED_SLICE" "8 or 32 bits, all masks" strided::quantize;
    Sub "SUB" "int8, broadcasting" add::quantize;
    Tanh "TANH" "int8" tanh::quantize;
    Transpose "TRANSPOSE" "8 or 32 bits, up to rank 6" transpose::quantize;
}
