//! Dot products of one input with many rows of weights: four rows a pass, so that each input is loaded once for four.

/// Calls `store(row, dot)` for the dot product of `x` with each row of `weights`, in order.
#[inline(always)]
pub(super) fn for_each_dot(x: &[i8], weights: &[i8], rows: usize, mut store: impl FnMut(usize, i32)) {
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

#[inline]
fn dot4(x: &[i8], weights: &[i8]) -> [i32; 4] {
    let n = x.len();
    let (w0, rest) = weights.split_at(n);
    let (w1, rest) = rest.split_at(n);
    let (w2, rest) = rest.split_at(n);
    let w3 = &rest[..n];
    let mut dots = [0_i32; 4];
    for i in 0..n {
        let x = i32::from(x[i]);
        dots[0] = dots[0].wrapping_add(x * i32::from(w0[i]));
        dots[1] = dots[1].wrapping_add(x * i32::from(w1[i]));
        dots[2] = dots[2].wrapping_add(x * i32::from(w2[i]));
        dots[3] = dots[3].wrapping_add(x * i32::from(w3[i]));
    }
    dots
}

#[inline]
fn dot1(x: &[i8], weights: &[i8]) -> i32 {
    x.iter().zip(weights).fold(0_i32, |dot, (&x, &w)| dot.wrapping_add(i32::from(x) * i32::from(w)))
}
