//! Operators in single precision: near the recorded answers, which come from other orders of summation.

use hilbench_kernels::optimized::generic;
use hilbench_kernels::params::{
    Broadcast, ClampF32, Conv2dF32, DepthwiseConv2dF32, FullyConnectedF32, MatMul, Pool2dF32, Recurrent, Reduce, Rows,
    UnaryF32, Window2d,
};
use hilbench_kernels::reference::{self, float};
use hilbench_kernels::shape::elements;

use crate::recorded::{Case, cases};
use crate::{broadcast, conv_window};

/// Compares with a recorded answer, to within a hundred-thousandth of it or of one.
pub fn expect_near(case: &Case, name: &str, got: &[f32]) {
    let expected = case.floats(name);
    assert_eq!(expected.len(), got.len(), "{}: number of elements", case.name);
    for (i, (&expected, &got)) in expected.iter().zip(got).enumerate() {
        let close = (got - expected).abs() <= 1e-5 * expected.abs().max(1.0);
        assert!(close || got == expected, "{}: {name}[{i}] is {got}, not {expected}", case.name);
    }
}

#[test]
fn conv2d_and_depthwise_conv2d() {
    for case in &cases("float_conv2d") {
        let (x, w, y) = (case.dims("x"), case.dims("w"), case.dims("y"));
        let window = conv_window(case, [w[1], w[2]]);
        let p = Conv2dF32 {
            batches: x[0],
            window,
            input_channels: x[3],
            filter_channels: w[3],
            output_channels: y[3],
            activation: ClampF32::NONE,
        };
        let (input, weights, bias) = (case.floats("x"), case.floats("w"), case.floats("b"));
        let mut got = vec![0.0; elements(y)];
        float::conv2d(&p, &input, &weights, &bias, &mut got);
        expect_near(case, "y", &got);
        let mut optimized = vec![9.0; elements(y)];
        generic::float::conv2d(&p, &input, &weights, &bias, &mut optimized);
        assert_eq!(optimized, got, "{}: optimized", case.name);
        if w[3] == 1 {
            let taps = w[1] * w[2];
            let transposed: Vec<f32> = (0..taps * w[0]).map(|i| weights[i % w[0] * taps + i / w[0]]).collect();
            let multiplier = y[3] / x[3];
            let activation = ClampF32::RELU;
            let p = DepthwiseConv2dF32 { batches: x[0], window, channels: x[3], multiplier, activation };
            let mut depthwise = vec![0.0; elements(y)];
            float::depthwise_conv2d(&p, &input, &transposed, &bias, &mut depthwise);
            assert!(depthwise.iter().zip(&got).all(|(d, g)| *d == g.max(0.0)), "{}: depthwise", case.name);
            generic::float::depthwise_conv2d(&p, &input, &transposed, &bias, &mut optimized);
            assert_eq!(optimized, depthwise, "{}: optimized depthwise", case.name);
        }
    }
}

#[test]
fn pools() {
    for case in &cases("float_pool2d") {
        let (x, kernel) = (case.dims("x"), case.sizes("kernel"));
        let window = conv_window(case, [kernel[0], kernel[1]]);
        let count_include_pad = case.int("include") == 1;
        let pads = case.sizes("pads");
        let p = Pool2dF32 {
            batches: x[0],
            window,
            channels: x[3],
            pad_bottom: pads[2],
            pad_right: pads[3],
            count_include_pad,
        };
        let mut got = vec![0.0; elements(case.dims("y"))];
        float::average_pool2d(&p, &case.floats("x"), &mut got);
        expect_near(case, "y", &got);
        float::max_pool2d(&p, &case.floats("x"), &mut got);
        assert_eq!(got, case.floats("m"), "{}: largest", case.name);
        let mut got = vec![0.0; x[0] * x[3]];
        float::global_average_pool(&Rows { rows: x[1] * x[2], depth: x[3] }, &case.floats("x"), &mut got);
        expect_near(case, "g", &got);
    }
}

#[test]
fn matmul_and_fully_connected() {
    for case in &cases("float_matmul") {
        let (a, b, y) = (case.dims("a"), case.dims("b"), case.dims("y"));
        let [rows, depth] = a[a.len() - 2..] else { panic!("a matrix") };
        let batch = broadcast(&a[..a.len() - 2], &b[..b.len() - 2], &y[..y.len() - 2]);
        let p = MatMul { batch, rows, depth, columns: y[y.len() - 1] };
        let mut got = vec![0.0; elements(y)];
        float::matmul(&p, &case.floats("a"), &case.floats("b"), &mut got);
        expect_near(case, "y", &got);
        let output_depth = case.dims("w")[0];
        let batches = elements(a) / depth;
        let p = FullyConnectedF32 { batches, input_depth: depth, output_depth, activation: ClampF32::NONE };
        let mut got = vec![0.0; batches * output_depth];
        float::fully_connected(&p, &case.floats("a"), &case.floats("w"), &case.floats("bias"), &mut got);
        expect_near(case, "g", &got);
        let mut optimized = vec![9.0; got.len()];
        let [a, w, bias] = ["a", "w", "bias"].map(|name| case.floats(name));
        generic::float::fully_connected(&p, &a, &w, &bias, &mut optimized);
        assert_eq!(optimized, got, "{}: optimized", case.name);
    }
}

