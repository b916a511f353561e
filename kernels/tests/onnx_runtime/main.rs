//! Recorded answers of ONNX Runtime for single operators, reproduced bit for bit by the reference kernels.
//!
//! The inputs are our own and crowd around ties; `models/record_onnx_kernels.py` says how they were made and what
//! answered.

mod float;
mod movement;
mod recorded;

use hilbench_kernels::byte::Byte;
use hilbench_kernels::float::single;
use hilbench_kernels::optimized::{fold_input_offset_of, generic};
use hilbench_kernels::params::{
    Affine, Broadcast, Clamp, ClampF32, Conv2d, ConvTranspose2d, ConvTranspose2dF32, DepthwiseConv2d, FullyConnected,
    MatMul, Pool2d, QLinearAdd, QLinearAveragePool2d, QLinearConv2d, QLinearConvTranspose2d, QLinearDepthwiseConv2d,
    QLinearGlobalAveragePool, QLinearMatMul, QLinearMul, QLinearSoftmax, ScaleF32, Window2d,
};
use hilbench_kernels::reference::qlinear;
use hilbench_kernels::shape::{MAX_RANK, dense_strides, elements, right_aligned};
use recorded::{Case, cases};

/// The whole range of either type: saturation is the type's.
const NO_ACTIVATION: Clamp = Clamp { min: -128, max: 255 };

/// Runs `check` over every case, with the element type of array `name`, and wants `count` of them.
macro_rules! for_each_case {
    ($operator:literal, $count:literal, $name:literal, $check:ident) => {
        let cases = cases($operator);
        assert_eq!(cases.len(), $count, "recorded cases of {}", $operator);
        for case in &cases {
            if case.is_signed($name) { $check::<i8>(case) } else { $check::<u8>(case) }
        }
    };
}

/// Compares with the recorded answer.
fn expect<T: Byte + std::fmt::Debug>(case: &Case, got: &[T]) {
    let expected = case.bytes::<T>("y");
    assert_eq!(expected.len(), got.len(), "{}: number of elements", case.name);
    let wrong: Vec<_> = (0..got.len()).filter(|&i| got[i] != expected[i]).collect();
    let first = wrong.first().map(|&i| (i, expected[i], got[i]));
    assert!(wrong.is_empty(), "{}: {} of {} differ, first {first:?}", case.name, wrong.len(), got.len());
}

/// Factors of an operator with weights: `alpha * sx * sw / sy`.
fn factors(alpha: f32, sx: f32, sw: &[f32], sy: f32) -> Vec<ScaleF32> {
    sw.iter().map(|sw| ScaleF32(alpha * sx * sw / sy)).collect()
}

fn conv_window(case: &Case, filter: [usize; 2]) -> Window2d {
    let (x, y) = (case.dims("x"), case.dims("y"));
    let (strides, pads) = (case.sizes("strides"), case.sizes("pads"));
    let dilations = if case.has("dilations") { case.sizes("dilations") } else { vec![1, 1] };
    Window2d {
        input_h: x[1],
        input_w: x[2],
        filter_h: filter[0],
        filter_w: filter[1],
        stride_h: strides[0],
        stride_w: strides[1],
        dilation_h: dilations[0],
        dilation_w: dilations[1],
        pad_top: pads[0],
        pad_left: pads[1],
        output_h: y[1],
        output_w: y[2],
    }
}

