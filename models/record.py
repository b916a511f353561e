"""Record the reference interpreter's answers for the models in this folder.

    python3 -m venv venv && venv/bin/pip install ai-edge-litert==1.2.0 numpy==2.4.6
    venv/bin/python record.py digits     # digits/digits_test.npz
    venv/bin/python record.py cases      # cases/*/*/io.npz, after make_cases.py
    venv/bin/python record.py            # both

The oracle is ai-edge-litert 1.2.0 with the built-in reference kernels, one
thread, one sample at a time: the last release whose FULLY_CONNECTED rounds like
TFLite Micro and CMSIS-NN. Inputs are taken from the npz as they stand; only
m_outputs_k are written. A case that the oracle refuses is removed, and named.
"""

import contextlib
import importlib.metadata
import os
import pathlib
import shutil
import sys
import tempfile

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

HERE = pathlib.Path(__file__).resolve().parent
VERSION = "1.2.0"


@contextlib.contextmanager
def native_stderr(to):
    """The interpreter writes its reasons straight to file descriptor 2."""
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(to.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def answers(model, inputs):
    """Every output over all samples, as a list of arrays."""
    interpreter = Interpreter(
        model_content=model,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        num_threads=1)
    interpreter.allocate_tensors()
    into = interpreter.get_input_details()
    out_of = interpreter.get_output_details()
    collected = [[] for _ in out_of]
    for i in range(len(inputs[0])):
        for detail, array in zip(into, inputs, strict=True):
            sample = array[i]
            if sample.dtype != detail["dtype"]:
                raise TypeError(f"input is {sample.dtype}, the model takes {detail['dtype']}")
            interpreter.set_tensor(detail["index"], sample.reshape(detail["shape"]))
        interpreter.invoke()
        for detail, outputs in zip(out_of, collected):
            outputs.append(interpreter.get_tensor(detail["index"]).copy())
    return [np.stack(outputs) for outputs in collected]


def inputs_of(npz):
    count = sum(key.startswith("m_inputs_") for key in npz)
    return [npz[f"m_inputs_{k}"] for k in range(1, count + 1)]


def save(path, npz):
    np.savez_compressed(path, **npz)


def digits():
    path = HERE / "digits" / "digits_test.npz"
    npz = dict(np.load(path))
    model = (HERE / "digits" / "digits_int8.tflite").read_bytes()
    # These models carry their batch axis of 1; samples have none of their own.
    [scores] = answers(model, inputs_of(npz))
    npz["m_outputs_1"] = scores[:, 0]
    save(path, {key: npz[key] for key in ("m_inputs_1", "m_outputs_1", "labels")})
    right = int((npz["m_outputs_1"].argmax(-1) == npz["labels"]).sum())
    print(f"digits_int8.tflite: {right}/{len(npz['labels'])} = {100 * right / len(npz['labels']):.2f} %")


def cases():
    kept, refused = {}, []
    for folder in sorted(path.parent for path in (HERE / "cases").glob("*/*/model.tflite")):
        name = folder.relative_to(HERE / "cases").as_posix()
        npz = {k: v for k, v in np.load(folder / "io.npz").items() if k.startswith("m_inputs_")}
        with tempfile.TemporaryFile("w+") as said:
            try:
                with native_stderr(said):
                    results = answers((folder / "model.tflite").read_bytes(), inputs_of(npz))
            except (RuntimeError, ValueError, TypeError) as why:
                refused.append((name, str(why).replace("\n", " ")))
                shutil.rmtree(folder)
                continue
        for k, result in enumerate(results, 1):
            npz[f"m_outputs_{k}"] = result
        save(folder / "io.npz", npz)
        kept[folder.parent.name] = kept.get(folder.parent.name, 0) + 1
    for operator, count in kept.items():
        print(f"{operator:26}{count:4}")
    print(f"{'recorded':26}{sum(kept.values()):4}\n{'refused':26}{len(refused):4}")
    for name, why in refused:
        print(f"  {name}: {why}")


def main():
    installed = importlib.metadata.version("ai-edge-litert")
    if installed != VERSION:
        sys.exit(f"ai-edge-litert {installed} is installed; these vectors are defined by {VERSION}")
    for what in sys.argv[1:] or ["digits", "cases"]:
        {"digits": digits, "cases": cases}[what]()


if __name__ == "__main__":
    main()
