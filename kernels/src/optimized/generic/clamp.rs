//! The bounds of an activation.

/// Limits every element to `[min, max]`: nothing to do for most layers, a pass over the output for the others.
pub(in crate::optimized) fn clamp_all(output: &mut [i8], min: i32, max: i32) {
    if (min, max) != (-128, 127) {
        for y in output {
            *y = i32::from(*y).min(max).max(min) as i8;
        }
    }
}
