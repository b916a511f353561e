//! Recorded vectors of CMSIS-NN's own unit tests against the reference kernels and every optimized set, bit for bit.
//!
//! The vectors are not part of this repository. They are looked for in `$HILBENCH_SHARED/conformance/cmsis_nn`, else in
//! `shared/conformance/cmsis_nn` beside the checkout; without them this test says so and passes.

mod vectors;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use hilbench_kernels::optimized::{BinaryKernel, KernelSet, SETS, UnaryKernel, fold_input_offset};
use hilbench_kernels::params::{
    Add, Broadcast, Conv2d, DepthwiseConv2d, FullyConnected, Mul, Pool2d, Softmax, StridedCopy, Window2d,
};
use hilbench_kernels::reference;
use hilbench_kernels::shape::{MAX_RANK, dense_strides, elements, right_aligned};
use vectors::Vectors;

/// Cases of the published collection for each operator; fewer would mean that files were lost or passed over.
const CASES: &[(&str, usize)] = &[
    ("add", 1),
    ("average_pool2d", 6),
    ("conv2d", 31),
    ("depthwise_conv2d", 12),
    ("fully_connected", 7),
    ("max_pool2d", 8),
    ("maximum", 7),
    ("minimum", 7),
    ("mul", 1),
    ("not yet an operator here", 13),
    ("pad", 2),
    ("softmax", 1),
    ("transpose", 10),
];

/// Shapes and permutations of the transpose cases, which the recordings leave out: the ones that fit name and data.
const TRANSPOSES: &[(&str, &[usize], &[usize])] = &[
    ("transpose_3dim", &[5, 4, 20], &[0, 2, 1]),
    ("transpose_3dim2", &[5, 4, 20], &[1, 2, 0]),
    ("transpose_chwn", &[5, 4, 12, 17], &[3, 1, 2, 0]),
    ("transpose_default", &[4, 3, 3, 22], &[3, 2, 1, 0]),
    ("transpose_matrix", &[5, 20], &[1, 0]),
    ("transpose_nchw", &[4, 3, 9, 19], &[0, 3, 1, 2]),
    ("transpose_ncwh", &[5, 4, 3, 9], &[0, 3, 2, 1]),
    ("transpose_nhcw", &[1, 1, 128, 128], &[0, 1, 3, 2]),
    ("transpose_nwhc", &[1, 19, 3, 64], &[0, 2, 1, 3]),
    ("transpose_wchn", &[4, 3, 7, 9], &[2, 3, 1, 0]),
];

#[test]
fn recorded_cases_are_reproduced_bit_for_bit() {
    let directory = directory();
    let mut stderr = std::io::stderr();
    if !directory.is_dir() {
        writeln!(stderr, "SKIPPED: no CMSIS-NN vectors in {}", directory.display()).expect("stderr is open");
        return;
    }
    let mut ran: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for path in files(&directory) {
        let case = Vectors::read(&path);
        let (op, run) = operator(&case);
        *ran.entry(op).or_default() += 1;
        run(&case, &mut |kernels, got, expected| {
            if got != expected {
                wrong.push(format!("{} ({op}, {kernels})", case.name));
            }
        });
    }
    for (op, count) in &ran {
        writeln!(stderr, "cmsis_nn: {count:3} {op}").expect("stderr is open");
    }
    assert!(wrong.is_empty(), "{} runs differ: {wrong:#?}", wrong.len());
    assert_eq!(ran.into_iter().collect::<Vec<_>>(), CASES);
}

fn directory() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    std::env::var_os("HILBENCH_SHARED").map_or_else(beside, PathBuf::from).join("conformance/cmsis_nn")
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("the directory was there a moment ago");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "npz"));
    files.sort();
    files
}

