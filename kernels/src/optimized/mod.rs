//! Faster variants, one folder an instruction set. Each agrees with [`crate::reference`] to the bit.
//!
//! A new instruction set is one folder and one line in [`SETS`]; `unsafe` stays inside of such folders.

pub mod dsp;
mod fold_bias;
pub mod generic;
pub mod mve;

pub use fold_bias::fold_input_offset;

use crate::params::{Add, Conv2d, DepthwiseConv2d, FullyConnected, Mul, Pool2d, Requant, StridedCopy};

/// Every set that this build has, the portable one first.
pub static SETS: &[&KernelSet] = &[&generic::SET, &dsp::SET, &mve::SET];

/// `(p, input, weights, bias, requant, output)`
pub type WeightedKernel<P> = fn(&P, &[i8], &[i8], &[i32], &[Requant], &mut [i8]);

/// `(p, input, weights, bias, requant, scratch, output)`
pub type WeightedScratchKernel<P> = fn(&P, &[i8], &[i8], &[i32], &[Requant], &mut [i8], &mut [i8]);

/// `(p, input1, input2, output)`
pub type BinaryKernel<P> = fn(&P, &[i8], &[i8], &mut [i8]);

/// `(p, input, output)`
pub type UnaryKernel<P> = fn(&P, &[i8], &mut [i8]);

/// Kernels that belong together, as values: for checks and benches. Generated code calls the functions themselves.
#[derive(Clone, Copy)]
pub struct KernelSet {
    /// Name of the folder.
    pub name: &'static str,
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
    /// Table look-up; the parameter is the table.
    pub lookup: UnaryKernel<[i8; 256]>,
    /// Block copy.
    pub strided_copy: UnaryKernel<StridedCopy>,
    /// One value everywhere.
    pub fill: fn(&i8, &mut [i8]),
}
