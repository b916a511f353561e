//! The bytes of a tensor as numbers: the integers that are compared, and the real values that they stand for.

use std::fmt;

use hilbench_compiler::graph::{DType, Tensor};

/// One element in its own type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f32),
}

impl Number {
    /// As a float, exact for every type that a tensor on a board has.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        match self {
            Number::Integer(i) => i as f64,
            Number::Float(x) => f64::from(x),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Integer(i) => i.fmt(f),
            // The shortest text that reads back as the same float.
            Number::Float(x) => write!(f, "{x:?}"),
        }
    }
}

/// Element `index` of a tensor's bytes.
///
/// # Panics
/// The bytes end before the element.
#[must_use]
pub fn number(dtype: DType, bytes: &[u8], index: usize) -> Number {
    fn at<const N: usize>(bytes: &[u8], index: usize) -> [u8; N] {
        bytes.as_chunks().0[index]
    }
    match dtype {
        DType::I8 => Number::Integer(i64::from(bytes[index] as i8)),
        DType::U8 | DType::Bool => Number::Integer(i64::from(bytes[index])),
        DType::I16 => Number::Integer(i64::from(i16::from_le_bytes(at(bytes, index)))),
        DType::U16 => Number::Integer(i64::from(u16::from_le_bytes(at(bytes, index)))),
        DType::I32 => Number::Integer(i64::from(i32::from_le_bytes(at(bytes, index)))),
        DType::I64 => Number::Integer(i64::from_le_bytes(at(bytes, index))),
        DType::F32 => Number::Float(f32::from_le_bytes(at(bytes, index))),
    }
}

/// Scale and zero point of a tensor whose integers stand for real values.
#[must_use]
pub fn affine(tensor: &Tensor) -> Option<(f32, i64)> {
    match (&tensor.quantization, tensor.dtype) {
        (_, DType::F32 | DType::I64 | DType::Bool) | (None, _) => None,
        (Some(q), _) => match (&q.scales[..], &q.zero_points[..]) {
            (&[scale], &[zero_point]) => Some((scale, zero_point)),
            _ => None,
        },
    }
}

/// Real values of a tensor's bytes: `scale * (q - zero_point)` in float32 where it is quantized, else the number itself.
#[must_use]
pub fn reals(tensor: &Tensor, bytes: &[u8]) -> Vec<f64> {
    let affine = affine(tensor);
    (0..bytes.len() / tensor.dtype.size())
        .map(|i| match (number(tensor.dtype, bytes, i), affine) {
            (Number::Integer(q), Some((scale, zero_point))) => f64::from((q - zero_point) as f32 * scale),
            (number, _) => number.to_f64(),
        })
        .collect()
}

/// Appends a real value in the element type of `tensor`: `clamp(round_half_even(x / scale) + zero_point)` where it is
/// quantized. `None` where its integers stand for no real values.
#[must_use]
pub fn encode(tensor: &Tensor, x: f32, bytes: &mut Vec<u8>) -> Option<()> {
    if tensor.dtype == DType::F32 {
        bytes.extend(x.to_le_bytes());
        return Some(());
    }
    let (scale, zero_point) = affine(tensor)?;
    // A float is cut to the range of an i64, which no zero point of a small type can leave.
    let steps = ((x / scale).round_ties_even() as i64).clamp(i64::from(i32::MIN), i64::from(i32::MAX));
    let q = steps.saturating_add(zero_point);
    match tensor.dtype {
        DType::I8 => bytes.push(q.clamp(-128, 127) as u8),
        DType::U8 => bytes.push(q.clamp(0, 255) as u8),
        DType::I16 => bytes.extend((q.clamp(i16::MIN.into(), i16::MAX.into()) as i16).to_le_bytes()),
        DType::U16 => bytes.extend((q.clamp(0, u16::MAX.into()) as u16).to_le_bytes()),
        DType::I32 => bytes.extend((q.clamp(i32::MIN.into(), i32::MAX.into()) as i32).to_le_bytes()),
        DType::F32 | DType::I64 | DType::Bool => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use hilbench_compiler::graph::Quantization;

    use super::*;

    fn int8(scale: f32, zero_point: i64) -> Tensor {
        let quantization = Some(Quantization { scales: vec![scale], zero_points: vec![zero_point], axis: 0 });
        Tensor { name: "x".into(), dtype: DType::I8, shape: vec![1], quantization, data: None }
    }

    #[track_caller]
    fn check(scale: f32, zero_point: i64, x: f32, expect: i8) {
        let mut bytes = Vec::new();
        assert_eq!(encode(&int8(scale, zero_point), x, &mut bytes), Some(()));
        assert_eq!(bytes, [expect as u8], "{x} / {scale} + {zero_point}");
    }

    #[test]
    fn floats_are_quantized_half_to_even_and_saturate() {
        check(1.0, 0, 2.5, 2);
        check(1.0, 0, 3.5, 4);
        check(1.0, 0, -2.5, -2);
        check(0.5, 3, 1.0, 5);
        check(1.0, -128, 1e30, 127);
        check(1e-9, 0, -1e30, -128);
    }

    #[test]
    fn integers_stand_for_reals() {
        assert_eq!(reals(&int8(0.5, -1), &[0xFF, 1, 0x80]), [0.0, 1.0, -63.5]);
    }
}
