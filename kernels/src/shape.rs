//! Dimensions, strides and the rule that sizes a window's output. Knows no values.

/// Highest tensor rank that any kernel takes.
pub const MAX_RANK: usize = 6;

/// Number of elements of `dims`.
#[must_use]
pub const fn elements(dims: &[usize]) -> usize {
    let mut product = 1;
    let mut i = 0;
    while i < dims.len() {
        product *= dims[i];
        i += 1;
    }
    product
}

/// Element strides of a dense row-major tensor.
#[must_use]
pub const fn dense_strides(dims: &[usize; MAX_RANK]) -> [usize; MAX_RANK] {
    let mut strides = [1; MAX_RANK];
    let mut i = MAX_RANK - 1;
    while i > 0 {
        strides[i - 1] = strides[i] * dims[i];
        i -= 1;
    }
    strides
}

/// `dims` moved to the right end of an array of the highest rank, ones before them.
#[must_use]
pub const fn right_aligned(dims: &[usize]) -> [usize; MAX_RANK] {
    let mut aligned = [1; MAX_RANK];
    let mut i = 0;
    while i < dims.len() {
        aligned[MAX_RANK - dims.len() + i] = dims[i];
        i += 1;
    }
    aligned
}

/// Position of element number `flat` of a dense row-major tensor.
#[must_use]
pub const fn position(mut flat: usize, dims: &[usize; MAX_RANK]) -> [usize; MAX_RANK] {
    let mut position = [0; MAX_RANK];
    let mut i = MAX_RANK;
    while i > 0 {
        i -= 1;
        position[i] = flat % dims[i];
        flat /= dims[i];
    }
    position
}

/// Element number of `position` under `strides`.
#[must_use]
pub const fn offset(position: &[usize; MAX_RANK], strides: &[usize; MAX_RANK]) -> usize {
    let mut offset = 0;
    let mut i = 0;
    while i < MAX_RANK {
        offset += position[i] * strides[i];
        i += 1;
    }
    offset
}

/// Number of windows along one axis: taps `dilation` apart, windows `stride` apart, over `input` elements with
/// `padding` (both sides together). Zero when not even one window fits.
#[must_use]
pub const fn window_count(input: usize, filter: usize, stride: usize, dilation: usize, padding: usize) -> usize {
    let span = (filter - 1) * dilation + 1;
    if input + padding < span {
        return 0;
    }
    (input + padding - span) / stride + 1
}

/// Padding (both sides together) that makes `ceil(input / stride)` windows; the odd element goes after the input.
#[must_use]
pub const fn same_padding(input: usize, filter: usize, stride: usize, dilation: usize) -> usize {
    let span = (filter - 1) * dilation + 1;
    let needed = (input.div_ceil(stride) - 1) * stride + span;
    needed.saturating_sub(input)
}

/// Input index that tap number `tap` of window number `window` reads, or `None` when it falls on padding.
#[must_use]
#[inline]
pub const fn tap_index(
    window: usize,
    stride: usize,
    tap: usize,
    dilation: usize,
    pad_before: usize,
    input: usize,
) -> Option<usize> {
    let padded = window * stride + tap * dilation;
    if padded >= pad_before && padded - pad_before < input { Some(padded - pad_before) } else { None }
}

/// Input index that adds to output number `output` of a transposed window through tap number `tap`, or `None`: the
/// inverse of `output = index * stride + tap * dilation - pad_before`.
#[must_use]
#[inline]
pub const fn transposed_tap_index(
    output: usize,
    stride: usize,
    tap: usize,
    dilation: usize,
    pad_before: usize,
    input: usize,
) -> Option<usize> {
    let padded = output + pad_before;
    if padded < tap * dilation {
        return None;
    }
    let distance = padded - tap * dilation;
    if distance.is_multiple_of(stride) && distance / stride < input { Some(distance / stride) } else { None }
}

/// The taps of window number `window` that fall inside the input, as a half-open range.
#[must_use]
#[inline]
pub const fn tap_range(
    window: usize,
    stride: usize,
    filter: usize,
    dilation: usize,
    pad_before: usize,
    input: usize,
) -> (usize, usize) {
    let origin = window * stride;
    let first = pad_before.saturating_sub(origin).div_ceil(dilation);
    let last = (pad_before + input).saturating_sub(origin).div_ceil(dilation);
    let end = if last < filter { last } else { filter };
    (if first < end { first } else { end }, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tap_range_holds_exactly_the_taps_that_have_an_index() {
        for (stride, filter, dilation, pad, input) in
            [(1, 3, 1, 1, 5), (2, 3, 2, 2, 7), (3, 2, 1, 0, 6), (1, 5, 3, 9, 4), (4, 1, 1, 2, 1)]
        {
            for window in 0..12 {
                let (start, end) = tap_range(window, stride, filter, dilation, pad, input);
                for tap in 0..filter {
                    let inside = tap_index(window, stride, tap, dilation, pad, input).is_some();
                    assert_eq!(inside, (start..end).contains(&tap), "window {window} tap {tap} of {filter}");
                }
            }
        }
    }

    #[test]
    fn transposed_taps_are_the_taps_seen_from_the_other_side() {
        for (stride, filter, dilation, pad, input) in [(1, 3, 1, 1, 5), (2, 3, 2, 2, 7), (3, 2, 1, 0, 6)] {
            for small in 0..12 {
                for tap in 0..filter {
                    let Some(large) = tap_index(small, stride, tap, dilation, pad, input) else { continue };
                    assert_eq!(transposed_tap_index(large, stride, tap, dilation, pad, 12), Some(small));
                }
            }
        }
        assert_eq!(transposed_tap_index(1, 2, 0, 1, 0, 9), None);
        assert_eq!(transposed_tap_index(4, 2, 0, 1, 0, 2), None);
    }

    #[test]
    fn same_padding_keeps_the_size_at_stride_one_and_rounds_up_otherwise() {
        for (input, filter, stride, dilation) in
            [(5, 3, 1, 1), (49, 10, 2, 1), (8, 3, 2, 1), (7, 3, 1, 2), (5, 1, 3, 1)]
        {
            let padding = same_padding(input, filter, stride, dilation);
            assert_eq!(window_count(input, filter, stride, dilation, padding), input.div_ceil(stride));
        }
    }

    #[test]
    fn position_and_offset_are_inverse_on_dense_tensors() {
        let dims = right_aligned(&[2, 3, 4]);
        for flat in 0..elements(&dims) {
            assert_eq!(offset(&position(flat, &dims), &dense_strides(&dims)), flat);
        }
    }
}
