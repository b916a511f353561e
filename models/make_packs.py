"""Make packs/<operator>_<type>/: one TFLite model of many small operators side by side, inputs, and recorded outputs.

    venv/bin/python make_packs.py            # all of them
    venv/bin/python make_packs.py conv_2d    # those whose name begins so
    venv/bin/python make_packs.py --seeds ../harness/compiler/fuzz/corpus/tflite    # two models of one operator a pack

The environment is that of record.py. Every operator of a pack draws its shape, attributes, scales and values from a
seed of its own, so that new packs change no other. One that the oracle refuses by itself is left out, and counted.
"""

import math
import pathlib
import shutil
import sys
import tempfile
import zlib

import numpy as np

from record import answers, native_stderr, save
from tflite_file import Model

HERE = pathlib.Path(__file__).resolve().parent
EACH = 50
SAMPLES = 4
PACKS = {}


def pack(*names):
    """The decorated function adds one operator to a model: (rng, model, name) -> (inputs, outputs)."""

    def register(builder):
        for name in names:
            PACKS[name] = builder
        return builder

    return register


class Draw:
    """What operators of one element type draw."""

    def __init__(self, rng, model, dtype):
        self.rng, self.model, self.dtype = rng, model, dtype
        self.inputs, self.outputs = [], []

    def q(self, low=-2.5, high=0.3):
        """Scale and zero point of an activation; none of floats."""
        if self.dtype == "float32":
            return None
        scale = np.float32(10 ** self.rng.uniform(low, high))
        if self.dtype == "int16":
            return scale, 0
        edges = [-128, 127, 0]
        zero_point = int(self.rng.choice(edges)) if self.rng.random() < 0.3 else int(self.rng.integers(-128, 128))
        return scale, zero_point + (128 if self.dtype == "uint8" else 0)

    def values(self, shape, samples=SAMPLES):
        if self.dtype == "float32":
            spread = 10 ** self.rng.uniform(-1, 1)
            return (self.rng.standard_normal((samples, *shape)) * spread).astype(np.float32)
        if self.dtype == "bool":
            return self.rng.integers(0, 2, (samples, *shape)).astype(bool)
        if self.dtype == "int32":
            return self.rng.integers(-1000, 1000, (samples, *shape)).astype(np.int32)
        info = np.iinfo(self.dtype)
        values = self.rng.integers(info.min, info.max + 1, (samples, *shape)).astype(self.dtype)
        values[1::2] = self.rng.choice(np.array([info.min, info.min + 1, info.max - 1, info.max], self.dtype),
                                       values[1::2].shape)
        return values

    def input(self, shape, q=None, values=None):
        self.inputs.append(self.values(shape) if values is None else values)
        return self.model.input(shape, self.inputs[-1].dtype.name, q)

    def output(self, shape, q=None, dtype=None):
        self.outputs.append(self.model.tensor(shape, dtype or self.dtype, q))
        return self.outputs[-1]

    def shape(self, rank=4, most=6):
        return (1, *(int(d) for d in self.rng.integers(1, most + 1, rank - 1)))

    def pick(self, *options):
        return options[self.rng.integers(len(options))]

    def integers(self, values):
        return self.model.constant(np.asarray(values, np.int32))


