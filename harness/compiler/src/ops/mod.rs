//! Everything the compiler knows of each operator, one file an operator: when it is accepted, the numbers its
//! arithmetic needs, how the reference computes it, and which device calls compute it.

mod float;
mod geometry;
mod int16;
mod lstm;
mod matmul;
mod moved;
mod operands;
mod pairs;
mod picked;
pub(crate) mod requantized;
mod table;
mod tensorwise;
mod unsigned;

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
pub(crate) use table::forms;
pub use table::{Element, Form, SUPPORTED, Supported};

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
    /// Whether floats meet integer weights.
    #[must_use]
    pub fn is_hybrid(&self) -> bool {
        matches!(self, QOp::Direct(direct) if direct.is_hybrid())
    }

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

/// The rule of an operator for one kind of element.
pub type Rule = fn(&Operands<'_>) -> Result<Quantized>;

/// Decides the arithmetic of one operator.
///
/// # Errors
/// Types, shapes or parameters that the operator's rule refuses, by the operator's name.
pub fn quantize(operands: &Operands<'_>) -> Result<(Element, Quantized)> {
    if matches!(operands.node.op, Op::Unsigned(_)) {
        return Ok((Element::Int8, unsigned::quantize(operands)?));
    }
    if operands.node.op == Op::Rescale {
        return Ok((Element::Uint8, concatenation::rescale(operands)?));
    }
    if matches!(operands.node.op, Op::Part { .. }) {
        return Ok((Element::Any, lstm::part(operands)?));
    }
    let forms = table::forms(operands.node.op_name);
    let data = operands.input(data_operand(&operands.node.op))?;
    match forms.iter().find(|form| form.element.takes(data.dtype)) {
        Some(form) => Ok((form.element, (form.rule)(operands)?)),
        None if forms.is_empty() => {
            Err(operands.unsupported("no rule for this operator; `hilbench supported-ops` lists those that have one"))
        }
        None => {
            let elements: Vec<&str> = forms.iter().map(|form| form.element.name()).collect();
            let reason = format!("tensor {:?} is {}; {} is accepted", data.name, data.dtype, elements.join(", "));
            Err(operands.unsupported(reason))
        }
    }
}

/// Which operand's element type decides how an operator is computed.
fn data_operand(op: &Op) -> usize {
    match op {
        Op::Split | Op::Select | Op::Fill => 1,
        Op::TransposeConv { .. } => 2,
        _ => 0,
    }
}
