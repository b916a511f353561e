//! Copy of a block between two tensors, by runs where both sides have them.

use crate::optimized::rows::{collapse, for_each_row};
use crate::params::StridedCopy;

/// Elements of a row that is copied here; longer ones are worth a call.
const SHORT: usize = 64;

/// Copies the block; the rest of the output keeps its values.
pub fn strided_copy<T: Copy>(p: &StridedCopy, input: &[T], output: &mut [T]) {
    let mut dims = p.dims;
    let mut strides = [p.input_strides, p.output_strides];
    collapse(&mut dims, &mut strides);
    let (rows, len) = (dims[4], dims[5] as isize);
    let [[input_row, input_step], [output_row, output_step]] = strides.map(|s| [s[4], s[5]]);
    let starts = [p.input_start as isize, p.output_start as isize];
    if len == 0 {
        return;
    }
    dims[4..].fill(1);
    for_each_row(&dims, &strides, starts, |[from, to]| {
        let (mut from, mut to) = (from as isize, to as isize);
        for _ in 0..rows {
            if (input_step, output_step) == (1, 1) {
                let (from, to) = (from as usize, to as usize);
                copy_row(&input[from..from + len as usize], &mut output[to..to + len as usize]);
            } else {
                let (mut from, mut to) = (from, to);
                for _ in 0..len {
                    output[to as usize] = input[from as usize];
                    (from, to) = (from + input_step, to + output_step);
                }
            }
            (from, to) = (from + input_row, to + output_row);
        }
    });
}

/// Copies elements that lie side by side.
#[inline(always)]
pub(super) fn copy_row<T: Copy>(from: &[T], to: &mut [T]) {
    if from.len() > SHORT {
        return to.copy_from_slice(from);
    }
    let ((fours, rest), (to_fours, to_rest)) = (from.as_chunks::<4>(), to.as_chunks_mut::<4>());
    for (to, from) in to_fours.iter_mut().zip(fours) {
        *to = *from;
    }
    for (to, from) in to_rest.iter_mut().zip(rest) {
        *to = *from;
    }
}
