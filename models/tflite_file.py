"""A small TFLite file, tensor by tensor and operator by operator.

Uses the schema classes that the ai-edge-litert wheel carries. Knows the names of
options tables, no arithmetic; what is written is what was asked for.
"""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

TYPES = {
    "bool": schema.TensorType.BOOL,
    "float16": schema.TensorType.FLOAT16,
    "float32": schema.TensorType.FLOAT32,
    "int16": schema.TensorType.INT16,
    "int8": schema.TensorType.INT8,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "uint8": schema.TensorType.UINT8,
}

# Options table of each operator that has attributes worth writing.
OPTIONS = {
    "ADD": "Add",
    "ARG_MAX": "ArgMax",
    "ARG_MIN": "ArgMin",
    "AVERAGE_POOL_2D": "Pool2D",
    "BATCH_MATMUL": "BatchMatMul",
    "CAST": "Cast",
    "CONCATENATION": "Concatenation",
    "CONV_2D": "Conv2D",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2D",
    "DEPTH_TO_SPACE": "DepthToSpace",
    "DIV": "Div",
    "FULLY_CONNECTED": "FullyConnected",
    "GATHER": "Gather",
    "GELU": "Gelu",
    "L2_NORMALIZATION": "L2Norm",
    "LEAKY_RELU": "LeakyRelu",
    "MAX_POOL_2D": "Pool2D",
    "MEAN": "Reducer",
    "MIRROR_PAD": "MirrorPad",
    "MUL": "Mul",
    "PACK": "Pack",
    "REDUCE_ALL": "Reducer",
    "REDUCE_ANY": "Reducer",
    "REDUCE_MAX": "Reducer",
    "REDUCE_MIN": "Reducer",
    "REDUCE_PROD": "Reducer",
    "RESHAPE": "Reshape",
    "RESIZE_BILINEAR": "ResizeBilinear",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighbor",
    "SHAPE": "Shape",
    "SOFTMAX": "Softmax",
    "SPACE_TO_DEPTH": "SpaceToDepth",
    "SPLIT": "Split",
    "SPLIT_V": "SplitV",
    "SQUEEZE": "Squeeze",
    "STRIDED_SLICE": "StridedSlice",
    "SUB": "Sub",
    "SUM": "Reducer",
    "SVDF": "SVDF",
    "TRANSPOSE_CONV": "TransposeConv",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
    "UNPACK": "Unpack",
}


class Model:
    """Tensors are numbers; `q` is None, (scale, zero point) or (scales, zero points, axis)."""

    def __init__(self):
        self.tensors, self.operators, self.codes = [], [], []
        # Buffer 0 is empty by convention: tensors without data refer to it.
        self.buffers = [schema.BufferT()]
        self.inputs = []

    def tensor(self, shape, dtype="int8", q=None, buffer=0):
        """A tensor that an operator writes."""
        t = schema.TensorT()
        t.shape, t.type, t.buffer = list(shape), TYPES[dtype], buffer
        t.name = f"t{len(self.tensors)}"
        if q is not None:
            scale, zero_point, axis = (*q, 0)[:3]
            t.quantization = schema.QuantizationParametersT()
            t.quantization.scale = np.atleast_1d(scale).astype(np.float32)
            t.quantization.zeroPoint = np.atleast_1d(zero_point).astype(np.int64)
            t.quantization.quantizedDimension = axis
        self.tensors.append(t)
        return len(self.tensors) - 1

    def input(self, shape, dtype="int8", q=None):
        self.inputs.append(self.tensor(shape, dtype, q))
        return self.inputs[-1]

    def constant(self, array, q=None):
        array = np.asarray(array)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(array.tobytes(), np.uint8)
        self.buffers.append(buffer)
        return self.tensor(array.shape, array.dtype.name, q, len(self.buffers) - 1)

    def constant_int4(self, array, q):
        """Values of -8 to 7, two a byte, the first in the lower half."""
        flat = np.append(np.asarray(array, np.int8).ravel(), [0] * (np.size(array) % 2)).astype(np.uint8) & 15
        buffer = schema.BufferT()
        buffer.data = (flat[::2] | flat[1::2] << 4).astype(np.uint8)
        self.buffers.append(buffer)
        tensor = self.tensor(np.shape(array), "int8", q, len(self.buffers) - 1)
        self.tensors[tensor].type = schema.TensorType.INT4
        return tensor

    def apply(self, operator, operands, results, version=1, **options):
        """Appends an operator; -1 is an operand left out."""
        o = schema.OperatorT()
        o.inputs, o.outputs = list(operands), list(results)
        o.opcodeIndex = self.code(getattr(schema.BuiltinOperator, operator), version)
        if operator in OPTIONS:
            table = OPTIONS[operator] + "Options"
            o.builtinOptionsType = getattr(schema.BuiltinOptions, table)
            o.builtinOptions = getattr(schema, table + "T")()
            for name, value in options.items():
                if not hasattr(o.builtinOptions, name):
                    raise AttributeError(f"{table} has no {name}")
                setattr(o.builtinOptions, name, value)
        elif options:
            raise AttributeError(f"{operator} takes no options")
        self.operators.append(o)

    def code(self, builtin, version):
        if (builtin, version) not in self.codes:
            self.codes.append((builtin, version))
        return self.codes.index((builtin, version))

    def bytes(self, outputs):
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs = self.inputs, list(outputs)
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers = 3, [graph], self.buffers
        model.operatorCodes = []
        for builtin, version in self.codes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.version = builtin, version
            code.deprecatedBuiltinCode = min(builtin, 127)
            model.operatorCodes.append(code)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())
