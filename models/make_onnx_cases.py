"""Make onnx_cases/<operator>/<case>/: small quantized ONNX models and what ONNX Runtime answers.

    python3 -m venv venv
    venv/bin/pip install onnx==1.20.1 onnxruntime==1.32.0 numpy==2.4.6
    venv/bin/python make_onnx_cases.py make      # model.onnx, io.npz with m_inputs_k, fused.txt
    venv/bin/python make_onnx_cases.py record    # adds m_outputs_k, and proves their sums exact

Names of folders behind the command leave the others as they are.

The oracle is ONNX Runtime 1.32.0 on the CPU: optimization level EXTENDED,
session.qdqisint8allowed=1, one thread, one sample at a time. fused.txt holds the
operators that it runs after its optimizer, in one line: what the vectors pin.

On a processor without VNNI the uint8 by int8 kernels add pairs of products in
saturating 16 bits, so that large weights give sums that are wrong. Outside of the
folder `full_range`, which takes one with VNNI to record, that cannot happen: the int8
weights of every integer sum lie within +-64 (reduce_range), or +-63 where this file
draws them, and 2 * 255 * 64 fits in 16 bits. The same holds for the second of two
int8 inputs. uint8 weights use their whole range.

`record` does not look at the processor. It proves what it writes: it replays every
QLinearConv, QLinearMatMul, QGemm, MatMulInteger, MatMulIntegerToFloat and ConvInteger
in numpy, with exact int32 sums and

    sat(rint(f32(acc) * f32(f32(sa * sw[c]) / sy)) + zy)

on the operands that the kernel read, and a case where one element differs is an
error that names the case, and is not written.
The other kernels are recorded as they are.

Two kinds of model: what onnxruntime.quantization makes of one float layer, and, in
the folder `pitfalls`, graphs put together by hand. A case whose name ends in
_float_region has a part that ONNX Runtime leaves in float32. A case that an importer
has to refuse has refused.txt, one line that says why, and no vectors.

Every case draws from a seed of its own name, so a second run on one kind of
processor gives the same bytes; calibration runs in float32, and another kind of
processor may move a scale by its last bit. An axis of 1 at the front of a model's
input or output is left out of the arrays, whose first axis is the samples.
"""

import hashlib
import importlib.metadata
import logging
import math
import pathlib
import shutil
import sys
import tempfile
import typing
import zlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

ROOT = pathlib.Path(__file__).resolve().parent / "onnx_cases"
VERSIONS = {"onnx": "1.20.1", "onnxruntime": "1.32.0", "numpy": "2.4.6"}
# A pair of products with a uint8 fits in 16 bits: 2 * 255 * 64 < 2^15. Drawn values keep one away from that.
BOUND = 63
CASES = {}

# The first IR version that knows the opset, so that old importers read old cases.
IR = {9: 4, 10: 5, 11: 6, 12: 7, 13: 7, 17: 8, 19: 9, 21: 10}
TYPES = {"S8S8": (QuantType.QInt8, QuantType.QInt8), "U8S8": (QuantType.QUInt8, QuantType.QInt8),
         "U8U8": (QuantType.QUInt8, QuantType.QUInt8)}
SUFFIX = "_float_region"


class Case(typing.NamedTuple):
    model: onnx.ModelProto
    inputs: list
    refused: str = ""
    external: bool = False


def operator(name):
    """The decorated function gives the rows of this folder: case name -> (builder, arguments)."""

    def register(table):
        CASES[name] = table()
        return table

    return register


def rows(builder, table, **common):
    return {name: (builder, {**common, **arguments}) for name, arguments in table.items()}


class Net:
    """A graph in the making. Tensors are names; constants become initializers."""

    def __init__(self, opset=13):
        self.opset, self.domains = opset, set()
        self.nodes, self.inputs, self.outputs, self.constants = [], [], [], []

    def fresh(self, stem):
        return f"{stem}_{len(self.nodes) + len(self.constants)}"

    def input(self, shape, dtype="float32", name=None):
        name = name or f"x{len(self.inputs)}"
        self.inputs.append(helper.make_tensor_value_info(name, element(dtype), shape))
        return name

    def constant(self, array, stem="c"):
        name = self.fresh(stem)
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def op(self, kind, inputs, outputs=1, domain="", **attributes):
        names = [f"{self.fresh(kind.lower())}{'abc'[i] if outputs > 1 else ''}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, name=f"{kind}_{len(self.nodes)}", domain=domain,
                                           **attributes))
        if domain:
            self.domains.add(domain)
        return names[0] if outputs == 1 else names

    def output(self, name, dtype="float32", shape=None):
        self.outputs.append(helper.make_tensor_value_info(name, element(dtype), shape))

    def q(self, x, scale, zero, dtype="int8", domain="", **attributes):
        """QuantizeLinear. `zero` None leaves the operand out, which means uint8 and 0."""
        return self.op("QuantizeLinear", [x, *self.parameters(scale, zero, dtype)], domain=domain, **attributes)

    def dq(self, x, scale, zero, dtype="int8", domain="", **attributes):
        return self.op("DequantizeLinear", [x, *self.parameters(scale, zero, dtype)], domain=domain, **attributes)

    def parameters(self, scale, zero, dtype):
        scale = self.constant(np.asarray(scale, np.float32), "scale")
        return [scale] if zero is None else [scale, self.constant(np.asarray(zero, dtype), "zero")]

    def model(self):
        graph = helper.make_graph(self.nodes, "case", self.inputs, self.outputs, self.constants)
        opsets = [helper.make_opsetid("", self.opset), *(helper.make_opsetid(d, 1) for d in sorted(self.domains))]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR[self.opset], producer_name="hilbench")
        return model


def element(dtype):
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


# Drawing values.


def draw(rng, shape, samples=3, dtype="int8", weights=False):
    """Uniform values; every second sample from the two extremes and their neighbours only."""
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max + 1
    if weights and dtype == "int8":
        low, high = -BOUND, BOUND + 1
    values = rng.integers(low, high, (samples, *shape)).astype(dtype)
    values[1::2] = rng.choice(np.array([low, low + 1, high - 2, high - 1], dtype), values[1::2].shape)
    return values if shape and shape[0] == 1 else values


def floats(rng, shape, spread=1.0, shift=0.0):
    return (rng.standard_normal(shape) * spread + shift).astype(np.float32)


def channel_scales(rng, channels):
    return rng.uniform(0.3, 2, channels).astype(np.float32)


# One float layer, quantized by onnxruntime.quantization.


class Calibration(CalibrationDataReader):
    def __init__(self, names, arrays):
        self.feeds = iter([dict(zip(names, sample)) for sample in zip(*arrays)])

    def get_next(self):
        return next(self.feeds, None)


def quantized(rng, net, scheme="S8S8", per_channel=False, format="QDQ", spread=1.0, shift=0.0, beyond=1.6, samples=3,
              symmetric=False, narrow=False, symmetric_weights=None):
    """Calibrated on six samples; every second test sample goes `beyond` what calibration saw, and saturates.

    `narrow`: int8 weights within +-64, and values of the last input within +-63 if they are int8 and it is
    the second operand of a MatMul.
    """
    model = net.model()
    model = onnx.shape_inference.infer_shapes(model)
    shapes = [[d.dim_value for d in i.type.tensor_type.shape.dim] for i in net.inputs]
    # Inputs of one model get ranges of their own.
    spreads = [spread * (1 + 0.7 * k) for k in range(len(shapes))]
    calibration = [floats(rng, (6, *s), w, shift) for s, w in zip(shapes, spreads)]
    # A layer that only moves values is quantized though nothing before it is.
    options = {"ActivationSymmetric": symmetric, "ForceQuantizeNoInputCheck": True}
    if symmetric_weights is not None:
        options["WeightSymmetric"] = symmetric_weights
    activation, weight = TYPES[scheme]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "quantized.onnx"
        quantize_static(model, path, Calibration([i.name for i in net.inputs], calibration),
                        quant_format=QuantFormat[format], per_channel=per_channel,
                        reduce_range=narrow and weight == QuantType.QInt8, activation_type=activation,
                        weight_type=weight, extra_options=options,
                        op_types_to_quantize=sorted({node.op_type for node in net.nodes}))
        model = onnx.load(path)
    inputs = []
    for s, w in zip(shapes, spreads):
        x = floats(rng, (samples, *s), w, shift)
        x[1::2] *= np.float32(beyond)
        inputs.append(x)
    last = net.inputs[-1].name
    second = any(n.op_type == "MatMul" and n.input[1] == last for n in net.nodes)
    if narrow and second and activation == QuantType.QInt8:
        constants = {c.name: numpy_helper.to_array(c) for c in model.graph.initializer}
        scale, zero = next([constants[i] for i in n.input[1:]] for n in model.graph.node if n.input[0] == last)
        inputs[-1] = np.clip(inputs[-1], (-BOUND - float(zero)) * scale, (BOUND - float(zero)) * scale)
    return Case(model, inputs)


def followed(net, y, follow):
    if follow == "relu":
        return net.op("Relu", [y])
    if follow == "relu6":
        if net.opset < 11:
            return net.op("Clip", [y], min=0.0, max=6.0)
        return net.op("Clip", [y, net.constant(np.float32(0)), net.constant(np.float32(6))])
    if follow == "clip":
        return net.op("Clip", [y, net.constant(np.float32(-0.1)), net.constant(np.float32(0.6))])
    return y


def matrix(builder, per_channel=True, follows=(None, "relu", "relu6"), qoperator=("S8S8", "U8S8", "U8U8"), **common):
    """Every pair of types, one scale or one a channel, alone or before what `follows`; as QOperator, alone."""
    table = {}
    for scheme in TYPES:
        for channels in (False, True) if per_channel else (False,):
            for follow in follows:
                name = scheme.lower() + "_per_channel" * channels + (f"_{follow}" if follow else "")
                table[name] = dict(scheme=scheme)
                if channels:
                    table[name]["per_channel"] = True
                if follow:
                    table[name]["follow"] = follow
                if follow == "relu6":
                    table[name]["spread"] = 3
    table |= {f"qoperator_{scheme.lower()}": dict(format="QOperator", scheme=scheme) for scheme in qoperator}
    return rows(builder, table, **common)


