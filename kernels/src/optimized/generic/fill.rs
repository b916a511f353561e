//! One value everywhere.

/// Sets every element.
pub fn fill<T: Copy>(value: &T, output: &mut [T]) {
    output.fill(*value);
}
