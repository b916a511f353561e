#!/usr/bin/env python3
"""One inference on this host, single thread, in microseconds: the kernels of `hilbench-compiler` beside those of LiteRT.

    benches/litert.py --zoo ../shared/zoo [--oracle PYTHON] [--rounds 5] [MODEL ...]

Needs ai-edge-litert 1.2.0 (`pip install ai-edge-litert==1.2.0`) in the interpreter that --oracle names, or in this one;
without it only our own columns are filled. Times are processor time of the thread, and rounds alternate between the
engines, so that a busy machine is unfair to all of them alike; each figure is the median over the rounds of medians over
many runs. Uses `cargo bench`, whose own results it reads from the target folder.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODELS = ["kws_ds_cnn", "vww_mobilenet_v1_96", "ad_autoencoder"]
RESOLVERS = ["XNNPACK", "BUILTIN", "BUILTIN_REF"]

# Runs in the oracle's interpreter: model path, resolver, runs; prints the median in microseconds.
ORACLE = """
import statistics, sys, time
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
kinds = {
    "XNNPACK": OpResolverType.AUTO,
    "BUILTIN": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "BUILTIN_REF": OpResolverType.BUILTIN_REF,
}
model, kind, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
interpreter = Interpreter(model_path=model, num_threads=1, experimental_op_resolver_type=kinds[kind])
interpreter.allocate_tensors()
for detail in interpreter.get_input_details():
    seeded = np.random.default_rng(42).integers(-128, 128, detail["shape"], dtype=np.int8)
    interpreter.set_tensor(detail["index"], seeded)
times = []
for _ in range(runs):
    start = time.thread_time_ns()
    interpreter.invoke()
    times.append((time.thread_time_ns() - start) / 1000)
print(statistics.median(times))
"""


def litert(python, model, kind):
    runs = "60" if kind == "BUILTIN_REF" else "400"
    done = subprocess.run([python, "-c", ORACLE, str(model), kind, runs], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{python}: LiteRT does not run {model}:\n{done.stderr.strip()[-600:]}")
    return float(done.stdout.split()[-1])


def has_litert(python):
    return subprocess.run([python, "-c", "import ai_edge_litert"], capture_output=True).returncode == 0


def ours(name, zoo):
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    command = ["cargo", "bench", "--quiet", "--package", "hilbench-benches", "--bench", "models", "--"]
    command += [f"inference/.*/{name}$", "--warm-up-time", "0.3", "--measurement-time", "1"]
    env = {**os.environ, "HILBENCH_SHARED": str(zoo.parent), "CRITERION_HOME": str(target / "criterion")}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"cargo bench failed:\n{done.stderr.strip()[-1500:]}")
    figures = []
    for engine in ["host", "reference"]:
        estimates = target / "criterion" / "inference" / engine / name / "new" / "estimates.json"
        figures.append(json.loads(estimates.read_text())["median"]["point_estimate"] / 1000)
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=MODELS, help="names in the zoo; those that the bench knows")
    parser.add_argument("--zoo", type=pathlib.Path, default=ROOT / "../shared/zoo")
    parser.add_argument("--oracle", default=sys.executable, help="Python interpreter that has ai-edge-litert")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    zoo = args.zoo.resolve()
    oracle = args.oracle if has_litert(args.oracle) else None
    if oracle is None:
        print(f"{args.oracle} has no ai-edge-litert: only our own figures", file=sys.stderr)
    columns = ["host", "reference"] + (RESOLVERS if oracle else [])
    print("| model | " + " | ".join(columns) + (" | host / XNNPACK" if oracle else "") + " |")
    print("|---" * (len(columns) + 1 + bool(oracle)) + "|")
    for name in args.models:
        rounds = []
        for _ in range(args.rounds):
            row = ours(name, zoo)
            row += [litert(oracle, zoo / f"{name}.tflite", kind) for kind in RESOLVERS] if oracle else []
            rounds.append(row)
        medians = [statistics.median(column) for column in zip(*rounds)]
        ratio = f" | {statistics.median(r[0] / r[2] for r in rounds):.2f}" if oracle else ""
        print(f"| {name} | " + " | ".join(f"{m:.1f}" for m in medians) + ratio + " |", flush=True)


if __name__ == "__main__":
    main()
