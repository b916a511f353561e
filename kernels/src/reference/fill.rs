//! One value everywhere.

/// Sets every element.
pub fn fill<T: Copy>(value: &T, output: &mut [T]) {
    for i in 0..output.len() {
        output[i] = *value;
    }
}
