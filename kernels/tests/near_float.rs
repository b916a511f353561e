//! The fixed-point activations against the real functions: never more than one output step away. Recorded vectors pin
//! the last bit; this pins that the parameters mean what they say.

use hilbench_kernels::params::{
    Affine, Clamp, HardSwish, LeakyRelu, LogSoftmax, Mean, Reduce, Relu, Requant, Sigmoidal, Softmax,
};
use hilbench_kernels::reference;
use hilbench_kernels::requant::divide_by_count;

const SCALES: [f64; 6] = [0.002, 0.0117, 0.0471, 0.1, 0.25, 0.9];
const ZERO_POINTS: [i32; 4] = [-128, -3, 41, 127];

/// Q31 fraction and power of two nearest to `real`.
fn factor(real: f64) -> Requant {
    let shift = real.log2().floor() as i32 + 1;
    let multiplier = (real * 2_f64.powi(31 - shift)).round() as i64;
    if multiplier == 1 << 31 {
        return Requant { multiplier: 1 << 30, shift: shift + 1 };
    }
    Requant { multiplier: i32::try_from(multiplier).expect("a fraction"), shift }
}

/// Largest difference that a fixed-point format of `integer_bits` bits holds after the left shift.
fn radius(integer_bits: u32, left_shift: i32) -> i32 {
    let largest = f64::from((1 << integer_bits) - 1) * 2_f64.powi(31 - integer_bits as i32);
    (largest / 2_f64.powi(left_shift)).floor().min(1e9) as i32
}

fn all_inputs() -> Vec<i8> {
    (i8::MIN..=i8::MAX).collect()
}

/// Every output is within one step of `real`, quantized with `scale` and `zero_point` and saturated.
fn check(name: &str, output: &[i8], real: impl Iterator<Item = f64>, scale: f64, zero_point: i32) {
    for (i, (&got, real)) in output.iter().zip(real).enumerate() {
        let exact = (real / scale + f64::from(zero_point)).clamp(-128.0, 127.0);
        assert!((f64::from(got) - exact).abs() <= 1.0, "{name}: element {i} is {got}, exactly {exact}");
    }
}

fn for_each_input(mut visit: impl FnMut(f64, i32, &[i8])) {
    for scale in SCALES {
        for zero_point in ZERO_POINTS {
            visit(scale, zero_point, &all_inputs());
        }
    }
}

#[test]
fn logistic_and_tanh() {
    for_each_input(|scale, zero_point, input| {
        let input_affine = Affine { scale: scale as f32, zero_point };
        let p = |scale, zero_point| Sigmoidal { input: input_affine, output: Affine { scale, zero_point } };
        let real = || input.iter().map(|&x| f64::from(i32::from(x) - zero_point) * scale);
        let mut output = [0; 256];
        reference::logistic(&p(1.0 / 256.0, -128), input, &mut output);
        check("logistic", &output, real().map(|x| 1.0 / (1.0 + (-x).exp())), 1.0 / 256.0, -128);
        reference::tanh(&p(1.0 / 128.0, 0), input, &mut output);
        check("tanh", &output, real().map(f64::tanh), 1.0 / 128.0, 0);
    });
}

#[test]
fn softmax_and_log_softmax() {
    for scale in SCALES {
        for depth in [1, 2, 7, 64] {
            let input: Vec<i8> = all_inputs().into_iter().map(|x| x.wrapping_mul(37)).collect();
            let rows = input.len() / depth;
            let q5 = factor(scale * 2_f64.powi(26));
            let diff_min = -radius(5, q5.shift);
            let mut output = vec![0; rows * depth];
            let input = &input[..rows * depth];
            let logs: Vec<f64> = input
                .chunks(depth)
                .flat_map(|row| {
                    let sum: f64 = row.iter().map(|&x| (f64::from(x) * scale).exp()).sum();
                    row.iter().map(move |&x| f64::from(x) * scale - sum.ln())
                })
                .collect();
            reference::softmax(&Softmax { rows, depth, input: q5, diff_min }, input, &mut output);
            check("softmax", &output, logs.iter().map(|x| x.exp()), 1.0 / 256.0, -128);
            let reverse = factor(2_f64.powi(31 - q5.shift) / f64::from(q5.multiplier));
            reference::log_softmax(&LogSoftmax { rows, depth, input: q5, reverse, diff_min }, input, &mut output);
            check("log_softmax", &output, logs.iter().copied(), 1.0 / 16.0, 127);
        }
    }
}

