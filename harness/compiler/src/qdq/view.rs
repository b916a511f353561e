//! Where the elements of a value lie, and what 8-bit codes stand for. Knows no operators.

use std::rc::Rc;

use crate::graph::{DType, Quantization, Tensor, TensorId};

/// A tensor of the result with the dimensions of the model: dimension `order[i]` of the model lies `i`th in memory.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub tensor: TensorId,
    /// In the model's order of dimensions.
    pub shape: Vec<usize>,
    pub order: Vec<usize>,
}

impl View {
    pub fn new(tensor: TensorId, shape: &[usize]) -> Self {
        View { tensor, shape: shape.to_vec(), order: View::identity(shape.len()) }
    }

    /// The order of a tensor that lies as the model says.
    pub fn identity(rank: usize) -> Vec<usize> {
        (0..rank).collect()
    }

    /// The order of channel-last kernels: the second dimension goes last.
    pub fn channel_last(rank: usize) -> Vec<usize> {
        if rank < 3 {
            return View::identity(rank);
        }
        std::iter::once(0).chain(2..rank).chain(std::iter::once(1)).collect()
    }

    /// Dimensions as they lie in memory.
    pub fn physical(&self) -> Vec<usize> {
        self.order.iter().map(|&d| self.shape[d]).collect()
    }

    /// Place in memory of dimension `d` of the model.
    pub fn place(&self, d: usize) -> usize {
        self.order.iter().position(|&o| o == d).unwrap_or(d)
    }

    /// The same bytes with other dimensions, if their order in memory allows it without a copy.
    pub fn reshaped(&self, shape: &[usize]) -> Option<View> {
        let significant = |order: &[usize], shape: &[usize]| -> Vec<usize> {
            order.iter().copied().filter(|&d| shape[d] != 1).collect()
        };
        let old = significant(&self.order, &self.shape);
        if old.is_sorted() {
            return Some(View::new(self.tensor, shape));
        }
        // Only dimensions of 1 come or go: the others keep their places in memory.
        let of_old: Vec<usize> = (0..self.shape.len()).filter(|&d| self.shape[d] != 1).collect();
        let of_new: Vec<usize> = (0..shape.len()).filter(|&d| shape[d] != 1).collect();
        let sizes = |dims: &[usize], shape: &[usize]| dims.iter().map(|&d| shape[d]).collect::<Vec<_>>();
        if sizes(&of_old, &self.shape) != sizes(&of_new, shape) {
            return None;
        }
        let rename = |d: usize| of_old.iter().position(|&o| o == d).map(|i| of_new[i]);
        let mut order: Vec<usize> = (0..shape.len()).filter(|&d| shape[d] == 1).collect();
        order.extend(old.into_iter().filter_map(rename));
        Some(View { tensor: self.tensor, shape: shape.to_vec(), order })
    }

    /// Where the elements of one sample lie: for each place in memory, the place in the model's order. `None` if the
    /// samples do not lie one after the other.
    pub fn places_of_a_sample(&self) -> Option<Vec<usize>> {
        let significant = self.order.iter().find(|&&d| self.shape[d] != 1);
        if self.shape.first() != Some(&1) && significant != Some(&0) {
            return None;
        }
        let order: Vec<usize> = self.order.iter().copied().filter(|&d| d != 0).collect();
        let stride = |d: usize| self.shape[d + 1..].iter().product::<usize>();
        let mut places = vec![0];
        for d in order {
            places = places.iter().flat_map(|at| (0..self.shape[d]).map(move |i| at + i * stride(d))).collect();
        }
        Some(places)
    }

    /// The view after dimension i became dimension `permutation[i]` of the old one.
    pub fn transposed(&self, permutation: &[usize]) -> View {
        let rename = |&d: &usize| permutation.iter().position(|&p| p == d).unwrap_or(d);
        View {
            tensor: self.tensor,
            shape: permutation.iter().map(|&d| self.shape[d]).collect(),
            order: self.order.iter().map(rename).collect(),
        }
    }
}

/// What codes stand for.
#[derive(Clone, Debug)]
pub(super) enum Code {
    /// `scale * (q - zero_point)`; the axis is one of the model's dimensions.
    Affine(Quantization),
    /// Element by the bits of the code.
    Table(Rc<[f32; 256]>),
}

/// A value as a function of codes.
#[derive(Clone, Debug)]
pub(super) struct Coded {
    pub view: View,
    pub code: Code,
}

