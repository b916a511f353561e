//! Parameters of the TFLite operators that combine two 8-bit tensors, resize one, or pick from one.

use core::fmt;

use super::{Broadcast, Reduce, Requant};
use crate::shape::MAX_RANK;

/// Parametric leaky relu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PRelu {
    /// How input and slopes spread over the output.
    pub broadcast: Broadcast,
    /// Zero point of the input.
    pub input_zero_point: i32,
    /// Zero point of the slopes.
    pub alpha_zero_point: i32,
    /// Zero point of the output.
    pub output_zero_point: i32,
    /// For inputs at or above the zero point: `input_scale / output_scale`.
    pub identity: Requant,
    /// For the others: `input_scale * alpha_scale / output_scale`.
    pub alpha: Requant,
}

/// Square of the difference of two tensors with different scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SquaredDifference {
    /// How the operands spread over the output.
    pub broadcast: Broadcast,
    /// Zero point of the first operand.
    pub input1_zero_point: i32,
    /// Zero point of the second operand.
    pub input2_zero_point: i32,
    /// Zero point of the output.
    pub output_zero_point: i32,
    /// Bits both operands are shifted left before they are rescaled.
    pub left_shift: u32,
    /// Rescales the shifted first operand: `scale1 / (2 * max(scale1, scale2))`.
    pub input1: Requant,
    /// Rescales the shifted second operand.
    pub input2: Requant,
    /// Rescales the square: `(2 * max(scale1, scale2))^2 / (2^(2 * left_shift) * output_scale)`.
    pub output: Requant,
}

/// Comparison of two tensors with different scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compare {
    /// How the operands spread over the output.
    pub broadcast: Broadcast,
    /// Zero point of the first operand.
    pub input1_zero_point: i32,
    /// Zero point of the second operand.
    pub input2_zero_point: i32,
    /// Bits both operands are shifted left before they are rescaled.
    pub left_shift: u32,
    /// Rescales the shifted first operand by its scale.
    pub input1: Requant,
    /// Rescales the shifted second operand by its scale.
    pub input2: Requant,
    /// What is asked.
    pub relation: Relation,
}

/// A relation of two numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `a == b`.
    Equal,
    /// `a > b`.
    Greater,
    /// `a >= b`.
    GreaterEqual,
    /// `a < b`.
    Less,
    /// `a <= b`.
    LessEqual,
    /// `a != b`.
    NotEqual,
}

impl fmt::Debug for Relation {
    /// As a path, which generated source wants.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Relation::Equal => "Relation::Equal",
            Relation::Greater => "Relation::Greater",
            Relation::GreaterEqual => "Relation::GreaterEqual",
            Relation::Less => "Relation::Less",
            Relation::LessEqual => "Relation::LessEqual",
            Relation::NotEqual => "Relation::NotEqual",
        })
    }
}

/// Product over axes, rescaled after every factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReduceProd {
    /// Shape and axes.
    pub reduce: Reduce,
    /// Zero point of the input.
    pub input_zero_point: i32,
    /// Zero point of the output.
    pub output_zero_point: i32,
    /// `input_scale / output_scale^(1 / n)` for a product of n.
    pub scale: Requant,
}

/// Rows scaled to a length of one; output scale 1/128, zero point 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L2Normalization {
    /// Number of rows.
    pub rows: usize,
    /// Length of a row.
    pub depth: usize,
    /// Zero point of the input.
    pub input_zero_point: i32,
}

/// Bilinear resize of an NHWC tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResizeBilinear {
    /// Number of images.
    pub batches: usize,
    /// Input height.
    pub input_h: usize,
    /// Input width.
    pub input_w: usize,
    /// Output height.
    pub output_h: usize,
    /// Output width.
    pub output_w: usize,
    /// Channels.
    pub channels: usize,
    /// The corners of input and output fall on each other.
    pub align_corners: bool,
    /// Samples sit in the middle of pixels.
    pub half_pixel_centers: bool,
}

/// Logistic (output scale 1/32768) or tanh (the same) of int16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sigmoidal16 {
    /// Brings the input to steps of a table of 24 entries to one: `input_scale * 3 * 4096 * 2^right_shift`.
    pub multiplier: i32,
    /// Bits that the product is shifted right, to the nearest, ties up.
    pub right_shift: u32,
}

/// Softmax of int16 over the innermost dimension; output scale 1/32768.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax16 {
    /// Number of rows.
    pub rows: usize,
    /// Length of a row.
    pub depth: usize,
    /// `beta * input_scale * 65535 / 10`.
    pub input: Requant,
}

/// Factors of one gate of an LSTM, to inputs of 2^-12 of its function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LstmGate {
    /// Rescales sums of products with the input.
    pub input: Requant,
    /// Rescales sums of products with the hidden state.
    pub state: Requant,
}

/// Long short-term memory of int8 or int16 activations, with int16 cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LstmInteger {
    /// Number of sequences.
    pub batches: usize,
    /// Length of a sequence.
    pub steps: usize,
    /// Elements of one step of the input.
    pub input_depth: usize,
    /// Elements of the state.
    pub hidden: usize,
    /// Input and output are `[steps, batches, ..]` rather than `[batches, steps, ..]`.
    pub time_major: bool,
    /// Zero point of the input.
    pub input_zero_point: i32,
    /// Zero point of the hidden state and the output.
    pub hidden_zero_point: i32,
    /// Input, forget, cell, output.
    pub gates: [LstmGate; 4],
    /// Rescales forget gate times cell to the cell's scale: `2^-15`.
    pub forget: Requant,
    /// Rescales input gate times candidate to the cell's scale: `2^-30 / cell_scale`.
    pub update: Requant,
    /// Rescales output gate times the function of the cell to the hidden state's scale: `2^-30 / hidden_scale`.
    pub output: Requant,
    /// Tanh of the cell's scale, which is a power of two.
    pub cell: Sigmoidal16,
    /// Bound of the cell, both ways; 0 for none.
    pub cell_clip: i32,
}

/// Slices of the first dimensions of a tensor by rows of indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatherNd {
    /// Number of rows.
    pub rows: usize,
    /// Indices of a row; at most [`MAX_RANK`].
    pub depth: usize,
    /// Dimensions that they point into; those behind `depth` are 1. None is 0.
    pub dims: [usize; MAX_RANK],
    /// Elements of a slice.
    pub slice: usize,
}
