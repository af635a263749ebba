"""Timing and tables for all benchmarks. Functions are timed in turns, so that other load affects all alike."""

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
    """One line of the table: what is measured, the value, and the goal."""

    what: str
    measured: str
    goal: str = ""


def seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def in_turns(*functions: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Return the median time of each function in seconds. A round calls each once. The first round does not count."""
    for function in functions:
        function()
    times = [[seconds(function) for function in functions] for _ in range(rounds)]
    return [median(column) for column in zip(*times, strict=True)]


def machine() -> str:
    """Describe the machine and the main packages in one line."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "librosa"))
    name = names[0] if names else platform.machine()
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}, {packages}"


def show(lines: list[Line]) -> None:
    for line in lines:
        print(f"{line.what:<86} {line.measured:>8}  {line.goal}")
