"""Make packs/<operator>_<type>/: one TFLite model of many small operators side by side, inputs, and recorded outputs.

    venv/bin/python make_packs.py            # all of them
    venv/bin/python make_packs.py conv_2d    # those whose name begins so

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


@pack("conv_2d_float32", "conv_2d_hybrid", "conv_2d_int8", "conv_2d_uint8", "depthwise_conv_2d_float32",
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


@pack("fully_connected_float32", "fully_connected_hybrid", "fully_connected_int8", "fully_connected_uint8")
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


@pack("average_pool_2d_float32", "average_pool_2d_uint8", "average_pool_2d_int8", "max_pool_2d_float32",
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


@pack("add_float32", "add_uint8", "sub_float32", "sub_uint8", "mul_float32", "mul_uint8", "div_float32",
      "maximum_float32", "maximum_uint8", "minimum_float32", "minimum_uint8", "pow_float32",
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
    x = d.input(a, qa, values[0])
    if operator == "PRELU":
        a, b = d.shape(), None
        b = (1, 1, a[3])
        d.inputs.clear()
        model.inputs.remove(x)
        x = d.input(a, qa)
        y = model.constant(rng.standard_normal(b).astype(np.float32))
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


@pack("softmax_float32", "log_softmax_float32", "l2_normalization_float32", "softmax_uint8")
def rows(rng, model, name):
    operator, dtype, _ = parts(name)
    d = Draw(rng, model, dtype)
    shape = d.shape(int(rng.integers(2, 5)), 9)
    options = {"beta": 1.0} if operator == "SOFTMAX" else {}
    x = d.input(shape, d.q())
    q = None if dtype == "float32" else (1 / 256, 0)
    model.apply(operator, [x], [d.output(shape, q)], **options)
    return d


@pack("mean_float32", "mean_uint8", "sum_float32", "reduce_max_float32", "reduce_min_float32", "reduce_prod_float32")
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
    x = d.input(shape, q_in)
    model.apply(operator, [x, d.integers(axes)], [d.output(result, q_out)], version=2, keepDims=keep)
    return d


@pack("resize_bilinear_float32")
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


@pack("transpose_conv_float32")
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


@pack("batch_matmul_float32")
def batch_matmul(rng, model, name):
    operator, dtype, _ = parts(name)
    d = Draw(rng, model, dtype)
    rows, depth, columns = (int(v) for v in rng.integers(1, 7, 3))
    leading = [int(v) for v in rng.integers(1, 3, rng.integers(0, 3))]
    adjoint = [bool(rng.integers(2)) for _ in range(2)]
    a = (*leading, *((depth, rows) if adjoint[0] else (rows, depth)))
    b = (*leading, *((columns, depth) if adjoint[1] else (depth, columns)))
    x, y = d.input(a, d.q()), d.input(b, d.q())
    model.apply(operator, [x, y], [d.output((*leading, rows, columns), d.q())], version=2, adjX=adjoint[0],
                adjY=adjoint[1])
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


def main():
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
