//! Any function of one 8-bit value that is a float, as a table.

use crate::byte::Byte;

/// `output = table[bits of input]`. `table` has 256 entries; `elements` is the number of inputs.
pub fn lookup_f32<T: Byte>(elements: &usize, input: &[T], table: &[f32], output: &mut [f32]) {
    for i in 0..*elements {
        output[i] = table[input[i].index()];
    }
}
