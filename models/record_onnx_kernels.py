"""Record ONNX Runtime's answers for single operators on inputs of our own.

    python3 -m venv venv && venv/bin/pip install onnx==1.20.1 onnxruntime==1.32.0 numpy==2.4.6
    venv/bin/python record_onnx_kernels.py      # ../kernels/tests/onnx_runtime/*.npz

One file an operator. Images and weights are stored channel last, as the kernels
take them, and parameters as the model had them. The arrays of one name lie end
to end over all cases, for a small file: NAME has their elements, NAME.kinds the
type (0 absent, 1 int8, 2 uint8, 3 int32, 4 float32), rank and dimensions of each.
Half of the scales are made so that results crowd around ties: ratios of small
integers over powers of two, moved by a few units in the last place.

The answers depend on the processor: this wants x86-64 with AVX2 and FMA. Without
VNNI, products of u8 and s8 saturate in pairs, so signed weights stay within 6
bits here; the arithmetic does not know the difference.
"""

import pathlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

OUT = pathlib.Path(__file__).resolve().parent.parent / "kernels" / "tests" / "onnx_runtime"
F32 = np.float32
rng = np.random.default_rng(20261124)


def run(op, order, feeds, constants, outputs=1, domain="", version=17, **attributes):
    """The outputs of a model of one operator."""
    names = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, order, names, domain=domain, **attributes)
    answers = run_nodes([node], names, feeds, constants, version)
    return answers[0] if outputs == 1 else answers


def run_nodes(nodes, names, feeds, constants, version=17):
    dtypes = {name: helper.np_dtype_to_tensor_dtype(array.dtype) for name, array in feeds.items()}
    inputs = [helper.make_tensor_value_info(name, dtypes[name], array.shape) for name, array in feeds.items()]
    graph = helper.make_graph(
        nodes, "one", inputs, [onnx.ValueInfoProto(name=name) for name in names],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()])
    imports = [helper.make_opsetid("", version), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def microsoft(op, order, feeds, constants, **attributes):
    return run(op, order, feeds, constants, domain="com.microsoft", **attributes)


def limits(dtype):
    return np.iinfo(dtype).min, np.iinfo(dtype).max


def integers(dtype, shape):
    low, high = limits(dtype)
    if rng.integers(6) == 0:
        return rng.choice([low, high], shape).astype(dtype)
    return rng.integers(low, high + 1, shape).astype(dtype)


def zero_point(dtype):
    low, high = limits(dtype)
    return dtype(rng.choice([low, 0, high, rng.integers(low, high + 1), rng.integers(low, high + 1)]))


def near(scale):
    """A scale in a short ratio to another one, but for a few units in the last place."""
    ratio = F32(scale * F32(rng.integers(1, 256)) / F32(2.0 ** rng.integers(0, 9)))
    for _ in range(rng.integers(0, 4)):
        ratio = np.nextafter(ratio, F32(rng.choice([0, 10])))
    return ratio


def scales(count):
    """Scales of the inputs, then of the output."""
    style = rng.integers(3)
    if style == 0:
        return [F32(2.0 ** -int(rng.integers(1, 8))) for _ in range(count)]
    if style == 1:
        last = F32(rng.uniform(0.002, 0.3))
        return [near(last)] + [near(F32(1)) for _ in range(count - 2)] + [last]
    return [F32(x) for x in rng.uniform(0.002, 0.3, count)]


def weights(dtype, shape):
    return rng.integers(-63, 64, shape).astype(dtype) if dtype == np.int8 else integers(dtype, shape)


def activation_types(index):
    """Types of activations and weights: S8S8, U8S8, U8U8."""
    return [(np.int8, np.int8), (np.uint8, np.int8), (np.uint8, np.uint8)][index % 3]


def output_scale(sx, sw, spread):
    """Lets accumulators of this spread fill the output's range; often in a short ratio to the product of the scales."""
    target = F32(sx * np.max(sw)) * F32(spread / 100)
    if rng.integers(2):
        return F32(target)
    return F32(F32(sx * np.max(sw)) * F32(2.0 ** np.round(np.log2(spread / 100))))


def channel_last(array):
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))


