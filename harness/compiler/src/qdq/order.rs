//! Weights of a channel-first model in the order in which kernels read them. Knows shapes; knows no arithmetic.

/// Weights `[out, in, spatial...]` as `[out, spatial..., in]`.
pub(super) fn channel_last_order<T: Copy>(shape: &[usize], values: &[T]) -> Vec<T> {
    let taps: usize = shape[2..].iter().product();
    let mut ordered = Vec::with_capacity(values.len());
    for out in 0..shape[0] {
        for tap in 0..taps {
            for channel in 0..shape[1] {
                ordered.push(values[(out * shape[1] + channel) * taps + tap]);
            }
        }
    }
    ordered
}

/// Weights `[in, out / groups, spatial...]` as `[out, spatial..., in / groups]`.
pub(super) fn transposed_order<T: Copy>(shape: &[usize], groups: usize, values: &[T]) -> Vec<T> {
    let taps: usize = shape[2..].iter().product();
    let inputs = shape[0] / groups;
    let mut ordered = Vec::with_capacity(values.len());
    for out in 0..shape[1] * groups {
        let (group, filter) = (out / shape[1], out % shape[1]);
        for tap in 0..taps {
            for channel in 0..inputs {
                ordered.push(values[((group * inputs + channel) * shape[1] + filter) * taps + tap]);
            }
        }
    }
    ordered
}

/// Weights `[out, 1, spatial...]` as `[spatial..., out]`.
pub(super) fn depthwise_order<T: Copy>(shape: &[usize], values: &[T]) -> Vec<T> {
    let taps: usize = shape[2..].iter().product();
    let mut ordered = Vec::with_capacity(values.len());
    for tap in 0..taps {
        for out in 0..shape[0] {
            ordered.push(values[out * taps + tap]);
        }
    }
    ordered
}

/// Every row in the order in which its factors lie in memory.
pub(super) fn placed<T: Copy>(rows: Vec<T>, places: Option<Vec<usize>>) -> Vec<T> {
    let Some(places) = places.filter(|places| !places.is_empty()) else { return rows };
    rows.chunks(places.len()).flat_map(|row| places.iter().map(|&place| row[place])).collect()
}

/// A matrix as one row an output: as it is if it is transposed already.
pub(super) fn row_order<T: Copy>(shape: &[usize], values: &[T], transposed: bool) -> Vec<T> {
    if transposed {
        return values.to_vec();
    }
    let (rows, columns) = (shape[0], shape[1]);
    (0..columns).flat_map(|c| (0..rows).map(move |r| values[r * columns + c])).collect()
}
