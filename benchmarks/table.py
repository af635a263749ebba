"""Every benchmark that fits in a few minutes, as one table: `make bench`; it is written to benchmarks/RESULTS.md."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import mels
import pipeline
import predict
import prepare
import training
from timing import machine

RESULTS = Path(__file__).with_name("RESULTS.md")
HEAD = """# Measured

By `make bench`, on {machine}. Each line but those marked absolute is a ratio of things measured in turns in one run.

| what | measured | aim |
|---|---|---|
"""


def main() -> None:
    text = HEAD.format(machine=machine())
    print(text, end="", flush=True)
    for benchmark in (prepare, mels, training, predict, pipeline):
        # A process each: what one leaves in memory would count for the next.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            lines = process.submit(benchmark.measure).result()
        for line in lines:
            row = f"| {line.what} | {line.measured} | {line.aim} |"
            print(row, flush=True)
            text += row + "\n"
    RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
