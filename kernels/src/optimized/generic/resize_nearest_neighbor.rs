//! Nearest-neighbour resize that computes equal rows once.

use crate::params::ResizeNearest;
use crate::reference::nearest_index;

/// Every output pixel is a copy of one input pixel.
pub fn resize_nearest_neighbor<T: Copy>(p: &ResizeNearest, input: &[T], output: &mut [T]) {
    let (row_len, input_row_len) = (p.output_w * p.channels, p.input_w * p.channels);
    for batch in 0..p.batches {
        let mut before = None;
        for out_y in 0..p.output_h {
            let in_y = nearest_index(p, out_y, p.input_h, p.output_h);
            let start = (batch * p.output_h + out_y) * row_len;
            if before == Some(in_y) {
                output.copy_within(start - row_len..start, start);
                continue;
            }
            before = Some(in_y);
            let row = &input[(batch * p.input_h + in_y) * input_row_len..][..input_row_len];
            let pixels = output[start..start + row_len].chunks_exact_mut(p.channels.max(1));
            for (out_x, pixel) in pixels.enumerate() {
                let in_x = nearest_index(p, out_x, p.input_w, p.output_w);
                super::strided_copy::copy_row(&row[in_x * p.channels..(in_x + 1) * p.channels], pixel);
            }
        }
    }
}
