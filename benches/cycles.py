#!/usr/bin/env python3
"""Cycles of one inference, estimated for a core by LLVM's scheduling model over the instructions that QEMU executes.

    benches/cycles.py MODEL --board virtual-m4 [--hilbench PATH]

An estimate, never a measurement. The emulator says which blocks of the image run, and how often; `llvm-mca` says how many
cycles a block takes when it is repeated on the core's in-order pipeline; each branch adds its own. Not modelled: wait
states of the flash, caches, contention on the bus, what carries over from one block to the next. Needs LLVM's tools (on
Debian and Ubuntu: apt-get install llvm), whose version the result names. Version 14 schedules a Cortex-M33 as a Cortex-M4,
and lacks instructions of the Cortex-M55: it then fails, and says which.

What to expect of it: published runs of CMSIS-NN on a Cortex-M4 with flash wait states and an instruction cache (STM32L4R5,
120 MHz, MLPerf Tiny, microTVM) take 1.50 (visual wake words), 1.56 (keyword spotting) and 1.77 (anomaly detection) cycles
for each instruction that TensorFlow Lite Micro with CMSIS-NN executes in emulation. Code of this project has not been
timed on silicon, so the error for it is not known; where the estimate has fewer cycles an instruction, silicon with such a
flash will be slower by about that ratio.
"""

import argparse
import bisect
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

# Cycles of a branch that is not taken, and of one that is, by core. Cortex-M4: Arm DDI 0439, table 3-1, 1 + P with P from
# 1 to 3, the middle taken. Cortex-M7: branches that are predicted, beside another instruction. Cortex-M33 and M55: the
# three and four stages that are filled anew; low-overhead loops (LE) of the M55 branch for nothing.
BRANCHES = {"cortex-m4": (1, 3), "cortex-m7": (0.5, 1), "cortex-m33": (1, 3), "cortex-m55": (1, 3)}

# A block is repeated so often, so that filling the pipeline once weighs nothing.
ITERATIONS = 50

# What ends a block. A `pop` or a load into the program counter does too.
BRANCH = re.compile(r"(b|bl|blx|bx|cbz|cbnz|tbb|tbh|b(eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le))(\.[nw])?$")
LOOP = re.compile(r"(le|letp)$")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{(done.stderr or done.stdout).strip()[-1500:]}")
    return done.stdout


def validate(hilbench, model, board, report):
    run(hilbench, "validate", model, "--board", str(board), "--samples", "1", "--quiet", "--json", str(report))
    return json.loads(report.read_text())["boards"][0]


def functions(elf):
    """Name, first address and size of every function, of the clock that ends an inference too."""
    found = []
    for line in run("llvm-nm", "-S", "--demangle", elf).splitlines():
        match = re.match(r"([0-9a-f]{8}) ([0-9a-f]{8}) [tT] (.*)", line)
        if match and int(match[2], 16) > 0:
            found.append((match[3], int(match[1], 16), int(match[2], 16)))
    return found