def qlinear_conv2d():
    for index in range(18):
        dtype, wtype = activation_types(index)
        groups = int(rng.choice([1, 1, 2, 3]))
        channels, filters = groups * int(rng.integers(1, 5)), groups * int(rng.integers(1, 5))
        kernel = [int(k) for k in rng.integers(1, 4, 2)]
        strides, dilations = [[int(v) for v in rng.integers(1, 3, 2)] for _ in range(2)]
        pads = [int(p) for p in rng.integers(0, 3, 4)]
        x = integers(dtype, (int(rng.integers(1, 3)), channels, int(rng.integers(5, 8)), int(rng.integers(5, 8))))
        w = weights(wtype, (filters, channels // groups, *kernel))
        per_channel = rng.integers(2)
        sx = F32(rng.uniform(0.004, 0.1))
        sw = (rng.uniform(0.002, 0.02, filters) if per_channel else rng.uniform(0.002, 0.02, 1)).astype(F32)
        zx, zy = zero_point(dtype), zero_point(dtype)
        zw = wtype(0) if wtype == np.int8 else zero_point(wtype)
        spread = 60 * 70 * np.sqrt(w[0].size)
        sy = output_scale(sx, sw, spread)
        bias = rng.integers(-3000, 3000, filters).astype(np.int32) if rng.integers(4) else None
        constants = dict(sx=sx, zx=zx, w=w, sw=sw, zw=np.full(sw.shape, zw), sy=sy, zy=zy)
        order = ["x", "sx", "zx", "w", "sw", "zw", "sy", "zy"]
        if bias is not None:
            constants["b"] = bias
            order.append("b")
        y = run("QLinearConv", order, {"x": x}, constants, group=groups, strides=strides, dilations=dilations,
                pads=pads, kernel_shape=kernel)
        acc = run("ConvInteger", ["x", "w", "zx", "zw"], {"x": x}, dict(w=w, zx=zx, zw=zw), group=groups,
                  strides=strides, dilations=dilations, pads=pads, kernel_shape=kernel) if dtype == np.uint8 else None
        case = dict(x=channel_last(x), w=channel_last(w), sx=sx, zx=zx, sw=sw, zw=zw, sy=sy, zy=zy, y=channel_last(y),
                    strides=strides, dilations=dilations, pads=pads)
        if bias is not None:
            case["b"] = bias
        if acc is not None:
            case["acc"] = channel_last(acc)
        yield case


def qlinear_depthwise_conv2d():
    for index in range(9):
        dtype, wtype = activation_types(index)
        channels, multiplier = int(rng.integers(1, 9)), int(rng.choice([1, 1, 2, 3]))
        filters, kernel = channels * multiplier, [int(k) for k in rng.integers(1, 4, 2)]
        strides, dilations = [[int(v) for v in rng.integers(1, 3, 2)] for _ in range(2)]
        pads = [int(p) for p in rng.integers(0, 3, 4)]
        x = integers(dtype, (1, channels, int(rng.integers(5, 9)), int(rng.integers(5, 9))))
        w = weights(wtype, (filters, 1, *kernel))
        sx, sw = F32(rng.uniform(0.004, 0.1)), rng.uniform(0.002, 0.02, filters).astype(F32)
        zx, zy = zero_point(dtype), zero_point(dtype)
        zw = wtype(0) if wtype == np.int8 else zero_point(wtype)
        sy = output_scale(sx, sw, 60 * 70 * np.sqrt(w[0].size))
        bias = rng.integers(-3000, 3000, filters).astype(np.int32)
        y = run("QLinearConv", ["x", "sx", "zx", "w", "sw", "zw", "sy", "zy", "b"], {"x": x},
                dict(sx=sx, zx=zx, w=w, sw=sw, zw=np.full(sw.shape, zw), sy=sy, zy=zy, b=bias), group=channels,
                strides=strides, dilations=dilations, pads=pads, kernel_shape=kernel)
        # [filters, 1, h, w] to [1, h, w, filters].
        w = np.ascontiguousarray(np.transpose(w, (1, 2, 3, 0)))
        yield dict(x=channel_last(x), w=w, sx=sx, zx=zx, sw=sw, zw=zw, sy=sy, zy=zy, b=bias, y=channel_last(y),
                   strides=strides, dilations=dilations, pads=pads)


def qgemm():
    for index in range(12):
        dtype, wtype = activation_types(index)
        rows, depth, columns = int(rng.integers(1, 6)), int(rng.integers(1, 60)), int(rng.integers(1, 20))
        x, w = integers(dtype, (rows, depth)), weights(wtype, (columns, depth))
        per_column = rng.integers(2)
        sx = F32(rng.uniform(0.004, 0.1))
        sw = (rng.uniform(0.002, 0.02, columns) if per_column else rng.uniform(0.002, 0.02, 1)).astype(F32)
        zx, zy = zero_point(dtype), zero_point(dtype)
        zw = np.zeros(sw.shape, wtype) if wtype == np.int8 else integers(wtype, sw.shape)
        alpha = float(rng.choice([1.0, 1.0, 0.3, -1.7]))
        sy = output_scale(sx, sw, 60 * 70 * np.sqrt(depth) * abs(alpha))
        bias = rng.integers(-3000, 3000, columns).astype(np.int32)
        y = microsoft("QGemm", ["x", "sx", "zx", "w", "sw", "zw", "b", "sy", "zy"], {"x": x},
                      dict(sx=sx, zx=zx, w=w, sw=sw, zw=zw, b=bias, sy=sy, zy=zy), alpha=alpha, transB=1)
        yield dict(x=x, w=w, sx=sx, zx=zx, sw=sw, zw=zw, b=bias, sy=sy, zy=zy, alpha=F32(alpha), y=y)


def qlinear_matmul():
    for index in range(12):
        dtype, wtype = activation_types(index)
        batch = [(), (3,), (2, 3)][rng.integers(3)]
        rows, depth, columns = int(rng.integers(1, 6)), int(rng.integers(1, 30)), int(rng.integers(1, 12))
        a = integers(dtype, (*batch, rows, depth))
        b = weights(wtype, (*(batch if rng.integers(2) else ()), depth, columns))
        per_column = b.ndim == 2 and rng.integers(2)
        sa, za = F32(rng.uniform(0.004, 0.1)), zero_point(dtype)
        sb = (rng.uniform(0.002, 0.02, columns) if per_column else rng.uniform(0.002, 0.02, 1)).astype(F32)
        zb = np.full(sb.shape, wtype(3) if wtype == np.int8 else zero_point(wtype))
        sy, zy = output_scale(sa, sb, 60 * 70 * np.sqrt(depth)), zero_point(dtype)
        y = run("QLinearMatMul", ["a", "sa", "za", "b", "sb", "zb", "sy", "zy"], {"a": a, "b": b},
                dict(sa=sa, za=za, sb=sb, zb=zb, sy=sy, zy=zy))
        acc = run("MatMulInteger", ["a", "b", "za", "zb"], {"a": a, "b": b}, dict(za=za, zb=zb))
        yield dict(a=a, b=b, sa=sa, za=za, sb=sb, zb=zb[0], sy=sy, zy=zy, y=y, acc=acc)


def binary(op):
    # Shapes in the model's own axis order: equal, scalars on either side, channels on either side, rows.
    shapes = [((2, 3, 4, 5), (2, 3, 4, 5)), ((2, 3, 4, 5), ()), ((), (2, 3, 4, 5)), ((1, 6, 4, 3), (1, 6, 1, 1)),
              ((1, 6, 1, 1), (1, 6, 4, 3)), ((3, 1, 5), (1, 4, 5)), ((3, 4, 1), (3, 4, 5)), ((4, 1), (1, 9)),
              ((40, 40), (40, 40)), ((40, 40), (40, 40)), ((1, 6, 1, 1), (2, 6, 1, 1))]
    for index in range(2 * len(shapes)):
        dtype = [np.int8, np.uint8][index % 2]
        a, b = (integers(dtype, shape) for shape in shapes[index // 2])
        sa, sb, sy = scales(3)
        if op == "QLinearAdd" and rng.integers(2):
            sy = F32(rng.uniform(0.002, 0.3))
            sa, sb = near(sy), near(sy)
        za, zb, zy = (zero_point(dtype) for _ in range(3))
        y = microsoft(op, ["a", "sa", "za", "b", "sb", "zb", "sy", "zy"], {"a": a, "b": b},
                      dict(sa=sa, za=za, sb=sb, zb=zb, sy=sy, zy=zy))
        yield dict(a=a, b=b, sa=sa, za=za, sb=sb, zb=zb, sy=sy, zy=zy, y=y)


def qlinear_add():
    return binary("QLinearAdd")


def qlinear_mul():
    return binary("QLinearMul")


def qlinear_average_pool2d():
    for index in range(16):
        dtype = [np.int8, np.uint8][index % 2]
        x = integers(dtype, (2, 5, int(rng.integers(4, 9)), int(rng.integers(4, 9))))
        sx, sy = scales(2)
        zx, zy = zero_point(dtype), zero_point(dtype)
        if rng.integers(2):
            sy, zy = sx, zx
        kernel = [int(k) for k in rng.integers(1, 4, 2)]
        strides = [int(v) for v in rng.integers(1, 3, 2)]
        pads = [int(rng.integers(0, kernel[i % 2])) for i in range(4)]
        include = int(rng.integers(2))
        y = microsoft("QLinearAveragePool", ["x", "sx", "zx", "sy", "zy"], {"x": x}, dict(sx=sx, zx=zx, sy=sy, zy=zy),
                      kernel_shape=kernel, strides=strides, pads=pads, count_include_pad=include,
                      ceil_mode=int(rng.integers(2)))
        yield dict(x=channel_last(x), sx=sx, zx=zx, sy=sy, zy=zy, kernel=kernel, strides=strides, pads=pads,
                   include=include, y=channel_last(y))


def qlinear_global_average_pool():
    for index in range(10):
        dtype = [np.int8, np.uint8][index % 2]
        height, width = (int(v) for v in rng.integers(1, 8, 2))
        x = integers(dtype, (2, 30, height, width))
        sx, sy = F32(rng.uniform(0.01, 0.2)), F32(rng.uniform(0.01, 0.2))
        if rng.integers(2):
            sx = F32(sy * F32(height * width) / F32(2.0 ** rng.integers(0, 5)))
        zx, zy = zero_point(dtype), zero_point(dtype)
        if index < 8:
            y = microsoft("QLinearGlobalAveragePool", ["x", "sx", "zx", "sy", "zy"], {"x": x},
                          dict(sx=sx, zx=zx, sy=sy, zy=zy), channels_last=0)
        else:
            y = microsoft("QLinearAveragePool", ["x", "sx", "zx", "sy", "zy"], {"x": x},
                          dict(sx=sx, zx=zx, sy=sy, zy=zy), kernel_shape=[height, width])
        yield dict(x=channel_last(x), sx=sx, zx=zx, sy=sy, zy=zy, y=channel_last(y))


def qlinear_softmax():
    for index in range(16):
        dtype = [np.int8, np.uint8][index % 2]
        depth = int(rng.choice([1, 2, 3, 10, 10, 64, 200]))
        x = integers(dtype, (max(2, 60 // depth), depth))
        sx, zx = F32(rng.choice([0.001, 0.02, 0.1, 0.5, 2.0]) * rng.uniform(0.5, 2)), zero_point(dtype)
        sy = F32(rng.choice([1 / 256, 1 / 255, 1 / 128, 0.01, rng.uniform(0.003, 0.02)]))
        zy = dtype(rng.choice([limits(dtype)[0], 0, rng.integers(*limits(dtype))]))
        y = microsoft("QLinearSoftmax", ["x", "sx", "zx", "sy", "zy"], {"x": x}, dict(sx=sx, zx=zx, sy=sy, zy=zy),
                      axis=-1, opset=13)
        yield dict(x=x, sx=sx, sy=sy, zy=zy, y=y)


def quantize():
    for index in range(8):
        dtype = [np.int8, np.uint8][index % 2]
        scale, zero = scales(2)[0], zero_point(dtype)
        x = (rng.integers(-700, 700, 200) / 2 * float(scale)).astype(F32)
        x[::5] = np.nextafter(x[::5], F32(rng.choice([-1e9, 1e9])))
        x[:6] = [np.nan, np.inf, -np.inf, 1e30, -0.0, rng.normal()]
        y = run("QuantizeLinear", ["x", "s", "z"], {"x": x}, dict(s=scale, z=zero))
        back = run("DequantizeLinear", ["q", "s", "z"], {"q": y}, dict(s=scale, z=zero))
        yield dict(x=x, s=scale, z=zero, y=y, back=back)


def tables():
    """Every input of a leaky relu, a sigmoid, a float tanh between Q and DQ, and a concatenation's change of scale."""
    for index in range(16):
        dtype = [np.int8, np.uint8][index % 2]
        x = np.arange(limits(dtype)[0], limits(dtype)[1] + 1).astype(dtype)
        sx, sy = scales(2)
        zx, zy = zero_point(dtype), zero_point(dtype)
        constants, order = dict(sx=sx, zx=zx, sy=sy, zy=zy), ["x", "sx", "zx", "sy", "zy"]
        alpha = F32(rng.uniform(0.01, 0.9))
        function = index // 2 % 4
        if function == 0:
            y = microsoft("QLinearLeakyRelu", order, {"x": x}, constants, alpha=float(alpha))
        elif function == 1:
            y = microsoft("QLinearSigmoid", order, {"x": x}, constants)
        elif function == 2:
            y = run_nodes([helper.make_node("DequantizeLinear", ["x", "sx", "zx"], ["d"]),
                           helper.make_node("Tanh", ["d"], ["t"]),
                           helper.make_node("QuantizeLinear", ["t", "sy", "zy"], ["y"])], ["y"], {"x": x}, constants)[0]
        else:
            y = microsoft("QLinearConcat", ["sy", "zy", "x", "sx", "zx"], {"x": x}, constants, axis=0)
        yield dict(x=x, **constants, function=function, alpha=alpha, y=y)


def conv_transpose2d():
    for index in range(8):
        dtype = [np.int8, np.uint8][index % 2]
        groups = int(rng.integers(1, 3))
        channels, filters = groups * int(rng.integers(1, 4)), groups * int(rng.integers(1, 4))
        kernel, strides, dilations = [[int(v) for v in rng.integers(1, 4, 2)] for _ in range(3)]
        pads = [int(v) for v in rng.integers(0, 2, 4)]
        extra = [int(rng.integers(0, s)) for s in strides]
        x = integers(dtype, (2, channels, 4, 5))
        w = weights(np.int8, (channels, filters // groups, *kernel))
        sx, sw, sy = F32(rng.uniform(0.01, 0.1)), F32(rng.uniform(0.002, 0.02)), F32(rng.uniform(0.02, 0.2))
        zx, zy = zero_point(dtype), zero_point(dtype)
        bias = rng.integers(-3000, 3000, filters).astype(np.int32)
        constants = dict(sx=sx, zx=zx, w=w, sw=sw, zw=np.int8(0), b=bias, sb=F32(sx * sw), zb=np.int32(0), sy=sy, zy=zy)
        attributes = dict(strides=strides, dilations=dilations, pads=pads, group=groups, output_padding=extra)
        nodes = [helper.make_node("DequantizeLinear", [n, f"s{n}", f"z{n}"], [f"{n}d"]) for n in "xwb"]
        nodes.append(helper.make_node("ConvTranspose", ["xd", "wd", "bd"], ["f"], **attributes))
        nodes.append(helper.make_node("QuantizeLinear", ["f", "sy", "zy"], ["y"]))
        y, f = run_nodes(nodes, ["y", "f"], {"x": x}, constants)
        # [in, out / groups, h, w] to [out, h, w, in / groups].
        w = w.reshape(groups, channels // groups, filters // groups, *kernel)
        w = np.ascontiguousarray(w.transpose(0, 2, 3, 4, 1)).reshape(filters, *kernel, channels // groups)
        yield dict(x=channel_last(x), w=w, b=bias, sx=sx, zx=zx, sw=sw, sy=sy, zy=zy, strides=strides,
                   dilations=dilations, pads=pads, y=channel_last(y), f=channel_last(f))


def max_pool2d():
    for index in range(8):
        dtype = [np.int8, np.uint8][index % 2]
        x = integers(dtype, (1, 3, int(rng.integers(6, 10)), int(rng.integers(6, 10))))
        kernel = [int(k) for k in rng.integers(1, 4, 2)]
        strides, dilations = [[int(v) for v in rng.integers(1, 3, 2)] for _ in range(2)]
        pads = [int(rng.integers(0, kernel[i % 2])) for i in range(4)]
        attributes = dict(kernel_shape=kernel, strides=strides, dilations=dilations, pads=pads,
                          ceil_mode=int(rng.integers(2)))
        y = run("MaxPool", ["x"], {"x": x}, {}, **attributes)
        yield dict(x=channel_last(x), kernel=kernel, strides=strides, dilations=dilations, pads=pads, y=channel_last(y))


COORDINATES = ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"]
NEAREST = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


def resize():
    for index in range(30):
        dtype = [np.int8, np.uint8, F32][index % 3]
        shape = (1, 2, int(rng.integers(1, 8)), int(rng.integers(1, 8)))
        x = integers(dtype, shape) if dtype != F32 else rng.normal(size=shape).astype(F32)
        height, width = (int(v) for v in rng.integers(1, 14, 2))
        if rng.integers(2):
            constants, order = dict(sizes=np.array([1, 2, height, width])), ["x", "", "", "sizes"]
            scale = np.array([height, width], F32) / np.array(shape[2:], F32)
        else:
            scale = rng.choice([0.5, 0.7, 1, 1.5, 2, 3], 2).astype(F32)
            scale = np.maximum(scale, F32(1) / np.array(shape[2:], F32))
            constants, order = dict(scales=np.array([1, 1, *scale], F32)), ["x", "", "scales"]
        coordinates, nearest = int(rng.integers(4)), int(rng.integers(4))
        attributes = dict(coordinate_transformation_mode=COORDINATES[coordinates])
        y = run("Resize", order, {"x": x}, constants, mode="linear", **attributes)
        n = run("Resize", order, {"x": x}, constants, mode="nearest", nearest_mode=NEAREST[nearest], **attributes)
        yield dict(x=channel_last(x), scale=scale, coordinates=coordinates, nearest=nearest, y=channel_last(y),
                   n=channel_last(n))


def normal(*shape):
    return rng.normal(size=shape).astype(F32)


def float_conv2d():
    for index in range(8):
        groups = int(rng.integers(1, 4))
        channels, filters = groups * int(rng.integers(1, 5)), groups * int(rng.integers(1, 5))
        kernel, strides, dilations = [[int(v) for v in rng.integers(1, 4, 2)] for _ in range(3)]
        pads = [int(v) for v in rng.integers(0, 3, 4)]
        x, w, b = normal(2, channels, 8, 7), normal(filters, channels // groups, *kernel), normal(filters)
        y = run("Conv", ["x", "w", "b"], {"x": x}, dict(w=w, b=b), group=groups, strides=strides,
                dilations=dilations, pads=pads, kernel_shape=kernel)
        yield dict(x=channel_last(x), w=channel_last(w), b=b, strides=strides, dilations=dilations, pads=pads,
                   y=channel_last(y))


def float_pool2d():
    for index in range(8):
        x = normal(2, 3, int(rng.integers(4, 8)), int(rng.integers(4, 8)))
        kernel, strides = [int(k) for k in rng.integers(1, 4, 2)], [int(v) for v in rng.integers(1, 3, 2)]
        pads, include = [int(rng.integers(0, kernel[i % 2])) for i in range(4)], int(rng.integers(2))
        attributes = dict(kernel_shape=kernel, strides=strides, pads=pads, ceil_mode=int(rng.integers(2)))
        y = run("AveragePool", ["x"], {"x": x}, {}, count_include_pad=include, **attributes)
        m = run("MaxPool", ["x"], {"x": x}, {}, **attributes)
        g = run("GlobalAveragePool", ["x"], {"x": x}, {})
        yield dict(x=channel_last(x), kernel=kernel, strides=strides, pads=pads, include=include, y=channel_last(y),
                   m=channel_last(m), g=channel_last(g))


def float_matmul():
    for index in range(6):
        batch = [(), (3,), (2, 3)][index % 3]
        a, b = normal(*batch, 4, 9), normal(*(batch if index < 3 else ()), 9, 5)
        w, bias = normal(5, 9), normal(5)
        y = run("MatMul", ["a", "b"], {"a": a, "b": b}, {})
        rows = a.reshape(-1, 9)
        g = run("Gemm", ["a", "w", "bias"], {"a": rows}, dict(w=w, bias=bias), transB=1)
        yield dict(a=a, b=b, w=w, bias=bias, y=y, g=g)


# Operator, version, attributes, and a range of inputs on which it is defined. The order is that of the test.
UNARY = [
    ("Abs", 17, {}, 9), ("Acos", 17, {}, 1), ("Acosh", 17, {}, -9), ("Asin", 17, {}, 1), ("Asinh", 17, {}, 9),
    ("Atan", 17, {}, 9), ("Atanh", 17, {}, 0.99), ("Ceil", 17, {}, 9), ("Celu", 17, dict(alpha=1.5), 9),
    ("Cos", 17, {}, 90), ("Cosh", 17, {}, 9), ("Elu", 17, dict(alpha=0.7), 9), ("Erf", 17, {}, 5),
    ("Exp", 17, {}, 9), ("Floor", 17, {}, 9), ("Gelu", 20, {}, 6), ("Gelu", 20, dict(approximate="tanh"), 6),
    ("HardSigmoid", 17, dict(alpha=0.3, beta=0.4), 4), ("HardSwish", 17, {}, 6), ("LeakyRelu", 17, dict(alpha=0.2), 9),
    ("Log", 17, {}, -9), ("Mish", 18, {}, 9), ("Neg", 17, {}, 9), ("Reciprocal", 17, {}, 9), ("Round", 17, {}, 9),
    ("Selu", 17, dict(alpha=1.6, gamma=1.1), 9), ("Sigmoid", 17, {}, 20), ("Sign", 17, {}, 9), ("Sin", 17, {}, 90),
    ("Sinh", 17, {}, 9), ("Softplus", 17, {}, 20), ("Softsign", 17, {}, 9), ("Sqrt", 17, {}, -9), ("Tan", 17, {}, 1.4),
    ("Tanh", 17, {}, 9), ("ThresholdedRelu", 17, dict(alpha=0.6), 3),
]


def float_unary():
    for op, version, attributes, limit in UNARY:
        x = rng.uniform(1 if op == "Acosh" else 1e-3 if limit < 0 else -limit, abs(limit), 64).astype(F32)
        if op in ("Round", "Floor", "Ceil", "Sign"):
            x[:8] = [-2.5, -1.5, -0.5, 0.0, 0.5, 1.5, 2.5, 3.0]
        yield dict(x=x, y=run(op, ["x"], {"x": x}, {}, version=version, **attributes))


BINARY = ["Add", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Min", "Mul", "Pow",
          "PRelu", "Sub"]


def float_binary():
    for op in BINARY:
        a, b = normal(2, 3, 1, 5), normal(3, 4, 1) if op != "PRelu" else normal(3, 1, 1)
        if op == "PRelu":
            a = normal(2, 3, 4, 5)
        if op == "Pow":
            a = np.abs(a)
        if op in ("Equal", "GreaterOrEqual", "LessOrEqual"):
            a, b = np.round(a), np.round(b)
        yield dict(a=a, b=b, y=run(op, ["a", "b"], {"a": a, "b": b}, {}).astype(F32))


REDUCE = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"]


def float_reduce():
    for op in REDUCE:
        for axes in ([1], [0, 2], [0, 1, 2]):
            x = np.abs(normal(3, 4, 5))
            y = run(f"Reduce{op}", ["x"], {"x": x}, {}, axes=axes, keepdims=1) if op != "Sum" else run(
                "ReduceSum", ["x", "axes"], {"x": x}, dict(axes=np.array(axes)), keepdims=1)
            yield dict(x=x, axes=axes, y=y)


def float_softmax():
    for scale in (0.1, 1, 10):
        x = normal(4, 17) * F32(scale)
        yield dict(x=x, y=run("Softmax", ["x"], {"x": x}, {}), log=run("LogSoftmax", ["x"], {"x": x}, {}))


def recurrent():
    for index in range(6):
        steps, batches, depth, hidden, reverse = 5, 2, 3, 4, index % 2
        gates = 4 if index < 2 else 3
        x, b = normal(steps, batches, depth), normal(1, 2 * gates * hidden)
        w, r = normal(1, gates * hidden, depth), normal(1, gates * hidden, hidden)
        h, c = normal(1, batches, hidden), normal(1, batches, hidden)
        direction = ["forward", "reverse"][reverse]
        if index < 2:
            y, _, last = run("LSTM", ["x", "w", "r", "b", "", "h", "c"], {"x": x}, dict(w=w, r=r, b=b, h=h, c=c),
                             outputs=3, hidden_size=hidden, direction=direction)
            yield dict(x=x, w=w, r=r, b=b, h=h, c=c, reverse=reverse, y=y, last=last)
        else:
            linear = int(index >= 4)
            y, _ = run("GRU", ["x", "w", "r", "b", "", "h"], {"x": x}, dict(w=w, r=r, b=b, h=h), outputs=2,
                       hidden_size=hidden, direction=direction, linear_before_reset=linear)
            yield dict(x=x, w=w, r=r, b=b, h=h, reverse=reverse, linear=linear, y=y)


def pick_and_pad():
    for index in range(4):
        x = rng.integers(-3, 4, (3, 5, 4)).astype(F32)
        last = index % 2
        largest = run("ArgMax", ["x"], {"x": x}, {}, axis=1, select_last_index=last)
        smallest = run("ArgMin", ["x"], {"x": x}, {}, axis=1, select_last_index=last)
        before, after = [int(v) for v in rng.integers(0, 3, 3)], [int(v) for v in rng.integers(0, 3, 3)]
        pads = np.array(before + after)
        padded = {mode: run("Pad", ["x", "p"], {"x": x}, dict(p=pads), version=19, mode=mode)
                  for mode in ("edge", "reflect", "wrap")}
        yield dict(x=x, last=last, largest=largest, smallest=smallest, before=before, **padded)


OPERATORS = [qlinear_conv2d, qlinear_depthwise_conv2d, qgemm, qlinear_matmul, qlinear_add, qlinear_mul,
             qlinear_average_pool2d, qlinear_global_average_pool, qlinear_softmax, quantize, tables, conv_transpose2d,
             max_pool2d, resize, float_conv2d, float_pool2d, float_matmul, float_unary, float_binary, float_reduce,
             float_softmax, recurrent, pick_and_pad]


KINDS = [None, np.int8, np.uint8, np.int32, np.float32]


def columns(cases):
    """The arrays of all cases, joined by name."""
    cases = [{name: np.asarray(value) for name, value in case.items()} for case in cases]
    joined = {}
    for name in dict.fromkeys(name for case in cases for name in case):
        kinds, elements = [], []
        for case in cases:
            if name not in case:
                kinds.append(0)
                continue
            array = case[name].astype(np.int32) if case[name].dtype == np.int64 else case[name]
            kinds += [KINDS.index(array.dtype.type), array.ndim, *array.shape]
            elements.append(array.reshape(-1))
        elements = np.concatenate([e.astype(np.int32) if e.dtype.kind in "iu" else e for e in elements])
        if elements.dtype == np.float64:
            elements = elements.astype(F32)
        if elements.dtype == np.int32 and np.abs(elements).max(initial=0) < 1 << 15:
            elements = elements.astype(np.int16)
        joined[name] = elements
        joined[f"{name}.kinds"] = np.array(kinds, np.int32)
    return joined, len(cases)


def main():
    total = 0
    for operator in OPERATORS:
        arrays, count = columns(operator())
        path = OUT / f"{operator.__name__}.npz"
        np.savez_compressed(path, **arrays)
        total += path.stat().st_size
        print(f"{operator.__name__}: {count} cases, {path.stat().st_size} bytes")
    print(f"{total} bytes in all; onnxruntime {ort.__version__}")


if __name__ == "__main__":
    main()