def window_size(size, filter, stride, dilation, padding):
    if padding == 0:
        return [-(-s // t) for s, t in zip(size, stride)]
    return [(s - (f - 1) * d - 1) // t + 1 for s, f, t, d in zip(size, filter, stride, dilation)]


def window(d, size, dilated=True):
    """Filter, stride, dilation, padding (0 is SAME) of a window that fits, and the size of its result."""
    while True:
        filter = [int(v) for v in d.rng.integers(1, 5, 2)]
        stride = [int(v) for v in d.rng.integers(1, 4, 2)]
        dilation = [int(v) for v in d.rng.integers(1, 3, 2)] if dilated and d.rng.random() < 0.3 else [1, 1]
        padding = int(d.rng.integers(2))
        result = window_size(size, filter, stride, dilation, padding)
        if min(result) > 0:
            return filter, stride, dilation, padding, [int(r) for r in result]


def weights(d, shape, axis, q_in, q_out, per_channel, hybrid=False):
    """A constant of weights, and the scale of a bias for them."""
    if d.dtype == "float32" and not hybrid:
        return d.model.constant(d.rng.standard_normal(shape).astype(np.float32)), None
    depth = math.prod(shape) / shape[axis]
    count = shape[axis] if per_channel else 1
    if hybrid:
        scale = (10 ** d.rng.uniform(-2.5, 0, count)).astype(np.float32)
    else:
        spread = 1 << 15 if d.dtype == "int16" else 128
        usual = q_out[0] * spread / (q_in[0] * spread * 128 * math.sqrt(depth)) * 3
        scale = (usual * 10 ** d.rng.uniform(-1, 0.5, count)).astype(np.float32)
    if d.dtype == "uint8":
        zero_point = int(d.rng.choice([0, 255, 128])) if d.rng.random() < 0.2 else int(d.rng.integers(90, 160))
        values = d.rng.integers(0, 256, shape).astype(np.uint8)
        return d.model.constant(values, (scale, zero_point, 0)), scale * np.float32(q_in[0])
    values = d.rng.integers(-127, 128, shape).astype(np.int8)
    q = (scale, np.zeros(count, int), axis if per_channel else 0)
    return d.model.constant(values, q), None if hybrid else scale * np.float32(q_in[0])


def bias(d, channels, scale, q_out):
    if scale is None:
        return d.model.constant(d.rng.standard_normal(channels).astype(np.float32))
    reach = np.minimum((1 << 14 if d.dtype == "int16" else 60) * q_out[0] / np.float64(scale), 2.0**30)
    values = np.broadcast_to(d.rng.uniform(-1, 1, channels) * reach, channels)
    integer = np.int64 if d.dtype == "int16" else np.int32
    return d.model.constant(values.astype(integer), (scale, np.zeros(len(scale), int), 0))


def parts(name):
    """Operator and element type of a pack; "hybrid" are floats with integer weights."""
    operator, dtype = name.rsplit("_", 1)
    hybrid = dtype == "hybrid"
    return operator.upper(), "float32" if hybrid else dtype, hybrid


@pack("conv_2d_int16", "depthwise_conv_2d_int16", "conv_2d_float32", "conv_2d_hybrid", "conv_2d_int8", "conv_2d_uint8", "depthwise_conv_2d_float32",
      "depthwise_conv_2d_hybrid", "depthwise_conv_2d_int8", "depthwise_conv_2d_uint8")
def convolution(rng, model, name):
    operator, dtype, hybrid = parts(name)
    d, depthwise = Draw(rng, model, dtype), operator.startswith("DEPTH")
    _, h, w, channels = d.shape(most=7)
    # The oracle takes no dilation into account where weights are integers and inputs are not.
    filter, stride, dilation, padding, size = window(d, (h, w), dilated=not hybrid)
    q_in, q_out = d.q(), d.q()
    multiplier = int(rng.integers(1, 3)) if depthwise else 1
    filters = channels * multiplier if depthwise else int(rng.integers(1, 6))
    shape, axis = ((1, *filter, filters), 3) if depthwise else ((filters, *filter, channels), 0)
    per_channel = dtype != "uint8" and (depthwise and hybrid or bool(rng.integers(2)))
    x = d.input((1, h, w, channels), q_in)
    constant, scale = weights(d, shape, axis, q_in, q_out, per_channel, hybrid)
    b = bias(d, filters, scale, q_out)
    options = {"depthMultiplier": multiplier} if depthwise else {}
    model.apply(operator, [x, constant, b], [d.output((1, *size, filters), q_out)], version=5 if depthwise else 5,
                padding=padding, strideH=stride[0], strideW=stride[1], dilationHFactor=dilation[0],
                dilationWFactor=dilation[1], fusedActivationFunction=int(rng.integers(4)), **options)
    return d


@pack("fully_connected_int16", "fully_connected_float32", "fully_connected_hybrid", "fully_connected_int8", "fully_connected_uint8")
def fully_connected(rng, model, name):
    operator, dtype, hybrid = parts(name)
    d = Draw(rng, model, dtype)
    depth, outputs, rows = (int(v) for v in rng.integers([1, 1, 1], [30, 9, 4]))
    q_in, q_out = d.q(), d.q()
    x = d.input((rows, depth), q_in)
    per_channel = (dtype == "int8" or hybrid) and bool(rng.integers(2))
    constant, scale = weights(d, (outputs, depth), 0, q_in, q_out, per_channel, hybrid)
    model.apply(operator, [x, constant, bias(d, outputs, scale, q_out)], [d.output((rows, outputs), q_out)],
                version=9, fusedActivationFunction=int(rng.integers(4)),
                asymmetricQuantizeInputs=hybrid and bool(rng.integers(2)))
    return d


@pack("average_pool_2d_int16", "max_pool_2d_int16", "average_pool_2d_float32", "average_pool_2d_uint8", "average_pool_2d_int8", "max_pool_2d_float32",
      "max_pool_2d_uint8", "max_pool_2d_int8")
def pools(rng, model, name):
    operator, dtype, _ = parts(name)
    d = Draw(rng, model, dtype)
    _, h, w, channels = d.shape(most=7)
    filter, stride, _, padding, size = window(d, (h, w), dilated=False)
    q = d.q()
    x = d.input((1, h, w, channels), q)
    model.apply(operator, [x], [d.output((1, *size, channels), q)], version=2, padding=padding, strideH=stride[0],
                strideW=stride[1], filterHeight=filter[0], filterWidth=filter[1],
                fusedActivationFunction=int(rng.integers(4)))
    return d


def broadcast_pair(d, most_rank=4):
    rank = int(d.rng.integers(1, most_rank + 1))
    shape = [int(v) for v in d.rng.integers(1, 5, rank)]
    other = [v if d.rng.random() < 0.7 else 1 for v in shape]
    pair = [tuple(shape), tuple(other)[int(d.rng.integers(0, 2)) if rank > 1 else 0:]]
    return pair if d.rng.random() < 0.6 else pair[::-1]


@pack("add_int16", "sub_int16", "mul_int16", "add_float32", "add_uint8", "sub_float32", "sub_uint8", "mul_float32", "mul_uint8", "div_float32",
      "prelu_int8", "prelu_uint8", "squared_difference_int8", "maximum_float32", "maximum_uint8", "minimum_float32", "minimum_uint8", "pow_float32",
      "squared_difference_float32", "prelu_float32")
def binary(rng, model, name):
    operator, dtype, _ = parts(name)
    d = Draw(rng, model, dtype)
    a, b = broadcast_pair(d)
    qa, qb, q = d.q(), d.q(), d.q()
    if operator in ("MAXIMUM", "MINIMUM"):
        qa = qb = q
    values = [d.values(a), d.values(b)]
    if operator == "DIV" and dtype == "float32":
        values[1] = np.where(np.abs(values[1]) < 0.1, np.float32(1), values[1])
    if operator == "POW":
        values = [np.abs(values[0]) + np.float32(0.01), np.clip(values[1], -3, 3)]
    options = {}
    if operator in ("ADD", "SUB", "MUL", "DIV"):
        options["fusedActivationFunction"] = int(rng.integers(4))
    if dtype == "int16" and operator != "MUL":
        options["potScaleInt16"] = False
    x = d.input(a, qa, values[0])
    if operator == "PRELU":
        a, b = d.shape(), None
        b = (1, 1, a[3])
        d.inputs.clear()
        model.inputs.remove(x)
        x = d.input(a, qa)
        y = model.constant(d.values(b, 1)[0], qb)
    else:
        y = d.input(b, qb, values[1])
    model.apply(operator, [x, y], [d.output(np.broadcast_shapes(a, b), q)], **options)
    return d


FUNCTIONS = ["abs", "ceil", "cos", "elu", "exp", "floor", "gelu", "hard_swish", "leaky_relu", "log", "logistic",
             "neg", "relu", "relu6", "relu_0_to_1", "relu_n1_to_1", "round", "rsqrt", "sign", "sin", "sqrt", "square",
             "tanh"]


@pack("functions_float32")
def functions(rng, model, name):
    d = Draw(rng, model, "float32")
    operator = d.pick(*FUNCTIONS)
    shape = d.shape()
    values = d.values(shape)
    if operator in ("log", "rsqrt", "sqrt"):
        values = np.abs(values) + np.float32(0.001)
    options = {"alpha": float(np.float32(rng.uniform(-1, 2)))} if operator == "leaky_relu" else {}
    if operator == "gelu":
        options["approximate"] = bool(rng.integers(2))
    x = d.input(shape, None, values)
    model.apply(operator.upper(), [x], [d.output(shape)], **options)
    return d


@pack("softmax_float32", "log_softmax_float32", "l2_normalization_float32", "softmax_uint8",
      "l2_normalization_int8")
def rows(rng, model, name):
    operator, dtype, _ = parts(name)
    d = Draw(rng, model, dtype)
    shape = d.shape(int(rng.integers(2, 5)), 9)
    options = {"beta": 1.0} if operator == "SOFTMAX" else {}
    x = d.input(shape, d.q())
    q = None if dtype == "float32" else (1 / 128, 0) if operator.startswith("L2") else (1 / 256, 0)
    model.apply(operator, [x], [d.output(shape, q)], **options)
    return d


@pack("mean_float32", "mean_uint8", "sum_float32", "reduce_max_float32", "reduce_min_float32", "reduce_prod_float32",
      "reduce_min_int8", "reduce_max_uint8", "reduce_prod_int8")
def reductions(rng, model, name):
    operator, dtype, _ = parts(name)
    d = Draw(rng, model, dtype)
    shape = d.shape(int(rng.integers(2, 5)), 5)
    axes = sorted(int(a) for a in rng.choice(len(shape), int(rng.integers(1, len(shape) + 1)), replace=False))
    keep = bool(rng.integers(2))
    result = [1 if i in axes else n for i, n in enumerate(shape) if keep or i not in axes]
    q_in = d.q()
    q_out = d.q() if operator in ("MEAN", "SUM") else q_in
    if dtype != "float32" and operator == "MEAN":
        q_out = (q_in[0] * np.float32(rng.uniform(0.3, 3)), q_out[1])
    if operator == "REDUCE_PROD" and dtype != "float32":
        q_in, q_out = d.q(-2, -0.3), d.q(-2, 0)
    x = d.input(shape, q_in)
    model.apply(operator, [x, d.integers(axes)], [d.output(result, q_out)], version=2, keepDims=keep)
    return d


@pack("resize_bilinear_float32", "resize_bilinear_int8", "resize_bilinear_uint8")
def resize(rng, model, name):
    operator, dtype, _ = parts(name)
    d = Draw(rng, model, dtype)
    _, h, w, channels = d.shape(most=6)
    size = [int(v) for v in rng.integers(1, 9, 2)]
    align, half = d.pick((False, False), (True, False), (False, True))
    q = d.q()
    x = d.input((1, h, w, channels), q)
    model.apply(operator, [x, d.integers(size)], [d.output((1, *size, channels), q)], version=3, alignCorners=align,
                halfPixelCenters=half)
    return d


@pack("transpose_conv_float32", "transpose_conv_int8", "transpose_conv_int16")
def transpose_conv(rng, model, name):
    operator, dtype, _ = parts(name)
    d = Draw(rng, model, dtype)
    _, h, w, channels = d.shape(most=5)
    filters = int(rng.integers(1, 5))
    filter = [int(v) for v in rng.integers(1, 5, 2)]
    stride = [int(v) for v in rng.integers(1, 4, 2)]
    padding = int(rng.integers(2))
    size = [s * t if padding == 0 else (s - 1) * t + max(f, t) for s, t, f in zip((h, w), stride, filter)]
    q_in, q_out = d.q(), d.q()
    constant, scale = weights(d, (filters, *filter, channels), 0, q_in, q_out, True)
    b = bias(d, filters, scale, q_out)
    x = d.input((1, h, w, channels), q_in)
    model.apply(operator, [d.integers([1, *size, filters]), constant, x, b], [d.output((1, *size, filters), q_out)],
                version=4, padding=padding, strideH=stride[0], strideW=stride[1],
                fusedActivationFunction=int(rng.integers(4)))
    return d


@pack("batch_matmul_float32", "batch_matmul_int8")
def batch_matmul(rng, model, name):
    operator, dtype, _ = parts(name)
    d = Draw(rng, model, dtype)
    rows, depth, columns = (int(v) for v in rng.integers(1, 7, 3))
    leading = [int(v) for v in rng.integers(1, 3, rng.integers(0, 3))]
    adjoint = [bool(rng.integers(2)) for _ in range(2)]
    a = (*leading, *((depth, rows) if adjoint[0] else (rows, depth)))
    b = (*leading, *((columns, depth) if adjoint[1] else (depth, columns)))
    x, y = d.input(a, d.q()), d.input(b, d.q())
    model.apply(operator, [x, y], [d.output((*leading, rows, columns), d.q(0, 1.5))], version=2, adjX=adjoint[0],
                adjY=adjoint[1])
    return d


@pack("tables_int8", "tables_uint8")
def tables(rng, model, name):
    """Functions of one 8-bit number, every number of it."""
    _, dtype, _ = parts(name)
    d = Draw(rng, model, dtype)
    operator = d.pick("abs", "elu", "exp", "gelu", "log", "relu_0_to_1", "relu_n1_to_1", "relu", "relu6", "leaky_relu",
                      "hard_swish", "logistic", "tanh")
    q_in, q_out = d.q(-2.5, -0.5), d.q(-2.5, 0.3)
    unsigned = 128 if dtype == "uint8" else 0
    if operator == "log":
        q_in = (q_in[0], -128 + unsigned)
    if operator in ("logistic", "tanh"):
        q_out = (1 / 256, -128 + unsigned) if operator == "logistic" else (1 / 128, unsigned)
    info = np.iinfo(dtype)
    every = np.arange(info.min + (operator == "log"), info.max + 1).astype(dtype)
    if operator == "log":
        every = np.concatenate([every, every[-1:]])
    options = {"alpha": float(np.float32(rng.uniform(-1, 2)))} if operator == "leaky_relu" else {}
    if operator == "gelu":
        options["approximate"] = False
    x = d.input((256, 1), q_in, np.stack([every[:, None]] * SAMPLES))
    model.apply(operator.upper(), [x], [d.output((256, 1), q_out)], **options)
    return d


@pack("functions_int16")
def functions_int16(rng, model, name):
    d = Draw(rng, model, "int16")
    operator, shape = d.pick("logistic", "tanh", "softmax", "leaky_relu", "relu", "relu6"), d.shape(3, 9)
    q_in, q_out = d.q(-4.5, -2), d.q(-4.5, -2)
    if operator in ("logistic", "tanh"):
        q_in = (d.pick(1 / 4096, 1 / 2048, q_in[0]), 0)
    if operator in ("logistic", "tanh", "softmax"):
        q_out = (1 / 32768, 0)
    options = {"alpha": float(np.float32(rng.uniform(0, 2)))} if operator == "leaky_relu" else {}
    if operator == "softmax":
        options["beta"] = 1.0
    model.apply(operator.upper(), [d.input(shape, q_in)], [d.output(shape, q_out)], version=2, **options)
    return d


@pack("quantize_int16")
def quantize_int16(rng, model, name):
    source, result = [("float32", "int16"), ("int16", "float32"), ("int16", "int16"), ("int16", "int8"),
                      ("int8", "int16")][rng.integers(5)]
    d = Draw(rng, model, source)
    q_in = d.q(-3, -1)
    d.dtype = result
    q_out = d.q(-3, -1)
    d.dtype = source
    x = d.input(d.shape(), q_in)
    model.apply("DEQUANTIZE" if result == "float32" else "QUANTIZE", [x],
                [d.output(d.inputs[-1].shape[1:], q_out, result)], version=3 if result == "float32" else 2)
    return d


@pack("comparisons_float32", "comparisons_int32", "comparisons_int8", "comparisons_uint8")
def comparisons(rng, model, name):
    _, dtype, _ = parts(name)
    d = Draw(rng, model, dtype)
    a, b = broadcast_pair(d)
    integers = dtype == "int32"
    qa = None if integers else d.q(-2.5, -0.1)
    qb = None if integers else qa if rng.random() < 0.5 else d.q(-2.5, -0.1)
    values = [d.values(a), d.values(b)]
    if dtype in ("float32", "int32"):
        values = [np.round(v % 5).astype(v.dtype) for v in values]
    x, y = d.input(a, qa, values[0]), d.input(b, qb, values[1])
    operator = d.pick("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
    model.apply(operator, [x, y], [d.output(np.broadcast_shapes(a, b), dtype="bool")], version=2)
    return d


@pack("logic_bool")
def logic(rng, model, name):
    d = Draw(rng, model, "bool")
    operator = d.pick("LOGICAL_AND", "LOGICAL_OR", "LOGICAL_NOT", "REDUCE_ALL", "REDUCE_ANY")
    a, b = broadcast_pair(d)
    x = d.input(a)
    if operator == "LOGICAL_NOT":
        model.apply(operator, [x], [d.output(a)])
    elif operator.startswith("REDUCE"):
        axis = int(rng.integers(len(a)))
        result = [n for i, n in enumerate(a) if i != axis]
        model.apply(operator, [x, d.integers([axis])], [d.output(result)], keepDims=False)
    else:
        model.apply(operator, [x, d.input(b)], [d.output(np.broadcast_shapes(a, b))])
    return d


@pack("movement_float32", "movement_int8", "movement_uint8", "movement_int16")
def movement(rng, model, name):
    """Operators that only move elements."""
    _, dtype, _ = parts(name)
    d = Draw(rng, model, dtype)
    operator = d.pick("SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "TILE", "BROADCAST_TO", "REVERSE_V2", "MIRROR_PAD", "GATHER",
                      "GATHER_ND", "UNPACK", "SPLIT_V", "SELECT_V2", "SLICE", "TRANSPOSE", "CONCATENATION", "PAD")
    q, shape = d.q(), d.shape(most=4)
    if operator in ("SPACE_TO_DEPTH", "DEPTH_TO_SPACE"):
        block = int(rng.integers(1, 4))
        small, wide = shape, (1, shape[1] * block, shape[2] * block, shape[3])
        deep = (*small[:3], small[3] * block * block)
        source, result = (wide, deep) if operator == "SPACE_TO_DEPTH" else (deep, wide)
        model.apply(operator, [d.input(source, q)], [d.output(result, q)], blockSize=block)
    elif operator == "TILE":
        repeats = rng.integers(1, 4, 4)
        model.apply(operator, [d.input(shape, q), d.integers(repeats)], [d.output(np.multiply(shape, repeats), q)])
    elif operator == "BROADCAST_TO":
        source = [n if rng.random() < 0.5 else 1 for n in shape]
        model.apply(operator, [d.input(source, q), d.integers(shape)], [d.output(shape, q)], version=2)
    elif operator == "REVERSE_V2":
        axes = [int(rng.integers(4))]
        model.apply(operator, [d.input(shape, q), d.integers(axes)], [d.output(shape, q)])
    elif operator == "MIRROR_PAD":
        mode = int(rng.integers(2))
        pads = [[int(rng.integers(0, n + mode)) for _ in range(2)] for n in shape]
        result = [n + sum(p) for n, p in zip(shape, pads)]
        model.apply(operator, [d.input(shape, q), d.integers(pads)], [d.output(result, q)], mode=mode)
    elif operator == "GATHER":
        axis, picks = int(rng.integers(4)), [int(v) for v in rng.integers(1, 4, rng.integers(1, 3))]
        indices = rng.integers(0, shape[axis], picks).astype(np.int32)
        result = (*shape[:axis], *picks, *shape[axis + 1:])
        x = d.input(shape, q)
        i = model.constant(indices) if rng.random() < 0.5 else d.input(picks, None, np.stack([indices] * SAMPLES))
        model.apply(operator, [x, i], [d.output(result, q)], axis=axis)
    elif operator == "GATHER_ND":
        depth, count = int(rng.integers(1, 5)), int(rng.integers(1, 5))
        indices = np.stack([rng.integers(0, shape[k], count) for k in range(depth)], -1).astype(np.int32)
        x = d.input(shape, q)
        i = model.constant(indices)
        if rng.random() < 0.5:
            i = d.input((count, depth), None, np.stack([indices] * SAMPLES))
        model.apply(operator, [x, i], [d.output((count, *shape[depth:]), q)])
    elif operator == "UNPACK":
        axis = int(rng.integers(4))
        parts_of = [d.output(shape[:axis] + shape[axis + 1:], q) for _ in range(shape[axis])]
        model.apply(operator, [d.input(shape, q)], parts_of, num=shape[axis], axis=axis)
    elif operator == "SPLIT_V":
        axis = int(rng.integers(4))
        first = int(rng.integers(0, shape[axis])) + 1
        sizes = [first, shape[axis] - first] if shape[axis] > first else [first]
        parts_of = [d.output((*shape[:axis], n, *shape[axis + 1:]), q) for n in sizes]
        given = [-1, *sizes[1:]] if rng.random() < 0.5 else sizes
        model.apply(operator, [d.input(shape, q), d.integers(given), d.integers(axis)], parts_of,
                    numSplits=len(sizes))
    elif operator == "SELECT_V2":
        condition = rng.integers(0, 2, (SAMPLES, *shape)).astype(bool)
        c = d.input(shape, None, condition)
        model.apply(operator, [c, d.input(shape, q), d.input(shape, q)], [d.output(shape, q)])
    elif operator == "SLICE":
        begin = [int(rng.integers(0, n)) for n in shape]
        size = [int(rng.integers(1, n - b + 1)) for n, b in zip(shape, begin)]
        model.apply(operator, [d.input(shape, q), d.integers(begin), d.integers(size)], [d.output(size, q)])
    elif operator == "TRANSPOSE":
        order = [int(v) for v in rng.permutation(4)]
        model.apply(operator, [d.input(shape, q), d.integers(order)], [d.output([shape[i] for i in order], q)])
    elif operator == "CONCATENATION":
        axis = int(rng.integers(4))
        result = (*shape[:axis], 2 * shape[axis], *shape[axis + 1:])
        model.apply(operator, [d.input(shape, q), d.input(shape, q)], [d.output(result, q)], axis=axis)
    else:
        pads = rng.integers(0, 3, (4, 2))
        model.apply(operator, [d.input(shape, q), d.integers(pads)], [d.output(shape + pads.sum(-1), q)], version=2)
    return d


@pack("concatenation_uint8")
def concatenation(rng, model, name):
    """With scales that are not those of the result."""
    d = Draw(rng, model, "uint8")
    shape, axis = d.shape(3), int(rng.integers(3))
    x = [d.input(shape, d.q(-2, -1)) for _ in range(2)]
    result = (*shape[:axis], 2 * shape[axis], *shape[axis + 1:])
    model.apply("CONCATENATION", x, [d.output(result, d.q(-2, -1))], axis=axis)
    return d


@pack("picks_float32", "picks_int8", "picks_uint8")
def picks(rng, model, name):
    _, dtype, _ = parts(name)
    d = Draw(rng, model, dtype)
    operator, shape, q = d.pick("ARG_MAX", "ARG_MIN", "TOPK_V2"), d.shape(3, 6), d.q()
    x = d.input(shape, q)
    if operator == "TOPK_V2":
        k = int(rng.integers(1, shape[-1] + 1))
        result = (*shape[:-1], k)
        model.apply(operator, [x, d.integers(k)], [d.output(result, q), d.output(result, dtype="int32")])
    else:
        axis = int(rng.integers(3))
        model.apply(operator, [x, d.integers(axis)], [d.output(shape[:axis] + shape[axis + 1:], dtype="int32")],
                    outputType=2)
    return d


@pack("cast_mixed")
def cast(rng, model, name):
    pairs = [("float32", "int32"), ("int32", "float32"), ("int8", "float32"), ("uint8", "float32"), ("bool", "float32"),
             ("int8", "int32"), ("uint8", "int32"), ("float32", "int8"), ("bool", "int32")]
    source, result = pairs[rng.integers(len(pairs))]
    d = Draw(rng, model, source)
    shape = d.shape()
    model.apply("CAST", [d.input(shape)], [d.output(shape, dtype=result)])
    return d


@pack("expanded_float32")
def expanded(rng, model, name):
    """Weights that are stored as halves or as int8, and computed with as floats."""
    d = Draw(rng, model, "float32")
    depth, outputs = (int(v) for v in rng.integers([1, 1], [20, 9]))
    values = rng.standard_normal((outputs, depth)).astype(np.float32)
    if rng.integers(2):
        stored = model.constant(values.astype(np.float16))
    else:
        count = outputs if rng.integers(2) else 1
        scale = (10 ** rng.uniform(-2.5, 0, count)).astype(np.float32)
        stored = model.constant(rng.integers(-127, 128, values.shape).astype(np.int8),
                                (scale, np.zeros(count, int), 0))
    w = model.tensor((outputs, depth), "float32")
    model.apply("DEQUANTIZE", [stored], [w], version=4)
    x = d.input((int(rng.integers(1, 4)), depth))
    model.apply("FULLY_CONNECTED", [x, w, -1], [d.output((d.inputs[0].shape[1], outputs))], version=2,
                fusedActivationFunction=int(rng.integers(4)))
    return d


@pack("conv_2d_int4")
def int4(rng, model, name):
    d = Draw(rng, model, "int8")
    _, h, w, channels = d.shape(most=6)
    filter, stride, dilation, padding, size = window(d, (h, w))
    q_in, q_out, filters = d.q(), d.q(), int(rng.integers(1, 5))
    shape = (filters, *filter, channels)
    scale = (q_out[0] / (q_in[0] * 8 * math.sqrt(math.prod(shape[1:]))) * 10 ** rng.uniform(-1, 0.5, filters))
    q = (scale.astype(np.float32), np.zeros(filters, int), 0)
    constant = model.constant_int4(rng.integers(-7, 8, shape), q)
    b = bias(d, filters, q[0] * np.float32(q_in[0]), q_out)
    x = d.input((1, h, w, channels), q_in)
    model.apply("CONV_2D", [x, constant, b], [d.output((1, *size, filters), q_out)], version=7, padding=padding,
                strideH=stride[0], strideW=stride[1], dilationHFactor=dilation[0], dilationWFactor=dilation[1],
                fusedActivationFunction=int(rng.integers(4)))
    return d


def make(name):
    """The model, its inputs, and how many operators the oracle refused."""
    whole, inputs, outputs, refused, reason = Model(), [], [], 0, ""
    for number in range(EACH):
        seed = zlib.crc32(f"{name}/{number}".encode())
        with tempfile.TemporaryFile("w+") as said, native_stderr(said):
            alone = Model()
            drawn = PACKS[name](np.random.default_rng(seed), alone, name)
            try:
                answers(alone.bytes(drawn.outputs), drawn.inputs)
            except (RuntimeError, ValueError, TypeError) as why:
                refused, reason = refused + 1, str(why)
                continue
        drawn = PACKS[name](np.random.default_rng(seed), whole, name)
        inputs += drawn.inputs
        outputs += drawn.outputs
    return whole.bytes(outputs), inputs, len(outputs), refused, reason


def seeds(folder):
    """What a fuzzer begins with."""
    for name in sorted(PACKS):
        for number in range(2):
            model = Model()
            drawn = PACKS[name](np.random.default_rng(zlib.crc32(f"{name}/{number}".encode())), model, name)
            (folder / f"{name}_{number}").write_bytes(model.bytes(drawn.outputs))


def main():
    if sys.argv[1:2] == ["--seeds"]:
        return seeds(pathlib.Path(sys.argv[2]))
    for name in sorted(PACKS):
        if sys.argv[1:] and not any(name.startswith(prefix) for prefix in sys.argv[1:]):
            continue
        model, inputs, kept, refused, reason = make(name)
        if not kept:
            print(f"{name:36}    0{refused:5} refused {reason[:300]}", flush=True)
            continue
        folder = HERE / "packs" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "model.tflite").write_bytes(model)
        npz = {f"m_inputs_{k}": a for k, a in enumerate(inputs, 1)}
        npz |= {f"m_outputs_{k}": a for k, a in enumerate(answers(model, inputs), 1)}
        save(folder / "io.npz", npz)
        print(f"{name:36}{kept:5}{refused:5} refused {reason[:90]}", flush=True)


if __name__ == "__main__":
    main()