/// Takes `(whose kernels, got, expected)`.
type Verdict<'a> = dyn FnMut(&str, &[i8], &[i8]) + 'a;
type Run = fn(&Vectors, &mut Verdict<'_>);

fn operator(case: &Vectors) -> (&'static str, Run) {
    let starts = |prefix: &str| case.name.starts_with(prefix);
    if starts("batch_matmul") || starts("transpose_conv") || starts("reverse_transpose_conv") {
        ("not yet an operator here", |_, _| {})
    } else if starts("fully_connected") || starts("fc_") {
        ("fully_connected", fully_connected)
    } else if starts("avgpooling") {
        ("average_pool2d", |case, verdict| pool(case, reference::average_pool2d, |set| set.average_pool2d, verdict))
    } else if starts("maxpooling") {
        ("max_pool2d", |case, verdict| pool(case, reference::max_pool2d, |set| set.max_pool2d, verdict))
    } else if starts("minimum") {
        ("minimum", |case, verdict| extremum(case, reference::minimum, verdict))
    } else if starts("maximum") {
        ("maximum", |case, verdict| extremum(case, reference::maximum, verdict))
    } else if starts("transpose") {
        ("transpose", transpose)
    } else if starts("add") {
        ("add", add)
    } else if starts("mul") {
        ("mul", mul)
    } else if starts("pad") {
        ("pad", pad)
    } else if starts("softmax") {
        ("softmax", softmax)
    } else if case.has("CH_MULT") {
        ("depthwise_conv2d", depthwise_conv2d)
    } else {
        ("conv2d", conv2d)
    }
}

fn window(case: &Vectors) -> Window2d {
    Window2d {
        input_h: case.size("INPUT_H"),
        input_w: case.size("INPUT_W"),
        filter_h: case.size("FILTER_Y"),
        filter_w: case.size("FILTER_X"),
        stride_h: case.size("STRIDE_Y"),
        stride_w: case.size("STRIDE_X"),
        dilation_h: case.size("DILATION_Y"),
        dilation_w: case.size("DILATION_X"),
        pad_top: case.size("PAD_Y"),
        pad_left: case.size("PAD_X"),
        output_h: case.size("OUTPUT_H"),
        output_w: case.size("OUTPUT_W"),
    }
}

fn conv2d(case: &Vectors, verdict: &mut Verdict<'_>) {
    let p = Conv2d {
        batches: case.size("INPUT_BATCHES"),
        window: window(case),
        input_channels: case.size("IN_CH"),
        filter_channels: case.size(if case.has("FILTER_CH") { "FILTER_CH" } else { "IN_CH" }),
        output_channels: case.size("OUT_CH"),
        input_zero_point: -case.constant("INPUT_OFFSET"),
        output_zero_point: case.constant("OUTPUT_OFFSET"),
        activation: case.clamp("OUT_"),
    };
    let (input, weights, expected) = (case.bytes(&["input"]), case.bytes(&["weights"]), case.bytes(&["output_ref"]));
    let (bias, requant) = (case.words(&["biases"]), case.requants("output_mult", "output_shift"));
    let mut got = vec![0; expected.len()];
    reference::conv2d(&p, &input, &weights, &bias, &requant, &mut got);
    verdict("reference", &got, &expected);
    let mut folded = vec![0; p.output_channels];
    fold_input_offset(&weights, &bias, p.input_zero_point, p.output_channels, &mut folded);
    for set in SETS {
        got.fill(0);
        let mut scratch = vec![0; (set.conv2d_scratch)(&p)];
        (set.conv2d)(&p, &input, &weights, &folded, &requant, &mut scratch, &mut got);
        verdict(set.name, &got, &expected);
    }
}

fn depthwise_conv2d(case: &Vectors, verdict: &mut Verdict<'_>) {
    let p = DepthwiseConv2d {
        batches: case.size("INPUT_BATCHES"),
        window: window(case),
        channels: case.size("IN_CH"),
        multiplier: case.size("CH_MULT"),
        input_zero_point: -case.constant("INPUT_OFFSET"),
        output_zero_point: case.constant("OUTPUT_OFFSET"),
        activation: case.clamp("OUT_"),
    };
    let (input, weights, expected) = (case.bytes(&["input"]), case.bytes(&["weights"]), case.bytes(&["output_ref"]));
    let (bias, requant) = (case.words(&["biases"]), case.requants("output_mult", "output_shift"));
    let mut got = vec![0; expected.len()];
    reference::depthwise_conv2d(&p, &input, &weights, &bias, &requant, &mut got);
    verdict("reference", &got, &expected);
    for set in SETS {
        got.fill(0);
        (set.depthwise_conv2d)(&p, &input, &weights, &bias, &requant, &mut got);
        verdict(set.name, &got, &expected);
    }
}

fn fully_connected(case: &Vectors, verdict: &mut Verdict<'_>) {
    let per_channel = !case.has("OUTPUT_MULTIPLIER");
    let p = FullyConnected {
        batches: case.size("INPUT_BATCHES"),
        input_depth: case.size("ACCUMULATION_DEPTH"),
        output_depth: case.size("OUT_CH"),
        input_zero_point: -case.constant("INPUT_OFFSET"),
        weights_zero_point: -case.constant_or("FILTER_OFFSET", 0),
        output_zero_point: case.constant("OUTPUT_OFFSET"),
        activation: case.clamp("OUT_"),
    };
    let (input, weights) = (case.bytes(&["input"]), case.bytes(&["weights"]));
    let expected = case.bytes(&["output_ref", "output"]);
    let bias = case.words(&["biases", "bias"]);
    let requant = if per_channel {
        case.requants("output_multiplier", "output_shift")
    } else {
        vec![case.requant("OUTPUT_MULTIPLIER", "OUTPUT_SHIFT")]
    };
    let mut got = vec![0; expected.len()];
    reference::fully_connected(&p, &input, &weights, &bias, &requant, &mut got);
    verdict("reference", &got, &expected);
    if p.weights_zero_point != 0 {
        return;
    }
    let mut folded = vec![0; p.output_depth];
    fold_input_offset(&weights, &bias, p.input_zero_point, p.output_depth, &mut folded);
    for set in SETS {
        got.fill(0);
        (set.fully_connected)(&p, &input, &weights, &folded, &requant, &mut got);
        verdict(set.name, &got, &expected);
    }
}

fn pool(
    case: &Vectors,
    reference: UnaryKernel<Pool2d>,
    kernel: fn(&KernelSet) -> UnaryKernel<Pool2d>,
    verdict: &mut Verdict<'_>,
) {
    let p = Pool2d {
        batches: case.size("BATCH_SIZE"),
        window: Window2d {
            input_h: case.size("INPUT_H"),
            input_w: case.size("INPUT_W"),
            filter_h: case.size("FILTER_H"),
            filter_w: case.size("FILTER_W"),
            stride_h: case.size("STRIDE_H"),
            stride_w: case.size("STRIDE_W"),
            dilation_h: 1,
            dilation_w: 1,
            pad_top: case.size("PADDING_H"),
            pad_left: case.size("PADDING_W"),
            output_h: case.size("OUTPUT_H"),
            output_w: case.size("OUTPUT_W"),
        },
        channels: case.size("INPUT_C"),
        activation: case.clamp(""),
    };
    let (input, expected) = (case.bytes(&["input_tensor"]), case.bytes(&["output"]));
    let mut got = vec![0; expected.len()];
    reference(&p, &input, &mut got);
    verdict("reference", &got, &expected);
    for set in SETS {
        got.fill(0);
        kernel(set)(&p, &input, &mut got);
        verdict(set.name, &got, &expected);
    }
}

fn no_broadcast(len: usize) -> Broadcast {
    let dims = right_aligned(&[len]);
    Broadcast { dims, strides1: dense_strides(&dims), strides2: dense_strides(&dims) }
}

fn add(case: &Vectors, verdict: &mut Verdict<'_>) {
    let expected = case.bytes(&["output_ref"]);
    let p = Add {
        broadcast: no_broadcast(expected.len()),
        input1_zero_point: -case.constant("INPUT1_OFFSET"),
        input2_zero_point: -case.constant("INPUT2_OFFSET"),
        output_zero_point: case.constant("OUTPUT_OFFSET"),
        left_shift: u32::try_from(case.constant("LEFT_SHIFT")).expect("a left shift"),
        input1: case.requant("INPUT1_MULT", "INPUT1_SHIFT"),
        input2: case.requant("INPUT2_MULT", "INPUT2_SHIFT"),
        output: case.requant("OUTPUT_MULT", "OUTPUT_SHIFT"),
        activation: case.clamp("OUT_"),
    };
    let (input1, input2) = (case.bytes(&["input1"]), case.bytes(&["input2"]));
    let mut got = vec![0; expected.len()];
    reference::add(&p, &input1, &input2, &mut got);
    verdict("reference", &got, &expected);
    for set in SETS {
        got.fill(0);
        (set.add)(&p, &input1, &input2, &mut got);
        verdict(set.name, &got, &expected);
    }
}

fn mul(case: &Vectors, verdict: &mut Verdict<'_>) {
    let expected = case.bytes(&["output_ref"]);
    let p = Mul {
        broadcast: no_broadcast(expected.len()),
        input1_zero_point: -case.constant("INPUT1_OFFSET"),
        input2_zero_point: -case.constant("INPUT2_OFFSET"),
        output_zero_point: case.constant("OUTPUT_OFFSET"),
        output: case.requant("OUTPUT_MULT", "OUTPUT_SHIFT"),
        activation: case.clamp("OUT_"),
    };
    let (input1, input2) = (case.bytes(&["input1"]), case.bytes(&["input2"]));
    let mut got = vec![0; expected.len()];
    reference::mul(&p, &input1, &input2, &mut got);
    verdict("reference", &got, &expected);
    for set in SETS {
        got.fill(0);
        (set.mul)(&p, &input1, &input2, &mut got);
        verdict(set.name, &got, &expected);
    }
}

fn extremum(case: &Vectors, reference: BinaryKernel<Broadcast>, verdict: &mut Verdict<'_>) {
    let sizes = |suffix: &str| {
        right_aligned(&["BATCH", "HEIGHT", "WIDTH", "CHANNEL"].map(|axis| case.size(&format!("{axis}{suffix}"))))
    };
    let strides = |own: [usize; MAX_RANK]| {
        let dense = dense_strides(&own);
        std::array::from_fn(|i| if own[i] == 1 { 0 } else { dense[i] })
    };
    let (dims1, dims2) = (sizes("_1"), sizes("_2"));
    let p = Broadcast {
        dims: std::array::from_fn(|i| dims1[i].max(dims2[i])),
        strides1: strides(dims1),
        strides2: strides(dims2),
    };
    let expected = case.bytes(&["output"]);
    let mut got = vec![0; expected.len()];
    reference(&p, &case.bytes(&["input_tensor_1"]), &case.bytes(&["input_tensor_2"]), &mut got);
    verdict("reference", &got, &expected);
}

fn softmax(case: &Vectors, verdict: &mut Verdict<'_>) {
    let p = Softmax {
        rows: case.size("NUM_ROWS"),
        depth: case.size("ROW_SIZE"),
        input: case.requant("INPUT_MULT", "INPUT_LEFT_SHIFT"),
        diff_min: case.constant("DIFF_MIN"),
    };
    let expected = case.bytes(&["output_ref"]);
    let mut got = vec![0; expected.len()];
    reference::softmax(&p, &case.bytes(&["input"]), &mut got);
    verdict("reference", &got, &expected);
}

fn pad(case: &Vectors, verdict: &mut Verdict<'_>) {
    let input_dims = ["N", "H", "W", "C"].map(|axis| case.size(&format!("INPUT_{axis}")));
    let before = ["N", "H", "W", "C"].map(|axis| case.size(&format!("PRE_PAD_{axis}")));
    let after = ["N", "H", "W", "C"].map(|axis| case.size(&format!("POST_PAD_{axis}")));
    let output_dims: [usize; 4] = std::array::from_fn(|i| input_dims[i] + before[i] + after[i]);
    let value = i8::try_from(case.constant("PAD_VALUE")).expect("8 bits");
    let (input, expected) = (case.bytes(&["input_tensor"]), case.bytes(&["output"]));
    let mut got = vec![0; elements(&output_dims)];
    reference::pad(&input_dims, &before, &output_dims, value, &input, &mut got);
    verdict("reference", &got, &expected);
    let output_strides = dense_strides(&right_aligned(&output_dims));
    let copy = StridedCopy {
        dims: right_aligned(&input_dims),
        input_start: 0,
        input_strides: dense_strides(&right_aligned(&input_dims)).map(|s| s as isize),
        output_start: (0..4).map(|i| before[i] * output_strides[2 + i]).sum(),
        output_strides: output_strides.map(|s| s as isize),
    };
    for set in SETS {
        (set.fill)(&value, &mut got);
        (set.strided_copy)(&copy, &input, &mut got);
        verdict(set.name, &got, &expected);
    }
}

fn transpose(case: &Vectors, verdict: &mut Verdict<'_>) {
    let known = TRANSPOSES.iter().find(|(name, ..)| *name == case.name);
    let (_, dims, permutation) = known.unwrap_or_else(|| panic!("{}: shape and permutation unknown", case.name));
    let (input, expected) = (case.bytes(&["input_tensor"]), case.bytes(&["output"]));
    let mut got = vec![0; expected.len()];
    reference::transpose(dims, permutation, &input, &mut got);
    verdict("reference", &got, &expected);
    let unused = MAX_RANK - dims.len();
    let dims = right_aligned(dims);
    let source = |axis: usize| {
        if axis < unused { axis } else { unused + permutation[axis - unused] }
    };
    let output_dims = std::array::from_fn(|axis| dims[source(axis)]);
    let input_strides = dense_strides(&dims);
    let copy = StridedCopy {
        dims: output_dims,
        input_start: 0,
        input_strides: std::array::from_fn(|axis| input_strides[source(axis)] as isize),
        output_start: 0,
        output_strides: dense_strides(&output_dims).map(|s| s as isize),
    };
    for set in SETS {
        got.fill(0);
        (set.strided_copy)(&copy, &input, &mut got);
        verdict(set.name, &got, &expected);
    }
}