#[test]
fn unary_functions() {
    type Unary = fn(&[f32], &mut [f32]);
    /// `alpha` alone.
    const fn alpha(alpha: f32) -> UnaryF32 {
        UnaryF32 { alpha, beta: 0.0 }
    }
    // In the order of the recording.
    let functions: [(&str, Unary); 36] = [
        ("abs", |x, y| float::abs(&(), x, y)),
        ("acos", |x, y| float::acos(&(), x, y)),
        ("acosh", |x, y| float::acosh(&(), x, y)),
        ("asin", |x, y| float::asin(&(), x, y)),
        ("asinh", |x, y| float::asinh(&(), x, y)),
        ("atan", |x, y| float::atan(&(), x, y)),
        ("atanh", |x, y| float::atanh(&(), x, y)),
        ("ceil", |x, y| float::ceil(&(), x, y)),
        ("celu", |x, y| float::celu(&alpha(1.5), x, y)),
        ("cos", |x, y| float::cos(&(), x, y)),
        ("cosh", |x, y| float::cosh(&(), x, y)),
        ("elu", |x, y| float::elu(&alpha(0.7), x, y)),
        ("erf", |x, y| float::erf(&(), x, y)),
        ("exp", |x, y| float::exp(&(), x, y)),
        ("floor", |x, y| float::floor(&(), x, y)),
        ("gelu", |x, y| float::gelu(&(), x, y)),
        ("gelu_tanh", |x, y| float::gelu_tanh(&(), x, y)),
        ("hard_sigmoid", |x, y| float::hard_sigmoid(&UnaryF32 { alpha: 0.3, beta: 0.4 }, x, y)),
        ("hard_swish", |x, y| float::hard_swish(&(), x, y)),
        ("leaky_relu", |x, y| float::leaky_relu(&alpha(0.2), x, y)),
        ("log", |x, y| float::log(&(), x, y)),
        ("mish", |x, y| float::mish(&(), x, y)),
        ("neg", |x, y| float::neg(&(), x, y)),
        ("reciprocal", |x, y| float::reciprocal(&(), x, y)),
        ("round", |x, y| float::round(&(), x, y)),
        ("selu", |x, y| float::selu(&UnaryF32 { alpha: 1.6, beta: 1.1 }, x, y)),
        ("sigmoid", |x, y| float::sigmoid(&(), x, y)),
        ("sign", |x, y| float::sign(&(), x, y)),
        ("sin", |x, y| float::sin(&(), x, y)),
        ("sinh", |x, y| float::sinh(&(), x, y)),
        ("softplus", |x, y| float::softplus(&(), x, y)),
        ("softsign", |x, y| float::softsign(&(), x, y)),
        ("sqrt", |x, y| float::sqrt(&(), x, y)),
        ("tan", |x, y| float::tan(&(), x, y)),
        ("tanh", |x, y| float::tanh(&(), x, y)),
        ("thresholded_relu", |x, y| float::thresholded_relu(&alpha(0.6), x, y)),
    ];
    let mut cases = cases("float_unary");
    assert_eq!(cases.len(), functions.len());
    for (case, (name, function)) in cases.iter_mut().zip(functions) {
        case.name = name.to_string();
        let x = case.floats("x");
        let mut got = vec![0.0; x.len()];
        function(&x, &mut got);
        expect_near(case, "y", &got);
    }
}

#[test]
fn binary_functions() {
    type Binary = fn(&Broadcast, &[f32], &[f32], &mut [f32]);
    type Comparison = fn(&Broadcast, &[f32], &[f32], &mut [u8]);
    enum Function {
        Number(Binary),
        Truth(Comparison),
    }
    use Function::{Number, Truth};
    let functions = [
        Number(float::add),
        Number(float::div),
        Truth(reference::equal),
        Truth(reference::greater),
        Truth(reference::greater_or_equal),
        Truth(reference::less),
        Truth(reference::less_or_equal),
        Number(float::maximum),
        Number(float::minimum),
        Number(float::mul),
        Number(float::pow),
        Number(float::prelu),
        Number(float::sub),
    ];
    let cases = cases("float_binary");
    assert_eq!(cases.len(), functions.len());
    for (case, function) in cases.iter().zip(functions) {
        let p = broadcast(case.dims("a"), case.dims("b"), case.dims("y"));
        let (a, b) = (case.floats("a"), case.floats("b"));
        let mut got = vec![0.0; elements(case.dims("y"))];
        match function {
            Number(function) => function(&p, &a, &b, &mut got),
            Truth(function) => {
                let mut truth = vec![9; got.len()];
                function(&p, &a, &b, &mut truth);
                got = truth.into_iter().map(f32::from).collect();
            }
        }
        expect_near(case, "y", &got);
    }
}

