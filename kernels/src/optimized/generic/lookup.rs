//! Any function of one `i8`, as a table.

/// `output = table[input as u8]`.
pub fn lookup(table: &[i8; 256], input: &[i8], output: &mut [i8]) {
    for (out, &x) in output[..input.len()].iter_mut().zip(input) {
        *out = table[usize::from(x as u8)];
    }
}
