//! Every supported operator, by name: the kinds of elements it takes, and the rule for each.

use super::{
    Rule, add, concatenation, conv_2d, depthwise_conv_2d, dequantize, float, fully_connected, hard_swish, leaky_relu,
    log_softmax, logistic, maximum, mean, mul, pad, pool_2d, quantize, reduce_max, relu, reshape,
    resize_nearest_neighbor, shape, softmax, strided, tanh, transpose,
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
    /// Whatever has 8 or 32 bits: elements are moved as they are.
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
            Element::Any => "any of 8 or 32 bits",
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
    "ABS" "" Float32 float::unary;
    "ADD" "broadcasting" Int8 add::quantize, Float32 float::binary;
    "AVERAGE_POOL_2D" "" Int8 pool_2d::quantize, Uint8 pool_2d::unsigned_average, Float32 float::pool_2d;
    "BATCH_MATMUL" "broadcasting" Float32 float::batch_matmul;
    "CEIL" "" Float32 float::unary;
    "CONCATENATION" "equal scales" Any concatenation::quantize;
    "CONV_2D" "weights int8 per tensor or per channel, groups, dilation" Int8 conv_2d::quantize, Float32 float::conv_2d;
    "COS" "" Float32 float::unary;
    "DEPTHWISE_CONV_2D" "weights int8 per tensor or per channel, any multiplier, dilation" Int8 depthwise_conv_2d::quantize, Float32 float::depthwise_conv_2d;
    "DEQUANTIZE" "int8 or uint8 to float32" Int8 dequantize::quantize, Uint8 dequantize::quantize;
    "DIV" "broadcasting" Float32 float::binary;
    "ELU" "" Float32 float::unary;
    "EXP" "" Float32 float::unary;
    "EXPAND_DIMS" "" Any reshape::quantize;
    "FLOOR" "" Float32 float::unary;
    "FULLY_CONNECTED" "weights int8 per tensor or per channel" Int8 fully_connected::quantize, Float32 float::fully_connected;
    "GELU" "" Float32 float::unary;
    "HARD_SWISH" "" Int8 hard_swish::quantize, Float32 float::unary;
    "L2_NORMALIZATION" "" Float32 float::l2_normalization;
    "LEAKY_RELU" "" Int8 leaky_relu::quantize, Float32 float::unary;
    "LOG" "" Float32 float::unary;
    "LOGISTIC" "" Int8 logistic::quantize, Float32 float::unary;
    "LOG_SOFTMAX" "" Int8 log_softmax::quantize, Float32 float::log_softmax;
    "MAXIMUM" "broadcasting" Int8 maximum::quantize, Float32 float::binary;
    "MAX_POOL_2D" "" Int8 pool_2d::quantize, Float32 float::pool_2d;
    "MEAN" "any axes" Int8 mean::quantize, Float32 float::reduce;
    "MINIMUM" "broadcasting" Int8 maximum::quantize, Float32 float::binary;
    "MUL" "broadcasting" Int8 mul::quantize, Float32 float::binary;
    "NEG" "" Float32 float::unary;
    "PACK" "equal scales" Any concatenation::quantize;
    "PAD" "" Any pad::quantize;
    "PADV2" "" Any pad::quantize;
    "POW" "broadcasting" Float32 float::binary;
    "PRELU" "broadcasting" Float32 float::binary;
    "QUANTIZE" "float32 to int8 or uint8, int8 and uint8 to each other" Float32 quantize::quantize, Int8 quantize::quantize, Uint8 quantize::quantize;
    "RANK" "folded" Any shape::quantize;
    "REDUCE_MAX" "any axes" Int8 reduce_max::quantize, Float32 float::reduce;
    "REDUCE_MIN" "any axes" Float32 float::reduce;
    "REDUCE_PROD" "any axes" Float32 float::reduce;
    "RELU" "" Int8 relu::quantize, Float32 float::unary;
    "RELU6" "" Int8 relu::quantize, Float32 float::unary;
    "RELU_0_TO_1" "" Float32 float::unary;
    "RELU_N1_TO_1" "" Float32 float::unary;
    "RESHAPE" "" Any reshape::quantize;
    "RESIZE_BILINEAR" "" Float32 float::resize_bilinear;
    "RESIZE_NEAREST_NEIGHBOR" "" Any resize_nearest_neighbor::quantize;
    "ROUND" "" Float32 float::unary;
    "RSQRT" "" Float32 float::unary;
    "SHAPE" "folded" Any shape::quantize;
    "SIGN" "" Float32 float::unary;
    "SIN" "" Float32 float::unary;
    "SLICE" "" Any strided::quantize;
    "SOFTMAX" "last axis" Int8 softmax::quantize, Float32 float::softmax;
    "SPLIT" "" Any strided::quantize;
    "SQRT" "" Float32 float::unary;
    "SQUARE" "" Float32 float::unary;
    "SQUARED_DIFFERENCE" "broadcasting" Float32 float::binary;
    "SQUEEZE" "" Any reshape::quantize;
    "STRIDED_SLICE" "all masks" Any strided::quantize;
    "SUB" "broadcasting" Int8 add::quantize, Float32 float::binary;
    "SUM" "any axes" Float32 float::reduce;
    "TANH" "" Int8 tanh::quantize, Float32 float::unary;
    "TRANSPOSE" "up to rank 6" Any transpose::quantize;
    "TRANSPOSE_CONV" "" Float32 float::transpose_conv;
}

#[cfg(test)]
mod tests {
    use super::SUPPORTED;

    #[test]
    fn operators_are_in_the_order_that_they_are_searched_in() {
        assert!(SUPPORTED.is_sorted_by(|a, b| a.name < b.name));
    }
}
