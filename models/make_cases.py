"""Make cases/<operator>/<case>/: one small TFLite model and its inputs each.

    python3 -m venv venv
    venv/bin/pip install ai-edge-litert==1.2.0 numpy==2.4.6 flatbuffers==25.12.19
    venv/bin/python make_cases.py && venv/bin/python record.py cases

Every case draws from a seed of its own name: a new row changes no other case,
and a second run gives the same bytes. record.py adds what the oracle answers;
nothing here computes a result. A row is a name and the arguments of the
operator's builder, which answers the model and its inputs, first axis samples.
"""

import math
import pathlib
import shutil
import zlib

import numpy as np

from tflite_file import Model

HERE = pathlib.Path(__file__).resolve().parent
CASES = {}

PADDING = {"SAME": 0, "VALID": 1}
ACTIVATION = {"NONE": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3}
INT32 = np.iinfo(np.int32)
# Standard deviation of a uniform int8.
SPREAD = 74.0


def operator(*names):
    """The decorated function gives the rows of these operators: case name -> (builder, arguments)."""

    def register(rows):
        for name in names:
            CASES[name] = rows(name)
        return rows

    return register


def rows(builder, table, **common):
    return {name: (builder, {**common, **arguments}) for name, arguments in table.items()}


# Drawing values.


def draw(rng, shape, samples=4, dtype="int8"):
    """Uniform values; every second sample from the two extremes and their neighbours only."""
    if dtype == "float32":
        return (rng.standard_normal((samples, *shape)) * 3).astype(np.float32)
    low, high = (-1000, 1001) if dtype in ("int32", "int64") else (np.iinfo(dtype).min, np.iinfo(dtype).max + 1)
    values = rng.integers(low, high, (samples, *shape)).astype(dtype)
    edges = np.array([low, low + 1, high - 2, high - 1], dtype)
    values[1::2] = rng.choice(edges, values[1::2].shape)
    return values


def every(dtype="int8"):
    """All 256 values as one sample of shape [1, 256]."""
    return np.arange(np.iinfo(dtype).min, np.iinfo(dtype).max + 1).astype(dtype).reshape(1, 1, 256)


def of_type(dtype, q):
    """Only 8-bit tensors are quantized; zero points are given as those of int8."""
    if dtype == "uint8":
        return (q[0], q[1] + 128)
    return q if dtype == "int8" else None


# Products and sums: convolutions, fully connected.


def weights(rng, model, shape, axis, depth, q_in, q_out, scales, gain, full_range, zero_point=0):
    """A constant whose scales make sums of `depth` products fill the output `gain` times."""
    usual = gain * q_out[0] * 50 / (q_in[0] * SPREAD * SPREAD * math.sqrt(depth))
    channels = shape[axis]
    if scales == "per_tensor":
        scale = np.float32(usual)
    elif scales == "per_channel":
        scale = (usual * rng.uniform(0.5, 2, channels)).astype(np.float32)
    elif scales == "fading":
        # From ordinary factors to those that flush to zero.
        scale = (usual * 10.0 ** -np.linspace(0, 9, channels)).astype(np.float32)
    else:
        scale = np.float32(scales)
    values = rng.integers(-128 if full_range else -127, 128, shape).astype(np.int8)
    zero_points = np.full(np.shape(scale), zero_point)
    return model.constant(values, (scale, zero_points, axis)), scale


def bias_of(rng, model, kind, channels, q_in, weight_scale, q_out):
    if kind == "none":
        return []
    if kind == "absent":
        return [-1]
    scale = (np.float32(q_in[0]) * weight_scale).astype(np.float32)
    if kind == "wraps":
        # So near the ends of int32 that some sums pass them.
        values = rng.choice([INT32.min, INT32.max], channels) ^ rng.integers(0, 1 << 14, channels)
    elif kind == "zero":
        values = np.zeros(channels)
    else:
        reach = np.minimum(40 * q_out[0] / np.float64(scale), 2.0**30)
        values = np.broadcast_to(rng.uniform(-1, 1, channels) * reach, channels)
    return [model.constant(np.asarray(values).astype(np.int32), (scale, np.zeros(np.shape(scale), int), 0))]


def window_options(padding, stride, activation):
    return {
        "padding": PADDING[padding],
        "strideH": stride[0],
        "strideW": stride[1],
        "fusedActivationFunction": ACTIVATION[activation],
    }


