//! Every supported operator, by name: the kinds of elements it takes, and the rule for each.

use super::{
    Rule, add, concatenation, conv_2d, depthwise_conv_2d, dequantize, float, fully_connected, hard_swish, int16,
    leaky_relu, log_softmax, logistic, lstm, maximum, mean, moved, mul, pad, pairs, picked, pool_2d, quantize,
    reduce_max, relu, reshape, resize_nearest_neighbor, shape, softmax, strided, tanh, tensorwise, transpose,
};
use crate::graph::DType;

/// A kind of element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// Single precision.
    Float32,
    /// int8.
    Int8,
    /// uint8 in a form of its own; without one, as int8 with all values 128 lower.
    Uint8,
    /// int16 activations, int8 weights, int64 biases.
    Int16,
    /// int32, of no scale.
    Int32,
    /// Truths.
    Bool,
    /// Whatever has 8, 16 or 32 bits: elements are moved as they are.
    Any,
}

impl Element {
    /// Whether tensors of `dtype` hold such elements.
    #[must_use]
    pub fn takes(self, dtype: DType) -> bool {
        match self {
            Element::Float32 => dtype == DType::F32,
            Element::Int8 => dtype == DType::I8,
            Element::Uint8 => dtype == DType::U8,
            Element::Int16 => dtype == DType::I16,
            Element::Int32 => dtype == DType::I32,
            Element::Bool => dtype == DType::Bool,
            Element::Any => true,
        }
    }

    /// What the tables call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Element::Float32 => "float32",
            Element::Int8 => "int8",
            Element::Uint8 => "uint8",
            Element::Int16 => "int16",
            Element::Int32 => "int32",
            Element::Bool => "bool",
            Element::Any => "any of 8, 16 or 32 bits",
        }
    }
}

/// An operator for one kind of element.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The kind.
    pub element: Element,
    pub(super) rule: Rule,
}

/// An operator.
#[derive(Clone, Copy, Debug)]
pub struct Supported {
    /// Name in the schema.
    pub name: &'static str,
    /// The kinds of elements that it takes.
    pub forms: &'static [Form],
    /// What else is to be known.
    pub note: &'static str,
}

/// The forms of operator `name`; none if it is not supported.
pub(crate) fn forms(name: &str) -> &'static [Form] {
    SUPPORTED.binary_search_by(|op| op.name.cmp(name)).map_or(&[], |i| SUPPORTED[i].forms)
}

macro_rules! rules {
    ($($name:literal $note:literal $($element:ident $($rule:ident)::+),*;)*) => {
        /// Every supported operator, by name.
        pub const SUPPORTED: &[Supported] = &[$(
            Supported {
                name: $name,
                forms: &[$(Form { element: Element::$element, rule: $($rule)::+ }),*],
                note: $note,
            },
        )*];
    };
}