#[test]
fn qlinear_conv2d() {
    fn check<X: Byte + std::fmt::Debug>(case: &Case) {
        if case.is_signed("w") { with_weights::<X, i8>(case) } else { with_weights::<X, u8>(case) }
    }
    fn with_weights<X: Byte + std::fmt::Debug, W: Byte>(case: &Case) {
        let (x, w, y) = (case.dims("x"), case.dims("w"), case.dims("y"));
        let conv = Conv2d {
            batches: x[0],
            window: conv_window(case, [w[1], w[2]]),
            input_channels: x[3],
            filter_channels: w[3],
            output_channels: y[3],
            input_zero_point: case.int("zx"),
            output_zero_point: case.int("zy"),
            activation: NO_ACTIVATION,
        };
        let p = QLinearConv2d { conv, weights_zero_point: case.int("zw") };
        let scales = factors(1.0, case.float("sx"), &case.floats("sw"), case.float("sy"));
        let (input, weights) = (case.bytes::<X>("x"), case.bytes::<W>("w"));
        let mut got = vec![X::default(); elements(y)];
        qlinear::conv2d(&p, &input, &weights, &case.words("b"), &scales, &mut got);
        expect(case, &got);
        let (bias, channels) = (case.words("b"), conv.output_channels);
        let mut folded = vec![0; channels];
        fold_input_offset_of(&weights, p.weights_zero_point, &bias, conv.input_zero_point, channels, &mut folded);
        let mut optimized = vec![X::default(); elements(y)];
        let mut scratch = vec![X::default(); generic::conv2d_scratch(&conv)];
        generic::qlinear_conv2d(&p, &input, &weights, &folded, &scales, &mut scratch, &mut optimized);
        expect(case, &optimized);
        // Weights without their zero point are the same weights.
        let centered: Vec<i16> = weights.iter().map(|w| (w.widen() - p.weights_zero_point) as i16).collect();
        let mut again = vec![X::default(); elements(y)];
        let p = QLinearConv2d { weights_zero_point: 0, ..p };
        qlinear::conv2d(&p, &input, &centered, &case.words("b"), &scales, &mut again);
        assert!(got == again, "{}: weights of 16 bits", case.name);
        if case.has("acc") {
            let mut acc = vec![0; elements(y)];
            let mut scratch = vec![0; generic::conv2d_integer_scratch(&conv)];
            let (zx, zw) = (case.bytes("zx"), case.bytes("zw"));
            generic::conv2d_integer(&conv, &input, &weights, &zx, &zw, &mut scratch, &mut acc);
            assert_eq!(acc, case.words("acc"), "{}: accumulators, optimized", case.name);
            qlinear::conv2d_integer(&conv, &input, &weights, &zx, &zw, &mut acc);
            assert_eq!(acc, case.words("acc"), "{}: accumulators", case.name);
        }
    }
    for_each_case!("qlinear_conv2d", 18, "x", check);
}

#[test]
fn qlinear_depthwise_conv2d() {
    fn check<X: Byte + std::fmt::Debug>(case: &Case) {
        let (x, w) = (case.dims("x"), case.dims("w"));
        let conv = DepthwiseConv2d {
            batches: x[0],
            window: conv_window(case, [w[1], w[2]]),
            channels: x[3],
            multiplier: w[3] / x[3],
            input_zero_point: case.int("zx"),
            output_zero_point: case.int("zy"),
            activation: NO_ACTIVATION,
        };
        let p = QLinearDepthwiseConv2d { conv, weights_zero_point: case.int("zw") };
        let scales = factors(1.0, case.float("sx"), &case.floats("sw"), case.float("sy"));
        let (input, bias) = (case.bytes::<X>("x"), case.words("b"));
        let mut got = vec![X::default(); elements(case.dims("y"))];
        if case.is_signed("w") {
            qlinear::depthwise_conv2d(&p, &input, &case.bytes::<i8>("w"), &bias, &scales, &mut got);
        } else {
            qlinear::depthwise_conv2d(&p, &input, &case.bytes::<u8>("w"), &bias, &scales, &mut got);
        }
        expect(case, &got);
    }
    for_each_case!("qlinear_depthwise_conv2d", 9, "x", check);
}

