//! Bit for bit: what a board answered beside what it must answer. Judges bytes; knows no board and no file.

use hilbench_compiler::graph::{DType, Tensor};

use crate::values::{Number, number};

/// One output of the model over all samples.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputComparison {
    /// Name of the tensor.
    pub tensor: String,
    /// Elements compared.
    pub elements: u64,
    /// Elements whose bits differ.
    pub mismatches: u64,
    /// Samples with at least one of them.
    pub samples: u64,
    /// Largest distance: in steps for integers, absolute for floats.
    pub max_difference: f64,
    /// How many elements are how far away, in the classes of [`DISTANCES`]; all zero for floats, which have no steps.
    pub distances: [u64; DISTANCES.len()],
    /// The first element that differs.
    pub first: Option<Difference>,
}

/// Classes of distances in steps: the smallest of each. An element that differs is at least one step away.
pub const DISTANCES: [u64; 6] = [1, 2, 3, 5, 9, 17];

/// An element that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Index of the sample.
    pub sample: usize,
    /// Index in each dimension of the tensor.
    pub index: Vec<usize>,
    /// What the reference computes.
    pub expected: Number,
    /// What the board answered.
    pub got: Number,
}

/// Compares the pairs of expected bytes and bytes from the board, sample after sample.
pub fn compare<'a>(tensor: &Tensor, pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> OutputComparison {
    let mut result = OutputComparison {
        tensor: tensor.name.clone(),
        elements: 0,
        mismatches: 0,
        samples: 0,
        max_difference: 0.0,
        distances: [0; DISTANCES.len()],
        first: None,
    };
    let size = tensor.dtype.size();
    for (sample, (expected, got)) in pairs.into_iter().enumerate() {
        let elements = expected.len() / size;
        result.elements += elements as u64;
        if expected == got {
            continue;
        }
        // An answer of another length would have been refused on its way here.
        debug_assert_eq!(expected.len(), got.len());
        let differing = expected.chunks_exact(size).zip(got.chunks_exact(size)).enumerate();
        result.samples += 1;
        for (at, _) in differing.filter(|(_, (a, b))| a != b) {
            let (expected, got) = (number(tensor.dtype, expected, at), number(tensor.dtype, got, at));
            result.mismatches += 1;
            let distance = distance(tensor.dtype, expected, got);
            result.max_difference = result.max_difference.max(distance);
            if tensor.dtype != DType::F32 {
                // Whole numbers, of which an f64 holds all that there are differences of.
                let class = DISTANCES.partition_point(|&least| least as f64 <= distance);
                result.distances[class.saturating_sub(1)] += 1;
            }
            result.first.get_or_insert_with(|| Difference { sample, index: unravel(at, &tensor.shape), expected, got });
        }
    }
    result
}

fn distance(dtype: DType, a: Number, b: Number) -> f64 {
    let distance = (a.to_f64() - b.to_f64()).abs();
    // A number against none is as far as it gets; two of them that differ only in their bits are not apart.
    if distance.is_nan() && dtype == DType::F32 && a.to_f64().is_nan() != b.to_f64().is_nan() {
        return f64::INFINITY;
    }
    if distance.is_nan() { 0.0 } else { distance }
}

/// A flat index as one in each dimension.
#[must_use]
pub fn unravel(mut flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (i, &dim) in index.iter_mut().zip(shape).rev() {
        *i = flat % dim.max(1);
        flat /= dim.max(1);
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(dtype: DType, shape: &[usize]) -> Tensor {
        Tensor { name: "y".into(), dtype, shape: shape.to_vec(), quantization: None, data: None }
    }

    #[test]
    fn differences_are_counted_and_the_first_is_named() {
        let tensor = tensor(DType::I8, &[1, 2, 3]);
        let expected: [&[u8]; 3] = [&[0; 6], &[1, 2, 3, 4, 5, 0x80], &[9; 6]];
        let got: [&[u8]; 3] = [&[0; 6], &[1, 2, 3, 5, 5, 0x7F], &[9, 9, 9, 9, 9, 8]];
        let result = compare(&tensor, expected.into_iter().zip(got));
        assert_eq!((result.elements, result.mismatches, result.samples), (18, 3, 2));
        assert_eq!(result.max_difference, 255.0);
        assert_eq!(result.distances, [2, 0, 0, 0, 0, 1]);
        let first =
            Difference { sample: 1, index: vec![0, 1, 0], expected: Number::Integer(4), got: Number::Integer(5) };
        assert_eq!(result.first, Some(first));
    }

    #[test]
    fn floats_are_compared_by_their_bits() {
        let tensor = tensor(DType::F32, &[1]);
        let check = |a: f32, b: f32, mismatches: u64, max: f64| {
            let result = compare(&tensor, [(&a.to_le_bytes()[..], &b.to_le_bytes()[..])]);
            assert_eq!((result.mismatches, result.max_difference), (mismatches, max), "{a} and {b}");
        };
        check(f32::NAN, f32::NAN, 0, 0.0);
        check(0.0, -0.0, 1, 0.0);
        check(1.5, 1.0, 1, 0.5);
        check(1.0, f32::NAN, 1, f64::INFINITY);
        check(f32::INFINITY, f32::INFINITY, 0, 0.0);
    }
}
