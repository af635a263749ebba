"""What all benchmarks share: things timed in turns, so that a noisy machine is unfair to none, and lines of a table."""

import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROUNDS = 5


class Line(NamedTuple):
    """One line of the table: what was measured, what came out, and what was aimed at."""

    what: str
    measured: str
    aim: str = ""


def seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def in_turns(*functions: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """The median time of each function, all called once a round, after a round that does not count."""
    for function in functions:
        function()
    times = [[seconds(function) for function in functions] for _ in range(rounds)]
    return [median(column) for column in zip(*times, strict=True)]


def machine() -> str:
    """The machine in one line."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "librosa"))
    name = names[0] if names else platform.machine()
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}, {packages}"


def show(lines: list[Line]) -> None:
    for line in lines:
        print(f"{line.what:<86} {line.measured:>8}  {line.aim}")
