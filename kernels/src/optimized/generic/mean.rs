//! Mean over neighbouring axes, a block of what lies behind them at a time. Others go to the reference.

use super::CHANNEL_BLOCK;
use crate::params::{Mean, Reduce};
use crate::reference;
use crate::requant::requantize_to_i8;

/// Sums, takes the zero point off, rescales: see [`reference::mean`](crate::reference::mean()) for the formula.
pub fn mean(p: &Mean, input: &[i8], output: &mut [i8]) {
    let Some([outer, count, inner]) = neighbours(&p.reduce) else { return reference::mean(p, input, output) };
    let offset = p.input_zero_point.wrapping_mul(count as i32);
    let finish = |sum: i32| requantize_to_i8(sum.wrapping_sub(offset), p.output, p.output_zero_point, -128, 127);
    let rows = input.chunks_exact((count * inner).max(1)).zip(output.chunks_exact_mut(inner.max(1)));
    for (row, output) in rows.take(outer) {
        if inner == 1 {
            output[0] = finish(row.iter().fold(0_i32, |sum, &x| sum.wrapping_add(i32::from(x))));
            continue;
        }
        for (block, out) in output.chunks_mut(CHANNEL_BLOCK).enumerate() {
            let mut sums = [0_i32; CHANNEL_BLOCK];
            for elements in row[block * CHANNEL_BLOCK..].chunks(inner) {
                let elements = &elements[..out.len().min(elements.len())];
                if let Ok(elements) = <&[i8; CHANNEL_BLOCK]>::try_from(elements) {
                    for i in 0..CHANNEL_BLOCK {
                        sums[i] = sums[i].wrapping_add(i32::from(elements[i]));
                    }
                } else {
                    for (sum, &x) in sums.iter_mut().zip(elements) {
                        *sum = sum.wrapping_add(i32::from(x));
                    }
                }
            }
            for (out, &sum) in out.iter_mut().zip(&sums) {
                *out = finish(sum);
            }
        }
    }
}

/// Products of the dimensions before, among and behind the reduced ones; `None` where another one is among them.
fn neighbours(r: &Reduce) -> Option<[usize; 3]> {
    let mut products = [1; 3];
    let mut part = 0;
    for (&size, &reduced) in r.dims.iter().zip(&r.reduced) {
        if size == 1 {
            continue;
        }
        match (part, reduced) {
            (0, true) => part = 1,
            (1, false) => part = 2,
            (2, true) => return None,
            _ => {}
        }
        products[part] *= size;
    }
    Some(products)
}