#[test]
fn qgemm() {
    fn check<X: Byte + std::fmt::Debug>(case: &Case) {
        let (x, w) = (case.dims("x"), case.dims("w"));
        let p = FullyConnected {
            batches: x[0],
            input_depth: x[1],
            output_depth: w[0],
            input_zero_point: case.int("zx"),
            weights_zero_point: 0,
            output_zero_point: case.int("zy"),
            activation: NO_ACTIVATION,
        };
        // One zero point a column: taken off beforehand.
        let zero_points = case.words("zw");
        let weights: Vec<i16> = case
            .words("w")
            .into_iter()
            .enumerate()
            .map(|(i, w)| (w - zero_points[i / x[1] % zero_points.len()]) as i16)
            .collect();
        let scales = factors(case.float("alpha"), case.float("sx"), &case.floats("sw"), case.float("sy"));
        let mut got = vec![X::default(); elements(case.dims("y"))];
        qlinear::fully_connected(&p, &case.bytes::<X>("x"), &weights, &case.words("b"), &scales, &mut got);
        expect(case, &got);
    }
    for_each_case!("qgemm", 12, "x", check);
}

#[test]
fn qlinear_matmul() {
    fn check<A: Byte + std::fmt::Debug>(case: &Case) {
        if case.is_signed("b") { with::<A, i8>(case) } else { with::<A, u8>(case) }
    }
    fn with<A: Byte + std::fmt::Debug, B: Byte>(case: &Case) {
        let (a, b, y) = (case.dims("a"), case.dims("b"), case.dims("y"));
        let [rows, depth] = a[a.len() - 2..] else { panic!("a matrix") };
        let batch = broadcast(&a[..a.len() - 2], &b[..b.len() - 2], &y[..y.len() - 2]);
        let p = QLinearMatMul {
            matmul: MatMul { batch, rows, depth, columns: y[y.len() - 1] },
            input1_zero_point: case.int("za"),
            input2_zero_point: case.int("zb"),
            output_zero_point: case.int("zy"),
            activation: NO_ACTIVATION,
        };
        let scales = factors(1.0, case.float("sa"), &case.floats("sb"), case.float("sy"));
        let (input1, input2) = (case.bytes::<A>("a"), case.bytes::<B>("b"));
        let mut got = vec![A::default(); elements(y)];
        qlinear::matmul(&p, &input1, &input2, &scales, &mut got);
        expect(case, &got);
        let mut acc = vec![0; elements(y)];
        let (za, zb) = (case.bytes("za"), case.bytes("zb"));
        generic::matmul_integer(&p.matmul, &input1, &input2, &za, &zb, &mut acc);
        assert_eq!(acc, case.words("acc"), "{}: accumulators, optimized", case.name);
        qlinear::matmul_integer(&p.matmul, &input1, &input2, &za, &zb, &mut acc);
        assert_eq!(acc, case.words("acc"), "{}: accumulators", case.name);
    }
    for_each_case!("qlinear_matmul", 12, "a", check);
}

fn broadcast(dims1: &[usize], dims2: &[usize], output: &[usize]) -> Broadcast {
    let strides = |dims: &[usize]| {
        let dims = right_aligned(dims);
        let dense = dense_strides(&dims);
        std::array::from_fn(|i| if dims[i] == 1 { 0 } else { dense[i] })
    };
    Broadcast { dims: right_aligned(output), strides1: strides(dims1), strides2: strides(dims2) }
}

#[test]
fn qlinear_add() {
    fn check<T: Byte + std::fmt::Debug>(case: &Case) {
        let sy = case.float("sy");
        let (mut first, mut second) = ("a", "b");
        if is_innermost_scalar(&right_aligned(case.dims("a")), &right_aligned(case.dims("y"))) {
            (first, second) = (second, first);
        }
        let scale = |name: &str| ScaleF32(case.float(&format!("s{name}")) / sy);
        let zero_point = |name: &str| case.int(&format!("z{name}"));
        let (scale1, scale2) = (scale(first), scale(second));
        let p = QLinearAdd {
            broadcast: broadcast(case.dims(first), case.dims(second), case.dims("y")),
            scale1,
            scale2,
            offset: qlinear::add_offset(scale1.0, zero_point(first), scale2.0, zero_point(second), case.int("zy")),
            activation: NO_ACTIVATION,
        };
        let mut got = vec![T::default(); elements(case.dims("y"))];
        qlinear::add(&p, &case.bytes::<T>(first), &case.bytes::<T>(second), &mut got);
        expect(case, &got);
    }
    /// Whether the operand repeats along the last axis on which the output has more than one element.
    fn is_innermost_scalar(operand: &[usize; MAX_RANK], output: &[usize; MAX_RANK]) -> bool {
        (0..MAX_RANK).rev().find(|&axis| output[axis] > 1).is_some_and(|axis| operand[axis] == 1)
    }
    for_each_case!("qlinear_add", 22, "a", check);
}

