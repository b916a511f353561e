//! Resize of height and width, in ONNX's terms: the nearest pixel, or linear interpolation between four.
//!
//! All coordinates and weights are single precision, in ONNX Runtime's order. Quantized tensors are interpolated as the
//! numbers they hold, without regard to their zero point, and the fraction is dropped: ONNX Runtime does not round there.

use crate::byte::{Byte, Small};
use crate::float::single;
use crate::params::{Coordinates, Nearest, Resize2d};

/// An element that can be interpolated.
pub trait Sample: Copy {
    /// In single precision.
    fn to_f32(self) -> f32;
    /// Back; integers drop the fraction.
    fn from_f32(x: f32) -> Self;
}

impl Sample for f32 {
    fn to_f32(self) -> f32 {
        self
    }

    fn from_f32(x: f32) -> Self {
        x
    }
}

macro_rules! byte_sample {
    ($($t:ty)*) => {$(
        impl Sample for $t {
            fn to_f32(self) -> f32 {
                self.widen() as f32
            }

            fn from_f32(x: f32) -> Self {
                <Self as Byte>::saturate(x as i32)
            }
        }
    )*};
}
byte_sample!(i8 u8);

/// Every output pixel is a copy of one input pixel (`Resize` with mode `nearest`).
pub fn resize_nearest<T: Copy>(p: &Resize2d, input: &[T], output: &mut [T]) {
    for batch in 0..p.batches {
        for out_y in 0..p.output_h {
            let in_y = nearest(p, out_y, p.output_h, p.input_h, p.scale_h);
            for out_x in 0..p.output_w {
                let in_x = nearest(p, out_x, p.output_w, p.input_w, p.scale_w);
                for channel in 0..p.channels {
                    output[((batch * p.output_h + out_y) * p.output_w + out_x) * p.channels + channel] =
                        input[((batch * p.input_h + in_y) * p.input_w + in_x) * p.channels + channel];
                }
            }
        }
    }
}

/// Every output pixel is a weighted sum of four input pixels (`Resize` with mode `linear`).
pub fn resize_linear<T: Sample>(p: &Resize2d, input: &[T], output: &mut [T]) {
    for batch in 0..p.batches {
        for out_y in 0..p.output_h {
            let y = neighbours(p, out_y, p.output_h, p.input_h, p.scale_h);
            for out_x in 0..p.output_w {
                let x = neighbours(p, out_x, p.output_w, p.input_w, p.scale_w);
                for channel in 0..p.channels {
                    let pixel = |in_y: usize, in_x: usize| {
                        input[((batch * p.input_h + in_y) * p.input_w + in_x) * p.channels + channel].to_f32()
                    };
                    let mut sum = x.weight1 * y.weight1 * pixel(y.index1, x.index1);
                    sum += x.weight2 * y.weight1 * pixel(y.index1, x.index2);
                    sum += x.weight1 * y.weight2 * pixel(y.index2, x.index1);
                    sum += x.weight2 * y.weight2 * pixel(y.index2, x.index2);
                    output[((batch * p.output_h + out_y) * p.output_w + out_x) * p.channels + channel] =
                        T::from_f32(sum);
                }
            }
        }
    }
}

/// Where output index `x` lies in the input. A scale of exactly 1 moves nothing, and neither does any scale when the
/// output has the size of the input.
fn place(p: &Resize2d, x: usize, output_size: usize, input_size: usize, scale: f32) -> f32 {
    let at = x as f32;
    if scale == 1.0 || (p.output_h, p.output_w) == (p.input_h, p.input_w) {
        return at;
    }
    match p.coordinates {
        Coordinates::HalfPixel => (at + 0.5) / scale - 0.5,
        Coordinates::PytorchHalfPixel if output_size == 1 => 0.0,
        Coordinates::PytorchHalfPixel => (at + 0.5) / scale - 0.5,
        Coordinates::Asymmetric => at / scale,
        Coordinates::AlignCorners if output_size == 1 => 0.0,
        Coordinates::AlignCorners => at * (input_size - 1) as f32 / (output_size - 1) as f32,
        Coordinates::TfHalfPixelForNn => (at + 0.5) / scale,
    }
}

fn nearest(p: &Resize2d, x: usize, output_size: usize, input_size: usize, scale: f32) -> usize {
    /// Nearer to a half than this counts as one: a division can end on either side of it.
    const TIE: f32 = 1e-6;
    let place = place(p, x, output_size, input_size, scale);
    let floor = single::floor(place) as i32;
    let ceil = single::ceil(place) as i32;
    let beyond_half = place - floor as f32 - 0.5;
    let index = match p.nearest {
        Nearest::RoundPreferFloor => floor + i32::from(beyond_half >= TIE),
        Nearest::RoundPreferCeil => floor + i32::from(beyond_half > -TIE),
        Nearest::Floor => floor,
        Nearest::Ceil => ceil,
        Nearest::CeilWhenShrinking if scale < 1.0 => ceil,
        Nearest::CeilWhenShrinking => place as i32,
    };
    (index.max(0) as usize).min(input_size - 1)
}

/// The two input pixels around a place, and how much each of them counts.
struct Neighbours {
    index1: usize,
    index2: usize,
    weight1: f32,
    weight2: f32,
}

fn neighbours(p: &Resize2d, x: usize, output_size: usize, input_size: usize, scale: f32) -> Neighbours {
    let place = place(p, x, output_size, input_size, scale).min((input_size - 1) as f32).max(0.0);
    let index1 = (place as usize).min(input_size - 1);
    let index2 = (index1 + 1).min(input_size - 1);
    if index1 == index2 {
        return Neighbours { index1, index2, weight1: 0.5, weight2: 0.5 };
    }
    Neighbours { index1, index2, weight1: index2 as f32 - place, weight2: place - index1 as f32 }
}