def trace(hilbench, model, board, elf, folder):
    """How often control went from the block at one address to the block at another, within the inference."""
    all_functions = functions(elf)

    [start] = [a for name, a, _ in all_functions if re.search(r"Network.*Model.*::run(::h\w+)?$", name)]
    device = ("hilbench_runtime", "hilbench_wire", "Reset", "SysTick", "rt_main")
    clock = [(a, n) for name, a, n in all_functions if "clock" in name and "::now" in name]
    inside = [
        (a, n) for name, a, n in all_functions if a == start or "Blind" in name or not any(d in name for d in device)
    ]
    ranges = [f"0x{a:x}+0x{n:x}" for a, n in inside + clock]
    log = folder / "trace"
    description = pathlib.Path(board).read_text()
    extra = ["-d", "exec,nochain", "-D", str(log), "-dfilter", ",".join(ranges)]
    more = ", ".join(map(json.dumps, extra))
    text, count = re.subn(r"(?m)^args = \[(.*)\]$", lambda m: f"args = [{m[1]}, {more}]", description)
    if count != 1:
        sys.exit(f"{board}: no line `args = [...]` for the emulator")
    traced = folder / "traced.toml"
    traced.write_text(text)
    subprocess.run(["mkfifo", str(log)], check=True)
    runner = subprocess.Popen(
        [hilbench, "validate", model, "--board", str(traced), "--samples", "1", "--quiet", "--timeout", "3600"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    edges, last, counting = collections.Counter(), None, False
    with open(log) as lines:
        for line in lines:
            match = re.search(r"\[[0-9a-f]+/([0-9a-f]+)/", line)
            if not match:
                continue
            at = int(match[1], 16)
            if at == start:
                counting, last = True, None
            elif any(a <= at < a + n for a, n in clock):
                counting = False
            if counting:
                if last is not None:
                    edges[last, at] += 1
                last = at
    said = runner.communicate()[0]
    if runner.returncode != 0 or not edges:
        sys.exit(f"the traced run failed:\n{said}")
    return edges


def disassemble(elf, cpu):
    """Address to mnemonic and text."""
    code = {}
    for line in run("llvm-objdump", "-d", f"--mcpu={cpu}", "--no-show-raw-insn", elf).splitlines():
        match = re.match(r"\s*([0-9a-f]+):\s+([a-z]\S*)\s*(.*)", line)
        if match:
            operands = re.sub(r"\s*<.*>|\s*[@;].*", "", match[3])
            code[int(match[1], 16)] = (match[2], f"{match[2]} {operands}".strip())
    return code


def is_branch(mnemonic, text):
    into_pc = re.match(r"(pop|ldm)\S*\s.*\bpc\b", text) or re.match(r"(ldr|mov)\S*\s+pc\b", text)
    return bool(BRANCH.match(mnemonic) or LOOP.match(mnemonic) or into_pc)


def blocks(edges, code):
    """Instructions without branches, cycles of branches, and executions, of every block."""
    addresses = sorted(code)
    for (at, to), count in edges.items():
        place = bisect.bisect_left(addresses, at)
        body, branch = [], None
        while place < len(addresses):
            address = addresses[place]
            if address == to and address != at and branch is None and body:
                break
            mnemonic, text = code[address]
            if is_branch(mnemonic, text):
                following = addresses[place + 1] if place + 1 < len(addresses) else None
                branch = (mnemonic, to != following)
                break
            body.append(text)
            place += 1
        yield body, branch, count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--board", required=True, help="name of a carried board")
    parser.add_argument("--hilbench", default="hilbench")
    args = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parent.parent
    board = root / "targets/boards" / f"{args.board}.toml"
    cpu = re.search(r"target-cpu=([\w.+-]+)", board.read_text())[1].split("+")[0]
    if cpu not in BRANCHES:
        sys.exit(f"{args.board}: no model of {cpu}; {', '.join(BRANCHES)} are accepted")
    version = re.search(r"LLVM version (\S+)", run("llvm-mca", "--version"))[1]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        result = validate(args.hilbench, args.model, board, folder / "report.json")
        elf = result["firmware"]["elf"]
        counted = result["latency"]["median"]
        code = disassemble(elf, cpu)
        executed = list(blocks(trace(args.hilbench, args.model, board, elf, folder), code))
        text, bodies = [], {}
        for body, _, _ in executed:
            key = tuple(body)
            if body and key not in bodies:
                bodies[key] = f"b{len(bodies)}"
                # A block may begin or end within an IT block; the assembler puts the ITs back.
                plain = [line for line in body if not re.match(r"it[te]*\s", line)]
                text += [f"@ LLVM-MCA-BEGIN {bodies[key]}", *plain, f"@ LLVM-MCA-END {bodies[key]}"]
        source = folder / "blocks.s"
        source.write_text(".syntax unified\n.thumb\n" + "\n".join(text) + "\n")
        said = run(
            "llvm-mca", "-mtriple=thumbv8.1m.main-none-eabihf", f"-mcpu={cpu}", f"-iterations={ITERATIONS}",
            "-instruction-info=false", "-resource-pressure=false", "-arm-implicit-it=always", str(source),
        )
    cycles_of = {}
    for region in re.split(r"\[\d+\] Code Region - ", said)[1:]:
        cycles_of[region.split()[0]] = int(re.search(r"Total Cycles:\s+(\d+)", region)[1]) / ITERATIONS
    not_taken, taken = BRANCHES[cpu]
    cycles = instructions = 0
    for body, branch, count in executed:
        instructions += count * (len(body) + (branch is not None))
        cycles += count * (cycles_of[bodies[tuple(body)]] if body else 0)
        if branch is not None and not LOOP.match(branch[0]):
            cycles += count * (taken if branch[1] else not_taken)
    name = pathlib.Path(args.model).stem
    print(f"{name} on {args.board}: {cycles:,.0f} cycles, estimated for {cpu} by the scheduling model of LLVM {version}")
    print(f"  instructions in the traced blocks {instructions:,}; counted in emulation {counted:,}")
    print(f"  {cycles / instructions:.2f} cycles an instruction")


if __name__ == "__main__":
    main()
