//! Dot products of one input with many rows of weights: four rows a pass, so that each input is loaded once for four.

use crate::byte::Small;

/// Calls `store(row, dot)` for the dot product of `x` with each row of `weights`, in order.
#[inline(always)]
pub(super) fn for_each_dot<X: Small, W: Small>(x: &[X], weights: &[W], rows: usize, mut store: impl FnMut(usize, i32)) {
    let n = x.len();
    let mut row = 0;
    while row + 4 <= rows {
        let dots = dot4(x, &weights[row * n..(row + 4) * n]);
        for (i, dot) in dots.into_iter().enumerate() {
            store(row + i, dot);
        }
        row += 4;
    }
    while row < rows {
        store(row, dot1(x, &weights[row * n..(row + 1) * n]));
        row += 1;
    }
}

/// What a zero point of the weights takes off every dot product with `x`. Nearly all models have none.
#[inline]
pub(super) fn weights_offset<X: Small>(weights_zero_point: i32, x: &[X]) -> i32 {
    if weights_zero_point == 0 {
        return 0;
    }
    let sum = x.iter().fold(0_i32, |sum, x| sum.wrapping_add(x.widen()));
    weights_zero_point.wrapping_mul(sum)
}

#[inline]
fn dot4<X: Small, W: Small>(x: &[X], weights: &[W]) -> [i32; 4] {
    let n = x.len();
    let (w0, rest) = weights.split_at(n);
    let (w1, rest) = rest.split_at(n);
    let (w2, rest) = rest.split_at(n);
    let w3 = &rest[..n];
    let mut dots = [0_i32; 4];
    for i in 0..n {
        let x = x[i].widen();
        dots[0] = dots[0].wrapping_add(x * w0[i].widen());
        dots[1] = dots[1].wrapping_add(x * w1[i].widen());
        dots[2] = dots[2].wrapping_add(x * w2[i].widen());
        dots[3] = dots[3].wrapping_add(x * w3[i].widen());
    }
    dots
}

#[inline]
fn dot1<X: Small, W: Small>(x: &[X], weights: &[W]) -> i32 {
    x.iter().zip(weights).fold(0_i32, |dot, (x, w)| dot.wrapping_add(x.widen() * w.widen()))
}