def window_size(shape, filter, stride, dilation, padding):
    if padding == "SAME":
        return [-(-size // s) for size, s in zip(shape[1:3], stride)]
    return [(size - (f - 1) * d - 1) // s + 1 for size, f, s, d in zip(shape[1:3], filter, stride, dilation)]


def convolution(rng, depthwise=False, shape=(1, 6, 6, 3), filter=(3, 3), filters=4, groups=1, multiplier=1,
                stride=(1, 1), dilation=(1, 1), padding="SAME", activation="NONE", scales="per_channel", gain=1.0,
                full_range=False, bias="usual", zero_points=(-3, 5), scale_out=0.0625, samples=4):
    model = Model()
    q_in, q_out = (0.0371, zero_points[0]), (scale_out, zero_points[1])
    x = model.input(shape, q=q_in)
    channels = shape[3]
    if depthwise:
        filters, w_shape, axis, depth = channels * multiplier, (1, *filter, channels * multiplier), 3, math.prod(filter)
    else:
        w_shape, axis = (filters, *filter, channels // groups), 0
        depth = math.prod(w_shape[1:])
    w, scale = weights(rng, model, w_shape, axis, depth, q_in, q_out, scales, gain, full_range)
    b = bias_of(rng, model, bias, filters, q_in, scale, q_out)
    size = window_size(shape, filter, stride, dilation, padding)
    y = model.tensor((shape[0], *size, filters), q=q_out)
    options = window_options(padding, stride, activation)
    if depthwise:
        options["depthMultiplier"] = multiplier
    model.apply("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", [x, w, *b], [y], version=3,
                dilationHFactor=dilation[0], dilationWFactor=dilation[1], **options)
    return model.bytes([y]), [draw(rng, shape, samples)]


# What both convolutions must bear alike.
WINDOWS = {
    "plain": {},
    "valid_per_tensor_relu": dict(padding="VALID", scales="per_tensor", activation="RELU"),
    "stride2_same_per_channel_relu6": dict(shape=(1, 7, 7, 3), stride=(2, 2), activation="RELU6"),
    "stride2_same_even_size": dict(shape=(1, 8, 8, 2), stride=(2, 2), activation="RELU"),
    "stride_2_by_1_valid": dict(shape=(1, 9, 7, 2), stride=(2, 1), padding="VALID"),
    "stride_1_by_3_same": dict(shape=(1, 5, 10, 2), stride=(1, 3)),
    "stride_above_filter": dict(shape=(1, 9, 9, 2), filter=(2, 2), stride=(3, 4)),
    "filter_1_by_5_same": dict(shape=(1, 4, 9, 3), filter=(1, 5)),
    "filter_4_by_2_same": dict(shape=(1, 7, 6, 2), filter=(4, 2)),
    "filter_larger_than_input": dict(shape=(1, 3, 2, 4), filter=(5, 5)),
    "dilation2_same": dict(shape=(1, 8, 8, 2), dilation=(2, 2)),
    "dilation_2_by_3_valid": dict(shape=(1, 9, 10, 2), dilation=(2, 3), padding="VALID", activation="RELU6"),
    "batch3": dict(shape=(3, 4, 5, 2), samples=2),
    "bias_wraps": dict(bias="wraps", scales="per_tensor", gain=3e-5),
    "relu_n1_to_1": dict(activation="RELU_N1_TO_1", scale_out=0.02),
    "relu6_beyond_int8": dict(activation="RELU6", scale_out=0.02, gain=2.0),
    "zero_points_low_high": dict(zero_points=(-128, 127), full_range=True),
    "zero_points_high_low": dict(zero_points=(127, -128), full_range=True),
    "saturates": dict(gain=40.0),
    "factor_above_one": dict(gain=3e5, bias="zero"),
    "factor_shifts_out": dict(gain=1e8, scales="per_tensor", bias="zero"),
    "tiny_factors_flush": dict(scales="fading"),
    "tiny_scale": dict(scales=1e-9, bias="zero"),
    "near_ties": dict(scales=0.0625 * 77 / 128 / 0.0371 / 16, bias="zero"),
}


@operator("CONV_2D")
def conv_2d(_):
    return rows(convolution, {
        **WINDOWS,
        "pointwise": dict(filter=(1, 1), shape=(1, 5, 5, 8), filters=7),
        "pointwise_stride2": dict(filter=(1, 1), shape=(1, 5, 6, 5), stride=(2, 2)),
        "one_pixel": dict(filter=(1, 1), shape=(1, 1, 1, 19), filters=5),
        "whole_image": dict(filter=(6, 5), shape=(1, 6, 5, 3), padding="VALID"),
        "one_channel_many_filters": dict(shape=(1, 4, 4, 1), filters=17),
        "groups2": dict(shape=(1, 5, 5, 6), groups=2, filters=4),
        "groups3_stride2": dict(shape=(1, 7, 5, 9), groups=3, filters=6, stride=(2, 2), activation="RELU"),
        "groups_of_one_channel": dict(shape=(1, 5, 5, 4), groups=4, filters=8),
    })


@operator("DEPTHWISE_CONV_2D")
def depthwise_conv_2d(_):
    return rows(convolution, {
        **WINDOWS,
        # CONV_2D without this operand is refused by the oracle.
        "no_bias": dict(bias="none"),
        "multiplier2": dict(multiplier=2),
        "multiplier3_stride2": dict(multiplier=3, stride=(2, 2), shape=(1, 7, 6, 2), activation="RELU6"),
        "multiplier4_valid": dict(multiplier=4, padding="VALID", scales="per_tensor"),
        "multiplier4_dilation2": dict(multiplier=4, shape=(1, 7, 7, 2), dilation=(2, 2)),
        "one_channel_multiplier8": dict(shape=(1, 6, 4, 1), multiplier=8),
        "filter_10_by_4_stride2": dict(shape=(1, 14, 6, 1), filter=(10, 4), stride=(2, 2), multiplier=4),
        "many_channels": dict(shape=(1, 3, 3, 19)),
    }, depthwise=True)


def fully_connected(rng, shape=(1, 16), depth=16, outputs=8, scales="per_tensor", weights_zero_point=0, gain=1.0,
                    bias="usual", activation="NONE", keep=False, full_range=False, zero_points=(-3, 5),
                    scale_out=0.0625, samples=4):
    model = Model()
    q_in, q_out = (0.0371, zero_points[0]), (scale_out, zero_points[1])
    x = model.input(shape, q=q_in)
    w, scale = weights(rng, model, (outputs, depth), 0, depth, q_in, q_out, scales, gain, full_range,
                       weights_zero_point)
    b = bias_of(rng, model, bias, outputs, q_in, scale, q_out)
    leading = shape[:-1] if keep else (math.prod(shape) // depth,)
    y = model.tensor((*leading, outputs), q=q_out)
    model.apply("FULLY_CONNECTED", [x, w, *b], [y], version=4, keepNumDims=keep,
                fusedActivationFunction=ACTIVATION[activation])
    return model.bytes([y]), [draw(rng, shape, samples)]


@operator("FULLY_CONNECTED")
def fully_connected_rows(_):
    return rows(fully_connected, {
        "plain": {},
        "relu": dict(activation="RELU"),
        "relu6": dict(activation="RELU6"),
        "relu_n1_to_1": dict(activation="RELU_N1_TO_1", scale_out=0.02),
        "batch5": dict(shape=(5, 16)),
        "per_channel": dict(scales="per_channel"),
        "per_channel_batch2_relu": dict(scales="per_channel", shape=(2, 16), activation="RELU"),
        "per_channel_tiny_factors_flush": dict(scales="fading", outputs=12),
        "weights_zero_point": dict(weights_zero_point=9),
        "weights_zero_point_minus128": dict(weights_zero_point=-128, full_range=True, shape=(3, 16)),
        "weights_zero_point_127": dict(weights_zero_point=127, full_range=True, bias="none"),
        "no_bias": dict(bias="none"),
        "absent_bias_batch2": dict(bias="absent", shape=(2, 16)),
        "bias_wraps": dict(bias="wraps", gain=3e-5),
        "rank3_keeps_dims": dict(shape=(2, 3, 16), keep=True),
        "rank4_keeps_dims_per_channel": dict(shape=(1, 2, 2, 16), keep=True, scales="per_channel"),
        "rank4_flattens_to_rows": dict(shape=(1, 2, 2, 8), depth=32),
        "rank3_flattens_to_more_rows": dict(shape=(1, 3, 16)),
        "zero_points_low_high": dict(zero_points=(-128, 127), full_range=True),
        "zero_points_high_low": dict(zero_points=(127, -128), full_range=True),
        "saturates": dict(gain=40.0),
        "factor_above_one": dict(gain=3e5, bias="none"),
        "tiny_scale": dict(scales=1e-9, bias="none"),
        "near_ties": dict(scales=0.0625 * 77 / 128 / 0.0371 / 16, bias="zero"),
        "odd_depth": dict(shape=(1, 37), depth=37, outputs=5),
        "one_output": dict(shape=(2, 21), depth=21, outputs=1),
        "one_input": dict(shape=(4, 1), depth=1, outputs=3),
    })


# Windows without weights.


def pool(rng, kind, shape=(1, 6, 6, 3), filter=(2, 2), stride=(2, 2), padding="VALID", activation="NONE",
         q=(0.05, -3), samples=4):
    model = Model()
    x = model.input(shape, q=q)
    y = model.tensor((shape[0], *window_size(shape, filter, stride, (1, 1), padding), shape[3]), q=q)
    model.apply(kind, [x], [y], version=2, filterHeight=filter[0], filterWidth=filter[1],
                **window_options(padding, stride, activation))
    return model.bytes([y]), [draw(rng, shape, samples)]


@operator("AVERAGE_POOL_2D", "MAX_POOL_2D")
def pools(kind):
    return rows(pool, {
        "plain": {},
        "same_odd_size": dict(shape=(1, 7, 5, 3), padding="SAME"),
        "filter3_stride1_same": dict(filter=(3, 3), stride=(1, 1), padding="SAME"),
        "filter3_stride2_same": dict(filter=(3, 3), padding="SAME", activation="RELU"),
        "filter_3_by_2_valid": dict(filter=(3, 2), stride=(2, 1), shape=(1, 8, 5, 2)),
        "filter_1_by_4": dict(filter=(1, 4), stride=(1, 2), padding="SAME", shape=(1, 3, 9, 2)),
        "stride_above_filter": dict(filter=(2, 2), stride=(3, 4), padding="SAME", shape=(1, 9, 9, 2)),
        "larger_than_input": dict(filter=(7, 7), stride=(1, 1), padding="SAME", shape=(1, 3, 4, 2)),
        "global": dict(filter=(6, 5), stride=(1, 1), shape=(1, 6, 5, 9)),
        "batch3": dict(shape=(3, 4, 4, 2), samples=2),
        "relu": dict(activation="RELU"),
        "relu6": dict(activation="RELU6", q=(0.0625, -20)),
        "relu_n1_to_1": dict(activation="RELU_N1_TO_1"),
        "zero_point_minus128": dict(q=(0.05, -128), filter=(3, 3), padding="SAME"),
        "zero_point_127": dict(q=(0.05, 127), filter=(3, 3), padding="SAME"),
        "one_channel": dict(shape=(1, 9, 9, 1), filter=(3, 3), stride=(3, 3)),
    }, kind=kind)


def resize(rng, shape, size, align_corners=False, half_pixel_centers=False, dtype="int8"):
    model = Model()
    q = of_type(dtype, (0.05, 3))
    x = model.input(shape, dtype, q)
    y = model.tensor((shape[0], *size, shape[3]), dtype, q)
    model.apply("RESIZE_NEAREST_NEIGHBOR", [x, model.constant(np.array(size, np.int32))], [y], version=3,
                alignCorners=align_corners, halfPixelCenters=half_pixel_centers)
    return model.bytes([y]), [draw(rng, shape, 2, dtype)]


@operator("RESIZE_NEAREST_NEIGHBOR")
def resize_rows(_):
    sizes = {
        "twice": dict(shape=(1, 3, 4, 2), size=(6, 8)),
        "odd_up": dict(shape=(1, 3, 5, 2), size=(7, 13)),
        "down": dict(shape=(2, 9, 7, 1), size=(4, 3)),
        "to_one": dict(shape=(1, 5, 4, 3), size=(1, 1)),
    }
    modes = {
        "": {},
        "_align_corners": dict(align_corners=True),
        "_half_pixel": dict(half_pixel_centers=True),
    }
    table = {size + mode: {**sizes[size], **modes[mode]} for size in sizes for mode in modes}
    table["float32"] = dict(shape=(1, 2, 3, 2), size=(5, 4), dtype="float32")
    table["uint8"] = dict(shape=(1, 2, 3, 2), size=(5, 4), dtype="uint8")
    return rows(resize, table)


# Two operands.


def binary(rng, kind, a=(1, 4, 4, 3), b=None, qa=(0.05, -3), qb=(0.031, 7), q=(0.07, 2), activation=None,
           constant=None, same=False, pairs=False, samples=4):
    model = Model()
    b = a if b is None else b
    inputs, operands = [], []
    if pairs:
        a, b = (256, 1), (1, 256)
    for number, (shape, q_x) in enumerate([(a, qa), (b, qb)]):
        if same and number:
            operands.append(operands[0])
        elif number == constant:
            operands.append(model.constant(draw(rng, shape, 1)[0], q_x))
        else:
            operands.append(model.input(shape, q=q_x))
            inputs.append(every().reshape(1, *shape) if pairs else draw(rng, shape, samples))
    y = model.tensor(np.broadcast_shapes(a, b), q=q)
    options = {} if activation is None else {"fusedActivationFunction": ACTIVATION[activation]}
    model.apply(kind, operands, [y], version=2, **options)
    return model.bytes([y]), inputs


BROADCASTS = {
    "scalar": dict(a=(1, 4, 4, 3), b=(1,)),
    "rank1": dict(a=(11,), b=(11,)),
    "rank2_rows": dict(a=(3, 5), b=(1, 5)),
    "rank3_both": dict(a=(3, 1, 5), b=(1, 4, 5)),
    "rank4_channels": dict(a=(1, 3, 4, 5), b=(5,)),
    "rank4_image": dict(a=(1, 1, 1, 5), b=(2, 3, 4, 5)),
    "rank5": dict(a=(2, 1, 3, 1, 2), b=(1, 2, 3, 2, 2)),
}


def broadcasts(*names):
    return {"broadcast_" + name: BROADCASTS[name] for name in names}


@operator("ADD", "SUB", "MUL")
def arithmetic(kind):
    table = {}
    if kind == "MUL":
        # Scales whose product and quotient in single and in double precision part ways at a tie.
        q = {"qa": (0.02148193120956421, 127), "qb": (0.0016729538328945637, -128), "q": (0.015078817494213581, 77)}
        table["scales_in_single_precision"] = dict(q, pairs=True)
    return rows(binary, {
        **table,
        "plain": {},
        "every_pair": dict(pairs=True, q=(0.05, -11)),
        **broadcasts(*(BROADCASTS if kind == "ADD" else ("scalar", "rank3_both", "rank4_channels", "rank5"))),
        "relu": dict(activation="RELU"),
        "relu6": dict(activation="RELU6", q=(0.0625, -20)),
        "relu_n1_to_1": dict(activation="RELU_N1_TO_1", q=(0.02, 0)),
        "equal_scales": dict(qa=(0.05, 0), qb=(0.05, 0), q=(0.05, 0)),
        "powers_of_two": dict(qa=(0.5, 0), qb=(0.25, 0), q=(1.0, 0)),
        "scales_far_apart": dict(qa=(1e-5, 3), qb=(0.5, -3), q=(1e-3 if kind == "MUL" else 0.5, 1)),
        "tiny_scales": dict(qa=(1e-9, 0), qb=(3e-9, 0), q=(0.1, 5)),
        "tiny_output_scale": dict(qa=(0.5, 1), qb=(0.25, 1), q=(1e-4, 0)),
        "zero_points_low": dict(qa=(0.04, -128), qb=(0.06, -128), q=(0.3, -128)),
        # Two negative operands: the sum is negative, the product is not.
        "zero_points_high": dict(qa=(0.04, 127), qb=(0.06, 127), q=(0.3, -128 if kind == "MUL" else 127)),
        "saturates": dict(qa=(0.5, 0), qb=(0.5, 3), q=(0.05, -3)),
        "constant_second": dict(b=(3,), constant=1),
        "constant_first": dict(constant=0),
        "with_itself": dict(same=True),
    }, kind=kind, activation="NONE")


@operator("MAXIMUM", "MINIMUM")
def extremes(kind):
    q = (0.05, -3)
    return rows(binary, {
        "plain": {},
        **broadcasts("scalar", "rank2_rows", "rank4_channels", "rank5"),
        "constant_second": dict(b=(3,), constant=1),
        "every_pair": dict(pairs=True),
    }, kind=kind, qa=q, qb=q, q=q, samples=2)


# One operand, element by element.


def unary(rng, kind, qi=(0.05, 0), qo=(0.05, 0), types=("int8", "int8"), shape=None, values=None, **options):
    model = Model()
    if values is not None:
        inputs = np.asarray(values, types[0]).reshape(1, 1, -1)
    elif types[0] == "float32":
        # Up to twice beyond either end, and every tie and its neighbours.
        steps = np.arange(-300, 300) + 0.5
        ties = (steps * np.float32(qo[0])).astype(np.float32)
        near = [np.nextafter(ties, np.float32(side) * np.inf) for side in (-1, 1)]
        inputs = np.concatenate([ties, *near, rng.uniform(-600, 600, 200) * qo[0]]).astype(np.float32).reshape(1, 1, -1)
    else:
        inputs = every(types[0])
    if shape is not None:
        inputs = draw(rng, shape, 2, types[0])
    x = model.input(inputs.shape[1:], types[0], of_type(types[0], qi))
    y = model.tensor(inputs.shape[1:], types[1], of_type(types[1], qo))
    model.apply(kind, [x], [y], version=2 if kind not in ("HARD_SWISH", "QUANTIZE") else 1, **options)
    return model.bytes([y]), [inputs]


INPUT_SCALES = {
    "plain": (0.05, 0),
    "off_center": (0.0731, -17),
    "wide": (0.7, 40),
    "narrow": (0.004, 3),
    "zero_point_minus128": (0.03, -128),
    "zero_point_127": (0.03, 127),
    "tiny": (1e-9, 0),
    "sixteenth": (0.0625, 0),
}


@operator("LOGISTIC", "TANH")
def sigmoidal(kind):
    qo = (1 / 256, -128) if kind == "LOGISTIC" else (1 / 128, 0)
    table = {name: dict(qi=qi) for name, qi in INPUT_SCALES.items()}
    table["rank4"] = dict(shape=(1, 3, 3, 2))
    return rows(unary, table, kind=kind, qo=qo)


RESCALES = {
    "equal_scales": dict(qi=(0.05, 0), qo=(0.05, 0)),
    "off_center": dict(qi=(0.0731, -17), qo=(0.05, 9)),
    "to_finer": dict(qi=(0.1, 3), qo=(0.01, -5)),
    "to_coarser": dict(qi=(0.01, 3), qo=(0.13, -5)),
    "halves": dict(qi=(0.05, 0), qo=(0.1, 0)),
    # As near to ties as single precision comes, from either side.
    "near_ties": dict(qi=(0.05 * 77 / 128, 0), qo=(0.05, 0)),
    "zero_point_low": dict(qi=(0.04, -128), qo=(0.09, -20)),
    "zero_point_high": dict(qi=(0.04, 127), qo=(0.09, 20)),
    "zero_points_low_low": dict(qi=(0.04, -128), qo=(0.0235, -128)),
    "tiny_input_scale": dict(qi=(1e-9, 0), qo=(0.1, 4)),
    "tiny_output_scale": dict(qi=(0.1, 1), qo=(1e-6, 4)),
}


@operator("RELU", "RELU6")
def relu(kind):
    table = RESCALES
    if kind == "RELU6":
        # The same kernel with one more bound.
        table = {name: RESCALES[name] for name in ("equal_scales", "off_center", "to_finer", "near_ties")}
        table["bound_beyond_int8"] = dict(qi=(0.05, 0), qo=(0.02, 0))
        table["bound_at_the_zero_point"] = dict(qi=(0.2, -128), qo=(0.1, 127))
    return rows(unary, {**table, "rank4": dict(shape=(1, 3, 3, 2))}, kind=kind)


@operator("HARD_SWISH")
def hard_swish(kind):
    chosen = ("equal_scales", "off_center", "to_finer", "halves", "zero_point_low", "zero_point_high",
              "tiny_input_scale")
    table = {name: RESCALES[name] for name in chosen}
    # Right shifts of 16 and more, where the 16-bit rounding knows only +1 and -1.
    table["output_shifts_out"] = dict(qi=(1.5e-6, 0), qo=(0.0018, -80))
    table["gate_shifts_out"] = dict(qi=(1e-7, 3), qo=(1e-7, -7))
    for name, scale in {"narrow": 0.004, "three_32768ths": 3 / 32768 * 128, "wide": 0.7, "very_wide": 11.0}.items():
        table[name] = dict(qi=(scale, 5), qo=(scale * 0.6, -7))
    table["finest_output"] = dict(qi=(0.064, 0), qo=(0.064 / 127.9, 0))
    table["rank4"] = dict(shape=(1, 3, 3, 2))
    return rows(unary, table, kind=kind)


@operator("LEAKY_RELU")
def leaky_relu(kind):
    chosen = ("equal_scales", "to_finer", "near_ties", "zero_point_low", "zero_point_high",
              "tiny_input_scale", "tiny_output_scale")
    table = {name: dict(RESCALES[name], alpha=0.1) for name in chosen}
    for name, alpha in {"zero": 0.0, "small": 0.01, "third": 1 / 3, "one": 1.0, "above_one": 1.7, "negative": -0.4}.items():
        table["alpha_" + name] = dict(qi=(0.0731, -17), qo=(0.05, 9), alpha=alpha)
    return rows(unary, table, kind=kind)


@operator("QUANTIZE")
def quantize(kind):
    table = {}
    for name, row in RESCALES.items():
        table["int8_to_int8_" + name] = row
    for types in (("int8", "uint8"), ("uint8", "int8"), ("uint8", "uint8")):
        for name in ("off_center", "to_finer"):
            table["{}_to_{}_".format(*types) + name] = dict(RESCALES[name], types=types)
        # Equal scales: between the types the kernel only flips the sign bit.
        table["{}_to_{}_equal_scales".format(*types)] = dict(types=types)
    for to in ("int8", "uint8"):
        for name, q in {"lowest": (0.5, -128), "inner": (0.0371, -5), "highest": (1 / 255, 127)}.items():
            table[f"float32_to_{to}_zero_point_{name}"] = dict(qo=q, types=("float32", to))
    table["float32_beyond_the_range"] = dict(
        qo=(0.25, 3), types=("float32", "int8"), values=[1e6, -1e6, 3e8, -3e8, 0.0, -0.0, 1e-40, -1e-40, 31.125])
    return rows(unary, table, kind=kind)


@operator("DEQUANTIZE")
def dequantize(kind):
    scales = {"plain": (0.0371, 0), "lowest": (1 / 255, -128), "highest": (7.3, 127), "tiny": (1e-9, 13)}
    table = {f"{t}_{name}": dict(qi=q, types=(t, "float32")) for t in ("int8", "uint8") for name, q in scales.items()}
    return rows(unary, table, kind=kind)


# Rows: softmax and log-softmax.


def softmax_like(rng, kind, shape, q=(0.1, 0), dtype="int8", samples=4, spread=None, **options):
    model = Model()
    qo = (1 / 256, -128) if kind == "SOFTMAX" else (16 / 256, 127)
    x = model.input(shape, dtype, of_type(dtype, q))
    y = model.tensor(shape, dtype, of_type(dtype, qo))
    model.apply(kind, [x], [y], version=2, **options)
    inputs = draw(rng, shape, samples, dtype)
    if spread is not None:
        inputs = rng.integers(*spread, inputs.shape).astype(dtype)
    return model.bytes([y]), [inputs]


DEPTHS = {
    "depth1": dict(shape=(3, 1)),
    "depth2": dict(shape=(9, 2)),
    "depth12": dict(shape=(2, 12)),
    "depth12_narrow": dict(shape=(2, 12), q=(0.003, 5)),
    "depth12_wide": dict(shape=(2, 12), q=(2.5, -128)),
    "depth12_zero_point": dict(shape=(2, 12), q=(0.05, 127)),
    "depth12_sixteenth": dict(shape=(4, 12), q=(0.0625, 0)),
    "depth256_close": dict(shape=(1, 256), q=(0.05, 0), spread=(-60, 60), samples=2),
    # Steep enough that the exponentials of a row sum to less than 512, the most that the oracle bears.
    "depth1000": dict(shape=(1, 1000), q=(0.25, 0), spread=(-128, 128), samples=2),
    "depth1000_steep": dict(shape=(1, 1000), q=(4.0, 11), spread=(-128, 128), samples=2),
    "rank1": dict(shape=(10,)),
    "rank3": dict(shape=(2, 3, 5)),
    "rank4": dict(shape=(1, 2, 2, 6), q=(0.17, -9)),
}


@operator("SOFTMAX")
def softmax(kind):
    betas = {
        "beta_half": dict(shape=(2, 12), beta=0.5),
        "beta_ten": dict(shape=(2, 12), beta=10.0),
        "beta_small": dict(shape=(2, 12), beta=0.01),
        "beta_saturates": dict(shape=(2, 12), beta=100.0, q=(1.0, 0)),
        "one_ahead": dict(shape=(2, 12), beta=1.0, spread=(-128, -120), q=(0.6, 0)),
    }
    return rows(softmax_like, {**{n: {"beta": 1.0, **r} for n, r in DEPTHS.items()}, **betas}, kind=kind)


@operator("LOG_SOFTMAX")
def log_softmax(kind):
    return rows(softmax_like, {
        **DEPTHS,
        # The oracle takes exp and log from its C library; its last bit is not always the rounded value's.
        "float32_depth10": dict(shape=(2, 10), dtype="float32"),
        "float32_depth1": dict(shape=(3, 1), dtype="float32", samples=2),
        "float32_depth300": dict(shape=(1, 300), dtype="float32", samples=2),
    }, kind=kind)


# Reductions.


def reduced(shape, axes, keep):
    drop = {axis % len(shape) for axis in axes}
    return [1 if i in drop else d for i, d in enumerate(shape) if keep or i not in drop]


def reduction(rng, kind, axes, shape=(2, 3, 4, 5), keep=(False, True), qi=(0.05, -3), qo=(0.0173, 6), samples=3):
    """One result for each way of `keep`."""
    model = Model()
    x = model.input(shape, q=qi)
    wanted = model.constant(np.array(axes, np.int32))
    results = []
    for keeps in keep:
        results.append(model.tensor(reduced(shape, axes, keeps), q=qo if kind == "MEAN" else qi))
        model.apply(kind, [x, wanted], [results[-1]], version=2, keepDims=keeps)
    return model.bytes(results), [draw(rng, shape, samples)]


def axis_sets(rank):
    return [[i for i in range(rank) if bits >> i & 1] for bits in range(1, 1 << rank)]


@operator("MEAN")
def mean(kind):
    table = {"axes_" + "".join(map(str, axes)): dict(axes=axes) for axes in axis_sets(4)}
    return rows(reduction, {
        **table,
        "rank1": dict(shape=(17,), axes=[0]),
        "rank2_negative_axis": dict(shape=(5, 7), axes=[-1]),
        "rank3_middle": dict(shape=(3, 5, 4), axes=[1]),
        "rank3_outer_two": dict(shape=(3, 5, 4), axes=[-3, 1]),
        "rank5": dict(shape=(2, 3, 2, 2, 3), axes=[1, 3]),
        "axes_repeated_and_unordered": dict(axes=[2, 1, 2]),
        "equal_scales": dict(axes=[1, 2], qi=(0.05, -3), qo=(0.05, -3)),
        "equal_scales_spatial_64": dict(axes=[1, 2], shape=(1, 8, 8, 3), qi=(0.05, -128), qo=(0.05, -128)),
        "ties": dict(axes=[1], shape=(64, 2), qi=(0.5, 0), qo=(0.5, 0)),
        "zero_points_low": dict(axes=[1, 2], qi=(0.04, -128), qo=(0.05, -128)),
        "zero_points_high": dict(axes=[1, 2], qi=(0.04, 127), qo=(0.05, 127)),
        "saturates": dict(axes=[3], qo=(0.001, 0)),
        "tiny_input_scale": dict(axes=[1, 2], qi=(1e-9, 0), qo=(0.5, 3)),
        "tiny_output_scale": dict(axes=[1, 2], qi=(0.5, 1), qo=(1e-6, 3)),
        "of_1": dict(axes=[1], shape=(2, 1, 5)),
        "of_1000": dict(axes=[0], shape=(1000, 2), samples=2),
    }, kind=kind)


@operator("REDUCE_MAX")
def reduce_max(kind):
    chosen = ([0], [1], [3], [1, 2], [0, 3], [1, 2, 3], [0, 1, 2, 3])
    table = {"axes_" + "".join(map(str, axes)): dict(axes=axes) for axes in chosen}
    table["rank2_negative_axis"] = dict(shape=(5, 7), axes=[-1])
    table["rank5"] = dict(shape=(2, 3, 2, 2, 3), axes=[1, 3])
    return rows(reduction, table, kind=kind)


# Copies. Shapes of results are those of numpy's own views.


def moved(rng, kind, shape, result, dtype="int8", constants=(), q=(0.05, -3), samples=2, version=2, first=False,
          extra=(), **options):
    """`result`: one shape or several; `constants` follow the operand, or come first; `extra` share its scale."""
    model = Model()
    x = model.input(shape, dtype, of_type(dtype, q))
    given = [model.constant(c) for c in constants] + [model.constant(c, of_type(dtype, q)) for c in extra]
    results = [model.tensor(r, dtype, of_type(dtype, q)) for r in (result if isinstance(result, list) else [result])]
    model.apply(kind, [*given, x] if first else [x, *given], results, version=version, **options)
    return model.bytes(results), [draw(rng, shape, samples, dtype)]


def integers(*values):
    return np.array(values, np.int32)


@operator("EXPAND_DIMS")
def expand_dims(kind):
    table = {}
    for name, shape, axis in (("first", (3, 4), 0), ("last", (3, 4), -1), ("middle", (2, 3, 4), 2)):
        result = np.expand_dims(np.empty(shape), axis).shape
        table[name] = dict(shape=shape, result=result, constants=[integers(axis)])
    table["axis_of_one_element"] = dict(shape=(5,), result=(1, 5), constants=[np.array([0], np.int64)])
    table["scalar_axis"] = dict(shape=(5, 2), result=(5, 1, 2), constants=[np.array(1, np.int32)])
    table["float32"] = dict(shape=(2, 3), result=(2, 1, 3), constants=[integers(-2)], dtype="float32")
    return rows(moved, table, kind=kind, version=1)


@operator("SQUEEZE")
def squeeze(kind):
    return rows(moved, {
        "all": dict(shape=(1, 3, 1, 4, 1), result=(3, 4)),
        "one": dict(shape=(1, 3, 1, 4), result=(1, 3, 4), squeezeDims=[2]),
        "negative": dict(shape=(1, 3, 4, 1), result=(1, 3, 4), squeezeDims=[-1]),
        "two": dict(shape=(1, 1, 6), result=(6,), squeezeDims=[0, 1]),
        "nothing": dict(shape=(2, 3), result=(2, 3)),
        "float32": dict(shape=(1, 3, 1), result=(3,), dtype="float32"),
    }, kind=kind, version=1)


@operator("RESHAPE")
def reshape(kind):
    return rows(moved, {
        "flat": dict(shape=(1, 3, 4), result=(1, 12), constants=[integers(1, 12)], newShape=[1, 12]),
        "rest": dict(shape=(2, 3, 4), result=(2, 12), constants=[integers(2, -1)]),
        "by_attribute": dict(shape=(2, 6), result=(3, 4), newShape=[3, 4]),
        "by_attribute_rest": dict(shape=(2, 6), result=(4, 3), newShape=[-1, 3]),
        "rank6": dict(shape=(8, 6), result=(2, 2, 2, 3, 2, 1), constants=[integers(2, 2, 2, 3, 2, 1)]),
        "float32": dict(shape=(4, 3), result=(6, 2), constants=[integers(6, 2)], dtype="float32"),
        "uint8": dict(shape=(4, 3), result=(12,), constants=[integers(-1)], dtype="uint8"),
    }, kind=kind, version=1)


@operator("TRANSPOSE")
def transpose(kind):
    table = {}
    for axes in ([1, 0], [2, 1, 0], [1, 2, 0], [0, 2, 1], [0, 3, 1, 2], [0, 2, 3, 1], [3, 1, 0, 2], [0, 1, 2, 3],
                 [4, 0, 2, 1, 3], [5, 3, 1, 0, 2, 4]):
        shape = (2, 3, 4, 5, 2, 3)[:len(axes)]
        table["to_" + "".join(map(str, axes))] = dict(
            shape=shape, result=tuple(shape[a] for a in axes), constants=[integers(*axes)])
    table["negative_axes"] = dict(shape=(2, 3, 4), result=(4, 2, 3), constants=[integers(-1, 0, 1)])
    table["float32"] = dict(shape=(2, 3), result=(3, 2), constants=[integers(1, 0)], dtype="float32")
    return rows(moved, table, kind=kind, version=4)


@operator("SLICE")
def slice_rows(kind):
    table = {}
    for name, shape, begin, size in (
            ("rank1", (9,), (2,), (4,)),
            ("rank2_to_the_end", (4, 5), (1, 2), (-1, 2)),
            ("rank3", (3, 4, 5), (0, 1, 2), (2, -1, 3)),
            ("rank4", (1, 5, 6, 3), (0, 2, 1, 1), (1, 2, 4, 2)),
            ("rank5", (2, 2, 3, 2, 3), (1, 0, 1, 0, 2), (1, 2, 2, 1, 1)),
            ("whole", (3, 4), (0, 0), (3, 4)),
    ):
        result = [d - b if n == -1 else n for d, b, n in zip(shape, begin, size)]
        table[name] = dict(shape=shape, result=tuple(result), constants=[integers(*begin), integers(*size)])
    table["int64"] = dict(shape=(4, 5), result=(2, 5), constants=[np.array([1, 0]), np.array([2, -1])])
    table["float32"] = dict(shape=(4, 5), result=(2, 3), dtype="float32", constants=[integers(1, 2), integers(2, -1)])
    return rows(moved, table, kind=kind)


@operator("SPLIT")
def split(kind):
    table = {}
    for name, shape, axis, parts in (
            ("rank1", (9,), 0, 3),
            ("halves", (4, 5), 0, 2),
            ("channels", (1, 3, 2, 8), 3, 4),
            ("negative_axis", (2, 3, 6), -1, 3),
            ("middle", (2, 6, 3), 1, 2),
            ("one_part", (3, 4), 1, 1),
            ("rank5", (1, 2, 2, 4, 3), 3, 2),
    ):
        part = [d // parts if i == axis % len(shape) else d for i, d in enumerate(shape)]
        table[name] = dict(shape=shape, result=[part] * parts, constants=[np.array(axis, np.int32)], numSplits=parts)
    table["float32"] = dict(table["halves"], dtype="float32")
    return rows(moved, table, kind=kind, first=True)


def masked(shape, begin, end, strides, masks):
    """The result's shape, by numpy's indexing."""
    index = []
    for i, (b, e, s) in enumerate(zip(begin, end, strides)):
        bit = {name for name, mask in masks.items() if mask >> i & 1}
        if "ellipsisMask" in bit:
            index.append(Ellipsis)
        elif "newAxisMask" in bit:
            index.append(None)
        elif "shrinkAxisMask" in bit:
            index.append(b)
        else:
            index.append(slice(None if "beginMask" in bit else b, None if "endMask" in bit else e, s))
    return np.empty(shape)[tuple(index)].shape


@operator("STRIDED_SLICE")
def strided_slice(kind):
    table = {}
    for name, shape, begin, end, strides, masks in (
            ("plain", (7, 8), (1, 2), (6, 7), (1, 1), {}),
            ("steps", (9, 10), (1, 0), (9, 10), (2, 3), {}),
            ("negative_indices", (7, 8), (-5, -6), (-1, -2), (1, 2), {}),
            ("beyond_the_ends", (5, 6), (-9, 0), (9, 99), (1, 1), {}),
            ("begin_mask", (5, 6), (3, 4), (4, 5), (1, 1), dict(beginMask=0b11)),
            ("end_mask", (5, 6), (3, 4), (4, 5), (1, 1), dict(endMask=0b10)),
            ("begin_and_end_masks", (1, 5, 6, 3), (0, 2, 0, 0), (0, 4, 0, 0), (1, 1, 1, 1),
             dict(beginMask=0b1101, endMask=0b1101)),
            ("shrink", (4, 5, 6), (1, 0, 2), (2, 5, 6), (1, 1, 1), dict(shrinkAxisMask=0b001)),
            ("shrink_negative", (4, 5, 6), (0, -2, 0), (4, -1, 6), (1, 1, 1), dict(shrinkAxisMask=0b010)),
            ("shrink_last_with_step", (4, 6), (0, 5), (4, 6), (2, 1), dict(shrinkAxisMask=0b10)),
            ("new_axis_first", (4, 5), (0, 1, 2), (0, 3, 4), (1, 1, 1), dict(newAxisMask=0b001)),
            ("new_axis_middle", (4, 5), (1, 0, 2), (3, 0, 4), (1, 1, 1), dict(newAxisMask=0b010)),
            ("ellipsis_first", (2, 3, 4, 5), (0, 1), (0, 4), (1, 1), dict(ellipsisMask=0b01)),
            ("ellipsis_middle", (2, 3, 4, 5), (1, 0, 1), (2, 0, 4), (1, 1, 2), dict(ellipsisMask=0b010)),
            ("ellipsis_and_new_axis", (2, 3, 4), (0, 0, 1), (0, 0, 3), (1, 1, 1),
             dict(ellipsisMask=0b001, newAxisMask=0b010)),
            ("ellipsis_and_shrink", (2, 3, 4), (0, 3), (0, 4), (1, 1), dict(ellipsisMask=0b01, shrinkAxisMask=0b10)),
            ("all_masks", (2, 3, 4, 5), (1, 0, 0, 2, 2), (2, 0, 0, 4, 3), (1, 1, 1, 1, 2),
             dict(shrinkAxisMask=0b00001, newAxisMask=0b00010, ellipsisMask=0b00100, beginMask=0b01000, endMask=0b10000)),
            ("fewer_than_rank", (3, 4, 5), (1,), (3,), (1,), {}),
            ("backwards", (7, 5), (5, 0), (1, 5), (-1, 1), {}),
            ("backwards_in_steps", (9, 4), (8, 3), (0, 0), (-3, -2), {}),
            ("backwards_masks", (6, 5), (0, 0), (0, 0), (-1, -2), dict(beginMask=0b11, endMask=0b11)),
            ("backwards_beyond_the_ends", (6, 5), (99, 4), (-99, 0), (-2, -1), {}),
            ("rank1", (9,), (1,), (8,), (3,), {}),
            ("rank5", (2, 3, 2, 3, 4), (0, 1, 0, 0, 1), (2, 3, 1, 3, 4), (1, 1, 1, 2, 2), {}),
    ):
        table[name] = dict(shape=shape, result=masked(shape, begin, end, strides, masks), **masks,
                           constants=[integers(*begin), integers(*end), integers(*strides)])
    table["float32"] = dict(table["steps"], dtype="float32")
    table["end_counts_from_begin"] = dict(
        shape=(7, 8), result=(3, 4), constants=[integers(2, 1), integers(3, 4), integers(1, 1)], offset=True)
    return rows(moved, table, kind=kind)


PADDINGS = {
    "rank1": ((5,), ((2, 3),)),
    "rank2": ((3, 4), ((0, 2), (1, 0))),
    "rank3": ((2, 3, 4), ((1, 0), (2, 1), (0, 3))),
    "rank4_image": ((1, 4, 5, 2), ((0, 0), (1, 2), (2, 1), (0, 0))),
    "rank4_all": ((2, 2, 3, 2), ((1, 0), (0, 1), (1, 1), (2, 1))),
    "rank5": ((1, 2, 3, 2, 2), ((0, 1), (1, 0), (0, 0), (1, 1), (0, 2))),
    "nothing": ((3, 4), ((0, 0), (0, 0))),
}


def pad_row(shape, paddings, **more):
    result = tuple(d + before + after for d, (before, after) in zip(shape, paddings))
    return dict(shape=shape, result=result, constants=[np.array(paddings, np.int32)], **more)


@operator("PAD")
def pad(kind):
    table = {name: pad_row(*case) for name, case in PADDINGS.items()}
    table["zero_point_minus128"] = pad_row(*PADDINGS["rank4_image"], q=(0.05, -128))
    table["zero_point_127"] = pad_row(*PADDINGS["rank4_image"], q=(0.05, 127))
    table["int64_paddings"] = pad_row(*PADDINGS["rank2"])
    table["int64_paddings"]["constants"] = [np.array(PADDINGS["rank2"][1], np.int64)]
    table["uint8"] = pad_row(*PADDINGS["rank3"], dtype="uint8", q=(0.05, -51))
    table["float32"] = pad_row(*PADDINGS["rank3"], dtype="float32")
    return rows(moved, table, kind=kind)


@operator("PADV2")
def pad_v2(kind):
    table = {}
    for value, (name, case) in zip((0, -128, 127, -7, 99, 5, 1), PADDINGS.items()):
        table[name] = pad_row(*case, extra=[np.array([value], np.int8)])
    table["scalar_value"] = pad_row(*PADDINGS["rank2"], extra=[np.array(-100, np.int8)])
    table["float32"] = pad_row(*PADDINGS["rank3"], dtype="float32", extra=[np.array([-1.5], np.float32)])
    table["uint8"] = pad_row(*PADDINGS["rank2"], dtype="uint8", q=(0.05, -51), extra=[np.array([201], np.uint8)])
    return rows(moved, table, kind=kind)


# Several operands side by side.


def joined(rng, kind, shapes, result, dtype="int8", constant=None, q=(0.05, -3), repeat=None, samples=2, **options):
    model = Model()
    operands, inputs = [], []
    for number, shape in enumerate(shapes):
        if number == constant:
            operands.append(model.constant(draw(rng, shape, 1, dtype)[0], of_type(dtype, q)))
        elif number == repeat:
            operands.append(operands[0])
        else:
            operands.append(model.input(shape, dtype, of_type(dtype, q)))
            inputs.append(draw(rng, shape, samples, dtype))
    y = model.tensor(result, dtype, of_type(dtype, q))
    model.apply(kind, operands, [y], version=2, **options)
    return model.bytes([y]), inputs


@operator("CONCATENATION")
def concatenation(kind):
    table = {}
    for name, axis, shapes in (
            ("rank1", 0, [(3,), (5,)]),
            ("rank2_rows", 0, [(2, 4), (3, 4)]),
            ("rank2_columns", 1, [(3, 1), (3, 4), (3, 2)]),
            ("channels", 3, [(1, 3, 2, 4), (1, 3, 2, 1)]),
            ("negative_axis", -1, [(1, 2, 2, 3), (1, 2, 2, 5)]),
            ("height", 1, [(2, 1, 3, 2), (2, 3, 3, 2)]),
            ("one_operand", 1, [(2, 5)]),
            ("five_operands", 1, [(2, n) for n in (1, 2, 3, 1, 2)]),
            ("rank5", 2, [(1, 2, 2, 3, 2), (1, 2, 1, 3, 2)]),
    ):
        result = np.concatenate([np.empty(s) for s in shapes], axis).shape
        table[name] = dict(shapes=shapes, result=result, axis=axis)
    table["with_a_constant"] = dict(table["channels"], constant=1)
    table["constant_first"] = dict(table["rank2_columns"], constant=0)
    table["with_itself"] = dict(shapes=[(2, 3)] * 2, result=(2, 6), axis=1, repeat=1)
    table["float32"] = dict(table["rank2_columns"], dtype="float32")
    table["uint8"] = dict(table["rank2_rows"], dtype="uint8")
    return rows(joined, table, kind=kind)


@operator("PACK")
def pack(kind):
    table = {}
    for name, axis, shape, count in (
            ("first", 0, (3, 4), 2),
            ("last", -1, (3, 4), 3),
            ("middle", 1, (2, 3, 2), 2),
            ("rank1", 1, (5,), 2),
            ("one_operand", 0, (4,), 1),
    ):
        result = np.stack([np.empty(shape)] * count, axis).shape
        table[name] = dict(shapes=[shape] * count, result=result, axis=axis, valuesCount=count)
    table["with_a_constant"] = dict(table["last"], constant=1)
    table["float32"] = dict(table["first"], dtype="float32")
    table["int32"] = dict(table["first"], dtype="int32")
    return rows(joined, table, kind=kind)


# A shape as a value. It is known when the model is compiled, so it shows in a run only through a reshape.


def shape_of(rng, kind, shape, result, take, q=(0.05, -3)):
    """`take`: axes of the shape that make the new one, an integer for a constant; a string picks another route."""
    model = Model()
    x = model.input(shape, q=q)
    dims = model.tensor((len(shape),), "int32")
    model.apply(kind, [x], [dims], outType=2)
    if take == "whole":
        wanted = dims
    elif take == "slice":
        head = model.tensor((1,), "int32")
        model.apply("SLICE", [dims, model.constant(integers(0)), model.constant(integers(1))], [head])
        wanted = model.tensor((2,), "int32")
        model.apply("CONCATENATION", [head, model.constant(integers(-1))], [wanted], axis=0)
    else:
        parts = []
        for axis in take:
            if isinstance(axis, int):
                parts.append(model.constant(np.array(axis, np.int32)))
                continue
            at = int(axis)
            parts.append(model.tensor((), "int32"))
            bounds = [model.constant(integers(i)) for i in (at, at + 1, 1)]
            model.apply("STRIDED_SLICE", [dims, *bounds], [parts[-1]], shrinkAxisMask=1)
        wanted = model.tensor((len(parts),), "int32")
        model.apply("PACK", parts, [wanted], axis=0, valuesCount=len(parts))
    y = model.tensor(result, q=q)
    model.apply("RESHAPE", [x, wanted], [y])
    return model.bytes([y]), [draw(rng, shape, 2)]


@operator("SHAPE")
def shape_rows(kind):
    return rows(shape_of, {
        "batch_and_rest": dict(shape=(2, 3, 4), result=(2, 12), take=["0", -1]),
        "swapped": dict(shape=(3, 4), result=(4, 3), take=["1", "0"]),
        "new_axis": dict(shape=(1, 6, 2), result=(1, 6, 1, 2), take=["0", "1", 1, "2"]),
        "whole": dict(shape=(2, 5), result=(2, 5), take="whole"),
        "sliced_and_joined": dict(shape=(2, 3, 2), result=(2, 6), take="slice"),
    }, kind=kind)


def main():
    root = HERE / "cases"
    shutil.rmtree(root, ignore_errors=True)
    for name, table in sorted(CASES.items()):
        for case, (builder, arguments) in table.items():
            folder = root / name.lower() / case
            folder.mkdir(parents=True)
            rng = np.random.default_rng(zlib.crc32(f"{name}/{case}".encode()))
            model, inputs = builder(rng, **arguments)
            (folder / "model.tflite").write_bytes(model)
            np.savez_compressed(folder / "io.npz", **{f"m_inputs_{k}": a for k, a in enumerate(inputs, 1)})
        print(f"{name:26}{len(table):4}")
    print(f"{'made':26}{sum(map(len, CASES.values())):4}")


if __name__ == "__main__":
    main()
