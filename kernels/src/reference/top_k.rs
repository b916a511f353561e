//! The largest or smallest elements along one axis, in order (`TopK`). Of equal ones the first comes first.

use crate::params::TopK;

/// Where they are.
pub fn top_k_indices<T: Copy + PartialOrd>(p: &TopK, input: &[T], output: &mut [i32]) {
    pick(p, input, |out_index, i, _| output[out_index] = i as i32);
}

/// What they are.
pub fn top_k_values<T: Copy + PartialOrd>(p: &TopK, input: &[T], output: &mut [T]) {
    pick(p, input, |out_index, _, x| output[out_index] = x);
}

/// Calls `store(out_index, index along the axis, element)` for the `k` elements of every row.
///
/// Each is the best of those that come after the one before it, by element and then by index: no memory is needed to
/// know which were taken.
fn pick<T: Copy + PartialOrd>(p: &TopK, input: &[T], mut store: impl FnMut(usize, usize, T)) {
    let comes_first = |(x, i): (T, usize), (y, j): (T, usize)| {
        let better = if p.largest { x > y } else { x < y };
        better || (x == y && i < j)
    };
    for outer in 0..p.outer {
        for inner in 0..p.inner {
            let element = |i: usize| (input[(outer * p.depth + i) * p.inner + inner], i);
            let mut last = None;
            for place in 0..p.k {
                let mut best = None;
                for i in 0..p.depth {
                    let new = last.is_none_or(|last| comes_first(last, element(i)));
                    if new && best.is_none_or(|best| comes_first(element(i), best)) {
                        best = Some(element(i));
                    }
                }
                // What cannot be compared is never picked; an element that was is then repeated.
                let (x, i) = best.or(last).unwrap_or_else(|| element(0));
                last = Some((x, i));
                store((outer * p.k + place) * p.inner + inner, i, x);
            }
        }
    }
}