#[test]
fn softmax_of_a_long_flat_row_is_the_smallest_value() {
    let q5 = factor(0.1 * 2_f64.powi(26));
    let p = Softmax { rows: 1, depth: 1000, input: q5, diff_min: -radius(5, q5.shift) };
    let mut output = [0; 1000];
    reference::softmax(&p, &[5; 1000], &mut output);
    assert_eq!(output, [-128; 1000]);
}

#[test]
fn relu_leaky_relu_and_hard_swish() {
    for_each_input(|scale, zero_point, input| {
        let output_scale = scale * 1.3;
        let real = || input.iter().map(|&x| f64::from(i32::from(x) - zero_point) * scale);
        let mut output = [0; 256];
        let ratio = factor(scale / output_scale);
        let activation = Clamp { min: -20, max: 127 };
        let relu = Relu { input_zero_point: zero_point, output_zero_point: -20, output: ratio, activation };
        reference::relu(&relu, input, &mut output);
        check("relu", &output, real().map(|x| x.max(0.0)), output_scale, -20);

        let alpha = factor(0.3 * scale / output_scale);
        let leaky = LeakyRelu { input_zero_point: zero_point, output_zero_point: 9, identity: ratio, alpha };
        reference::leaky_relu(&leaky, input, &mut output);
        check("leaky_relu", &output, real().map(|x| if x < 0.0 { 0.3 * x } else { x }), output_scale, 9);

        let (gate, preshift) = (factor(scale / 128.0 / (3.0 / 32768.0)), factor(scale / 128.0 / output_scale));
        let sixteen = |r: Requant| i16::try_from((r.multiplier + (1 << 15)) >> 16).unwrap_or(i16::MAX);
        let p = HardSwish {
            input_zero_point: zero_point,
            output_zero_point: -5,
            reluish_multiplier: sixteen(gate),
            reluish_exponent: gate.shift,
            output_multiplier: sixteen(preshift),
            output_exponent: preshift.shift,
        };
        reference::hard_swish(&p, input, &mut output);
        check("hard_swish", &output, real().map(|x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0), output_scale, -5);
    });
}

#[test]
fn mean_over_outer_inner_and_all_axes() {
    let input: Vec<i8> = (0..2 * 3 * 5).map(|i| (i * 53 % 256) as u8 as i8).collect();
    for (reduced, count) in [([1, 0, 0], 2), ([0, 1, 1], 15), ([1, 0, 1], 10), ([1, 1, 1], 30)] {
        let reduced: [bool; 6] = std::array::from_fn(|i| i >= 3 && reduced[i - 3] == 1);
        let reduce = Reduce { dims: [1, 1, 1, 2, 3, 5], reduced };
        let output = divide_by_count(factor(0.05 / 0.04), count);
        let p = Mean { reduce, input_zero_point: -7, output_zero_point: 12, output };
        let mut got = vec![0; 30 / count];
        reference::mean(&p, &input, &mut got);
        let mut sums = vec![0.0; 30 / count];
        for (i, &x) in input.iter().enumerate() {
            let at = [i / 15, i / 5 % 3, i % 5];
            let kept = (0..3).filter(|&axis| !reduced[axis + 3]);
            let index = kept.fold(0, |index, axis| index * [2, 3, 5][axis] + at[axis]);
            sums[index] += f64::from(i32::from(x) + 7) * 0.05;
        }
        check("mean", &got, sums.iter().map(|sum| sum / count as f64), 0.04, 12);
    }
}

#[test]
fn quantize_saturates_and_rounds_ties_away_and_dequantize_goes_back() {
    let p = Affine { scale: 0.5, zero_point: -3 };
    let input = [0.0, 0.25, -0.25, 1e9, f32::NEG_INFINITY, f32::INFINITY, f32::NAN, 65.0];
    let mut output = [0; 8];
    reference::quantize_i8(&p, &input, &mut output);
    assert_eq!(output, [-3, -2, -4, 127, -128, 127, -3, 127]);
    let p = Affine { scale: 0.5, zero_point: 3 };
    let mut output = [0; 8];
    reference::quantize_u8(&p, &input, &mut output);
    assert_eq!(output, [3, 4, 2, 255, 0, 255, 3, 133]);
    let mut back = [0.0; 8];
    reference::dequantize_u8(&p, &output, &mut back);
    assert_eq!(back, [0.0, 0.5, -0.5, 126.0, -1.5, 126.0, 0.0, 65.0]);
}
