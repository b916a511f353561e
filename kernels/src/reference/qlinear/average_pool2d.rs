//! Average pooling: windows in single precision, whole images in integers.

use crate::byte::Byte;
use crate::params::{QLinearAveragePool2d, QLinearGlobalAveragePool};
use crate::requant::{clamp, round_half_even, scale_then_offset};
use crate::shape::tap_index;

/// Averages each window (`QLinearAveragePool`): dequantized, summed in row-major order, divided by the count, divided by
/// the output's scale, the zero point added inside of the rounding. Each of these rounds to single precision.
///
/// A window that covers the whole image without padding is [`global_average_pool`] instead: ONNX Runtime goes there too.
pub fn average_pool2d<T: Byte>(p: &QLinearAveragePool2d, input: &[T], output: &mut [T]) {
    let (pool, w) = (&p.pool, &p.pool.window);
    for batch in 0..pool.batches {
        for out_y in 0..w.output_h {
            for out_x in 0..w.output_w {
                for channel in 0..pool.channels {
                    let mut sum = 0.0_f32;
                    let mut inside = 0_usize;
                    for filter_y in 0..w.filter_h {
                        let Some(in_y) = tap_index(out_y, w.stride_h, filter_y, 1, w.pad_top, w.input_h) else {
                            continue;
                        };
                        for filter_x in 0..w.filter_w {
                            let Some(in_x) = tap_index(out_x, w.stride_w, filter_x, 1, w.pad_left, w.input_w) else {
                                continue;
                            };
                            let x = input[((batch * w.input_h + in_y) * w.input_w + in_x) * pool.channels + channel];
                            sum += p.input.scale * (x.widen() - p.input.zero_point) as f32;
                            inside += 1;
                        }
                    }
                    let count = if p.count_include_pad { w.filter_h * w.filter_w } else { inside.max(1) };
                    let mean = sum / count as f32;
                    let y = round_half_even(mean / p.output.scale + p.output.zero_point as f32);
                    output[((batch * w.output_h + out_y) * w.output_w + out_x) * pool.channels + channel] =
                        T::saturate(clamp(y, pool.activation.min, pool.activation.max));
                }
            }
        }
    }
}

/// Averages each channel of an image (`QLinearGlobalAveragePool`): an exact sum, one factor, the zero point outside of
/// the rounding.
pub fn global_average_pool<T: Byte>(p: &QLinearGlobalAveragePool, input: &[T], output: &mut [T]) {
    for batch in 0..p.batches {
        for channel in 0..p.channels {
            let mut sum = 0_i32;
            for place in 0..p.area {
                let x = input[(batch * p.area + place) * p.channels + channel];
                sum = sum.wrapping_add(x.widen() - p.input_zero_point);
            }
            let y = scale_then_offset(sum, p.scale, p.output_zero_point, p.activation.min, p.activation.max);
            output[batch * p.channels + channel] = T::saturate(y);
        }
    }
}
