//! Runs a set of optimized kernels beside the reference over seeded and edge shapes, on the host or on a board.
//!
//! Allocates nothing: the caller gives the buffers, and shapes are drawn until they fit. The larger the buffers, the
//! larger the shapes. Checks agreement only; whether the reference is right is for recorded vectors to say.

mod draw;
mod ops;

use core::fmt;

use crate::optimized::KernelSet;
use crate::params::{
    Add, Conv2d, DepthwiseConv2d, FullyConnected, Mean, Mul, Pool2d, QLinearAdd, QLinearConv2d, QLinearDepthwiseConv2d,
    QLinearMul, Requant, ResizeNearest, ScaleF32, Softmax, StridedCopy,
};
use draw::{Draw, MAX_CHANNELS};
use ops::{Difference, OPS};

/// The buffers of a check.
pub struct Workspace<'a> {
    /// Tensors and scratch: at least [`Workspace::MIN_BYTES`]; 32 KiB let nearly every drawn shape through.
    pub bytes: &'a mut [i8],
    /// Biases: at least [`Workspace::WORDS`].
    pub words: &'a mut [i32],
    /// Factors: at least [`Workspace::REQUANTS`].
    pub requants: &'a mut [Requant],
    /// Factors of the other form: at least [`Workspace::REQUANTS`].
    pub scales: &'a mut [ScaleF32],
}

impl Workspace<'_> {
    /// Smallest useful length of `bytes`.
    pub const MIN_BYTES: usize = 1024;
    /// Length of `words`.
    pub const WORDS: usize = 2 * MAX_CHANNELS;
    /// Length of `requants` and of `scales`.
    pub const REQUANTS: usize = MAX_CHANNELS;
}

/// One run of one operator: its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "named after the operators")]
pub enum Case {
    Conv2d(Conv2d),
    DepthwiseConv2d(DepthwiseConv2d),
    FullyConnected(FullyConnected),
    Add(Add),
    Sub(Add),
    Mul(Mul),
    AveragePool2d(Pool2d),
    MaxPool2d(Pool2d),
    Mean(Mean),
    Softmax(Softmax),
    ResizeNearestNeighbor(ResizeNearest),
    Lookup { len: usize },
    StridedCopy(StridedCopy),
    Fill { len: usize },
    QLinearConv2d(QLinearConv2d),
    QLinearDepthwiseConv2d(QLinearDepthwiseConv2d),
    QLinearFullyConnected(FullyConnected),
    QLinearAdd(QLinearAdd),
    QLinearMul(QLinearMul),
}

/// The first element on which a set and the reference differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disagreement {
    /// Name of the set.
    pub set: &'static str,
    /// Operator and parameters.
    pub case: Case,
    /// Element of the output.
    pub index: usize,
    /// What the reference computes.
    pub expected: i8,
    /// What the set computes.
    pub got: i8,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { set, case, index, expected, got } = self;
        write!(f, "{set}: element {index} is {got}, the reference says {expected}, for {case:?}")
    }
}

/// Runs every operator of `set` in each of `rounds` rounds and returns the first disagreement, if there is one. The same
/// seed and buffer sizes draw the same cases.
#[must_use]
pub fn check(set: &KernelSet, seed: u32, rounds: u32, workspace: &mut Workspace<'_>) -> Option<Disagreement> {
    let mut draw = Draw::new(seed);
    for _ in 0..rounds {
        for op in OPS {
            draw.grow();
            let (case, difference) = loop {
                if let Some(done) = op(set, &mut draw, workspace) {
                    break done;
                }
                draw.shrink();
            };
            if let Some(Difference { index, expected, got }) = difference {
                return Some(Disagreement { set: set.name, case, index, expected, got });
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::optimized::{SETS, generic};
    use crate::params::Requant;

    fn run(set: &KernelSet, seed: u32, rounds: u32, bytes: usize) -> Option<Disagreement> {
        let zero = Requant { multiplier: 0, shift: 0 };
        check(
            set,
            seed,
            rounds,
            &mut Workspace {
                bytes: &mut std::vec![0; bytes],
                words: &mut [0; Workspace::WORDS],
                requants: &mut [zero; Workspace::REQUANTS],
                scales: &mut [ScaleF32(0.0); Workspace::REQUANTS],
            },
        )
    }

    #[test]
    fn every_set_agrees_with_the_reference() {
        for set in SETS {
            if !(set.available)() {
                std::eprintln!("SKIPPED: this processor has no {}", set.name);
                continue;
            }
            for seed in 0..12 {
                if let Some(disagreement) = run(set, seed, 60, 64 * 1024) {
                    panic!("seed {seed}: {disagreement}");
                }
            }
            if let Some(disagreement) = run(set, 1, 200, Workspace::MIN_BYTES) {
                panic!("small workspace: {disagreement}");
            }
        }
    }

    /// Each row breaks one operator in one place; the check has to name that operator.
    #[test]
    fn a_broken_kernel_is_caught_and_named() {
        let sets: [(&str, KernelSet); 8] = [
            (
                "Conv2d",
                KernelSet {
                    conv2d: |p, input, weights, bias, requant, scratch, output| {
                        generic::conv2d(p, input, weights, bias, requant, scratch, output);
                        output.chunks_mut(p.output_channels).filter_map(|pixel| pixel.get_mut(3)).for_each(|y| *y ^= 1);
                    },
                    ..generic::SET
                },
            ),
            (
                "DepthwiseConv2d",
                KernelSet {
                    depthwise_conv2d: |p, input, weights, bias, requant, output| {
                        let forgotten = DepthwiseConv2d { input_zero_point: 0, ..*p };
                        generic::depthwise_conv2d(&forgotten, input, weights, bias, requant, output);
                    },
                    ..generic::SET
                },
            ),
            (
                "FullyConnected",
                KernelSet {
                    fully_connected: |p, input, weights, bias, requant, output| {
                        generic::fully_connected(p, input, weights, bias, &requant[..1], output);
                    },
                    ..generic::SET
                },
            ),
            (
                "QLinearConv2d",
                KernelSet {
                    qlinear_conv2d: |p, input, weights, bias, scales, scratch, output| {
                        let forgotten = QLinearConv2d { weights_zero_point: 0, ..*p };
                        generic::qlinear_conv2d(&forgotten, input, weights, bias, scales, scratch, output);
                    },
                    ..generic::SET
                },
            ),
            (
                "QLinearMul",
                KernelSet {
                    qlinear_mul: |p, input1, input2, output| {
                        let odd = QLinearMul { output_zero_point: p.output_zero_point ^ 1, ..*p };
                        generic::qlinear_mul(&odd, input1, input2, output);
                    },
                    ..generic::SET
                },
            ),
            ("Sub", KernelSet { sub: generic::add, ..generic::SET }),
            (
                "AveragePool2d",
                KernelSet {
                    average_pool2d: |p, input, output| {
                        let last = output.len() - 1;
                        generic::average_pool2d(p, input, output);
                        output[last] = !output[last];
                    },
                    ..generic::SET
                },
            ),
            (
                "StridedCopy",
                KernelSet {
                    strided_copy: |p, input, output| {
                        generic::strided_copy(p, input, output);
                        output[0] = 99;
                    },
                    ..generic::SET
                },
            ),
        ];
        for (op, set) in sets {
            let disagreement = run(&set, 7, 40, 32 * 1024).expect(op);
            let name = std::format!("{:?}", disagreement.case);
            assert!(name.starts_with(op), "{op} is broken but {disagreement}");
            assert_ne!(disagreement.expected, disagreement.got);
        }
    }
}
