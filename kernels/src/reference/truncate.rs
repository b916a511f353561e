//! Numbers to integers (`Cast`).

/// Drops the fraction. Beyond 32 bits it saturates, and NaN gives 0; ONNX leaves both open.
pub fn truncate(_p: &(), input: &[f32], output: &mut [i32]) {
    for i in 0..input.len() {
        output[i] = input[i] as i32;
    }
}
