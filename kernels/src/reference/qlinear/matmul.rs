//! Matrix product of two tensors that are both computed at run time, zero point outside of the rounding.

use crate::byte::Byte;
use crate::params::{MatMul, QLinearMatMul};
use crate::requant::Form;
use crate::shape::{elements, offset, position};

/// Multiplies (`QLinearMatMul`). `scales` has one entry, or one a column:
/// `input1_scale * input2_scale / output_scale` in single precision, from left to right.
pub fn matmul<A: Byte, B: Byte, F: Form>(
    p: &QLinearMatMul,
    input1: &[A],
    input2: &[B],
    scales: &[F],
    output: &mut [A],
) {
    let zero_point2 = |_| p.input2_zero_point;
    accumulate(&p.matmul, input1, input2, p.input1_zero_point, zero_point2, |out_index, column, acc| {
        let scale = if scales.len() == 1 { scales[0] } else { scales[column] };
        let y = scale.finish(acc, p.output_zero_point, p.activation.min, p.activation.max);
        output[out_index] = A::saturate(y);
    });
}

/// Multiplies and keeps the accumulators (`MatMulInteger`). Zero points are operands, since they may be computed at run
/// time: one of the first operand, one of the second or one a column.
pub fn matmul_integer<A: Byte, B: Byte>(
    p: &MatMul,
    input1: &[A],
    input2: &[B],
    zero_point1: &[A],
    zero_points2: &[B],
    output: &mut [i32],
) {
    let zero_point2 = |column: usize| zero_points2[column % zero_points2.len()].widen();
    accumulate(p, input1, input2, zero_point1[0].widen(), zero_point2, |out_index, _, acc| output[out_index] = acc);
}

/// Calls `store(out_index, column, sum)` for every element of the output.
fn accumulate<A: Byte, B: Byte>(
    p: &MatMul,
    input1: &[A],
    input2: &[B],
    zero_point1: i32,
    zero_point2: impl Fn(usize) -> i32,
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
                    let x1 = input1[from1 + row * p.depth + d].widen() - zero_point1;
                    let x2 = input2[from2 + d * p.columns + column].widen() - zero_point2(column);
                    sum = sum.wrapping_add(x1 * x2);
                }
                store((batch * p.rows + row) * p.columns + column, column, sum);
            }
        }
    }
}
