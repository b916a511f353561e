"""Make packs/lstm_<type>/: models of one UNIDIRECTIONAL_SEQUENCE_LSTM each, and what TFLite Micro answers to a sequence.

    python3 -m venv venv
    venv/bin/pip install tflite-micro==0.dev20260925222358 ai-edge-litert==1.2.0 numpy pyyaml flatbuffers
    venv/bin/python record_lstm.py

The schema comes from the ai-edge-litert wheel, the answers of integer models from tflite-micro, whose layer is not that
of LiteRT, and those of float models from ai-edge-litert. Samples are one sequence: a model keeps its state.
"""

import pathlib
import shutil
import sys
import zlib

import numpy as np

from record import save
from tflite_file import Model, schema

HERE = pathlib.Path(__file__).resolve().parent
SAMPLES = 6
SHAPES = {"small": (1, 3, 4, 5), "one_step": (1, 1, 7, 3), "wide": (1, 4, 9, 16), "batches": (2, 2, 3, 4)}


def model_of(rng, dtype, batches, steps, depth, hidden):
    model = Model()
    integer = dtype != "float32"
    q_in = q_state = q_cell = None
    if integer:
        symmetric = dtype == "int16"
        q_in = (np.float32(2e-4 if symmetric else 0.031), 0 if symmetric else 5)
        q_state = (np.float32(1 / 32768 if symmetric else 1 / 128), 0 if symmetric else -3)
        q_cell = (np.float32(2.0 ** -11), 0)
    x = model.input((batches, steps, depth), dtype, q_in)

    def weights(columns):
        values = rng.standard_normal((hidden, columns))
        if not integer:
            return model.constant((values * 0.4).astype(np.float32))
        return model.constant(np.clip(np.round(values * 50), -127, 127).astype(np.int8),
                              (np.float32(rng.uniform(0.004, 0.012)), 0))

    def bias():
        values = rng.standard_normal(hidden)
        if not integer:
            return model.constant(values.astype(np.float32))
        return model.constant((values * 3000).astype(np.int64 if dtype == "int16" else np.int32), (np.float32(1e-4), 0))

    inputs = [weights(depth) for _ in range(4)] + [weights(hidden) for _ in range(4)] + [-1] * 3
    inputs += [bias() for _ in range(4)] + [-1] * 2
    states = [model.tensor((batches, hidden), dtype, q_state),
              model.tensor((batches, hidden), "int16" if integer else dtype, q_cell)]
    for state in states:
        model.tensors[state].isVariable = True
    y = model.tensor((batches, steps, hidden), dtype, q_state)
    model.apply("UNIDIRECTIONAL_SEQUENCE_LSTM", [x, *inputs, *states, *[-1] * 4], [y], version=4 if integer else 1,
                fusedActivationFunction=schema.ActivationFunctionType.TANH, cellClip=0.0, projClip=0.0,
                timeMajor=False)
    shape = (SAMPLES, batches, steps, depth)
    if integer:
        info = np.iinfo(dtype)
        return model.bytes([y]), rng.integers(info.min, info.max + 1, shape).astype(dtype)
    return model.bytes([y]), rng.standard_normal(shape).astype(np.float32)


def micro(model, samples):
    from tflite_micro.python.tflite_micro import runtime
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 20)
    answers = []
    for sample in samples:
        interpreter.set_input(sample, 0)
        interpreter.invoke()
        answers.append(np.array(interpreter.get_output(0)))
    return np.stack(answers)


def lite(model, samples):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    answers = []
    for sample in samples:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], sample)
        interpreter.invoke()
        answers.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).copy())
    return np.stack(answers)


def main():
    for dtype in sys.argv[1:] or ["int8", "int16", "float32"]:
        for name, shape in SHAPES.items():
            rng = np.random.default_rng(zlib.crc32(f"lstm/{dtype}/{name}".encode()))
            model, samples = model_of(rng, dtype, *shape)
            answers = (lite if dtype == "float32" else micro)(model, samples)
            folder = HERE / "packs" / f"lstm_{dtype}_{name}"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            (folder / "model.tflite").write_bytes(model)
            save(folder / "io.npz", {"m_inputs_1": samples, "m_outputs_1": answers})
            print(f"lstm_{dtype}_{name}: outputs {answers.min()} to {answers.max()}")


if __name__ == "__main__":
    main()
