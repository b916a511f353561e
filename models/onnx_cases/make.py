"""Makes the small quantized ONNX models of this folder and records what ONNX Runtime answers.

    pip install onnx==1.20.1 onnxruntime==1.32.0 numpy==2.4.6
    python models/onnx_cases/make.py

Each float model of one or two operators is quantized by `onnxruntime.quantization` with random calibration data. Answers
come from a session at the level EXTENDED with `session.qdqisint8allowed=1`. Without VNNI, ONNX Runtime adds pairs of products
of uint8 and int8 with saturation; those models have weights of 7 bits, which no pair can overflow. One npz a model: m_inputs_k, m_outputs_k, first axis = samples.
"""

import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

HERE = Path(__file__).parent
SAMPLES = 8
RANDOM = np.random.default_rng(7)


def weights(*shape):
    return (RANDOM.standard_normal(shape) / np.sqrt(np.prod(shape[1:]) + 1)).astype(np.float32)


def model(nodes, inputs, outputs, constants=(), opset=17):
    graph = helper.make_graph(
        nodes,
        "case",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs],
        [numpy_helper.from_array(a, n) for n, a in constants],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 8
    onnx.checker.check_model(made)
    return made


def conv(x, w, y, activation=None, bias=True, **attributes):
    """x: input shape, w: weight shape."""
    constants = [("w", weights(*w))] + ([("b", weights(w[0]))] if bias else [])
    names = ["x", "w"] + (["b"] if bias else [])
    nodes = [helper.make_node("Conv", names, ["c" if activation else "y"], **attributes)]
    if activation == "relu":
        nodes.append(helper.make_node("Relu", ["c"], ["y"]))
    elif activation == "clip":
        constants += [("low", np.float32(-0.1)), ("high", np.float32(0.6))]
        nodes.append(helper.make_node("Clip", ["c", "low", "high"], ["y"]))
    return model(nodes, [("x", x)], [("y", y)], constants)


def simple(op, x, y, constants=(), operands=(), **attributes):
    node = helper.make_node(op, ["x", *operands], ["y"], **attributes)
    return model([node], [("x", x)], [("y", y)], constants)


def binary(op, a, b, y):
    return model([helper.make_node(op, ["a", "b"], ["y"])], [("a", a), ("b", b)], [("y", y)])


def flat():
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Flatten", ["c"], ["f"]),
        helper.make_node("Gemm", ["f", "g", "h"], ["y"], transB=1),
    ]
    constants = [("w", weights(3, 2, 3, 3)), ("g", weights(5, 60)), ("h", weights(5))]
    return model(nodes, [("x", [1, 2, 4, 5])], [("y", [1, 5])], constants)


def residual():
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Conv", ["r", "v"], ["d"]),
        helper.make_node("Add", ["d", "x"], ["y"]),
    ]
    constants = [("w", weights(6, 4, 3, 3)), ("b", weights(6)), ("v", weights(4, 6, 1, 1))]
    return model(nodes, [("x", [1, 4, 5, 6])], [("y", [1, 4, 5, 6])], constants)


def swish():
    nodes = [helper.make_node("Sigmoid", ["x"], ["s"]), helper.make_node("Mul", ["x", "s"], ["y"])]
    return model(nodes, [("x", [1, 3, 4, 5])], [("y", [1, 3, 4, 5])])


