//! Faster variants, one folder an instruction set. Each agrees with [`crate::reference`] to the bit.
//!
//! A new instruction set is one folder and one line in [`SETS`]; `unsafe` stays inside of such folders.

pub mod dsp;
mod fold_bias;
pub mod generic;
pub mod mve;
mod pool_windows;
mod rows;
mod windows;
#[cfg(target_arch = "x86_64")]
pub mod x86;

pub use fold_bias::{fold_input_offset, fold_input_offset_of};

use crate::params::{
    Add, Conv2d, DepthwiseConv2d, FullyConnected, Mean, Mul, Pool2d, QLinearAdd, QLinearConv2d, QLinearDepthwiseConv2d,
    QLinearMul, Requant, ResizeNearest, ScaleF32, Softmax, StridedCopy,
};

/// Every set that this build has, the portable one first.
pub static SETS: &[&KernelSet] = &[
    &generic::SET,
    &dsp::SET,
    &mve::SET,
    #[cfg(target_arch = "x86_64")]
    &x86::avx2::SET,
    #[cfg(target_arch = "x86_64")]
    &x86::avx512::SET,
];

/// `(p, input, weights, bias, factors, output)`
pub type WeightedKernel<P, F = Requant> = fn(&P, &[i8], &[i8], &[i32], &[F], &mut [i8]);

/// `(p, input, weights, bias, factors, scratch, output)`
pub type WeightedScratchKernel<P, F = Requant> = fn(&P, &[i8], &[i8], &[i32], &[F], &mut [i8], &mut [i8]);

/// `(p, input1, input2, output)`
pub type BinaryKernel<P> = fn(&P, &[i8], &[i8], &mut [i8]);

/// `(p, input, output)`
pub type UnaryKernel<P> = fn(&P, &[i8], &mut [i8]);

/// Kernels that belong together, as values: for checks and benches. Generated code calls the functions themselves.
#[derive(Clone, Copy)]
pub struct KernelSet {
    /// Name of the folder.
    pub name: &'static str,
    /// Whether this processor has what the kernels are made for. Without it a set computes with another's kernels.
    pub available: fn() -> bool,
    /// Bytes of scratch that `conv2d` needs.
    pub conv2d_scratch: fn(&Conv2d) -> usize,
    /// Takes a folded bias.
    pub conv2d: WeightedScratchKernel<Conv2d>,
    /// Takes the bias as it is.
    pub depthwise_conv2d: WeightedKernel<DepthwiseConv2d>,
    /// Takes a folded bias; the weights' zero point is 0.
    pub fully_connected: WeightedKernel<FullyConnected>,
    /// Broadcasting addition.
    pub add: BinaryKernel<Add>,
    /// Broadcasting subtraction.
    pub sub: BinaryKernel<Add>,
    /// Broadcasting multiplication.
    pub mul: BinaryKernel<Mul>,
    /// Average pooling.
    pub average_pool2d: UnaryKernel<Pool2d>,
    /// Max pooling.
    pub max_pool2d: UnaryKernel<Pool2d>,
    /// Mean over any axes.
    pub mean: UnaryKernel<Mean>,
    /// Softmax over the innermost dimension.
    pub softmax: UnaryKernel<Softmax>,
    /// Table look-up; the parameter is the table.
    pub lookup: UnaryKernel<[i8; 256]>,
    /// Nearest-neighbour resize.
    pub resize_nearest_neighbor: UnaryKernel<ResizeNearest>,
    /// Block copy.
    pub strided_copy: UnaryKernel<StridedCopy>,
    /// One value everywhere.
    pub fill: fn(&i8, &mut [i8]),
    /// ONNX convolution; takes a folded bias and the scratch of `conv2d`.
    pub qlinear_conv2d: WeightedScratchKernel<QLinearConv2d, ScaleF32>,
    /// ONNX depthwise convolution; takes the bias as it is. The weights' zero point is 0.
    pub qlinear_depthwise_conv2d: WeightedKernel<QLinearDepthwiseConv2d, ScaleF32>,
    /// ONNX matrix product with constant weights; takes a folded bias.
    pub qlinear_fully_connected: WeightedKernel<FullyConnected, ScaleF32>,
    /// ONNX broadcasting addition.
    pub qlinear_add: BinaryKernel<QLinearAdd>,
    /// ONNX broadcasting multiplication.
    pub qlinear_mul: BinaryKernel<QLinearMul>,
}
