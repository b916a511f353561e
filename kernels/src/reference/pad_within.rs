//! Padding with elements of the tensor itself.

use crate::params::{PadMode, PadWithin};
use crate::shape::{dense_strides, elements, offset, position};

/// Every element outside is a copy of one inside.
pub fn pad_within<T: Copy>(p: &PadWithin, input: &[T], output: &mut [T]) {
    let strides = dense_strides(&p.input_dims);
    for flat in 0..elements(&p.output_dims) {
        let at = position(flat, &p.output_dims);
        let from = core::array::from_fn(|axis| source(p, at[axis], p.before[axis], p.input_dims[axis]));
        output[flat] = input[offset(&from, &strides)];
    }
}

/// The input index for output index `at` along one axis of `size` elements.
fn source(p: &PadWithin, at: usize, before: usize, size: usize) -> usize {
    let index = at as isize - before as isize;
    let size = size as isize;
    let inside = match p.mode {
        PadMode::Edge => index.clamp(0, size - 1),
        PadMode::Wrap => index.rem_euclid(size),
        PadMode::Symmetric => {
            let round_trip = index.rem_euclid(2 * size);
            round_trip.min(2 * size - 1 - round_trip)
        }
        PadMode::Reflect if size == 1 => 0,
        PadMode::Reflect => {
            // There and back again takes twice the steps between the ends.
            let round_trip = index.rem_euclid(2 * (size - 1));
            round_trip.min(2 * (size - 1) - round_trip)
        }
    };
    inside as usize
}