#[test]
fn reductions() {
    let functions = [
        float::reduce_l1,
        float::reduce_l2,
        float::reduce_log_sum,
        float::reduce_log_sum_exp,
        float::reduce_max,
        float::reduce_mean,
        float::reduce_min,
        float::reduce_prod,
        float::reduce_sum,
        float::reduce_sum_square,
    ];
    let cases = cases("float_reduce");
    assert_eq!(cases.len(), 3 * functions.len());
    for (i, case) in cases.iter().enumerate() {
        let (x, axes) = (case.dims("x"), case.sizes("axes"));
        let p = Reduce {
            dims: [1, 1, 1, x[0], x[1], x[2]],
            reduced: std::array::from_fn(|axis| axis >= 3 && axes.contains(&(axis - 3))),
        };
        let mut got = vec![0.0; elements(case.dims("y"))];
        functions[i / 3](&p, &case.floats("x"), &mut got);
        expect_near(case, "y", &got);
    }
}

#[test]
fn softmax_and_log_softmax() {
    for case in &cases("float_softmax") {
        let x = case.dims("x");
        let p = Rows { rows: x[0], depth: x[1] };
        let mut got = vec![0.0; elements(x)];
        float::softmax(&p, &case.floats("x"), &mut got);
        expect_near(case, "y", &got);
        float::log_softmax(&p, &case.floats("x"), &mut got);
        expect_near(case, "log", &got);
    }
}

#[test]
fn lstm_and_gru() {
    let cases = cases("recurrent");
    assert_eq!(cases.len(), 6);
    for case in &cases {
        let (x, h) = (case.dims("x"), case.dims("h"));
        let p = Recurrent {
            steps: x[0],
            batches: x[1],
            input_depth: x[2],
            hidden: h[2],
            directions: 1,
            direction: 0,
            reverse: case.int("reverse") == 1,
            linear_before_reset: case.has("linear") && case.int("linear") == 1,
        };
        let [input, weights, recurrence, bias, hidden] = ["x", "w", "r", "b", "h"].map(|name| case.floats(name));
        let mut got = vec![9.0; elements(case.dims("y"))];
        if case.has("c") {
            let (of_input, of_state) = bias.split_at(bias.len() / 2);
            let bias: Vec<f32> = of_input.iter().zip(of_state).map(|(a, b)| a + b).collect();
            let mut scratch = vec![9.0; float::lstm_scratch(&p)];
            let cell = case.floats("c");
            float::lstm(&p, &input, &weights, &recurrence, &bias, &hidden, &cell, &mut scratch, &mut got);
            expect_near(case, "last", &scratch[..cell.len()]);
        } else {
            let mut scratch = vec![9.0; float::gru_scratch(&p)];
            float::gru(&p, &input, &weights, &recurrence, &bias, &hidden, &mut scratch, &mut got);
        }
        expect_near(case, "y", &got);
    }
}

#[test]
fn debug_text_of_bounds_is_rust() {
    for (bounds, text) in [
        (ClampF32::NONE, "ClampF32::NONE"),
        (ClampF32::RELU, "ClampF32 { min: 0.0, max: f32::INFINITY }"),
        (ClampF32 { min: 0.0, max: 6.0 }, "ClampF32 { min: 0.0, max: 6.0 }"),
    ] {
        assert_eq!(format!("{bounds:?}"), text);
    }
}

/// Shapes beyond the recorded ones: all remainders of the blocks that the optimized kernels work in.
#[test]
fn optimized_kernels_keep_the_order_of_every_sum() {
    let noise = |len: usize, seed: usize| -> Vec<f32> {
        (0..len).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 997.0 - 1.0).collect()
    };
    for channels in 1..=19 {
        for multiplier in 1..=3 {
            let window = Window2d {
                input_h: 5,
                input_w: 4,
                filter_h: 3,
                filter_w: 2,
                stride_h: 1 + channels % 2,
                stride_w: 1,
                dilation_h: 1,
                dilation_w: 1 + multiplier % 2,
                pad_top: 1,
                pad_left: 2,
                output_h: 2,
                output_w: 4,
            };
            let activation = ClampF32 { min: -0.5, max: 0.75 };
            let (input, bias) = (noise(20 * channels, 1), noise(channels * multiplier, 2));
            let p = DepthwiseConv2dF32 { batches: 1, window, channels, multiplier, activation };
            let weights = noise(6 * channels * multiplier, 3);
            let (mut expected, mut got) = (vec![0.0; 8 * channels * multiplier], vec![9.0; 8 * channels * multiplier]);
            float::depthwise_conv2d(&p, &input, &weights, &bias, &mut expected);
            generic::float::depthwise_conv2d(&p, &input, &weights, &bias, &mut got);
            assert_eq!(got, expected, "{p:?}");
            let output_channels = channels * multiplier;
            for filter_channels in [1, channels] {
                let p = Conv2dF32 {
                    batches: 1,
                    window,
                    input_channels: channels,
                    filter_channels,
                    output_channels,
                    activation,
                };
                let weights = noise(6 * filter_channels * output_channels, 4);
                float::conv2d(&p, &input, &weights, &bias, &mut expected);
                generic::float::conv2d(&p, &input, &weights, &bias, &mut got);
                assert_eq!(got, expected, "{p:?}");
            }
        }
    }
}
