#!/usr/bin/env python3
"""The vendor's Python runner (AiRunner), unmodified, against firmware of this project on an emulated board.

    ci/vendor_runner.py RUNNER [HILBENCH]

RUNNER is the folder that holds the package stm_ai_runner (common/ of STMicroelectronics/stm32ai-modelzoo-services); it needs
pyserial, tqdm, colorama, numpy before 2 and protobuf before 3.21. HILBENCH is the command, target/debug/hilbench if not given. The runner connects
over the board's pty, reads the network's description, infers with outputs only, with every layer timed and with every layer's data;
all outputs have to be those that an independent runtime recorded in models/digits/digits_test.npz. Over a socket it connects and
lists the networks; the runner's socket driver fails in its own code at anything more (seen in the version of 2024).
"""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODEL = ROOT / "models/digits/digits_int8.tflite"
DATA = ROOT / "models/digits/digits_test.npz"
SAMPLES = 10


def served(command):
    """Starts a board and answers its process and how it is reached."""
    arguments = [command, "serve", str(MODEL), "--board", "virtual-m4", "--tcp", "127.0.0.1:0"]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    said = {}
    for line in process.stdout:
        word, _, rest = line.partition(" ")
        said[word] = rest.strip()
        if word == "debugger":
            return process, said
    sys.exit("hilbench serve ended")


def check(runner_class, mode_class, descriptor, np):
    data = np.load(DATA)
    names = [name for name in ("m_inputs_1", "m_inputs") if name in data]
    inputs, expected = data[names[0]][:SAMPLES], data["m_outputs_1"][:SAMPLES]
    runner = runner_class()
    if not runner.connect(descriptor):
        sys.exit(f"{descriptor}: no connection: {runner.get_error()}")
    assert runner.names == ["digits_int8"], runner.names
    try:
        info = runner.get_info()
    except TypeError as error:
        print(f"{descriptor}: connected, networks {runner.names}; more fails inside the runner's own driver: {error}")
        return
    assert info["n_nodes"] > 0 and info["name"] == "digits_int8", info
    tensor = runner.get_inputs()[0]
    assert tuple(tensor.shape)[1:] == inputs.shape[1:], (tensor.shape, inputs.shape)
    for mode in (mode_class.IO_ONLY, mode_class.PER_LAYER, mode_class.PER_LAYER_WITH_DATA):
        outputs, profile = runner.invoke([inputs.astype(tensor.dtype)], mode=mode)
        got = np.asarray(outputs[0]).reshape(expected.shape)
        assert (got == expected).all(), f"{descriptor} {mode}: {(got != expected).sum()} elements differ"
        layers = profile["c_nodes"]
        print(f"{descriptor} {mode}: {SAMPLES} samples equal, {len(layers)} layers")
        assert mode == mode_class.IO_ONLY or len(layers) == info["n_nodes"], (len(layers), info["n_nodes"])
    runner.disconnect()


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.path.insert(0, sys.argv[1])
    import numpy as np
    from stm_ai_runner import AiRunner

    process, said = served(sys.argv[2] if len(sys.argv) > 2 else str(ROOT / "target/debug/hilbench"))
    try:
        socket = said["socket"].removeprefix("tcp:")
        for descriptor in (f"serial:{said['serial']}:921600", f"socket:{socket}"):
            check(AiRunner, AiRunner.Mode, descriptor, np)
    finally:
        process.kill()


main()
