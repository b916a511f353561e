//! Every optimized kernel beside the reference, on the shapes of small keyword-spotting and vision models.
//!
//! Throughput counts multiply-accumulates; pools and additions count one an element read. These are figures of the
//! machine that runs them; they say nothing about a board.

use criterion::{BenchmarkId, Criterion, Throughput};
use hilbench_kernels::optimized::{SETS, fold_input_offset};
use hilbench_kernels::params::{
    Add, Broadcast, Clamp, Conv2d, DepthwiseConv2d, FullyConnected, Pool2d, Requant, Window2d,
};
use hilbench_kernels::reference;
use hilbench_kernels::shape::{dense_strides, elements, right_aligned};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for bench in [conv2d, depthwise_conv2d, fully_connected, average_pool2d, add] {
        bench(&mut criterion);
    }
    criterion.final_summary();
}

const ALL: Clamp = Clamp { min: -128, max: 127 };
const FACTOR: Requant = Requant { multiplier: 1_342_580_370, shift: -9 };

fn conv2d(c: &mut Criterion) {
    let shapes = [("3x3_16_32_at_32x32", 3, 16, 32, 32, 32), ("1x1_64_64_at_25x5", 1, 64, 64, 25, 5)];
    for (name, filter, input_channels, output_channels, height, width) in shapes {
        let p = Conv2d {
            batches: 1,
            window: same_window(filter, height, width),
            input_channels,
            filter_channels: input_channels,
            output_channels,
            input_zero_point: -128,
            output_zero_point: 3,
            activation: ALL,
        };
        let taps = filter * filter * input_channels;
        let (input, weights) = (values(height * width * input_channels), values(output_channels * taps));
        let (bias, requant) = (vec![1234; output_channels], vec![FACTOR; output_channels]);
        let mut folded = vec![0; output_channels];
        fold_input_offset(&weights, &bias, p.input_zero_point, output_channels, &mut folded);
        let mut output = vec![0; height * width * output_channels];
        let mut group = c.benchmark_group("conv2d");
        group.throughput(Throughput::Elements((output.len() * taps) as u64));
        group.bench_function(BenchmarkId::new("reference", name), |b| {
            b.iter(|| reference::conv2d(&p, &input, &weights, &bias, &requant, &mut output));
        });
        for set in SETS {
            let mut scratch = vec![0; (set.conv2d_scratch)(&p)];
            group.bench_function(BenchmarkId::new(set.name, name), |b| {
                b.iter(|| (set.conv2d)(&p, &input, &weights, &folded, &requant, &mut scratch, &mut output));
            });
        }
    }
}

fn depthwise_conv2d(c: &mut Criterion) {
    let p = DepthwiseConv2d {
        batches: 1,
        window: same_window(3, 25, 5),
        channels: 64,
        multiplier: 1,
        input_zero_point: -128,
        output_zero_point: 3,
        activation: ALL,
    };
    let (input, weights) = (values(25 * 5 * 64), values(9 * 64));
    let (bias, requant) = (vec![1234; 64], vec![FACTOR; 64]);
    let mut output = vec![0; input.len()];
    let mut group = c.benchmark_group("depthwise_conv2d");
    group.throughput(Throughput::Elements((output.len() * 9) as u64));
    group.bench_function(BenchmarkId::new("reference", "3x3_64_at_25x5"), |b| {
        b.iter(|| reference::depthwise_conv2d(&p, &input, &weights, &bias, &requant, &mut output));
    });
    for set in SETS {
        group.bench_function(BenchmarkId::new(set.name, "3x3_64_at_25x5"), |b| {
            b.iter(|| (set.depthwise_conv2d)(&p, &input, &weights, &bias, &requant, &mut output));
        });
    }
}

fn fully_connected(c: &mut Criterion) {
    let p = FullyConnected {
        batches: 1,
        input_depth: 640,
        output_depth: 128,
        input_zero_point: -128,
        weights_zero_point: 0,
        output_zero_point: 3,
        activation: ALL,
    };
    let (input, weights, bias) = (values(640), values(640 * 128), vec![1234; 128]);
    let mut folded = vec![0; 128];
    fold_input_offset(&weights, &bias, p.input_zero_point, 128, &mut folded);
    let mut output = vec![0; 128];
    let mut group = c.benchmark_group("fully_connected");
    group.throughput(Throughput::Elements(640 * 128));
    group.bench_function(BenchmarkId::new("reference", "640_128"), |b| {
        b.iter(|| reference::fully_connected(&p, &input, &weights, &bias, &[FACTOR], &mut output));
    });
    for set in SETS {
        group.bench_function(BenchmarkId::new(set.name, "640_128"), |b| {
            b.iter(|| (set.fully_connected)(&p, &input, &weights, &folded, &[FACTOR], &mut output));
        });
    }
}

fn average_pool2d(c: &mut Criterion) {
    let window = Window2d {
        pad_top: 0,
        pad_left: 0,
        output_h: 1,
        output_w: 1,
        filter_h: 25,
        filter_w: 5,
        ..same_window(1, 25, 5)
    };
    let p = Pool2d { batches: 1, window, channels: 64, activation: ALL };
    let (input, mut output) = (values(25 * 5 * 64), vec![0; 64]);
    let mut group = c.benchmark_group("average_pool2d");
    group.throughput(Throughput::Elements(input.len() as u64));
    group.bench_function(BenchmarkId::new("reference", "25x5_64"), |b| {
        b.iter(|| reference::average_pool2d(&p, &input, &mut output));
    });
    for set in SETS {
        group.bench_function(BenchmarkId::new(set.name, "25x5_64"), |b| {
            b.iter(|| (set.average_pool2d)(&p, &input, &mut output));
        });
    }
}

fn add(c: &mut Criterion) {
    let dims = right_aligned(&[16, 16, 32]);
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
    group.bench_function(BenchmarkId::new("reference", "16x16x32"), |b| {
        b.iter(|| reference::add(&p, &input1, &input2, &mut output));
    });
    for set in SETS {
        group.bench_function(BenchmarkId::new(set.name, "16x16x32"), |b| {
            b.iter(|| (set.add)(&p, &input1, &input2, &mut output));
        });
    }
}

/// A square window that keeps the size.
fn same_window(filter: usize, height: usize, width: usize) -> Window2d {
    Window2d {
        input_h: height,
        input_w: width,
        filter_h: filter,
        filter_w: filter,
        stride_h: 1,
        stride_w: 1,
        dilation_h: 1,
        dilation_w: 1,
        pad_top: filter / 2,
        pad_left: filter / 2,
        output_h: height,
        output_w: width,
    }
}

/// Values without a pattern that a branch predictor could learn.
fn values(len: usize) -> Vec<i8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8 as i8).collect()
}