rules! {
    "ABS" "" Int8 tensorwise::table, Float32 float::unary;
    "ADD" "broadcasting" Int8 add::quantize, Int16 int16::arithmetic, Float32 float::binary;
    "ARG_MAX" "int32 results" Int8 picked::arg_extreme, Float32 picked::arg_extreme;
    "ARG_MIN" "int32 results" Int8 picked::arg_extreme, Float32 picked::arg_extreme;
    "AVERAGE_POOL_2D" "" Int8 pool_2d::quantize, Uint8 pool_2d::unsigned_average, Int16 int16::pool_2d, Float32 float::pool_2d;
    "BATCH_MATMUL" "broadcasting, transposed operands" Int8 pairs::batch_matmul, Float32 float::batch_matmul;
    "BROADCAST_TO" "" Any moved::broadcast_to;
    "CAST" "float32 to int32 and 8 bits, int32 to float32, 8 bits and bool to float32 and int32" Any tensorwise::cast;
    "CEIL" "" Float32 float::unary;
    "CONCATENATION" "equal scales; of uint8 any" Any concatenation::quantize;
    "CONV_2D" "weights int8 per tensor or per channel, groups, dilation" Int8 conv_2d::quantize, Int16 int16::conv_2d, Float32 float::conv_2d;
    "COS" "" Float32 float::unary;
    "DEPTHWISE_CONV_2D" "weights int8 per tensor or per channel, any multiplier, dilation" Int8 depthwise_conv_2d::quantize, Int16 int16::depthwise_conv_2d, Float32 float::depthwise_conv_2d;
    "DEPTH_TO_SPACE" "" Any moved::blocks;
    "DEQUANTIZE" "8 or 16 bits, and constants of float16, to float32" Int8 dequantize::quantize, Uint8 dequantize::quantize, Int16 int16::dequantize;
    "DIV" "broadcasting" Float32 float::binary;
    "ELU" "" Int8 tensorwise::table, Float32 float::unary;
    "EQUAL" "broadcasting" Int8 pairs::compare_int8, Int32 pairs::compare, Float32 pairs::compare;
    "EXP" "" Int8 tensorwise::table, Float32 float::unary;
    "EXPAND_DIMS" "" Any reshape::quantize;
    "FILL" "folded" Any shape::quantize;
    "FLOOR" "" Float32 float::unary;
    "FULLY_CONNECTED" "weights int8 per tensor or per channel" Int8 fully_connected::quantize, Int16 int16::fully_connected, Float32 float::fully_connected;
    "GATHER" "no batch dimensions" Any picked::gather;
    "GATHER_ND" "" Any picked::gather_nd;
    "GELU" "int8: not approximated by tanh" Int8 tensorwise::table, Float32 float::unary;
    "GREATER" "broadcasting" Int8 pairs::compare_int8, Int32 pairs::compare, Float32 pairs::compare;
    "GREATER_EQUAL" "broadcasting" Int8 pairs::compare_int8, Int32 pairs::compare, Float32 pairs::compare;
    "HARD_SWISH" "" Int8 hard_swish::quantize, Float32 float::unary;
    "L2_NORMALIZATION" "last axis" Int8 tensorwise::l2_normalization, Float32 float::l2_normalization;
    "LEAKY_RELU" "" Int8 leaky_relu::quantize, Int16 int16::relu, Float32 float::unary;
    "LESS" "broadcasting" Int8 pairs::compare_int8, Int32 pairs::compare, Float32 pairs::compare;
    "LESS_EQUAL" "broadcasting" Int8 pairs::compare_int8, Int32 pairs::compare, Float32 pairs::compare;
    "LOG" "" Int8 tensorwise::table, Float32 float::unary;
    "LOGICAL_AND" "broadcasting" Bool pairs::logic;
    "LOGICAL_NOT" "" Bool pairs::not;
    "LOGICAL_OR" "broadcasting" Bool pairs::logic;
    "LOGISTIC" "" Int8 logistic::quantize, Int16 int16::sigmoidal, Float32 float::unary;
    "LOG_SOFTMAX" "" Int8 log_softmax::quantize, Float32 float::log_softmax;
    "MAXIMUM" "broadcasting" Int8 maximum::quantize, Float32 float::binary;
    "MAX_POOL_2D" "" Int8 pool_2d::quantize, Int16 int16::pool_2d, Float32 float::pool_2d;
    "MEAN" "any axes" Int8 mean::quantize, Float32 float::reduce;
    "MINIMUM" "broadcasting" Int8 maximum::quantize, Float32 float::binary;
    "MIRROR_PAD" "" Any moved::mirror_pad;
    "MUL" "broadcasting" Int8 mul::quantize, Int16 int16::arithmetic, Float32 float::binary;
    "NEG" "" Float32 float::unary;
    "NOT_EQUAL" "broadcasting" Int8 pairs::compare_int8, Int32 pairs::compare, Float32 pairs::compare;
    "PACK" "equal scales" Any concatenation::quantize;
    "PAD" "" Any pad::quantize;
    "PADV2" "" Any pad::quantize;
    "POW" "broadcasting" Float32 float::binary;
    "PRELU" "broadcasting" Int8 pairs::prelu, Float32 float::binary;
    "QUANTIZE" "float32 to 8 or 16 bits, these to each other" Float32 quantize::quantize, Int8 quantize::quantize, Uint8 quantize::quantize, Int16 int16::quantize;
    "RANK" "folded" Any shape::quantize;
    "REDUCE_ALL" "any axes" Bool tensorwise::reduce_bool;
    "REDUCE_ANY" "any axes" Bool tensorwise::reduce_bool;
    "REDUCE_MAX" "any axes" Int8 reduce_max::quantize, Float32 float::reduce;
    "REDUCE_MIN" "any axes" Int8 tensorwise::reduce, Float32 float::reduce;
    "REDUCE_PROD" "any axes" Int8 tensorwise::reduce, Float32 float::reduce;
    "RELU" "" Int8 relu::quantize, Int16 int16::relu, Float32 float::unary;
    "RELU6" "" Int8 relu::quantize, Int16 int16::relu, Float32 float::unary;
    "RELU_0_TO_1" "" Int8 tensorwise::table, Float32 float::unary;
    "RELU_N1_TO_1" "" Int8 tensorwise::table, Float32 float::unary;
    "RESHAPE" "" Any reshape::quantize;
    "RESIZE_BILINEAR" "" Int8 tensorwise::resize_bilinear, Uint8 tensorwise::resize_bilinear, Float32 float::resize_bilinear;
    "RESIZE_NEAREST_NEIGHBOR" "" Any resize_nearest_neighbor::quantize;
    "REVERSE_V2" "" Any moved::reverse;
    "ROUND" "" Float32 float::unary;
    "RSQRT" "" Float32 float::unary;
    "SELECT" "" Any picked::select;
    "SELECT_V2" "broadcasting" Any picked::select;
    "SHAPE" "folded" Any shape::quantize;
    "SIGN" "" Float32 float::unary;
    "SIN" "" Float32 float::unary;
    "SLICE" "" Any strided::quantize;
    "SOFTMAX" "last axis" Int8 softmax::quantize, Int16 int16::softmax, Float32 float::softmax;
    "SPACE_TO_DEPTH" "" Any moved::blocks;
    "SPLIT" "" Any strided::quantize;
    "SPLIT_V" "" Any strided::quantize;
    "SQRT" "" Float32 float::unary;
    "SQUARE" "" Float32 float::unary;
    "SQUARED_DIFFERENCE" "broadcasting" Int8 pairs::squared_difference, Float32 float::binary;
    "SQUEEZE" "" Any reshape::quantize;
    "STRIDED_SLICE" "all masks" Any strided::quantize;
    "SUB" "broadcasting" Int8 add::quantize, Int16 int16::arithmetic, Float32 float::binary;
    "SUM" "any axes" Int8 tensorwise::reduce, Float32 float::reduce;
    "TANH" "" Int8 tanh::quantize, Int16 int16::sigmoidal, Float32 float::unary;
    "TILE" "" Any moved::tile;
    "TOPK_V2" "" Int8 picked::top_k, Float32 picked::top_k;
    "TRANSPOSE" "up to rank 6" Any transpose::quantize;
    "TRANSPOSE_CONV" "weights int8 per tensor or per channel" Int8 tensorwise::transpose_conv, Int16 int16::transpose_conv, Float32 float::transpose_conv;
    "UNIDIRECTIONAL_SEQUENCE_LSTM" "no peepholes, projection, normalization; integers as TFLite Micro" Int8 lstm::integer, Int16 lstm::integer, Float32 lstm::float;
    "UNPACK" "" Any strided::quantize;
    "ZEROS_LIKE" "folded" Any shape::quantize;
}

#[cfg(test)]
mod tests {
    use super::SUPPORTED;

    #[test]
    fn operators_are_in_the_order_that_they_are_searched_in() {
        assert!(SUPPORTED.is_sorted_by(|a, b| a.name < b.name));
    }
}