def models():
    return {
        "add": binary("Add", [1, 3, 4, 5], [1, 3, 4, 5], [1, 3, 4, 5]),
        "add_broadcast": binary("Add", [1, 3, 4, 5], [1, 3, 1, 1], [1, 3, 4, 5]),
        "average_pool": simple("AveragePool", [1, 3, 6, 7], [1, 3, 3, 4], kernel_shape=[2, 3], strides=[2, 2], pads=[0, 1, 0, 1]),
        "concat": model(
            [helper.make_node("Concat", ["a", "b"], ["y"], axis=1)],
            [("a", [1, 2, 3, 4]), ("b", [1, 3, 3, 4])],
            [("y", [1, 5, 3, 4])],
        ),
        "conv": conv([1, 3, 7, 8], [5, 3, 3, 3], [1, 5, 4, 4], strides=[2, 2], pads=[1, 1, 1, 1]),
        "conv_1d": conv([1, 3, 20], [4, 3, 5], [1, 4, 16]),
        "conv_clip": conv([1, 3, 6, 6], [4, 3, 3, 3], [1, 4, 4, 4], "clip"),
        "conv_dilated": conv([1, 2, 9, 9], [4, 2, 3, 3], [1, 4, 5, 5], bias=False, dilations=[2, 2]),
        "conv_grouped": conv([1, 4, 6, 6], [6, 2, 3, 3], [1, 6, 4, 4], group=2),
        "conv_relu": conv([1, 3, 6, 6], [4, 3, 3, 3], [1, 4, 4, 4], "relu"),
        "conv_transpose": simple(
            "ConvTranspose",
            [1, 3, 4, 5],
            [1, 4, 9, 11],
            [("w", weights(3, 4, 3, 3)), ("b", weights(4))],
            ["w", "b"],
            strides=[2, 2],
        ),
        "depthwise": conv([1, 4, 6, 7], [4, 1, 3, 3], [1, 4, 6, 7], "relu", group=4, pads=[1, 1, 1, 1]),
        "flat": flat(),
        "gemm": simple("Gemm", [2, 12], [2, 7], [("w", weights(12, 7)), ("b", weights(7))], ["w", "b"]),
        "gemm_transposed": simple("Gemm", [2, 12], [2, 7], [("w", weights(7, 12))], ["w"], transB=1),
        "global_average_pool": simple("GlobalAveragePool", [1, 4, 5, 6], [1, 4, 1, 1]),
        "leaky_relu": simple("LeakyRelu", [1, 40], [1, 40], alpha=0.1),
        "matmul": simple("MatMul", [1, 3, 12], [1, 3, 7], [("w", weights(12, 7))], ["w"]),
        "matmul_both": binary("MatMul", [1, 3, 6], [1, 6, 5], [1, 3, 5]),
        "max_pool": simple("MaxPool", [1, 3, 6, 7], [1, 3, 3, 3], kernel_shape=[2, 2], strides=[2, 2]),
        "mul": binary("Mul", [1, 3, 4, 5], [1, 3, 4, 5], [1, 3, 4, 5]),
        "mul_broadcast": binary("Mul", [1, 3, 4, 5], [1, 1, 1, 5], [1, 3, 4, 5]),
        "residual": residual(),
        "resize": simple(
            "Resize",
            [1, 2, 3, 4],
            [1, 2, 6, 8],
            [("scales", np.array([1, 1, 2, 2], np.float32))],
            ["", "scales"],
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        ),
        "sigmoid": simple("Sigmoid", [1, 40], [1, 40]),
        "softmax": simple("Softmax", [1, 3, 10], [1, 3, 10], axis=-1),
        "swish": swish(),
        "tanh": simple("Tanh", [1, 40], [1, 40]),
        "transpose": simple("Transpose", [1, 3, 4, 5], [1, 4, 5, 3], perm=[0, 2, 3, 1]),
    }


def q(name, x, scale, zero, **attributes):
    """Quantize and dequantize `x` with constants of these names; the result is `name`."""
    return [
        helper.make_node("QuantizeLinear", [x, scale, zero], [f"{name}_q"], **attributes),
        helper.make_node("DequantizeLinear", [f"{name}_q", scale, zero], [name], **attributes),
    ]


def written_by_hand():
    """Models that no quantizer makes so, each with one thing that is easily taken for something else."""
    w8 = RANDOM.integers(-60, 60, (4, 3, 3, 3)).astype(np.int8)
    common = [
        ("sx", np.float32(0.031)),
        ("zx", np.uint8(117)),
        ("sy", np.float32(0.047)),
        ("zy", np.uint8(121)),
        ("w", w8),
        ("sw", np.linspace(0.004, 0.011, 4).astype(np.float32)),
        ("zw", np.zeros(4, np.int8)),
        ("b", RANDOM.integers(-900, 900, 4).astype(np.int32)),
        ("sb", (np.float32(0.031) * np.linspace(0.004, 0.011, 4).astype(np.float32))),
        ("zb", np.zeros(4, np.int32)),
    ]
    weights_dq = helper.make_node("DequantizeLinear", ["w", "sw", "zw"], ["wf"], axis=0)
    bias_dq = helper.make_node("DequantizeLinear", ["b", "sb", "zb"], ["bf"], axis=0)
    first = q("xf", "x", "sx", "zx")
    x, y = [("x", [1, 3, 6, 6])], [("y", [1, 4, 4, 4])]
    convolution = helper.make_node("Conv", ["xf", "wf", "bf"], ["c"])
    end = q("y", "c", "sy", "zy")
    made = {}
    made["bias_float"] = model(
        [*first, weights_dq, helper.make_node("Conv", ["xf", "wf", "bias"], ["c"]), *end],
        x,
        y,
        [*common, ("bias", weights(4))],
    )
    made["relu_above_zero_point"] = model(
        [*first, weights_dq, bias_dq, convolution, helper.make_node("Relu", ["c"], ["r"]), *q("y", "r", "sy", "zy")],
        x,
        y,
        common,
    )
    made["shared_dequantize"] = model(
        [
            *first,
            weights_dq,
            bias_dq,
            convolution,
            *end,
            helper.make_node("MaxPool", ["xf"], ["z"], kernel_shape=[2, 2], strides=[2, 2]),
        ],
        x,
        [("y", [1, 4, 4, 4]), ("z", [1, 3, 3, 3])],
        common,
    )
    made["weights_float"] = model(
        [
            *first,
            helper.make_node("QuantizeLinear", ["wfloat", "sw", "zw"], ["wq"], axis=0),
            helper.make_node("DequantizeLinear", ["wq", "sw", "zw"], ["wf"], axis=0),
            bias_dq,
            convolution,
            *end,
        ],
        x,
        y,
        [*common, ("wfloat", weights(4, 3, 3, 3))],
    )
    made["weights_zero_points"] = model(
        [*first, helper.make_node("DequantizeLinear", ["w", "sw", "zw1"], ["wf"], axis=0), bias_dq, convolution, *end],
        x,
        y,
        [*common, ("zw1", np.array([0, 3, -2, 1], np.int8))],
    )
    made["normalization_between"] = model(
        [
            *first,
            weights_dq,
            bias_dq,
            convolution,
            helper.make_node("BatchNormalization", ["c", "n1", "n2", "n3", "n4"], ["n"]),
            *q("y", "n", "sy", "zy"),
        ],
        x,
        y,
        [*common, ("n1", weights(4)), ("n2", weights(4)), ("n3", weights(4)), ("n4", np.abs(weights(4)) + 0.5)],
    )
    made["no_quantize_at_the_end"] = model(
        [*first, weights_dq, bias_dq, helper.make_node("Conv", ["xf", "wf", "bf"], ["y"])], x, y, common
    )
    made["other_scale_after_reshape"] = model(
        [
            *first,
            helper.make_node("Reshape", ["xf", "shape"], ["r"]),
            *q("y", "r", "sy", "zy"),
        ],
        x,
        [("y", [1, 108])],
        [*common[:4], ("shape", np.array([1, -1], np.int64))],
    )
    return made