#[test]
fn qlinear_mul() {
    fn check<T: Byte + std::fmt::Debug>(case: &Case) {
        let p = QLinearMul {
            broadcast: broadcast(case.dims("a"), case.dims("b"), case.dims("y")),
            input1_zero_point: case.int("za"),
            input2_zero_point: case.int("zb"),
            output_zero_point: case.int("zy"),
            scale: ScaleF32(case.float("sa") * case.float("sb") / case.float("sy")),
            activation: NO_ACTIVATION,
        };
        let mut got = vec![T::default(); elements(case.dims("y"))];
        qlinear::mul(&p, &case.bytes::<T>("a"), &case.bytes::<T>("b"), &mut got);
        expect(case, &got);
    }
    for_each_case!("qlinear_mul", 22, "a", check);
}

#[test]
fn qlinear_average_pool2d() {
    fn check<T: Byte + std::fmt::Debug>(case: &Case) {
        let (x, kernel) = (case.dims("x"), case.sizes("kernel"));
        let window = conv_window(case, [kernel[0], kernel[1]]);
        let p = QLinearAveragePool2d {
            pool: Pool2d { batches: x[0], window, channels: x[3], activation: NO_ACTIVATION },
            input: Affine { scale: case.float("sx"), zero_point: case.int("zx") },
            output: Affine { scale: case.float("sy"), zero_point: case.int("zy") },
            count_include_pad: case.int("include") == 1,
        };
        let mut got = vec![T::default(); elements(case.dims("y"))];
        qlinear::average_pool2d(&p, &case.bytes::<T>("x"), &mut got);
        expect(case, &got);
    }
    for_each_case!("qlinear_average_pool2d", 16, "x", check);
}

#[test]
fn qlinear_global_average_pool_and_a_window_over_the_whole_image() {
    fn check<T: Byte + std::fmt::Debug>(case: &Case) {
        let x = case.dims("x");
        let area = x[1] * x[2];
        let p = QLinearGlobalAveragePool {
            batches: x[0],
            area,
            channels: x[3],
            input_zero_point: case.int("zx"),
            output_zero_point: case.int("zy"),
            scale: ScaleF32(case.float("sx") / (case.float("sy") * area as f32)),
            activation: NO_ACTIVATION,
        };
        let mut got = vec![T::default(); elements(case.dims("y"))];
        qlinear::global_average_pool(&p, &case.bytes::<T>("x"), &mut got);
        expect(case, &got);
    }
    for_each_case!("qlinear_global_average_pool", 10, "x", check);
}

#[test]
fn qlinear_softmax() {
    fn check<T: Byte + std::fmt::Debug>(case: &Case) {
        let x = case.dims("x");
        let p = QLinearSoftmax {
            rows: x[0],
            depth: x[1],
            inverse_scale: (1.0 / case.float("sy")).floor(),
            output_zero_point: case.int("zy"),
        };
        let table = qlinear::softmax_table(case.float("sx"), p.depth);
        let mut got = vec![T::default(); elements(x)];
        qlinear::softmax(&p, &case.bytes::<T>("x"), &table, &mut got);
        expect(case, &got);
    }
    for_each_case!("qlinear_softmax", 16, "x", check);
}