def convolution(rng, x=(1, 3, 6, 6), filters=4, kernel=(3, 3), groups=1, bias=True, follow=None, transpose=False,
                opset=13, weight_spread=0.3, dead=False, attributes={}, **quantizer):
    net = Net(opset)
    name = net.input(x)
    shape = (x[1], filters // groups, *kernel) if transpose else (filters, x[1] // groups, *kernel)
    w = floats(rng, shape, weight_spread) * channel_scales(rng, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
    if dead:
        w[1] = 0
    operands = [name, net.constant(w, "w")]
    if bias:
        operands.append(net.constant(floats(rng, (filters,), 0.8), "b"))
    kind = "ConvTranspose" if transpose else "Conv"
    y = net.op(kind, operands, kernel_shape=kernel, group=groups, **attributes)
    net.output(followed(net, y, follow))
    return quantized(rng, net, **{"narrow": not transpose, **quantizer})


@operator("conv")
def conv():
    return matrix(convolution, follows=(None, "relu", "relu6", "clip")) | rows(convolution, {
        "u8u8_weights_asymmetric": dict(scheme="U8U8", symmetric_weights=False),
        "s8s8_weights_asymmetric_per_channel": dict(per_channel=True, symmetric_weights=False),
        "s8s8_activations_symmetric": dict(symmetric=True),
        "s8s8_activations_symmetric_relu": dict(symmetric=True, follow="relu"),
        "s8s8_activations_symmetric_relu6": dict(symmetric=True, follow="relu6", per_channel=True, spread=4),
        "without_bias": dict(bias=False, per_channel=True),
        "strides": dict(x=(1, 2, 8, 7), attributes=dict(strides=[2, 3])),
        "stride2_pads": dict(x=(1, 3, 7, 7), per_channel=True, attributes=dict(strides=[2, 2], pads=[1, 1, 1, 1])),
        "asymmetric_pads": dict(x=(1, 2, 5, 6), shift=0.8, attributes=dict(pads=[0, 1, 2, 1])),
        "dilations": dict(x=(1, 2, 8, 9), attributes=dict(dilations=[2, 3]), per_channel=True),
        "same_upper_stride2": dict(x=(1, 2, 6, 7), shift=-0.7, per_channel=True,
                                   attributes=dict(strides=[2, 2], auto_pad="SAME_UPPER")),
        "same_lower_stride2": dict(x=(1, 2, 6, 7), shift=0.7, scheme="U8S8",
                                   attributes=dict(strides=[2, 2], auto_pad="SAME_LOWER")),
        "groups2": dict(x=(1, 4, 5, 5), filters=6, groups=2, per_channel=True),
        "pointwise": dict(x=(1, 8, 4, 4), filters=7, kernel=(1, 1), per_channel=True, follow="relu"),
        "one_pixel": dict(x=(1, 19, 1, 1), filters=5, kernel=(1, 1), per_channel=True),
        "one_dimension": dict(x=(1, 4, 12), kernel=(3,), per_channel=True),
        "one_dimension_stride2_pads": dict(x=(1, 4, 11), kernel=(5,), scheme="U8S8", follow="relu",
                                           attributes=dict(strides=[2], pads=[3, 1])),
        "one_dimension_dilation3_groups2": dict(x=(1, 4, 14), kernel=(3,), groups=2, per_channel=True,
                                                attributes=dict(dilations=[3])),
        "one_dimension_same_upper": dict(x=(1, 3, 9), kernel=(4,), bias=False, attributes=dict(auto_pad="SAME_UPPER")),
        "dead_channel": dict(dead=True, per_channel=True),
        "large_inputs": dict(spread=300, shift=100, per_channel=True),
        "saturates": dict(beyond=9.0, scheme="U8S8", per_channel=True),
        "batch2": dict(x=(2, 2, 4, 4), samples=2),
        "opset10": dict(opset=10, scheme="U8U8"),
        "opset11": dict(opset=11),
        "opset17_per_channel": dict(opset=17, per_channel=True),
        "opset21_per_channel": dict(opset=21, per_channel=True),
        "qoperator_s8s8_per_channel_relu": dict(format="QOperator", per_channel=True, follow="relu"),
        "qoperator_u8s8_per_channel": dict(format="QOperator", scheme="U8S8", per_channel=True, bias=False),
        "qoperator_u8u8_relu6": dict(format="QOperator", scheme="U8U8", follow="relu6", spread=3),
        "qoperator_opset10": dict(format="QOperator", scheme="U8U8", opset=10),
    })


@operator("depthwise_conv")
def depthwise_conv():
    shape = dict(x=(1, 5, 6, 6), filters=5, groups=5)
    return matrix(convolution, **shape) | rows(convolution, {
        "stride2_pads": dict(per_channel=True, shift=0.6, attributes=dict(strides=[2, 2], pads=[0, 0, 1, 1])),
        "dilation2": dict(per_channel=True, scheme="U8S8", attributes=dict(dilations=[2, 2], pads=[2, 2, 2, 2])),
        "multiplier2": dict(filters=10, per_channel=True),
        "many_channels": dict(x=(1, 19, 4, 4), filters=19, groups=19, per_channel=True),
        "one_dimension": dict(x=(1, 5, 12), kernel=(3,), per_channel=True, attributes=dict(pads=[1, 1])),
        "qoperator_u8s8_per_channel": dict(format="QOperator", scheme="U8S8", per_channel=True),
    }, **shape)


@operator("convtranspose")
def convtranspose():
    return matrix(convolution, transpose=True) | rows(convolution, {
        "u8u8_without_bias": dict(scheme="U8U8", bias=False),
        "stride2_pads_output_padding": dict(x=(1, 3, 4, 4), attributes=dict(strides=[2, 2], pads=[1, 1, 1, 1],
                                                                            output_padding=[1, 1])),
        "groups2": dict(x=(1, 4, 4, 4), groups=2, attributes=dict(strides=[2, 2])),
        "one_dimension_stride2": dict(x=(1, 3, 6), kernel=(4,), scheme="U8S8", attributes=dict(strides=[2])),
    }, transpose=True)


def gemm(rng, x=(1, 16), outputs=8, trans_b=0, trans_a=0, bias=True, follow=None, opset=13, alpha=None, beta=None,
         **quantizer):
    net = Net(opset)
    name = net.input(x)
    depth = x[0] if trans_a else x[1]
    w = floats(rng, (depth, outputs), 0.3) * channel_scales(rng, outputs)
    operands = [name, net.constant(np.ascontiguousarray(w.T) if trans_b else w, "w")]
    if bias:
        operands.append(net.constant(floats(rng, (outputs,), 0.8), "b"))
    factors = {k: v for k, v in (("alpha", alpha), ("beta", beta)) if v is not None}
    y = net.op("Gemm", operands, transB=trans_b, transA=trans_a, **factors)
    net.output(followed(net, y, follow))
    return quantized(rng, net, **{"narrow": True, **quantizer})


@operator("gemm")
def gemm_rows():
    return matrix(gemm) | rows(gemm, {
        "s8s8_trans_b_per_channel": dict(trans_b=1, per_channel=True),
        "u8s8_trans_b_per_channel": dict(scheme="U8S8", trans_b=1, per_channel=True),
        "u8u8_trans_b": dict(scheme="U8U8", trans_b=1),
        "s8s8_trans_b_relu": dict(follow="relu", trans_b=1),
        "s8s8_activations_symmetric_relu": dict(symmetric=True, follow="relu", trans_b=1, per_channel=True),
        "without_bias": dict(bias=False),
        "trans_a": dict(x=(12, 3), trans_a=1),
        "alpha": dict(alpha=0.5, bias=False),
        "alpha_and_beta": dict(alpha=0.5, beta=2.0, trans_b=1),
        "rows5": dict(x=(5, 16), trans_b=1, per_channel=True, samples=2),
        "odd_depth": dict(x=(1, 37), outputs=5, trans_b=1),
        "saturates": dict(beyond=9.0, trans_b=1, per_channel=True),
        "qoperator_u8s8_trans_b_per_channel": dict(format="QOperator", scheme="U8S8", trans_b=1, per_channel=True),
        "qoperator_u8u8_relu": dict(format="QOperator", scheme="U8U8", follow="relu"),
        "qoperator_without_bias": dict(format="QOperator", bias=False, scheme="U8S8"),
    })


def matmul(rng, a=(1, 16), b=(16, 8), runtime=False, follow=None, opset=13, first=False, **quantizer):
    net = Net(opset)
    if runtime:
        operands = [net.input(a), net.input(b)]
    else:
        w = net.constant(floats(rng, a if first else b, 0.3) * (1 if first else channel_scales(rng, b[-1])), "w")
        operands = [w, net.input(b)] if first else [net.input(a), w]
    net.output(followed(net, net.op("MatMul", operands), follow))
    return quantized(rng, net, **{"narrow": True, **quantizer})


@operator("matmul")
def matmul_rows():
    return matrix(matmul) | rows(matmul, {
        "rank3": dict(a=(1, 5, 12), b=(12, 6), per_channel=True),
        "two_inputs": dict(a=(4, 9), b=(9, 5), runtime=True),
        "two_inputs_u8u8": dict(a=(4, 9), b=(9, 5), runtime=True, scheme="U8U8"),
        "two_inputs_rank4": dict(a=(1, 2, 3, 8), b=(1, 2, 8, 4), runtime=True, scheme="U8S8", shift=0.4),
        "constant_first": dict(a=(6, 9), b=(9, 4), first=True),
        "qoperator_rank3": dict(format="QOperator", scheme="U8S8", a=(1, 4, 12), b=(12, 5)),
        "qoperator_two_inputs": dict(format="QOperator", a=(4, 9), b=(9, 5), runtime=True, scheme="U8U8"),
    })


def binary(rng, kind, a=(1, 3, 4, 5), b=(1, 3, 4, 5), constant=None, follow=None, opset=13, swap=False, itself=False,
           **quantizer):
    net = Net(opset)
    x = net.input(a)
    other = x if itself else net.input(b) if constant is None else net.constant(floats(rng, b, constant), "k")
    net.output(followed(net, net.op(kind, [other, x] if swap else [x, other]), follow))
    return quantized(rng, net, **quantizer)


def binaries(kind):
    return matrix(binary, per_channel=False, kind=kind) | rows(binary, {
        "u8u8_shifted": dict(scheme="U8U8", shift=1.5),
        "broadcast_channels": dict(b=(1, 3, 1, 1)),
        "broadcast_both": dict(a=(1, 3, 1, 5), b=(1, 1, 4, 1)),
        "constant": dict(constant=2.0),
        "constant_scalar": dict(constant=1.0, b=()),
        "with_itself": dict(itself=True),
        "large": dict(a=(1, 4, 6, 6), b=(1, 4, 6, 6), spread=40, shift=-13),
        "qoperator_u8s8_broadcast": dict(format="QOperator", scheme="U8S8", b=(1, 3, 1, 1)),
        "qoperator_constant": dict(format="QOperator", constant=1.0, b=(3, 1, 1)),
    }, kind=kind)


@operator("add")
def add():
    return binaries("Add")


@operator("mul")
def mul():
    return binaries("Mul")


def unary(rng, kind, x=(1, 3, 6, 6), constants=(), opset=13, outputs=1, after=None, follow=None, attributes={},
          **quantizer):
    """`constants`: operands after the first; an integer list is int64, None is left out.

    `after`: an operator in front, for those that are quantized only where their operand already is.
    """
    net = Net(opset)
    name = net.input(x)
    operands = [net.op(after, [name]) if after else name]
    for value in constants:
        array = None if value is None else np.asarray(value)
        if array is not None and array.dtype == np.float64:
            array = array.astype(np.float32)
        operands.append("" if array is None else net.constant(array))
    results = net.op(kind, operands, outputs, **attributes)
    for y in [results] if outputs == 1 else results:
        net.output(followed(net, y, follow))
    return quantized(rng, net, **quantizer)


def window(kernel=(2, 2), strides=(2, 2), **more):
    return dict(kernel_shape=kernel, strides=strides, **more)


@operator("maxpool")
def maxpool():
    return matrix(unary, False, qoperator=(), kind="MaxPool", attributes=window()) | rows(unary, {
        "u8u8_pads": dict(scheme="U8U8", shift=-2, attributes=window((3, 3), pads=[1, 1, 1, 1])),
        "asymmetric_pads": dict(attributes=window((3, 2), (2, 1), pads=[0, 1, 1, 0])),
        "dilations": dict(attributes=window((2, 2), (1, 1), dilations=[2, 3])),
        "one_dimension": dict(x=(1, 3, 9), attributes=window((3,), (2,), pads=[1, 1])),
        "qoperator_opset12": dict(opset=12, format="QOperator", scheme="U8S8", after="LeakyRelu", attributes=window()),
    }, kind="MaxPool")


@operator("averagepool")
def averagepool():
    return matrix(unary, False, kind="AveragePool", attributes=window()) | rows(unary, {
        "u8s8_stride1": dict(scheme="U8S8", attributes=window((3, 3), (1, 1))),
        "u8u8_shifted": dict(scheme="U8U8", shift=2, attributes=window((2, 3), (2, 1))),
        "pads_excluded": dict(shift=0.7, attributes=window((3, 3), pads=[1, 1, 1, 1])),
        "pads_included": dict(shift=0.7, attributes=window((3, 3), pads=[1, 1, 1, 1], count_include_pad=1)),
        "same_upper": dict(x=(1, 2, 5, 7), attributes=window((3, 3), auto_pad="SAME_UPPER")),
        "ceil_mode": dict(x=(1, 2, 5, 6), attributes=window((2, 3), ceil_mode=1)),
        "whole_image": dict(x=(1, 5, 4, 5), attributes=window((4, 5), (1, 1))),
        "one_dimension": dict(x=(1, 3, 9), attributes=window((3,), (2,), pads=[1, 1])),
        "qoperator_u8s8_pads": dict(format="QOperator", scheme="U8S8", attributes=window((3, 3), pads=[1, 1, 1, 1])),
    }, kind="AveragePool")


@operator("globalaveragepool")
def globalaveragepool():
    return matrix(unary, False, qoperator=(), kind="GlobalAveragePool") | rows(unary, {
        "u8s8_shifted": dict(scheme="U8S8", shift=1),
        "u8u8_nine_channels": dict(scheme="U8U8", x=(1, 9, 7, 7)),
        "saturates": dict(beyond=9.0, shift=1.0),
        "one_dimension": dict(x=(1, 6, 13)),
        "qoperator_s8s8": dict(format="QOperator", after="Sigmoid"),
        "qoperator_u8u8": dict(format="QOperator", scheme="U8U8", x=(1, 5, 4, 9), after="LeakyRelu"),
    }, kind="GlobalAveragePool")


def concatenation(rng, shapes, axis, opset=13, constant=False, follow=None, **quantizer):
    net = Net(opset)
    operands = [net.input(s) for s in shapes]
    if constant:
        operands.append(net.constant(floats(rng, shapes[0], 2.0), "k"))
    net.output(followed(net, net.op("Concat", operands, axis=axis), follow))
    return quantized(rng, net, **quantizer)


def concat_equal(rng, dtype, count=2, axis=1):
    """All operands and the result with the same scale and zero point."""
    net, q = Net(), (0.05, 7, dtype)
    parts = [net.dq(net.input((1, 2 + k, 3, 3), dtype), *q) for k in range(count)]
    net.output(net.q(net.op("Concat", parts, axis=axis), *q), dtype)
    return Case(net.model(), [draw(rng, (1, 2 + k, 3, 3), dtype=dtype) for k in range(count)])


@operator("concat")
def concat():
    pair = [(1, 2, 4, 4), (1, 3, 4, 4)]
    return {
        **matrix(concatenation, False, shapes=pair, axis=1),
        **rows(concatenation, {
            "u8s8_three": dict(shapes=[*pair, (1, 1, 4, 4)], axis=1, scheme="U8S8", shift=0.5),
            "u8u8_last_axis": dict(shapes=[(1, 2, 4, 3), (1, 2, 4, 5)], axis=-1, scheme="U8U8"),
            "constant": dict(shapes=[(1, 6), (1, 6)], axis=1, constant=True),
            "qoperator_last_axis": dict(shapes=[(1, 2, 4, 3), (1, 2, 4, 5)], axis=3, format="QOperator", scheme="U8U8"),
        }),
        **rows(concat_equal, {
            "equal_scales_int8": dict(dtype="int8"),
            "equal_scales_uint8": dict(dtype="uint8", count=3),
        }),
    }


def every_value(rng, kind, dtype, scale, zero, out_scale, out_zero, attributes={}):
    """All 256 values through one function: pins its whole table."""
    net = Net()
    x = net.input((1, 256), dtype)
    y = net.op(kind, [net.dq(x, scale, zero, dtype)], **attributes)
    net.output(net.q(y, out_scale, out_zero, dtype), dtype)
    low = np.iinfo(dtype).min
    return Case(net.model(), [np.arange(low, low + 256).astype(dtype).reshape(1, 1, 256)])


def activation(kind, out=(1 / 255, -128), attributes={}):
    table = rows(unary, {
        "s8s8": dict(spread=3),
        "u8s8": dict(scheme="U8S8", spread=2, shift=0.5),
        "u8u8": dict(scheme="U8U8", spread=5),
        "qoperator_u8u8": dict(format="QOperator", scheme="U8U8", spread=3),
    }, kind=kind, x=(1, 2, 5, 5), attributes=attributes)
    table |= rows(every_value, {
        "every_int8": dict(dtype="int8", scale=0.0471, zero=-9, out_scale=out[0], out_zero=out[1]),
        "every_uint8": dict(dtype="uint8", scale=0.0333, zero=121, out_scale=out[0], out_zero=out[1] + 128),
        "every_int8_power_of_two": dict(dtype="int8", scale=0.0625, zero=1, out_scale=1 / 128, out_zero=-11),
    }, kind=kind, attributes=attributes)
    return table


def without_qoperator(table):
    return {name: row for name, row in table.items() if "qoperator" not in name}


@operator("sigmoid")
def sigmoid():
    # Far below zero the result is small, and a small scale shows what the approximation is worth there.
    return activation("Sigmoid") | rows(every_value, {
        "every_int8_far_below": dict(dtype="int8", scale=0.0977, zero=118, out_scale=4.6e-7, out_zero=-128),
        "every_uint8_far_below": dict(dtype="uint8", scale=0.0811, zero=250, out_scale=3.1e-8, out_zero=0),
    }, kind="Sigmoid")


@operator("leakyrelu")
def leakyrelu():
    table = activation("LeakyRelu", (0.0413, -30), dict(alpha=0.1))
    table["negative_alpha"] = (unary, dict(kind="LeakyRelu", x=(1, 2, 5, 5), attributes=dict(alpha=-0.3)))
    return table


@operator("tanh")
def tanh():
    return without_qoperator(activation("Tanh", (1 / 127, -1)))


@operator("hardswish")
def hardswish():
    return rows(unary, {
        "s8s8": dict(spread=3),
    }, kind="HardSwish", x=(1, 2, 5, 5), opset=17)


@operator("softmax")
def softmax():
    def given(rng, scale, zero, dtype, axis, x=(1, 10), opset=13):
        net = Net(opset)
        y = net.op("Softmax", [net.dq(net.input(x, dtype), 0.11, 3 if dtype == "int8" else 131, dtype)], axis=axis)
        net.output(net.q(y, scale, zero, dtype), dtype)
        return Case(net.model(), [draw(rng, x, 4, dtype)])

    return {
        **rows(unary, {
            "s8s8": dict(spread=3),
            "u8s8": dict(scheme="U8S8", spread=3),
            "u8u8": dict(scheme="U8U8", spread=3),
            "u8u8_large": dict(scheme="U8U8", spread=20),
            "rank4_last_axis": dict(x=(1, 2, 3, 5), spread=3, attributes=dict(axis=-1)),
            "opset11_axis1": dict(opset=11, x=(1, 4, 2, 2), spread=3, attributes=dict(axis=1)),
            "qoperator_u8u8": dict(format="QOperator", scheme="U8U8", spread=3),
        }, kind="Softmax", x=(1, 10), samples=4),
        **rows(given, {
            "scale_one_256th": dict(scale=1 / 256, zero=-128, dtype="int8", axis=-1),
            "scale_one_256th_uint8": dict(scale=1 / 256, zero=0, dtype="uint8", axis=-1, x=(1, 3, 7)),
            "scale_one_100th": dict(scale=0.01, zero=-50, dtype="int8", axis=-1),
        }),
    }


@operator("resize")
def resize():
    twice = [None, [1.0, 1.0, 2.0, 2.0]]
    modes = [matrix(unary, False, qoperator=(), kind="Resize", x=(1, 2, 4, 5), constants=twice,
                    attributes=dict(mode=mode)) for mode in ("nearest", "linear")]
    table = {f"{mode}_{name}": row for mode, part in zip(("nearest", "linear"), modes) for name, row in part.items()}
    return table | rows(unary, {
        "nearest_asymmetric_floor": dict(constants=[None, [1.0, 1.0, 2.0, 3.0]], scheme="U8S8", attributes=dict(
            mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")),
        "linear_align_corners": dict(constants=[None, [1.0, 1.0, 2.0, 2.0]], scheme="U8U8", attributes=dict(
            mode="linear", coordinate_transformation_mode="align_corners")),
        "qoperator_nearest": dict(constants=[None, [1.0, 1.0, 2.0, 2.0]], format="QOperator", after="LeakyRelu",
                                  attributes=dict(mode="nearest")),
    }, kind="Resize", x=(1, 2, 4, 5))


@operator("relu")
def relu():
    return rows(unary, {
        "u8u8": dict(scheme="U8U8"),
        "s8s8_activations_symmetric": dict(symmetric=True),
    }, kind="Relu", x=(1, 2, 5, 5), after="LeakyRelu")


@operator("clip")
def clip():
    return rows(unary, {
        "zero_to_six": dict(constants=[0.0, 6.0], spread=4),
        "activations_symmetric": dict(constants=[0.0, 6.0], spread=4, symmetric=True),
    }, kind="Clip", x=(1, 2, 5, 5), after="LeakyRelu")


# Operators that only move values.


def movement(kind, table, **common):
    return rows(unary, table, kind=kind, **{"x": (1, 2, 4, 6), **common})


@operator("reshape")
def reshape():
    return movement("Reshape", {
        "s8s8": dict(constants=[[1, 4, 12]]),
        "u8u8_zero_and_minus_one": dict(constants=[[0, -1]], scheme="U8U8"),
        "qoperator": dict(constants=[[1, -1]], format="QOperator", after="LeakyRelu"),
    })


@operator("transpose")
def transpose():
    return movement("Transpose", {
        "channels_last": dict(attributes=dict(perm=[0, 2, 3, 1])),
        "reversed": dict(scheme="U8U8"),
        "rank3": dict(x=(1, 5, 7), attributes=dict(perm=[0, 2, 1])),
        "qoperator": dict(attributes=dict(perm=[0, 3, 1, 2]), format="QOperator", after="LeakyRelu"),
    })


@operator("flatten")
def flatten():
    return movement("Flatten", {"s8s8": {}, "axis2": dict(attributes=dict(axis=2), scheme="U8S8")})


@operator("slice")
def slice_():
    return movement("Slice", {
        "steps": dict(constants=[[0, 1], [4, 6], [2, 3], [2, 2]]),
        "backwards": dict(constants=[[5], [0], [3], [-2]]),
    })


@operator("split")
def split():
    return movement("Split", {
        "uneven": dict(outputs=3, constants=[[1, 2, 3]], attributes=dict(axis=3), scheme="U8S8"),
        "qoperator": dict(outputs=2, attributes=dict(axis=2), format="QOperator"),
    })


@operator("pad")
def pad():
    return movement("Pad", {
        "zeros": dict(constants=[[0, 0, 1, 2, 0, 0, 0, 1]], shift=0.5),
        "reflect": dict(constants=[[0, 0, 1, 2, 0, 0, 2, 1]], attributes=dict(mode="reflect")),
        "edge": dict(constants=[[0, 0, 1, 2, 0, 0, 2, 1]], attributes=dict(mode="edge"), scheme="U8U8"),
        "qoperator": dict(constants=[[0, 0, 1, 1, 0, 0, 1, 1]], after="LeakyRelu", format="QOperator"),
    })


@operator("squeeze")
def squeeze():
    return movement("Squeeze", {"axis2": dict(x=(1, 3, 1, 5), constants=[[2]])})


@operator("unsqueeze")
def unsqueeze():
    return movement("Unsqueeze", {"two_axes": dict(x=(1, 3, 5), constants=[[1, 4]], scheme="U8S8")})


@operator("reducemean")
def reducemean():
    return rows(unary, {
        "spatial": dict(attributes=dict(axes=[2, 3], keepdims=1)),
    }, kind="ReduceMean")


# Integer operators, as accumulators.


def convinteger(rng, dtypes=("uint8", "int8"), zeros=(131, None), x=(1, 3, 5, 5), w=(4, 3, 3, 3), attributes={}):
    net = Net(11)
    a = net.input(x, dtypes[0])
    operands = [a, net.constant(draw(rng, w, 1, dtypes[1], weights=True)[0], "w")]
    operands.append("" if zeros[0] is None else net.constant(np.asarray(zeros[0], dtypes[0])))
    if zeros[1] is not None:
        operands.append(net.constant(np.asarray(zeros[1], dtypes[1])))
    net.output(net.op("ConvInteger", operands, **attributes), "int32")
    return Case(net.model(), [draw(rng, x, 2, dtypes[0])])


@operator("convinteger")
def convintegers():
    return rows(convinteger, {
        "u8s8": {},
        "u8u8_zero_points": dict(dtypes=("uint8", "uint8"), zeros=(7, 120)),
        "pads_and_strides": dict(attributes=dict(pads=[1, 1, 0, 0], strides=[2, 1])),
        "one_dimension": dict(x=(1, 4, 9), w=(3, 4, 3)),
    })


def matmulinteger(rng, dtypes=("uint8", "int8"), a=(1, 33), b=(33, 6), zeros=(131, None), runtime=False):
    net = Net(13)
    left = net.input(a, dtypes[0])
    values = draw(rng, b, 2, dtypes[1], weights=True)
    operands = [left, net.input(b, dtypes[1]) if runtime else net.constant(values[0], "w")]
    operands.append("" if zeros[0] is None else net.constant(np.asarray(zeros[0], dtypes[0])))
    if zeros[1] is not None:
        operands.append(net.constant(np.asarray(zeros[1], dtypes[1])))
    net.output(net.op("MatMulInteger", operands), "int32")
    return Case(net.model(), [draw(rng, a, 2, dtypes[0])] + ([values] if runtime else []))


@operator("matmulinteger")
def matmulintegers():
    return rows(matmulinteger, {
        "u8s8": {},
        "s8s8": dict(dtypes=("int8", "int8"), zeros=(-5, 3)),
        "u8u8": dict(dtypes=("uint8", "uint8"), zeros=(0, 200)),
        "per_column_zero_points": dict(zeros=(3, [1, -2, 3, -128, 127, 0])),
        "two_inputs": dict(a=(4, 12), b=(12, 5), runtime=True),
    })


def accumulators_in_floats(rng, kind):
    """The tail that an integer product usually has: cast, factors, bias."""
    net = Net(13)
    if kind == "ConvInteger":
        a, operand, channels = net.input((1, 3, 5, 5), "uint8"), (4, 3, 3, 3), (4, 1, 1)
    else:
        a, operand, channels = net.input((2, 33), "uint8"), (33, 6), (6,)
    w = net.constant(draw(rng, operand, 1, "int8", weights=True)[0], "w")
    sums = net.op("Cast", [net.op(kind, [a, w, net.constant(np.uint8(131))])], to=TensorProto.FLOAT)
    scaled = net.op("Mul", [sums, net.constant(floats(rng, channels, 0.01))])
    net.output(net.op("Add", [scaled, net.constant(floats(rng, channels))]))
    return Case(net.model(), [draw(rng, (1, 3, 5, 5) if kind == "ConvInteger" else (2, 33), 2, "uint8")])


CASES["convinteger"]["scaled_and_biased"] = (accumulators_in_floats, dict(kind="ConvInteger"))
CASES["matmulinteger"]["scaled_and_biased"] = (accumulators_in_floats, dict(kind="MatMulInteger"))


# Quantization at run time.


def dynamic_codes(rng, x, spread=1.0, shift=0.0):
    """Scale, zero point and codes themselves."""
    net = Net(13)
    y, scale, zero = net.op("DynamicQuantizeLinear", [net.input(x)], 3)
    net.output(y, "uint8")
    net.output(scale)
    net.output(zero, "uint8")
    values = floats(rng, (6, *x), spread, shift)
    values[-1] = 0
    return Case(net.model(), [values])


def dynamic(rng, layer, weight="U8S8", per_channel=False):
    net = Net(13)
    if layer == "conv":
        x = (1, 3, 6, 6)
        y = net.op("Conv", [net.input(x), net.constant(floats(rng, (4, 3, 3, 3), 0.3)),
                            net.constant(floats(rng, (4,)))], pads=[1, 1, 0, 0])
    elif layer == "gemm":
        x = (1, 16)
        y = net.op("Gemm", [net.input(x), net.constant(floats(rng, (8, 16), 0.3)), net.constant(floats(rng, (8,)))],
                   transB=1)
    else:
        x = (1, 5, 12)
        y = net.op("Relu", [net.op("MatMul", [net.input(x), net.constant(floats(rng, (12, 6), 0.3))])])
    net.output(y)
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder) / "float.onnx", pathlib.Path(folder) / "dynamic.onnx"
        onnx.save(onnx.shape_inference.infer_shapes(net.model()), source)
        quantize_dynamic(source, target, per_channel=per_channel, reduce_range=weight == "U8S8",
                         weight_type=TYPES[weight][1])
        model = onnx.load(target)
    return Case(model, [floats(rng, (4, *x), 2, 0.3)])


@operator("dynamicquantizelinear")
def dynamics():
    return {
        **rows(dynamic_codes, {
            "codes": dict(x=(1, 3, 5)),
            "codes_of_positive_numbers": dict(x=(1, 40), spread=0.2, shift=3.0),
            "codes_of_negative_numbers": dict(x=(1, 40), spread=0.2, shift=-3.0),
        }),
        **rows(dynamic, {
            "conv_u8s8": dict(layer="conv"),
            "conv_u8u8": dict(layer="conv", weight="U8U8"),
            "gemm_u8s8": dict(layer="gemm"),
            "matmul_u8u8": dict(layer="matmul", weight="U8U8"),
            "matmul_u8s8_per_channel": dict(layer="matmul", per_channel=True),
        }),
    }


# Weights of the whole range. Only a processor with VNNI sums them exactly; the replay holds it to that.


@operator("full_range")
def full_range():
    wide = dict(narrow=False, samples=4)
    kinds = {
        "conv": (convolution, dict(x=(1, 12, 6, 6), filters=8, **wide)),
        "conv_1x1": (convolution, dict(x=(1, 33, 4, 5), filters=6, kernel=(1, 1), **wide)),
        "depthwise": (convolution, dict(x=(1, 6, 7, 5), filters=6, groups=6, **wide)),
        "gemm": (gemm, dict(x=(1, 61), outputs=9, trans_b=1, **wide)),
        "matmul": (matmul, dict(a=(3, 40), b=(40, 7), **wide)),
    }
    return {f"{kind}_{scheme.lower()}{'_per_channel' * channels}": (
        builder, {**arguments, "scheme": scheme, **({"per_channel": True} if channels else {})})
        for kind, (builder, arguments) in kinds.items() for scheme in ("S8S8", "U8S8") for channels in (False, True)}


# Quantize and dequantize operators by themselves: several scales, blocks, codes of other widths, floats of few bits.


def scaled(rng, codes, x=(1, 4, 3, 6), axis=None, block=None, saturate=None, zeros=True):
    """x -> Q -> DQ -> y, with numbers at and around the ties, beyond the range, and what is not a number."""
    net = Net(19 if codes.startswith("FLOAT8") and block is None else 21)
    kind = getattr(TensorProto, codes)
    name = net.input(x)
    shape = [] if axis is None else [x[axis]]
    if block:
        shape = [*x]
        shape[axis] = -(-x[axis] // block)
    count = math.prod(shape)
    scales = rng.choice(np.array([0.25, 0.0371, 0.5, 1.7, 3.0], np.float32), count)
    bits = int("".join(c for c in codes if c.isdigit())[:2 if "16" in codes else 1])
    low = 0 if codes.startswith("U") else -(1 << (bits - 1))
    zero = np.zeros(count, int) if codes.startswith("FLOAT") or not zeros else rng.integers(low, low + (1 << bits), count)
    net.constants.append(helper.make_tensor("scale", TensorProto.FLOAT, shape, scales))
    net.constants.append(helper.make_tensor("zero", kind, shape, [float(z) for z in zero] if codes.startswith("FLOAT") else zero))
    attributes = {k: v for k, v in (("axis", axis), ("block_size", block), ("saturate", saturate)) if v is not None}
    q = net.op("QuantizeLinear", [name, "scale", "zero"], **attributes)
    attributes.pop("saturate", None)
    net.output(net.op("DequantizeLinear", [q, "scale", "zero"], **attributes))
    values = floats(rng, (4, *x), 4)
    # Halves of steps of a common scale; the range's ends; what no code stands for.
    values[1] = rng.integers(-24, 24, x) * np.float32(0.125)
    values[2] = rng.choice(np.array([1e9, -1e9, 0.0, -0.0, 1e-9, 111.9, -130.2, 57344, 461440], np.float32), x)
    values[3] *= np.float32(2.0) ** rng.integers(-12, 12, x)
    return Case(net.model(), [values])


def expanded(rng, codes, axis=0, block=None):
    """Constant codes, as weights of a float MatMul are stored."""
    net = Net(21)
    name = net.input((2, 12))
    shape = [12, 5]
    scales = [-(-n // (block if d == axis else 1)) for d, n in enumerate(shape)] if block else [shape[axis]]
    kind, low = getattr(TensorProto, codes), 0 if codes.startswith("U") else -8
    draws = lambda dims: rng.integers(low, low + 16, math.prod(dims))
    net.constants.append(helper.make_tensor("w", kind, shape, draws(shape)))
    net.constants.append(helper.make_tensor("scale", TensorProto.FLOAT, scales, rng.uniform(0.01, 0.1, math.prod(scales))))
    net.constants.append(helper.make_tensor("zero", kind, scales, draws(scales)))
    w = net.op("DequantizeLinear", ["w", "scale", "zero"], axis=axis, **({"block_size": block} if block else {}))
    net.output(net.op("MatMul", [name, w]))
    return Case(net.model(), [floats(rng, (3, 2, 12))])


@operator("scaling")
def scalings():
    table = {}
    for codes in ("INT8", "UINT8", "INT16", "UINT16", "INT4", "UINT4"):
        for form, arguments in (("one", {}), ("along_an_axis", dict(axis=1)), ("along_the_last_axis", dict(axis=-1)),
                                ("by_block", dict(axis=1, block=2)), ("by_short_last_block", dict(axis=3, block=4))):
            table[f"{codes.lower()}_{form}"] = dict(codes=codes, **arguments)
    for codes in ("FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ"):
        table[f"{codes.lower()}_one"] = dict(codes=codes)
        table[f"{codes.lower()}_along_an_axis"] = dict(codes=codes, axis=1)
        table[f"{codes.lower()}_too_large"] = dict(codes=codes, saturate=0)
    constants = {f"{codes.lower()}_constant_{form}": dict(codes=codes, **arguments) for codes in ("INT4", "UINT4")
                 for form, arguments in (("along_an_axis", dict(axis=0)), ("by_block", dict(axis=0, block=4)))}
    return rows(scaled, table) | rows(expanded, constants)


# Several layers, as the quantizer makes them.


def layers(rng, kind, **quantizer):
    net = Net(13)
    scaled = lambda *shape: net.constant(floats(rng, shape, 0.3))
    if kind == "conv_flatten_gemm":
        x = net.op("Conv", [net.input((1, 2, 4, 5)), scaled(3, 2, 3, 3)], pads=[1, 1, 1, 1])
        net.output(net.op("Gemm", [net.op("Flatten", [x]), scaled(5, 60), scaled(5)], transB=1))
    elif kind == "residual":
        x = net.input((1, 4, 5, 6))
        y = net.op("Relu", [net.op("Conv", [x, scaled(6, 4, 3, 3), scaled(6)], pads=[1, 1, 1, 1])])
        net.output(net.op("Add", [net.op("Conv", [y, scaled(4, 6, 1, 1)]), x]))
    else:
        x = net.input((1, 3, 4, 5))
        net.output(net.op("Mul", [x, net.op("Sigmoid", [x])]))
    return quantized(rng, net, **{"narrow": True, **quantizer})


@operator("layers")
def several_layers():
    return {f"{kind}_{name}": row for kind in ("conv_flatten_gemm", "residual", "swish")
            for name, row in matrix(layers, kind != "swish", follows=(None,), kind=kind).items()}


# Choices and normalizations, computed in float32 between quantized tensors.


def between(rng, build, x=(1, 3, 4, 5), inputs=1):
    net = Net(17)
    operands = [net.dq(net.input(x, "int8"), 0.0371 + 0.01 * k, -3) for k in range(inputs)]
    results = build(net, rng, *operands)
    for y, dtype in results:
        net.output(y, dtype)
    return Case(net.model(), [draw(rng, x, 4) for _ in range(inputs)])


@operator("choices")
def choices():
    def number(net, value, dtype=np.float32):
        return net.constant(np.asarray(value, dtype))

    def where(net, rng, a, b):
        return [(net.op("Where", [net.op("Greater", [a, b]), a, b]), "float32")]

    def logic(net, rng, a, b):
        low, high = net.op("LessOrEqual", [a, number(net, 0.5)]), net.op("GreaterOrEqual", [b, number(net, -0.5)])
        both = net.op("And", [low, net.op("Not", [high])])
        return [(net.op("Xor", [both, net.op("Or", [low, net.op("Equal", [a, a])])]), "bool"), (both, "bool")]

    def top_k(net, rng, a):
        values, places = net.op("TopK", [a, number(net, [3], np.int64)], 2, axis=1, largest=0)
        return [(values, "float32"), (net.op("Cast", [places], to=TensorProto.INT32), "int32")]

    def arg_max(net, rng, a):
        y = net.op("Cast", [net.op("ArgMax", [a], axis=1)], to=TensorProto.FLOAT)
        return [(y, "float32")]

    def gather_elements(net, rng, a):
        places = rng.integers(-3, 3, (1, 3, 4, 2))
        return [(net.op("GatherElements", [a, net.constant(places)], axis=1), "float32")]

    def gather_nd(net, rng, a):
        places = np.stack([np.zeros(5, np.int64), rng.integers(-3, 3, 5), rng.integers(0, 4, 5)], -1)
        return [(net.op("GatherND", [a, net.constant(places)]), "float32")]

    def lrn(net, rng, a):
        return [(net.op("LRN", [a], size=3, alpha=0.3, beta=0.6, bias=1.2), "float32")]

    def instance_normalization(net, rng, a):
        return [(net.op("InstanceNormalization", [a, net.constant(floats(rng, (3,))), net.constant(floats(rng, (3,)))]),
                 "float32")]

    def layer_normalization(net, rng, a):
        return [(net.op("LayerNormalization", [a, net.constant(floats(rng, (5,))), net.constant(floats(rng, (5,)))]),
                 "float32")]

    def l2(net, rng, a):
        return [(net.op("LpNormalization", [a], axis=1), "float32")]

    return rows(between, {
        "where": dict(build=where, inputs=2),
        "logic": dict(build=logic, inputs=2),
        "top_k": dict(build=top_k, x=(1, 7, 4)),
        "arg_max": dict(build=arg_max),
        "gather_elements": dict(build=gather_elements),
        "gather_nd": dict(build=gather_nd),
        "lrn": dict(build=lrn, x=(1, 6, 3, 3)),
        "instance_normalization": dict(build=instance_normalization),
        "layer_normalization": dict(build=layer_normalization),
        "l2_normalization": dict(build=l2),
    })


# Graphs put together by hand. They take and give int8, so that what counts is between.

X, Y = (0.0371, -3), (0.0625, 5)


class Hand(Net):
    """Adds the usual quantized pieces to Net."""

    def __init__(self, rng, opset=13):
        super().__init__(opset)
        self.rng, self.shapes = rng, []

    def given(self, shape=(1, 3, 5, 5), q=X, dtype="int8"):
        """A quantized input, dequantized."""
        self.shapes.append((shape, dtype))
        return self.dq(self.input(shape, dtype), *q, dtype)

    def values(self, shape, dtype="int8"):
        """Weights."""
        low, high = (-BOUND, BOUND) if dtype == "int8" else (0, 255)
        return self.rng.integers(low, high + 1, shape).astype(dtype)

    def scales(self, channels=None, depth=27, dtype="int8"):
        spread = 37 if dtype == "int8" else 74
        usual = Y[0] * 50 / (X[0] * 74 * spread * math.sqrt(depth))
        return np.float32(usual) if channels is None else usual * channel_scales(self.rng, channels)

    def weight(self, shape=(4, 3, 3, 3), axis=0, zero=0, dtype="int8", scale=None):
        """Constant 8-bit weights, dequantized per channel of `axis`, or per tensor if None. Gives name and scales."""
        channels = None if axis is None else shape[axis]
        if scale is None:
            scale = self.scales(channels, math.prod(shape) // (channels or shape[0]), dtype)
        zeros = np.broadcast_to(zero, np.shape(scale))
        extra = {} if axis is None else {"axis": axis}
        return self.dq(self.constant(self.values(shape, dtype), "w"), scale, zeros, dtype, **extra), scale

    def bias(self, scale, channels=4):
        values = self.rng.integers(-2000, 2000, channels).astype(np.int32)
        extra = {"axis": 0} if np.ndim(scale) else {}
        return self.dq(self.constant(values, "b"), scale, np.zeros(np.shape(scale)), "int32", **extra)

    def conv(self, x, shape=(4, 3, 3, 3), sx=X[0], **attributes):
        w, scale = self.weight(shape)
        return self.op("Conv", [x, w, self.bias(np.float32(sx) * scale, shape[0])], **attributes)

    def give(self, y, q=Y, dtype="int8"):
        """Quantized, and an output."""
        self.output(self.q(y, *q, dtype), dtype)

    def case(self, refused="", external=False, samples=3, model=None):
        return Case(model or self.model(), [draw(self.rng, s, samples, d) for s, d in self.shapes], refused, external)


def pitfall(function):
    CASES.setdefault("pitfalls", {})[function.__name__] = (function, {})
    return function


@pitfall
def dq_feeds_two_convs(rng):
    net = Hand(rng)
    x = net.given()
    net.give(net.conv(x))
    net.give(net.conv(x), (0.04, -20))
    return net.case()


@pitfall
def dq_feeds_conv_and_add(rng):
    net = Hand(rng)
    x = net.given((1, 4, 5, 5))
    y = net.dq(net.q(net.conv(x, (4, 4, 3, 3), pads=[1, 1, 1, 1]), *Y), *Y)
    net.give(net.op("Add", [x, y]), (0.09, 1))
    return net.case()


@pitfall
def residual_add_relu_zero_point_inside(rng):
    net = Hand(rng)
    a, b = net.given(), net.given(q=(0.05, 11))
    net.give(net.op("Relu", [net.op("Add", [a, b])]), (0.07, -9))
    return net.case()


@pitfall
def residual_add_relu_zero_point_at_bound(rng):
    net = Hand(rng)
    a, b = net.given(), net.given(q=(0.05, 11))
    net.give(net.op("Relu", [net.op("Add", [a, b])]), (0.04, -128))
    return net.case()


@pitfall
def weights_quantized_in_the_graph(rng):
    net = Hand(rng)
    x = net.given()
    w = net.dq(net.q(net.constant(floats(rng, (4, 3, 3, 3), 0.05)), 0.0031, 0), 0.0031, 0)
    net.give(net.op("Conv", [x, w]))
    return net.case()


@pitfall
def weights_quantized_in_the_graph_per_channel(rng):
    net = Hand(rng)
    x = net.given()
    scale, zero = channel_scales(rng, 4) * np.float32(0.004), np.zeros(4)
    w = floats(rng, (4, 3, 3, 3), 18) * scale.reshape(-1, 1, 1, 1)
    w = net.q(net.constant(w), scale, zero, axis=0)
    net.give(net.op("Conv", [x, net.dq(w, scale, zero, axis=0)]))
    return net.case()


@pitfall
def weights_dequantized_then_transposed(rng):
    net = Hand(rng)
    x = net.given((1, 16))
    w, _ = net.weight((6, 16), axis=0)
    net.give(net.op("MatMul", [x, net.op("Transpose", [w], perm=[1, 0])]))
    return net.case()


@pitfall
def weights_dequantized_then_reshaped(rng):
    net = Hand(rng)
    x = net.given()
    w, _ = net.weight((4, 27), axis=None)
    net.give(net.op("Conv", [x, net.op("Reshape", [w, net.constant(np.array([4, 3, 3, 3]))])]))
    return net.case()


def biased(rng, bias, kind="Conv"):
    net = Hand(rng)
    shape = (4, 3, 3, 3) if kind == "Conv" else (4, 16)
    x = net.given((1, 3, 5, 5) if kind == "Conv" else (1, 16))
    w, scale = net.weight(shape)
    product = (np.float32(X[0]) * scale).astype(np.float32)
    attributes = {} if kind == "Conv" else {"transB": 1}
    net.give(net.op(kind, [x, w, bias(net, product)], **attributes))
    return net


@pitfall
def bias_float(rng):
    return biased(rng, lambda net, _: net.constant(floats(rng, (4,)), "b")).case()


@pitfall
def bias_float_of_gemm(rng):
    return biased(rng, lambda net, _: net.constant(floats(rng, (4,)), "b"), "Gemm").case()


@pitfall
def bias_missing(rng):
    return biased(rng, lambda *_: "").case()


@pitfall
def bias_scale_off_by_one_ulp(rng):
    return biased(rng, lambda net, scale: net.bias(np.nextafter(scale, np.float32(1)))).case()


@pitfall
def bias_scale_not_the_product(rng):
    return biased(rng, lambda net, scale: net.bias(scale * np.float32(3))).case(
        "the scale of the bias is not the product of the scales of input and weights")


@pitfall
def bias_without_zero_point(rng):
    def bias(net, scale):
        values = net.constant(rng.integers(-2000, 2000, 4).astype(np.int32), "b")
        return net.dq(values, scale, None, axis=0)
    return biased(rng, bias).case()


@pitfall
def bias_int8(rng):
    return biased(rng, lambda net, _: net.dq(net.constant(net.values((4,)), "b"), 0.01, 0)).case()


def between(rng, zero, follow, scale=Y[0], kind="conv"):
    net = Hand(rng)
    if kind == "conv":
        y = net.conv(net.given())
    else:
        w, _ = net.weight((16, 5), axis=None)
        y = net.op("MatMul", [net.given((1, 16)), w])
    net.give(followed(net, y, follow), (scale, zero))
    return net.case()


CASES["pitfalls"] |= rows(between, {
    "relu_before_q_zero_point_inside": dict(follow="relu", zero=5),
    "relu_before_q_zero_point_at_bound": dict(follow="relu", zero=-128),
    "relu_before_q_zero_point_above": dict(follow="relu", zero=127),
    "clip_0_6_before_q_zero_point_inside": dict(follow="relu6", zero=-20),
    "clip_0_6_before_q_zero_point_at_bound": dict(follow="relu6", zero=-128),
    "clip_0_6_before_q_beyond_int8": dict(follow="relu6", zero=-128, scale=0.02),
    "clip_0_6_before_q_between_steps": dict(follow="relu6", zero=3, scale=0.0517),
    "relu_before_q_of_matmul_zero_point_inside": dict(follow="relu", zero=9, kind="matmul"),
})


@pitfall
def relu_and_another_consumer(rng):
    net = Hand(rng)
    y = net.conv(net.given())
    net.give(net.op("Relu", [y]), (0.03, -128))
    net.give(y)
    return net.case()


@pitfall
def relu_after_dq(rng):
    net = Hand(rng)
    y = net.dq(net.q(net.conv(net.given()), *Y), *Y)
    net.give(net.op("Relu", [y]), Y)
    return net.case()


@pitfall
def conv_quantized_twice(rng):
    net = Hand(rng)
    y = net.conv(net.given())
    net.give(y)
    net.give(y, (0.03, -40))
    return net.case()


@pitfall
def output_inside_the_graph(rng):
    net = Hand(rng)
    y = net.q(net.conv(net.given()), *Y)
    net.output(y, "int8")
    net.give(net.conv(net.dq(y, *Y), (2, 4, 3, 3), sx=Y[0]), (0.1, 0))
    return net.case()


@pitfall
def no_q_at_the_output(rng):
    net = Hand(rng)
    net.output(net.conv(net.given()))
    return net.case()


@pitfall
def no_q_at_the_output_of_matmul(rng):
    net = Hand(rng)
    w, _ = net.weight((16, 5), axis=None)
    net.output(net.op("MatMul", [net.given((1, 16)), w]))
    return net.case()


@pitfall
def float_op_in_the_middle(rng):
    net = Hand(rng)
    y = net.dq(net.q(net.conv(net.given()), *Y), *Y)
    y = net.dq(net.q(net.op("Elu", [y]), *Y), *Y)
    net.give(net.conv(y, (2, 4, 3, 3), sx=Y[0]), (0.1, 0))
    return net.case()


@pitfall
def float_conv_after_quantized_conv(rng):
    net = Hand(rng)
    y = net.dq(net.q(net.conv(net.given()), *Y), *Y)
    net.output(net.op("Conv", [y, net.constant(floats(rng, (2, 4, 3, 3), 0.1), "w")]))
    return net.case()


MOVES = {
    "maxpool": lambda net, x: net.op("MaxPool", [x], kernel_shape=[2, 2], strides=[1, 1]),
    "averagepool": lambda net, x: net.op("AveragePool", [x], kernel_shape=[2, 2], strides=[1, 1]),
    "reshape": lambda net, x: net.op("Reshape", [x, net.constant(np.array([1, 15, 5]))]),
    "transpose": lambda net, x: net.op("Transpose", [x], perm=[0, 2, 3, 1]),
    "relu": lambda net, x: net.op("Relu", [x]),
    "nothing": lambda net, x: x,
}


def moved(rng, move, q, x=X):
    net = Hand(rng)
    net.give(MOVES[move](net, net.given(q=x)), q)
    return net.case()


CASES["pitfalls"] |= {
    f"{move}_{name}": (moved, dict(move=move, q=q))
    for move in MOVES for name, q in (("equal_scales", X), ("different_scales", Y)) if (move, q) != ("nothing", X)}
CASES["pitfalls"] |= rows(moved, {
    "reshape_scales_one_ulp_apart": dict(move="reshape", q=(np.nextafter(np.float32(X[0]), np.float32(1)), X[1])),
    "transpose_zero_points_apart": dict(move="transpose", q=(X[0], 9)),
    "requantized_to_exact_ties": dict(move="nothing", x=(0.0625, -3), q=(0.125, 4)),
    "requantized_to_exact_ties_odd_zero_point": dict(move="nothing", x=(0.0625, -3), q=(0.125, 5)),
})


@pitfall
def concat_two_branches_different_scales(rng):
    net = Hand(rng)
    x = net.given()
    a = net.dq(net.q(net.conv(x), *Y), *Y)
    b = net.dq(net.q(net.conv(x), 0.04, -20), 0.04, -20)
    net.give(net.op("Concat", [a, b], axis=1), (0.07, 3))
    return net.case()


@pitfall
def weights_per_channel_on_the_wrong_axis(rng):
    net = Hand(rng)
    w, _ = net.weight(axis=1)
    net.give(net.op("Conv", [net.given(), w]))
    return net.case("weights are quantized along the input channels, which an integer accumulator cannot hold")


@pitfall
def gemm_weights_per_channel_on_the_wrong_axis(rng):
    net = Hand(rng)
    w, _ = net.weight((16, 5), axis=0)
    net.give(net.op("Gemm", [net.given((1, 16)), w]))
    return net.case("weights are quantized along the summed axis, which an integer accumulator cannot hold")


@pitfall
def activations_per_channel(rng):
    net = Hand(rng)
    scale, zero = channel_scales(rng, 3) * np.float32(0.03), np.array([1, -2, 3])
    net.shapes.append(((1, 3, 5, 5), "int8"))
    x = net.dq(net.input((1, 3, 5, 5), "int8"), scale, zero, axis=1)
    net.give(net.conv(x))
    return net.case()


@pitfall
def weights_quantized_in_blocks(rng):
    net = Hand(rng, 21)
    x = net.given((1, 16))
    w = net.dq(net.constant(net.values((16, 5)), "w"), rng.uniform(0.001, 0.002, (4, 5)), np.zeros((4, 5)), axis=0,
               block_size=4)
    net.give(net.op("MatMul", [x, w]))
    return net.case()


@pitfall
def opset9(rng):
    net = Hand(rng, 9)
    net.give(net.conv(net.given()))
    return net.case("opset 9 has no QuantizeLinear: export again with opset 13 or later")


def normalization(net, x, channels):
    parameters = [floats(net.rng, (channels,), 0.2, 1), floats(net.rng, (channels,), 0.4),
                  floats(net.rng, (channels,), 0.3), net.rng.uniform(0.5, 2, channels).astype(np.float32)]
    return net.op("BatchNormalization", [x, *(net.constant(p, "bn") for p in parameters)])


@pitfall
def batch_norm_between_conv_and_q(rng):
    net = Hand(rng)
    net.give(normalization(net, net.conv(net.given()), 4))
    return net.case()


@pitfall
def batch_norm_before_conv(rng):
    net = Hand(rng)
    y = net.dq(net.q(normalization(net, net.given(), 3), *Y), *Y)
    net.give(net.conv(y, sx=Y[0]))
    return net.case()


@pitfall
def batch_norm_after_dq(rng):
    net = Hand(rng)
    y = net.dq(net.q(net.conv(net.given()), *Y), *Y)
    net.give(normalization(net, y, 4), (0.08, -7))
    return net.case()


@pitfall
def weights_shared_by_two_dqs(rng):
    """The second DQ reads the same initializer with a scale of its own."""
    net = Hand(rng)
    x = net.given()
    values = net.constant(net.values((4, 3, 3, 3)), "w")
    for scale in (np.float32(0.0012), np.float32(0.0022)):
        net.give(net.op("Conv", [x, net.dq(values, scale, 0)]))
    return net.case()


@pitfall
def weights_of_one_dq_in_two_convs(rng):
    net = Hand(rng)
    w, _ = net.weight()
    net.give(net.op("Conv", [net.given(), w]))
    net.give(net.op("Conv", [net.given(q=(0.02, 17)), w]))
    return net.case()


@pitfall
def weights_per_channel_zero_points(rng):
    net = Hand(rng)
    w, _ = net.weight(zero=np.array([0, 5, -7, 100]))
    net.give(net.op("Conv", [net.given(), w]))
    return net.case()


@pitfall
def weights_per_channel_equal_zero_points(rng):
    net = Hand(rng)
    w, _ = net.weight(zero=-6)
    net.give(net.op("Conv", [net.given(), w]))
    return net.case()


@pitfall
def matmul_weights_per_column_zero_points(rng):
    net = Hand(rng)
    w, _ = net.weight((16, 5), axis=1, zero=np.array([0, 5, -7, 100, -128]))
    net.give(net.op("MatMul", [net.given((1, 16)), w]))
    return net.case()


@pitfall
def weights_uint8_asymmetric(rng):
    net = Hand(rng)
    w, _ = net.weight(axis=None, zero=113, dtype="uint8")
    net.give(net.op("Conv", [net.given(q=(0.0371, 125), dtype="uint8"), w]), (0.0625, 133), "uint8")
    return net.case()


@pitfall
def weights_uint8_per_channel_zero_points(rng):
    net = Hand(rng)
    w, _ = net.weight(zero=np.array([128, 100, 140, 1]), dtype="uint8")
    net.give(net.op("Conv", [net.given(q=(0.0371, 125), dtype="uint8"), w]), (0.0625, 133), "uint8")
    return net.case()


@pitfall
def activations_int8_weights_uint8(rng):
    net = Hand(rng)
    w, _ = net.weight(axis=None, zero=130, dtype="uint8")
    net.give(net.op("Conv", [net.given(), w]))
    return net.case()


@pitfall
def input_uint8_output_int8(rng):
    net = Hand(rng)
    net.give(net.conv(net.given(q=(0.0371, 125), dtype="uint8")))
    return net.case()


@pitfall
def zero_points_left_out(rng):
    net = Hand(rng)
    net.shapes.append(((1, 3, 5, 5), "uint8"))
    x = net.dq(net.input((1, 3, 5, 5), "uint8"), X[0], None)
    net.output(net.q(net.conv(x), Y[0], None), "uint8")
    return net.case()


@pitfall
def parameters_of_shape_one(rng):
    net = Hand(rng)
    net.shapes.append(((1, 3, 5, 5), "int8"))
    x = net.dq(net.input((1, 3, 5, 5), "int8"), [X[0]], [X[1]])
    net.output(net.q(net.conv(x), [Y[0]], [Y[1]]), "int8")
    return net.case()


@pitfall
def axis_counted_from_the_end(rng):
    net = Hand(rng)
    scale = net.scales(4)
    w = net.dq(net.constant(net.values((4, 3, 3, 3)), "w"), scale, np.zeros(4), axis=-4)
    net.give(net.op("Conv", [net.given(), w]))
    return net.case()


@pitfall
def microsoft_domain_q_and_dq(rng):
    net = Hand(rng)
    net.shapes.append(((1, 3, 5, 5), "int8"))
    x = net.dq(net.input((1, 3, 5, 5), "int8"), *X, domain="com.microsoft")
    w = net.dq(net.constant(net.values((4, 3, 3, 3)), "w"), 0.002, 0, domain="com.microsoft")
    net.output(net.q(net.op("Conv", [x, w]), *Y, domain="com.microsoft"), "int8")
    return net.case()


@pitfall
def initializers_listed_as_inputs(rng):
    net = Hand(rng)
    net.give(net.conv(net.given()))
    model = net.model()
    model.graph.input.extend(
        helper.make_tensor_value_info(c.name, c.data_type, list(c.dims)) for c in model.graph.initializer)
    return net.case(model=model)


@pitfall
def constant_nodes(rng):
    net = Hand(rng)
    net.give(net.conv(net.given()))
    nodes = [helper.make_node("Constant", [], [c.name], name=f"make_{c.name}", value=c) for c in net.constants]
    net.nodes, net.constants = nodes + net.nodes, []
    return net.case()


@pitfall
def symbolic_batch(rng):
    """The vectors are for N = 1."""
    net = Hand(rng)
    net.give(net.conv(net.given()))
    model = net.model()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    return net.case(model=model)


@pitfall
def weights_in_another_file(rng):
    net = Hand(rng)
    net.give(net.conv(net.given()))
    return net.case(external=True)


@pitfall
def rank_one(rng):
    net = Hand(rng)
    net.give(net.op("Add", [net.given((16,)), net.given((16,), (0.02, 9))]))
    return net.case()


@pitfall
def two_inputs_two_outputs(rng):
    net = Hand(rng)
    a, b = net.given(), net.given(q=(0.05, 20))
    net.give(net.op("Mul", [a, b]), (0.11, -4))
    net.give(net.op("Add", [net.conv(a, pads=[1, 1, 1, 1], shape=(3, 3, 3, 3)), b]), (0.09, 2))
    return net.case()


@pitfall
def dropout_after_dq(rng):
    net = Hand(rng)
    net.give(net.conv(net.op("Dropout", [net.given()])))
    return net.case()


@pitfall
def identity_after_dq(rng):
    net = Hand(rng)
    net.give(net.op("Identity", [net.conv(net.op("Identity", [net.given()]))]))
    return net.case()


@pitfall
def cast_to_float_after_dq(rng):
    net = Hand(rng)
    net.give(net.conv(net.op("Cast", [net.given()], to=TensorProto.FLOAT)))
    return net.case()


@pitfall
def identity_between_q_and_dq(rng):
    net = Hand(rng)
    y = net.op("Identity", [net.q(net.conv(net.given()), *Y)])
    net.give(net.conv(net.dq(y, *Y), (2, 4, 3, 3), sx=Y[0]), (0.1, 0))
    return net.case()


@pitfall
def pad_before_conv(rng):
    """Padding with the float 0, which is the zero point and not the integer 0."""
    net = Hand(rng)
    x = net.op("Pad", [net.given(), net.constant(np.array([0, 0, 1, 0, 0, 0, 1, 2]))])
    net.give(net.conv(net.dq(net.q(x, *X), *X)))
    return net.case()


@pitfall
def pad_straight_into_conv(rng):
    net = Hand(rng)
    net.give(net.conv(net.op("Pad", [net.given(), net.constant(np.array([0, 0, 1, 0, 0, 0, 1, 2]))])))
    return net.case()


@pitfall
def flatten_then_gemm(rng):
    """Channel-first order has to survive into the rows of the weights."""
    net = Hand(rng)
    x = net.dq(net.q(net.op("Flatten", [net.given((1, 3, 2, 4))]), *X), *X)
    w, _ = net.weight((5, 24), axis=None)
    net.give(net.op("Gemm", [x, w], transB=1))
    return net.case()


# Exact sums.


def stretched(vector, rank, axis):
    """Per channel values of `axis`, or one value, to broadcast over `rank` axes."""
    vector = np.asarray(vector).reshape(-1)
    return vector[0] if vector.size == 1 else vector.reshape([-1 if i == axis else 1 for i in range(rank)])


def pads(x, kernel, strides, dilations, attributes):
    """Before and after each axis."""
    rank, kind = len(kernel), attributes.get("auto_pad", b"NOTSET")
    if kind in (b"NOTSET", b"VALID"):
        given = attributes.get("pads", [0] * 2 * rank)
        return list(zip(given[:rank], given[rank:]))
    result = []
    for size, k, s, d in zip(x, kernel, strides, dilations):
        total = max(0, (-(-size // s) - 1) * s + (k - 1) * d + 1 - size)
        result.append((total // 2, total - total // 2) if kind == b"SAME_UPPER" else (total - total // 2, total // 2))
    return result


def conv_sums(x, w, attributes):
    """Both less their zero points, int32."""
    rank, kernel, groups = x.ndim - 2, w.shape[2:], attributes.get("group", 1)
    strides, dilations = attributes.get("strides", [1] * rank), attributes.get("dilations", [1] * rank)
    x = np.pad(x, [(0, 0), (0, 0), *pads(x.shape[2:], kernel, strides, dilations, attributes)])
    size = [(n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(x.shape[2:], kernel, strides, dilations)]
    sums = []
    for part, filters in zip(np.split(x, groups, 1), np.split(w, groups, 0)):
        y = np.zeros((len(x), len(filters), *size), np.int32)
        for at in np.ndindex(*kernel):
            taps = tuple(slice(i * d, i * d + (n - 1) * s + 1, s) for i, d, n, s in zip(at, dilations, size, strides))
            y += np.einsum("nc...,oc->no...", part[:, :, *taps], filters[:, :, *at])
        sums.append(y)
    return np.concatenate(sums, 1)


def less(values, zero, axis=None):
    zero = np.int8(0) if zero is None else zero
    return values.astype(np.int32) - stretched(zero.astype(np.int32), values.ndim, axis)


def requantized(sums, scale, sy, zy):
    """With no `sy`, the result in float32."""
    values = sums.astype(np.float32) * (scale if sy is None else (scale / sy).astype(np.float32))
    if sy is None:
        return values
    limits = np.iinfo(zy.dtype)
    return np.clip(np.rint(values) + zy.astype(np.float32), limits.min, limits.max).astype(zy.dtype)


def product(sa, sw, rank, axis, alpha=1.0):
    return np.float32(alpha) * (sa.reshape(()) * stretched(sw, rank, axis)).astype(np.float32)


def exact_qlinearconv(attributes, x, sx, zx, w, sw, zw, sy, zy, bias=None):
    sums = conv_sums(less(x, zx), less(w, zw, 0), attributes)
    if bias is not None:
        sums += stretched(bias, sums.ndim, 1)
    return requantized(sums, product(sx, sw, sums.ndim, 1), sy, zy)


def exact_convinteger(attributes, x, w, zx=None, zw=None):
    return conv_sums(less(x, zx), less(w, zw, 0), attributes)


def exact_qlinearmatmul(attributes, a, sa, za, b, sb, zb, sy, zy):
    sums = less(a, za) @ less(b, zb, b.ndim - 1)
    return requantized(sums, product(sa, sb, sums.ndim, sums.ndim - 1), sy, zy)


def exact_matmulinteger(attributes, a, b, za=None, zb=None):
    return less(a, za) @ less(b, zb, b.ndim - 1)


def exact_matmulintegertofloat(attributes, a, b, sa, sb, za=None, zb=None, bias=None):
    sums = less(a, za) @ less(b, zb, b.ndim - 1)
    y = requantized(sums, product(sa, sb, sums.ndim, sums.ndim - 1), None, None)
    return y if bias is None else y + bias


def exact_qgemm(attributes, a, sa, za, b, sb, zb, bias=None, sy=None, zy=None):
    channels = 0 if attributes.get("transB", 0) else 1
    a, b = less(a, za), less(b, zb, channels)
    sums = (a.T if attributes.get("transA", 0) else a) @ (b if channels else b.T)
    if bias is not None:
        sums = sums + bias
    return requantized(sums, product(sa, sb, 2, 1, attributes.get("alpha", 1.0)), sy, zy)


# Operator -> its replay and the position of its two factors.
REPLAYS = {"QLinearConv": (exact_qlinearconv, 0, 3), "QLinearMatMul": (exact_qlinearmatmul, 0, 3),
           "QGemm": (exact_qgemm, 0, 3), "ConvInteger": (exact_convinteger, 0, 1),
           "MatMulInteger": (exact_matmulinteger, 0, 1),
           "MatMulIntegerToFloat": (exact_matmulintegertofloat, 0, 1)}


def replay(folder, feeds, answers, counts):
    """What is wrong with `answers`, or nothing. Runs the optimized graph with every tensor as a further output."""
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch) / "optimized.onnx"
        session(folder / "model.onnx", path)
        model = onnx.load(path, load_external_data=False)
        onnx.external_data_helper.load_external_data_for_model(model, str(folder))
        kernels = [n for n in model.graph.node if n.op_type in REPLAYS]
        own = [o.name for o in model.graph.output]
        known = {i.name for i in [*model.graph.input, *model.graph.initializer]} | {"", *own}
        inside = sorted({t for n in kernels for t in [*n.input, *n.output]} - known)
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in inside)
        onnx.save(model, path)
        run = session(path, level=ort.GraphOptimizationLevel.ORT_DISABLE_ALL)
    constants = {c.name: numpy_helper.to_array(c) for c in model.graph.initializer}
    for feed, answer in zip(feeds, answers):
        results = run.run(None, feed)
        if not all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(answer, results)):
            return "the graph answers otherwise when its inner tensors are outputs"
        tensors = constants | feed | dict(zip([*own, *inside], results))
        for node in kernels:
            function, first, second = REPLAYS[node.op_type]
            operands = [tensors[i] if i else None for i in node.input]
            a, b = operands[first], operands[second]
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            got, want = tensors[node.output[0]], function(attributes, *operands)
            if got.shape != want.shape or got.dtype != want.dtype:
                return f"{node.op_type} gives {got.dtype} {got.shape}, its replay {want.dtype} {want.shape}"
            if wrong := np.count_nonzero(got != want):
                return (f"{node.op_type} ({a.dtype} by {b.dtype}) differs from exact sums "
                        f"in {wrong} of {got.size} elements")
            kind = counts.setdefault(node.op_type, [0, 0])
            kind[0] += feed is feeds[0]
            kind[1] += got.size
    return ""


# Files.


def session(model, write_to=None, level=ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED):
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    if write_to:
        options.optimized_model_filepath = str(write_to)
    return ort.InferenceSession(str(model), options, ["CPUExecutionProvider"])


def optimized(path):
    """The operators that run, and whether one of them reads float32 that is not just to be quantized."""
    with tempfile.TemporaryDirectory() as folder:
        session(path, pathlib.Path(folder) / "optimized.onnx")
        model = onnx.load(pathlib.Path(folder) / "optimized.onnx", load_external_data=False)
    graph = onnx.shape_inference.infer_shapes(model).graph
    types = {v.name: v.type.tensor_type.elem_type for v in [*graph.input, *graph.value_info, *graph.output]}
    types |= {o: TensorProto.FLOAT for n in graph.node if n.op_type == "DequantizeLinear" for o in n.output}
    kinds = [node.op_type for node in graph.node]
    left = any(n.op_type != "QuantizeLinear" and types.get(n.input[0]) == TensorProto.FLOAT for n in graph.node)
    return kinds, left


def write_npz(path, arrays):
    """numpy stamps every member with the zip epoch, so equal arrays give equal files."""
    np.savez_compressed(path, **arrays)


def front(array, first):
    """Samples of a tensor whose first dimension is `first`; an axis of 1 is left out."""
    return array[:, 0] if first == 1 else array


def make(names):
    for folder in ROOT.glob("*/"):
        if not names or folder.name in names:
            shutil.rmtree(folder)
    for name, table in sorted(CASES.items()):
        if names and name not in names:
            continue
        for case, (builder, arguments) in table.items():
            rng = np.random.default_rng(zlib.crc32(f"{name}/{case}".encode()))
            made = builder(rng, **arguments)
            folder = ROOT / name / case
            folder.mkdir(parents=True)
            if made.external:
                onnx.save(made.model, folder / "model.onnx", save_as_external_data=True, location="weights.bin",
                          size_threshold=64)
            else:
                onnx.save(made.model, folder / "model.onnx")
            if made.refused:
                (folder / "refused.txt").write_text(made.refused + "\n")
                continue
            inputs = {f"m_inputs_{k}": front(a, a.shape[1] if a.ndim > 1 else 0) for k, a in enumerate(made.inputs, 1)}
            write_npz(folder / "io.npz", inputs)
            kinds, left = optimized(folder / "model.onnx")
            (folder / "fused.txt").write_text(" ".join(kinds) + "\n")
            if left:
                folder.rename(folder.with_name(case + SUFFIX))
        print(f"{name:20}{len(table):4}")
    print(f"{'made':20}{sum(map(len, CASES.values())):4}")


def record(names):
    folders = sorted(path.parent for path in ROOT.glob("*/*/io.npz"))
    folders = [folder for folder in folders if not names or folder.parent.name in names]
    counts, errors = {}, []
    for folder in folders:
        path = folder / "model.onnx"
        kinds = optimized(path)[0]
        if (folder / "fused.txt").read_text().split() != kinds:
            sys.exit(f"{folder}: here {' '.join(kinds)} runs, which is not what fused.txt says")
        run = session(path)
        arrays = {k: v for k, v in np.load(folder / "io.npz").items() if k.startswith("m_inputs_")}
        feeds = []
        for samples in zip(*arrays.values()):
            # initializers_listed_as_inputs has more inputs than arrays: those keep their own values.
            shapes = [[d if isinstance(d, int) else 1 for d in i.shape] for i in run.get_inputs()]
            feeds.append({i.name: s.reshape(shape) for i, shape, s in zip(run.get_inputs(), shapes, samples)})
        answers = [run.run(None, feed) for feed in feeds]
        if wrong := replay(folder, feeds, answers, counts):
            errors.append(f"{folder.parent.name}/{folder.name}: {wrong}")
            continue
        for k, outputs in enumerate(zip(*answers), 1):
            stacked = np.stack(outputs)
            arrays[f"m_outputs_{k}"] = front(stacked, stacked.shape[1] if stacked.ndim > 1 else 0)
        write_npz(folder / "io.npz", arrays)
    for kind, (kernels, elements) in sorted(counts.items()):
        print(f"{kind:20}{kernels:4} kernels, {elements:6} elements: exact")
    if errors:
        sys.exit("\n".join(["not recorded:", *errors]))
    digest = hashlib.sha256(b"".join((f / "io.npz").read_bytes() for f in folders)).hexdigest()
    print(f"recorded {len(folders)} cases; sha256 of the vectors {digest}")


def main():
    for package, version in VERSIONS.items():
        installed = importlib.metadata.version(package)
        if installed != version:
            sys.exit(f"{package} {installed} is installed; these vectors are defined by {version}")
    logging.disable(logging.WARNING)
    commands = {"make": make, "record": record}
    names = [argument for argument in sys.argv[1:] if argument not in commands]
    if unknown := set(names) - set(CASES):
        sys.exit(f"no folder {', '.join(sorted(unknown))}; there are {', '.join(sorted(CASES))}")
    for what in [argument for argument in sys.argv[1:] if argument in commands] or list(commands):
        commands[what](names)


if __name__ == "__main__":
    main()
