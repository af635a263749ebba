"""Run all benchmarks that take a few minutes, and write one table to benchmarks/RESULTS.md: `make bench`."""

import os
import subprocess
import sys
from pathlib import Path

from timing import machine

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
BENCHMARKS = ("prepare", "mels", "training", "predict", "page", "pipeline")
# Each benchmark has its own process, so that memory of one does not count for the next.
COMMAND = "import {0}; [print('|', ' | '.join(line), '|') for line in {0}.measure()]"
HEAD = """# Speed and memory

Measured by `make bench` on {machine}.
Lines without "(absolute)" are ratios of values that were measured in turns in the same run.

| what | measured | goal |
|---|---|---|
"""


def main() -> None:
    text = HEAD.format(machine=machine())
    print(text, end="", flush=True)
    for name in BENCHMARKS:
        command = [sys.executable, "-c", COMMAND.format(name)]
        environment = {**os.environ, "PYTHONPATH": str(HERE)}
        rows = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
        print(rows, end="", flush=True)
        text += rows
    RESULTS.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
