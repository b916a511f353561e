//! Hard swish, `x * relu6(x + 3) / 6`, in 16-bit fixed point.

use crate::params::HardSwish;
use crate::requant::{clamp, rdbpot, sdhm16, srdhm16};

/// The order of shifts, saturations and roundings is the definition.
pub fn hard_swish(p: &HardSwish, input: &[i8], output: &mut [i8]) {
    for i in 0..input.len() {
        let input_value = (i32::from(input[i]) - p.input_zero_point) as i16;
        let hires_input = input_value << 7;
        let preshift_input = srdhm16(hires_input, p.output_multiplier);

        // 3.0 is 32768 in this one: [-3, 3] becomes [-1, 1], saturated. The last bit of a left shift comes after the
        // multiplication, so that only it can saturate what counts.
        let mut reluish = hires_input;
        if p.reluish_exponent > 0 {
            reluish = saturating_shl16(reluish, p.reluish_exponent - 1);
        }
        reluish = srdhm16(reluish, p.reluish_multiplier);
        if p.reluish_exponent > 0 {
            reluish = saturating_shl16(reluish, 1);
        }
        if p.reluish_exponent < 0 {
            reluish = rdbpot16(reluish, -p.reluish_exponent);
        }
        // From [-1, 1] to [0, 1].
        let gate = ((i32::from(reluish) + (1 << 15)) >> 1) as i16;

        let preshift_output = sdhm16(gate, preshift_input);
        let output_value = i32::from(rdbpot16(preshift_output, -p.output_exponent));
        output[i] = clamp(output_value + p.output_zero_point, -128, 127) as i8;
    }
}

/// [`rdbpot`] with a mask of 16 bits, which is all ones from exponent 16 on: a remainder then always rounds away.
fn rdbpot16(x: i16, exponent: i32) -> i16 {
    if exponent < 16 {
        rdbpot(i32::from(x), exponent) as i16
    } else if x < 0 {
        -1
    } else {
        1
    }
}

fn saturating_shl16(x: i16, exponent: i32) -> i16 {
    // Beyond 16 bits everything but zero has long saturated.
    (i64::from(x) << exponent.min(16)).clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16
}
