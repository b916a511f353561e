//! Softmax over the innermost dimension by two tables of 513 entries, interpolated; output scale 1/32768.

use crate::params::Softmax16;
use crate::requant::{clamp, requantize};

/// `exponentials` covers -10 to 0, `reciprocals` 1 / (1 + x) of 0 to 1, both in Q15.
pub fn softmax(p: &Softmax16, input: &[i16], exponentials: &[i16], reciprocals: &[i16], output: &mut [i16]) {
    for row in 0..p.rows {
        let input_row = &input[row * p.depth..(row + 1) * p.depth];
        let output_row = &mut output[row * p.depth..(row + 1) * p.depth];
        let mut largest = i16::MIN;
        for &x in input_row {
            largest = if x > largest { x } else { largest };
        }
        let mut sum = 0_i32;
        for c in 0..p.depth {
            let difference = requantize(i32::from(input_row[c]) - i32::from(largest), p.input);
            output_row[c] = lookup(exponentials, difference.wrapping_add(32767));
            sum = sum.wrapping_add(output_row[c].into());
        }
        // Of a row with its largest element the sum is at least one, and so has a bit set.
        let headroom = sum.max(1).leading_zeros();
        let shifted = ((i64::from(sum) << (headroom - 1)) + (1 << 13)) >> 14;
        let reciprocal = lookup(reciprocals, (shifted - (1 << 15) - (1 << 16)) as i32);
        let right = 31 - headroom;
        let round = if right > 0 { 1_i64 << (right - 1) } else { 0 };
        for c in 0..p.depth {
            let y = (i64::from(output_row[c]) * i64::from(reciprocal) + round) >> right;
            output_row[c] = clamp(y as i32, 0, 32767) as i16;
        }
    }
}

/// The table between two of its entries, 128 apart; `x` is brought into its range.
fn lookup(table: &[i16], x: i32) -> i16 {
    let x = clamp(x, -32768, 32767);
    let index = (256 + (x >> 7)) as usize;
    let (base, next) = (i32::from(table[index]), i32::from(table[index + 1]));
    (base + (((next - base) * (x & 0x7F) + 64) >> 7)) as i16
}