#[test]
fn quantize_and_dequantize() {
    fn check<T: Byte + std::fmt::Debug>(case: &Case) {
        let p = Affine { scale: case.float("s"), zero_point: case.int("z") };
        let x = case.floats("x");
        let mut got = vec![T::default(); x.len()];
        qlinear::quantize(&p, &x, &mut got);
        expect(case, &got);
        let mut back = vec![0.0; x.len()];
        qlinear::dequantize(&p, &got, &mut back);
        assert_eq!(back, case.floats("back"), "{}: back", case.name);
    }
    for_each_case!("quantize", 8, "y", check);
}

#[test]
fn tables_of_leaky_relu_sigmoid_tanh_and_concatenation() {
    fn check<T: Byte + std::fmt::Debug>(case: &Case) {
        let input = Affine { scale: case.float("sx"), zero_point: case.int("zx") };
        let output = Affine { scale: case.float("sy"), zero_point: case.int("zy") };
        let alpha = case.float("alpha");
        let function: fn(f32, f32) -> f32 = match case.int("function") {
            0 => |x, alpha| if x >= 0.0 { x } else { alpha * x },
            1 => |x, _| single::logistic(x),
            2 => |x, _| single::tanh(x),
            _ => |x, _| x,
        };
        let table = qlinear::table::<T, T>(&input, &output, |x| function(x, alpha));
        let mut got = vec![T::default(); 256];
        qlinear::lookup(&table, &case.bytes::<T>("x"), &mut got);
        expect(case, &got);
    }
    for_each_case!("tables", 16, "x", check);
}

#[test]
fn conv_transpose2d_in_integers_and_in_single_precision() {
    fn check<X: Byte + std::fmt::Debug>(case: &Case) {
        let (x, w, y) = (case.dims("x"), case.dims("w"), case.dims("y"));
        let conv = ConvTranspose2d {
            batches: x[0],
            window: conv_window(case, [w[1], w[2]]),
            input_channels: x[3],
            filter_channels: w[3],
            output_channels: y[3],
        };
        let p = QLinearConvTranspose2d {
            conv,
            input_zero_point: case.int("zx"),
            weights_zero_point: 0,
            output_zero_point: case.int("zy"),
            activation: NO_ACTIVATION,
        };
        let (sx, sw) = (case.float("sx"), case.float("sw"));
        let (input, weights, bias) = (case.bytes::<X>("x"), case.bytes::<i8>("w"), case.words("b"));
        let mut got = vec![X::default(); elements(y)];
        qlinear::conv_transpose2d(&p, &input, &weights, &bias, &factors(1.0, sx, &[sw], case.float("sy")), &mut got);
        expect(case, &got);
        let dequantize = |x: i32, scale: f32| x as f32 * scale;
        let input: Vec<f32> = input.iter().map(|x| dequantize(x.widen() - p.input_zero_point, sx)).collect();
        let weights: Vec<f32> = weights.iter().map(|&w| dequantize(i32::from(w), sw)).collect();
        let bias: Vec<f32> = bias.iter().map(|&b| dequantize(b, sx * sw)).collect();
        let mut got = vec![0.0; elements(y)];
        let p = ConvTranspose2dF32 { conv, activation: ClampF32::NONE };
        hilbench_kernels::reference::float::conv_transpose2d(&p, &input, &weights, &bias, &mut got);
        float::expect_near(case, "f", &got);
    }
    for_each_case!("conv_transpose2d", 8, "x", check);
}

#[test]
fn max_pool2d() {
    fn check<T: Byte + std::fmt::Debug>(case: &Case) {
        let (x, kernel) = (case.dims("x"), case.sizes("kernel"));
        let window = conv_window(case, [kernel[0], kernel[1]]);
        let p = Pool2d { batches: x[0], window, channels: x[3], activation: NO_ACTIVATION };
        let mut got = vec![T::default(); elements(case.dims("y"))];
        qlinear::max_pool2d(&p, &case.bytes::<T>("x"), &mut got);
        expect(case, &got);
        let mut optimized = vec![T::default(); got.len()];
        generic::max_pool2d(&p, &case.bytes::<T>("x"), &mut optimized);
        expect(case, &optimized);
    }
    for_each_case!("max_pool2d", 8, "x", check);
}
