//! What stays float: one kernel an operator, with one order of operations.

use super::{Site, Stage};
use crate::Result;
use crate::graph::onnx::{Binary, Op, Pooling, Unary, Window};

/// `unary` of every element, here.
pub(super) fn unary_of(unary: Unary, x: &[f32]) -> Option<Vec<f32>> {
    let f: &dyn Fn(f64) -> f64 = match unary {
        Unary::Relu => &|x| x.max(0.0),
        Unary::Sigmoid => &|x| 1.0 / (1.0 + (-x).exp()),
        Unary::Tanh => &f64::tanh,
        Unary::Clip(low, high) => return Some(x.iter().map(|&x| x.max(low).min(high)).collect()),
        _ => return None,
    };
    Some(x.iter().map(|&x| f(f64::from(x)) as f32).collect())
}

/// `binary` of pairs of elements, here.
pub(super) fn binary_of(binary: Binary, a: &[f32], b: &[f32]) -> Option<Vec<f32>> {
    let f: fn(f32, f32) -> f32 = match binary {
        Binary::Add => |a, b| a + b,
        Binary::Mul => |a, b| a * b,
        _ => return None,
    };
    Some(a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect())
}

impl<'g> Stage<'g> {
    pub(super) fn float_operator(&mut self, site: Site<'g>, _op: &'g Op) -> Result<()> {
        Err(site.unsupported("float32 arithmetic"))
    }

    pub(super) fn float_unary(&mut self, site: Site<'g>, _unary: Unary) -> Result<()> {
        self.note_float(site);
        Err(site.unsupported("float32 arithmetic"))
    }

    pub(super) fn float_binary(&mut self, site: Site<'g>, _binary: Binary) -> Result<()> {
        Err(site.unsupported("float32 arithmetic"))
    }

    pub(super) fn float_conv(&mut self, site: Site<'g>, _window: &'g Window, _groups: usize) -> Result<()> {
        Err(site.unsupported("float32 arithmetic"))
    }

    pub(super) fn float_conv_transpose(&mut self, site: Site<'g>, _window: &'g Window, _groups: usize) -> Result<()> {
        Err(site.unsupported("float32 arithmetic"))
    }

    pub(super) fn float_gemm(&mut self, site: Site<'g>, _op: &'g Op) -> Result<()> {
        Err(site.unsupported("float32 arithmetic"))
    }

    pub(super) fn float_mat_mul(&mut self, site: Site<'g>) -> Result<()> {
        Err(site.unsupported("float32 arithmetic"))
    }

    pub(super) fn float_pool(&mut self, site: Site<'g>, _pooling: Pooling, _window: &'g Window) -> Result<()> {
        Err(site.unsupported("float32 arithmetic"))
    }

    pub(super) fn float_global_average_pool(&mut self, site: Site<'g>) -> Result<()> {
        Err(site.unsupported("float32 arithmetic"))
    }

    pub(super) fn float_softmax(&mut self, site: Site<'g>, _axis: usize, _log: bool) -> Result<()> {
        Err(site.unsupported("float32 arithmetic"))
    }
}