def scales_along_inputs():
    """Refused: no integer sum exists for weights with scales along the input channels."""
    constants = [
        ("s", np.float32(0.03)),
        ("z", np.uint8(117)),
        ("w", RANDOM.integers(-60, 60, (4, 3, 3, 3)).astype(np.int8)),
        ("sw", np.array([0.004, 0.005, 0.006], np.float32)),
        ("zw", np.zeros(3, np.int8)),
    ]
    nodes = [
        *q("xf", "x", "s", "z"),
        helper.make_node("DequantizeLinear", ["w", "sw", "zw"], ["wf"], axis=1),
        helper.make_node("Conv", ["xf", "wf"], ["c"]),
        *q("y", "c", "s", "z"),
    ]
    return model(nodes, [("x", [1, 3, 6, 6])], [("y", [1, 4, 4, 4])], constants)


class Calibration(CalibrationDataReader):
    def __init__(self, samples):
        self.samples = iter(samples)

    def get_next(self):
        return next(self.samples, None)


def draw(made, count):
    shapes = {i.name: [d.dim_value for d in i.type.tensor_type.shape.dim] for i in made.graph.input}
    return [{n: RANDOM.standard_normal(s).astype(np.float32) for n, s in shapes.items()} for _ in range(count)]


def session(path):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def record(name, path, samples):
    run = session(path)
    arrays = {}
    for k, i in enumerate(run.get_inputs()):
        arrays[f"m_inputs_{k + 1}"] = np.stack([s[i.name] for s in samples])
    answers = [run.run(None, s) for s in samples]
    for k in range(len(run.get_outputs())):
        arrays[f"m_outputs_{k + 1}"] = np.stack([a[k] for a in answers])
    np.savez_compressed(HERE / f"{name}.npz", **arrays)


def main():
    types = {
        "s8s8": (QuantType.QInt8, QuantType.QInt8),
        "u8s8": (QuantType.QUInt8, QuantType.QInt8),
        "u8u8": (QuantType.QUInt8, QuantType.QUInt8),
    }
    weighted = ("conv", "depthwise", "gemm", "matmul", "flat", "residual")
    for name, made in models().items():
        calibration = draw(made, 8)
        samples = draw(made, SAMPLES)
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "float.onnx"
            onnx.save(made, source)
            for kind, (activations, weight) in types.items():
                for per_channel in (False, True) if name.startswith(weighted) else (False,):
                    for form in (QuantFormat.QDQ, QuantFormat.QOperator):
                        if form == QuantFormat.QOperator and (per_channel or kind == "s8s8"):
                            continue
                        case = f"{name}_{form.name.lower()}_{kind}{'_per_channel' if per_channel else ''}"
                        target = HERE / f"{case}.onnx"
                        quantize_static(
                            source,
                            target,
                            Calibration(calibration),
                            quant_format=form,
                            activation_type=activations,
                            weight_type=weight,
                            per_channel=per_channel,
                            reduce_range=kind == "u8s8",
                        )
                        try:
                            record(case, target, samples)
                        except Exception as e:  # Some pairs have no kernel in ONNX Runtime.
                            print(f"{case}: not recorded: {str(e)[:120]}")
                            target.unlink()


    for name, made in written_by_hand().items():
        onnx.save(made, HERE / f"{name}.onnx")
        record(name, HERE / f"{name}.onnx", draw(made, SAMPLES))
    onnx.save(scales_along_inputs(), HERE / "scales_along_inputs.onnx")


if __name__ == "__main__":
    main()
