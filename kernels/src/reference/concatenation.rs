//! Concatenation along one axis of tensors that share scale and zero point.

/// Lays the inputs side by side. `outer` is the product of the dimensions before the axis; `inner_sizes` has, for each
/// input, the product of its dimensions from the axis on.
pub fn concatenation<T: Copy>(outer: usize, inner_sizes: &[usize], inputs: &[&[T]], output: &mut [T]) {
    let mut out_index = 0;
    for row in 0..outer {
        for (input, &size) in inputs.iter().zip(inner_sizes) {
            for i in 0..size {
                output[out_index] = input[row * size + i];
                out_index += 1;
            }
        }
    }
}
