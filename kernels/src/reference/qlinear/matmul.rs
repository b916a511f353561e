//! Matrix product of two tensors that are both computed at run time, zero point outside of the rounding.

use crate::byte::Byte;
use crate::params::{MatMul, QLinearMatMul, ScaleF32};
use crate::requant::scale_then_offset;
use crate::shape::{elements, offset, position};

/// Multiplies (`QLinearMatMul`). `scales` has one entry, or one a column:
/// `input1_scale * input2_scale / output_scale` in single precision, from left to right.
pub fn matmul<A: Byte, B: Byte>(p: &QLinearMatMul, input1: &[A], input2: &[B], scales: &[ScaleF32], output: &mut [A]) {
    let zero_points = (p.input1_zero_point, p.input2_zero_point);
    accumulate(&p.matmul, zero_points, input1, input2, |out_index, column, acc| {
        let scale = if scales.len() == 1 { scales[0] } else { scales[column] };
        let y = scale_then_offset(acc, scale, p.output_zero_point, p.activation.min, p.activation.max);
        output[out_index] = A::saturate(y);
    });
}

/// Multiplies and keeps the accumulators (`MatMulInteger`). Output zero point and activation are not used.
pub fn matmul_integer<A: Byte, B: Byte>(p: &QLinearMatMul, input1: &[A], input2: &[B], output: &mut [i32]) {
    let zero_points = (p.input1_zero_point, p.input2_zero_point);
    accumulate(&p.matmul, zero_points, input1, input2, |out_index, _, acc| output[out_index] = acc);
}

/// Calls `store(out_index, column, sum)` for every element of the output.
fn accumulate<A: Byte, B: Byte>(
    p: &MatMul,
    zero_points: (i32, i32),
    input1: &[A],
    input2: &[B],
    mut store: impl FnMut(usize, usize, i32),
) {
    for batch in 0..elements(&p.batch.dims) {
        let at = position(batch, &p.batch.dims);
        let from1 = offset(&at, &p.batch.strides1) * p.rows * p.depth;
        let from2 = offset(&at, &p.batch.strides2) * p.depth * p.columns;
        for row in 0..p.rows {
            for column in 0..p.columns {
                let mut sum = 0_i32;
                for d in 0..p.depth {
                    let x1 = input1[from1 + row * p.depth + d].widen() - zero_points.0;
                    let x2 = input2[from2 + d * p.columns + column].widen() - zero_points.1;
                    sum = sum.wrapping_add(x1 * x2);
                }
                store((batch * p.rows + row) * p.columns + column, column, sum);
            }
        }
    }
}
