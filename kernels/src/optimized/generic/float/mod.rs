//! Single precision with several sums side by side. Each sum keeps the reference's order, so results are equal to the bit.

mod conv2d;
mod depthwise_conv2d;
mod fully_connected;

pub use conv2d::conv2d;
pub use depthwise_conv2d::depthwise_conv2d;
pub use fully_connected::fully_connected;

/// Rows of weights that share the loads of one input.
const ROWS: usize = 4;

/// Adds the products of `x` with a run of each row of weights to that row's sum. Row `r` starts at `starts[r]`.
#[inline(always)]
fn add_products(sums: &mut [f32; ROWS], x: &[f32], weights: &[f32], starts: [usize; ROWS]) {
    let [w0, w1, w2, w3] = starts.map(|start| &weights[start..start + x.len()]);
    for i in 0..x.len() {
        sums[0] += x[i] * w0[i];
        sums[1] += x[i] * w1[i];
        sums[2] += x[i] * w2[i];
        sums[3] += x[i] * w3[i];
    }
}

/// Starts of up to [`ROWS`] rows from `first` on; what is beyond the last row repeats it.
#[inline(always)]
fn starts(first: usize, end: usize, row_len: usize) -> [usize; ROWS] {
    core::array::from_fn(|r| (first + r).min(end - 1) * row_len)
}
