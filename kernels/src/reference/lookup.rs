//! Any function of one `i8`, as a table.

/// `output = table[input as u8]`: entries 0 to 127 serve those inputs, 128 to 255 serve -128 to -1.
pub fn lookup(table: &[i8; 256], input: &[i8], output: &mut [i8]) {
    for i in 0..input.len() {
        output[i] = table[usize::from(input[i] as u8)];
    }
}
