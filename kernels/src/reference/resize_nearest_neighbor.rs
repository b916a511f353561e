//! Nearest-neighbour resize.

use crate::params::ResizeNearest;
use crate::requant::round_half_away;

/// Every output pixel is a copy of one input pixel.
pub fn resize_nearest_neighbor<T: Copy>(p: &ResizeNearest, input: &[T], output: &mut [T]) {
    for batch in 0..p.batches {
        for out_y in 0..p.output_h {
            let in_y = nearest_index(p, out_y, p.input_h, p.output_h);
            for out_x in 0..p.output_w {
                let in_x = nearest_index(p, out_x, p.input_w, p.output_w);
                for channel in 0..p.channels {
                    output[((batch * p.output_h + out_y) * p.output_w + out_x) * p.channels + channel] =
                        input[((batch * p.input_h + in_y) * p.input_w + in_x) * p.channels + channel];
                }
            }
        }
    }
}

/// The input index nearest to output index `out_index`, in `f32`.
#[must_use]
pub fn nearest_index(p: &ResizeNearest, out_index: usize, input_size: usize, output_size: usize) -> usize {
    let scale = if p.align_corners && output_size > 1 {
        (input_size - 1) as f32 / (output_size - 1) as f32
    } else {
        input_size as f32 / output_size as f32
    };
    let center = if p.half_pixel_centers { 0.5 } else { 0.0 };
    let place = (out_index as f32 + center) * scale;
    let index = if p.align_corners { round_half_away(place) } else { place as i32 };
    (index as usize).min(input_size - 1)
}
