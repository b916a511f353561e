//! Matrix product of two tensors that are both computed at run time.

use crate::params::MatMul;
use crate::shape::{elements, offset, position};

/// Multiplies.
pub fn matmul(p: &MatMul, input1: &[f32], input2: &[f32], output: &mut [f32]) {
    for batch in 0..elements(&p.batch.dims) {
        let at = position(batch, &p.batch.dims);
        let from1 = offset(&at, &p.batch.strides1) * p.rows * p.depth;
        let from2 = offset(&at, &p.batch.strides2) * p.depth * p.columns;
        for row in 0..p.rows {
            for column in 0..p.columns {
                let mut sum = 0.0_f32;
                for d in 0..p.depth {
                    sum += input1[from1 + row * p.depth + d] * input2[from2 + d * p.columns + column];
                }
                output[(batch * p.rows + row) * p.columns + column] = sum;
            }
        }
    }
}
