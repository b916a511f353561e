//! Bilinear resize of 8-bit tensors: of int8 in integers with weights of 10 bits, of uint8 in single precision, as the
//! TFLite reference kernels have it.

use crate::float::single::{ceil, floor};
use crate::params::ResizeBilinear;
use crate::requant::divide_half_away_pow2;

/// Two neighbours along one axis, and how far between them a place lies.
struct Between<T> {
    lower: usize,
    upper: usize,
    /// From the lower one.
    distance: T,
}

/// Interpolates int8 in Q10.
pub fn resize_bilinear(p: &ResizeBilinear, input: &[i8], output: &mut [i8]) {
    const ONE: i64 = 1 << 10;
    let between = |out: usize, input: usize, output: usize| -> Between<i64> {
        let (from, to) = if p.align_corners && output > 1 { (input - 1, output - 1) } else { (input, output) };
        let scale = ((from << 10) + to / 2) / to;
        let scaled =
            if p.half_pixel_centers { (out * scale + scale / 2) as i64 - ONE / 2 } else { (out * scale) as i64 };
        let lower = (scaled / ONE).max(0) as usize;
        let upper = ((scaled + ONE - 1) / ONE).clamp(0, input as i64 - 1) as usize;
        Between { lower, upper, distance: scaled - ONE * lower as i64 }
    };
    for batch in 0..p.batches {
        for out_y in 0..p.output_h {
            let y = between(out_y, p.input_h, p.output_h);
            for out_x in 0..p.output_w {
                let x = between(out_x, p.input_w, p.output_w);
                for channel in 0..p.channels {
                    let pixel = |in_y: usize, in_x: usize| {
                        i64::from(input[((batch * p.input_h + in_y) * p.input_w + in_x) * p.channels + channel])
                    };
                    let sum = pixel(y.lower, x.lower) * (ONE - y.distance) * (ONE - x.distance)
                        + pixel(y.upper, x.lower) * y.distance * (ONE - x.distance)
                        + pixel(y.lower, x.upper) * (ONE - y.distance) * x.distance
                        + pixel(y.upper, x.upper) * y.distance * x.distance;
                    output[((batch * p.output_h + out_y) * p.output_w + out_x) * p.channels + channel] =
                        divide_half_away_pow2(sum, 20) as i8;
                }
            }
        }
    }
}

/// Interpolates uint8 in floats, half up.
pub fn resize_bilinear_u8(p: &ResizeBilinear, input: &[u8], output: &mut [u8]) {
    let between = |out: usize, input: usize, output: usize| -> Between<f32> {
        let (from, to) = if p.align_corners && output > 1 { (input - 1, output - 1) } else { (input, output) };
        let scale = from as f32 / to as f32;
        let scaled = if p.half_pixel_centers { (out as f32 + 0.5) * scale - 0.5 } else { out as f32 * scale };
        let lower = (floor(scaled) as i32).max(0) as usize;
        let upper = (ceil(scaled) as i32).clamp(0, input as i32 - 1) as usize;
        Between { lower, upper, distance: scaled - lower as f32 }
    };
    for batch in 0..p.batches {
        for out_y in 0..p.output_h {
            let y = between(out_y, p.input_h, p.output_h);
            for out_x in 0..p.output_w {
                let x = between(out_x, p.input_w, p.output_w);
                for channel in 0..p.channels {
                    let pixel = |in_y: usize, in_x: usize| {
                        f32::from(input[((batch * p.input_h + in_y) * p.input_w + in_x) * p.channels + channel])
                    };
                    let sum = pixel(y.lower, x.lower) * (1.0 - y.distance) * (1.0 - x.distance)
                        + pixel(y.upper, x.lower) * y.distance * (1.0 - x.distance)
                        + pixel(y.lower, x.upper) * (1.0 - y.distance) * x.distance
                        + pixel(y.upper, x.upper) * y.distance * x.distance
                        + 0.5;
                    output[((batch * p.output_h + out_y) * p.output_w + out_x) * p.channels + channel] = sum as u8;
                }
            }
        }
    }
}
