//! Max pooling, with or without dilation; input and output share scale and zero point.

use crate::byte::Byte;
use crate::params::Pool2d;
use crate::requant::clamp;
use crate::shape::tap_index;

/// Keeps the largest value of each window (`MaxPool`). A window that is all padding gives the smallest value.
pub fn max_pool2d<T: Byte>(p: &Pool2d, input: &[T], output: &mut [T]) {
    let w = &p.window;
    for batch in 0..p.batches {
        for out_y in 0..w.output_h {
            for out_x in 0..w.output_w {
                for channel in 0..p.channels {
                    let mut largest = T::MIN;
                    for filter_y in 0..w.filter_h {
                        let Some(in_y) = tap_index(out_y, w.stride_h, filter_y, w.dilation_h, w.pad_top, w.input_h)
                        else {
                            continue;
                        };
                        for filter_x in 0..w.filter_w {
                            let Some(in_x) =
                                tap_index(out_x, w.stride_w, filter_x, w.dilation_w, w.pad_left, w.input_w)
                            else {
                                continue;
                            };
                            let x = input[((batch * w.input_h + in_y) * w.input_w + in_x) * p.channels + channel];
                            largest = largest.max(x.widen());
                        }
                    }
                    output[((batch * w.output_h + out_y) * w.output_w + out_x) * p.channels + channel] =
                        T::saturate(clamp(largest, p.activation.min, p.activation.max));
                }
            }
        }
    }
}
