//! Every optimized kernel beside the reference, on the shapes of small keyword-spotting and vision models.
//!
//! Throughput counts multiply-accumulates; pools and additions count one an element read. These are figures of the
//! machine that runs them; they say nothing about a board.

use criterion::{BenchmarkId, Criterion, Throughput};
use hilbench_kernels::optimized::{KernelSet, SETS, UnaryKernel, fold_input_offset};
use hilbench_kernels::params::{
    Add, Broadcast, Clamp, Conv2d, DepthwiseConv2d, FullyConnected, Pool2d, Requant, Softmax, Window2d,
};
use hilbench_kernels::reference;
use hilbench_kernels::shape::{dense_strides, elements, right_aligned};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for bench in [conv2d, depthwise_conv2d, fully_connected, pools, add, softmax] {
        bench(&mut criterion);
    }
    criterion.final_summary();
}

const ALL: Clamp = Clamp { min: -128, max: 127 };
const FACTOR: Requant = Requant { multiplier: 1_342_580_370, shift: -9 };

/// Name, filter, stride, input height and width, channels in and out.
type Convolution = (&'static str, [usize; 2], usize, [usize; 2], usize, usize);

const CONVOLUTIONS: [Convolution; 7] = [
    ("3x3_16_32_at_32x32", [3, 3], 1, [32, 32], 16, 32),
    ("3x3_s2_3_8_at_96x96", [3, 3], 2, [96, 96], 3, 8),
    ("10x4_s2_1_64_at_49x10", [10, 4], 2, [49, 10], 1, 64),
    ("3x3_64_64_at_8x8", [3, 3], 1, [8, 8], 64, 64),
    ("1x1_64_64_at_25x5", [1, 1], 1, [25, 5], 64, 64),
    ("1x1_8_16_at_48x48", [1, 1], 1, [48, 48], 8, 16),
    ("1x1_256_256_at_3x3", [1, 1], 1, [3, 3], 256, 256),
];

fn conv2d(c: &mut Criterion) {
    for (name, filter, stride, size, input_channels, output_channels) in CONVOLUTIONS {
        let window = same_window(filter, stride, size);
        let p = Conv2d {
            batches: 1,
            window,
            input_channels,
            filter_channels: input_channels,
            output_channels,
            input_zero_point: -128,
            output_zero_point: 3,
            activation: ALL,
        };
        let taps = filter[0] * filter[1] * input_channels;
        let (input, weights) = (values(size[0] * size[1] * input_channels), values(output_channels * taps));
        let (bias, requant) = (vec![1234; output_channels], vec![FACTOR; output_channels]);
        let mut folded = vec![0; output_channels];
        fold_input_offset(&weights, &bias, p.input_zero_point, output_channels, &mut folded);
        let mut output = vec![0; window.output_h * window.output_w * output_channels];
        let mut group = c.benchmark_group("conv2d");
        group.throughput(Throughput::Elements((output.len() * taps) as u64));
        group.bench_function(BenchmarkId::new("reference", name), |b| {
            b.iter(|| reference::conv2d(&p, &input, &weights, &bias, &requant, &mut output));
        });
        for set in SETS.iter().filter(|set| (set.available)()) {
            let mut scratch = vec![0; (set.conv2d_scratch)(&p)];
            group.bench_function(BenchmarkId::new(set.name, name), |b| {
                b.iter(|| (set.conv2d)(&p, &input, &weights, &folded, &requant, &mut scratch, &mut output));
            });
        }
    }
}

fn depthwise_conv2d(c: &mut Criterion) {
    for (name, channels, size) in [("3x3_64_at_25x5", 64, [25, 5]), ("3x3_8_at_48x48", 8, [48, 48])] {
        let p = DepthwiseConv2d {
            batches: 1,
            window: same_window([3, 3], 1, size),
            channels,
            multiplier: 1,
            input_zero_point: -128,
            output_zero_point: 3,
            activation: ALL,
        };
        let (input, weights) = (values(size[0] * size[1] * channels), values(9 * channels));
        let (bias, requant) = (vec![1234; channels], vec![FACTOR; channels]);
        let mut output = vec![0; input.len()];
        let mut group = c.benchmark_group("depthwise_conv2d");
        group.throughput(Throughput::Elements((output.len() * 9) as u64));
        group.bench_function(BenchmarkId::new("reference", name), |b| {
            b.iter(|| reference::depthwise_conv2d(&p, &input, &weights, &bias, &requant, &mut output));
        });
        for set in SETS.iter().filter(|set| (set.available)()) {
            group.bench_function(BenchmarkId::new(set.name, name), |b| {
                b.iter(|| (set.depthwise_conv2d)(&p, &input, &weights, &bias, &requant, &mut output));
            });
        }
    }
}

fn fully_connected(c: &mut Criterion) {
    for (name, input_depth, output_depth) in [("640_128", 640, 128), ("128_640", 128, 640)] {
        let p = FullyConnected {
            batches: 1,
            input_depth,
            output_depth,
            input_zero_point: -128,
            weights_zero_point: 0,
            output_zero_point: 3,
            activation: ALL,
        };
        let (input, weights) = (values(input_depth), values(input_depth * output_depth));
        let (bias, mut folded) = (vec![1234; output_depth], vec![0; output_depth]);
        fold_input_offset(&weights, &bias, p.input_zero_point, output_depth, &mut folded);
        let mut output = vec![0; output_depth];
        let mut group = c.benchmark_group("fully_connected");
        group.throughput(Throughput::Elements((input_depth * output_depth) as u64));
        group.bench_function(BenchmarkId::new("reference", name), |b| {
            b.iter(|| reference::fully_connected(&p, &input, &weights, &bias, &[FACTOR], &mut output));
        });
        for set in SETS.iter().filter(|set| (set.available)()) {
            group.bench_function(BenchmarkId::new(set.name, name), |b| {
                b.iter(|| (set.fully_connected)(&p, &input, &weights, &folded, &[FACTOR], &mut output));
            });
        }
    }
}

fn pools(c: &mut Criterion) {
    let size = [32, 32];
    let window = Window2d { filter_h: 2, filter_w: 2, output_h: 16, output_w: 16, ..same_window([1, 1], 2, size) };
    let p = Pool2d { batches: 1, window, channels: 16, activation: ALL };
    let (input, mut output) = (values(32 * 32 * 16), vec![0; 16 * 16 * 16]);
    let mut pool = |group: &str, reference: UnaryKernel<Pool2d>, of: fn(&KernelSet) -> UnaryKernel<Pool2d>| {
        let mut group = c.benchmark_group(group);
        group.throughput(Throughput::Elements(input.len() as u64));
        group.bench_function(BenchmarkId::new("reference", "2x2_at_32x32x16"), |b| {
            b.iter(|| reference(&p, &input, &mut output));
        });
        for set in SETS.iter().filter(|set| (set.available)()) {
            group.bench_function(BenchmarkId::new(set.name, "2x2_at_32x32x16"), |b| {
                b.iter(|| of(set)(&p, &input, &mut output));
            });
        }
    };
    pool("average_pool2d", reference::average_pool2d, |set| set.average_pool2d);
    pool("max_pool2d", reference::max_pool2d, |set| set.max_pool2d);
}

fn add(c: &mut Criterion) {
    let dims = right_aligned(&[32, 32, 16]);
    let p = Add {
        broadcast: Broadcast { dims, strides1: dense_strides(&dims), strides2: dense_strides(&dims) },
        input1_zero_point: -5,
        input2_zero_point: 9,
        output_zero_point: 0,
        left_shift: 20,
        input1: Requant { multiplier: 1 << 30, shift: 0 },
        input2: Requant { multiplier: 1_342_580_370, shift: -1 },
        output: Requant { multiplier: 1_542_580_370, shift: -19 },
        activation: ALL,
    };
    let len = elements(&dims);
    let (input1, input2, mut output) = (values(len), values(len + 1)[1..].to_vec(), vec![0; len]);
    let mut group = c.benchmark_group("add");
    group.throughput(Throughput::Elements(len as u64));
    group.bench_function(BenchmarkId::new("reference", "32x32x16"), |b| {
        b.iter(|| reference::add(&p, &input1, &input2, &mut output));
    });
    for set in SETS.iter().filter(|set| (set.available)()) {
        group.bench_function(BenchmarkId::new(set.name, "32x32x16"), |b| {
            b.iter(|| (set.add)(&p, &input1, &input2, &mut output));
        });
    }
}

/// Only the reference has it.
fn softmax(c: &mut Criterion) {
    let p = Softmax { rows: 1, depth: 12, input: Requant { multiplier: 1_717_986_944, shift: 22 }, diff_min: -496 };
    let (input, mut output) = (values(12), [0; 12]);
    let mut group = c.benchmark_group("softmax");
    group.throughput(Throughput::Elements(12));
    group.bench_function(BenchmarkId::new("reference", "12"), |b| {
        b.iter(|| reference::softmax(&p, &input, &mut output));
    });
}

/// A window that keeps the size, but for its stride: padding as `SAME` has it, the odd pixel at the end.
fn same_window(filter: [usize; 2], stride: usize, [input_h, input_w]: [usize; 2]) -> Window2d {
    let pad = |input: usize, filter: usize| ((input.div_ceil(stride) - 1) * stride + filter).saturating_sub(input) / 2;
    Window2d {
        input_h,
        input_w,
        filter_h: filter[0],
        filter_w: filter[1],
        stride_h: stride,
        stride_w: stride,
        dilation_h: 1,
        dilation_w: 1,
        pad_top: pad(input_h, filter[0]),
        pad_left: pad(input_w, filter[1]),
        output_h: input_h.div_ceil(stride),
        output_w: input_w.div_ceil(stride),
    }
}

/// Values without a pattern that a branch predictor could learn.
fn values(len: usize) -> Vec<i8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8 as i8).collect()
}
