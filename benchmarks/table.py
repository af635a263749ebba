"""Every benchmark that fits in a few minutes, as one table: `make bench`; it is written to benchmarks/RESULTS.md."""

import os
import subprocess
import sys
from pathlib import Path

from timing import machine

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
BENCHMARKS = ("prepare", "mels", "training", "predict", "page", "pipeline")
# A process each: what one leaves in memory would count for the next.
COMMAND = "import {0}; [print('|', ' | '.join(line), '|') for line in {0}.measure()]"
HEAD = """# Measured

By `make bench`, on {machine}. Each line but those marked absolute is a ratio of things measured in turns in one run.

| what | measured | aim |
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
    RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