/// Scale and zero point of a tensor that has one of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Affine {
    pub scale: f32,
    pub zero_point: i32,
    pub dtype: DType,
}

impl PartialEq for Affine {
    /// Equal to the bit.
    fn eq(&self, other: &Self) -> bool {
        self.scale.to_bits() == other.scale.to_bits()
            && self.zero_point == other.zero_point
            && self.dtype == other.dtype
    }
}

impl Affine {
    pub fn range(self) -> (i32, i32) {
        if self.dtype == DType::U8 { (0, 255) } else { (-128, 127) }
    }

    pub fn quantization(self) -> Quantization {
        Quantization { scales: vec![self.scale], zero_points: vec![self.zero_point.into()], axis: 0 }
    }

    /// The code of `x`: the quotient in single precision, to the nearest integer, ties to even, plus the zero point.
    pub fn encode(self, x: f32) -> i32 {
        let (low, high) = self.range();
        hilbench_kernels::requant::round_half_even(x / self.scale).saturating_add(self.zero_point).clamp(low, high)
    }

    /// Every code in the order of its bits, as a real number.
    pub fn table(self) -> [f32; 256] {
        std::array::from_fn(|bits| {
            let q = if self.dtype == DType::U8 { bits as i32 } else { i32::from(bits as u8 as i8) };
            (q - self.zero_point) as f32 * self.scale
        })
    }
}

impl Coded {
    /// Scale and zero point, if there is one of each and the codes have 8 bits.
    pub fn affine(&self, tensors: &[Tensor]) -> Option<Affine> {
        let dtype = tensors[self.view.tensor].dtype;
        match &self.code {
            Code::Affine(q) if matches!(dtype, DType::I8 | DType::U8) => match (&q.scales[..], &q.zero_points[..]) {
                (&[scale], &[zero_point]) => Some(Affine { scale, zero_point: zero_point as i32, dtype }),
                _ => None,
            },
            _ => None,
        }
    }

    /// Every code in the order of its bits, as a real number, where one table serves all elements.
    pub fn table(&self, tensors: &[Tensor]) -> Option<[f32; 256]> {
        match &self.code {
            Code::Table(table) => Some(**table),
            Code::Affine(_) => self.affine(tensors).map(Affine::table),
        }
    }

    /// The numbers that a constant stands for, in the order of memory.
    pub fn floats(&self, source: &Tensor) -> Vec<f32> {
        let codes = integers(source);
        match &self.code {
            Code::Table(table) => codes.iter().map(|&q| table[usize::from(q as u8)]).collect(),
            Code::Affine(q) if q.scales.len() == 1 => {
                codes.iter().map(|&c| (c - q.zero_points[0]) as f32 * q.scales[0]).collect()
            }
            Code::Affine(q) => {
                let physical = self.view.physical();
                let place = self.view.place(q.axis);
                let inner: usize = physical[place + 1..].iter().product();
                let channel = |i: usize| i / inner.max(1) % physical[place].max(1);
                let value = |(i, &c): (usize, &i64)| (c - q.zero_points[channel(i)]) as f32 * q.scales[channel(i)];
                codes.iter().enumerate().map(value).collect()
            }
        }
    }
}

/// The integers of a constant; none for floats.
pub(super) fn integers(tensor: &Tensor) -> Vec<i64> {
    let data = tensor.data.as_deref().unwrap_or_default();
    match tensor.dtype {
        DType::I64 => data.as_chunks().0.iter().map(|&c| i64::from_le_bytes(c)).collect(),
        DType::I32 => data.as_chunks().0.iter().map(|&c| i64::from(i32::from_le_bytes(c))).collect(),
        DType::I16 => data.as_chunks().0.iter().map(|&c| i64::from(i16::from_le_bytes(c))).collect(),
        DType::U16 => data.as_chunks().0.iter().map(|&c| i64::from(u16::from_le_bytes(c))).collect(),
        DType::I8 => data.iter().map(|&b| i64::from(b as i8)).collect(),
        DType::U8 | DType::Bool => data.iter().map(|&b| i64::from(b)).collect(),
        DType::F32 => Vec::new(),
    }
}

/// The floats of a constant; none for integers.
pub(super) fn floats(tensor: &Tensor) -> Vec<f32> {
    match (&tensor.data, tensor.dtype) {
        (Some(data), DType::F32) => data.as_chunks().0.iter().map(|&c| f32::from_le_bytes(c)).collect(),
        _ => Vec::new(),
    }
}
