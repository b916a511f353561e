//! Logistic function and tanh by one table of 256 steps of the logistic function, interpolated.

use crate::params::Sigmoidal16;

/// `1 / (1 + e^-x)`. `table[i]` is about `65536 / (1 + e^(-i / 24))`.
pub fn logistic(p: &Sigmoidal16, input: &[i16], table: &[u16], output: &mut [i16]) {
    for i in 0..input.len() {
        let x = scaled(p, input[i]);
        let y = interpolated(x, table, 9);
        let signed = if x >= 0 { y + (1 << 9) } else { (1 << 25) - y + (1 << 9) - 1 };
        output[i] = (signed >> 10) as i16;
    }
}

/// `2 / (1 + e^-2x) - 1`.
pub fn tanh(p: &Sigmoidal16, input: &[i16], table: &[u16], output: &mut [i16]) {
    for i in 0..input.len() {
        let x = scaled(p, input[i]);
        let y = interpolated(x, table, 8);
        let signed = if x >= 0 { y - (1 << 23) + (1 << 7) } else { -y + (1 << 23) + (1 << 7) - 1 };
        output[i] = (signed >> 8) as i16;
    }
}

/// To steps of the table, each with as many bits of fraction as [`interpolated`] is told.
fn scaled(p: &Sigmoidal16, x: i16) -> i32 {
    let round = if p.right_shift > 0 { 1 << (p.right_shift - 1) } else { 0 };
    i32::from(x).wrapping_mul(p.multiplier).wrapping_add(round) >> p.right_shift
}

fn interpolated(x: i32, table: &[u16], bits: u32) -> i32 {
    let size = x.unsigned_abs();
    let step = (size >> bits) as usize;
    if step >= 255 {
        // The last step saturates: 0x7FFF in the logistic function's result, 0xFFFF in tanh's.
        return if bits == 9 { 0x7FFF << 10 } else { 0xFFFF << 8 };
    }
    let (low, high) = (i32::from(table[step]), i32::from(table[step + 1]));
    (low << bits) + (size & ((1 << bits) - 1)) as i32 * (high - low)
}
