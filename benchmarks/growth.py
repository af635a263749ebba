"""Measure how time and memory of the data stages grow with the clips: `python benchmarks/growth.py [200 2000 20000]`.

Clips are random chords of 2 s at 22,050 Hz, a tenth of them in test. There are as many mixtures as clips. Each stage
runs in its own process. Memory is the peak of the process or of its largest worker. Then 1 % of the clips are added and
the stages run again, to measure what a small change of the data costs.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import soundfile
import yaml
from timing import machine

from timbre.core.params import load_params
from timbre.core.rng import generator
from timbre.dataset.duplicates import OUTLINE, SHAPE
from timbre.labels.kaggle_layout import FOLDERS, METADATA

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).with_name("GROWTH.md")
STAGES = ("prepare", "extract_mels", "layer_mixtures")
SECONDS, RATE = 2.0, 22050
INSTRUMENTS = load_params(ROOT / "params.yaml").instruments


def make_clips(raw: Path, count: int) -> None:
    """Write a data set of `count` clips in Kaggle's layout."""
    for name, table, numbers in zip(FOLDERS, METADATA, _numbers(count), strict=True):
        (raw / name / name).mkdir(parents=True)
        (raw / table).write_text("FileName,Class\n", encoding="utf-8", newline="\n")
        add_clips(raw, name, table, numbers)


def add_clips(raw: Path, name: str, table: str, numbers: Sequence[int]) -> None:
    """Write clips to one folder of a data set, and their rows to its table."""
    times = np.arange(round(SECONDS * RATE)) / RATE
    for number in numbers:
        rng = generator(0, "benchmark", "growth", number)
        chord = sum(np.sin(2 * np.pi * hertz * times) for hertz in rng.uniform(60, 6000, 6))
        soundfile.write(raw / name / name / f"{number}.wav", chord * np.exp(-times * rng.uniform(0, 3)) / 8, RATE)
    with (raw / table).open("a", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{number}.wav,{INSTRUMENTS[number % len(INSTRUMENTS)]}\n" for number in numbers)


def _numbers(count: int) -> tuple[range, range]:
    """Return the numbers of the train clips and of the test clips."""
    train = count - count // 10
    return range(train), range(train, count)


def write_params(folder: Path, count: int) -> None:
    """Write a params.yaml for these clips."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["audio"]["window"] = params["augment"]["crop"] = SECONDS
    params["mixtures"] |= {"train": count * 8 // 10, "validation": count // 10, "test": count // 10}
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8", newline="\n")


class Run(NamedTuple):
    """What a stage needed.

    Attributes:
        seconds: Time from start to end.
        cpu_seconds: Time of all cores together. Other load on the machine changes it little.
        memory: Peak in MB.
    """

    seconds: float
    cpu_seconds: float
    memory: int


def run_stages(folder: Path) -> list[Run]:
    """Run the data stages in a folder."""
    return [run_stage(stage, folder) for stage in STAGES]


def run_stage(stage: str, folder: Path) -> Run:
    """Run a stage in a folder."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", f"stages.{stage}"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{stage} failed")
    return Run(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024)


def measure(count: int) -> tuple[list[Run], list[Run]]:
    """Run the stages with `count` clips, add 1 % of them to train, and run the stages again."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / ".dvc" / "tmp").mkdir(parents=True)  # for the cache
        make_clips(folder / "data" / "raw", count)
        write_params(folder, count)
        first = run_stages(folder)
        add_clips(folder / "data" / "raw", FOLDERS[0], METADATA[0], range(count, count + max(1, count // 100)))
        return first, run_stages(folder)


def main(counts: list[int]) -> None:
    """Measure all stages for each number of clips, and write benchmarks/GROWTH.md."""
    rows, added = "", ""
    for count in counts:
        first, again = measure(count)
        cells = " | ".join(f"{run.seconds:.1f}, {run.memory}" for run in first)
        total = total_of(first).seconds
        rows += f"| {count:,} | {cells} | {total:.1f} | {1000 * total / count:.1f} |\n"
        added += f"| {count:,} | {' | '.join(map(cost, first, again))} | {cost(total_of(first), total_of(again))} |\n"
        print(rows.splitlines()[-1], added.splitlines()[-1], sep="\n", flush=True)
    text = HEAD.format(machine=machine()) + rows + ADDED + added + extrapolated(total / count)
    RESULTS.write_text(text, encoding="utf-8", newline="\n")


def total_of(runs: Sequence[Run]) -> Run:
    """Return what all stages needed together: the sum of their times, and the largest memory."""
    seconds, cpu_seconds, memory = zip(*runs, strict=True)
    return Run(sum(seconds), sum(cpu_seconds), max(memory))


def cost(first: Run, again: Run) -> str:
    """Return the processor time of both runs, and the share of the second."""
    return f"{first.cpu_seconds:.1f}, {again.cpu_seconds:.1f} ({again.cpu_seconds / first.cpu_seconds:.0%})"


def extrapolated(seconds: float) -> str:
    """Estimate what a million clips of 4 s need, from the time per clip of `SECONDS` at the largest measured count."""
    params = load_params()
    frames = 1 + params.audio.samples // params.mel.hop_length
    return ESTIMATE.format(
        waveforms=2 * params.audio.samples * MILLION / 1e9,
        mels=2 * params.mel.n_mels * frames * MILLION / 1e9,
        mixtures=2 * params.mel.n_mels * frames * (params.mixtures.validation + params.mixtures.test) / 1e6,
        fingerprints=4 * SHAPE[0] * SHAPE[1] * MILLION / 1e9,
        outlines=8 * OUTLINE[0] * OUTLINE[1] * MILLION / 1e9,
        hours=seconds * params.audio.window / SECONDS * MILLION / 3600,
        tables=TABLE_BYTES * MILLION / 1e9,
    )


MILLION = 1_000_000
TABLE_BYTES = 1500  # memory per clip of the rows of tables in prepare
HEAD = """# How the data stages grow

Measured by `python benchmarks/growth.py` on {machine}.
Clips have 2 s, and there are as many mixtures as clips. Each stage runs in its own process. Its memory is the peak of
the process or of its largest worker.

"""
HEAD += "| clips | " + " | ".join(f"{stage}: s, MB" for stage in STAGES) + " | all: s | per clip: ms |\n"
HEAD += "|---" * (len(STAGES) + 3) + "|\n"
ADDED = """
## The cost of adding 1 %

Clips were added to train, 1 % of the number in the first column. Each cell has the processor time of the first run and
of the run after that, in seconds, and the second as a share of the first. Prepare and extract_mels compute only new
recordings. The draws of a mixture depend on the number of clips in its split, so layer_mixtures keeps nothing.

"""
ADDED += "| clips | " + " | ".join(STAGES) + " | all |\n" + "|---" * (len(STAGES) + 2) + "|\n"
ESTIMATE = """
## An estimate for a million clips

For clips of 4 s, with the committed params:

- **Disk.** Waveforms need {waveforms:.0f} GB and mels {mels:.0f} GB. Each is one file, which is written as a stream and
  memory-mapped for reading. While prepare runs, fingerprints need another {fingerprints:.0f} GB. They are memory-mapped
  too, which explains the growing memory of prepare above; the system frees it when needed. The number of fixed mixtures
  depends on `mixtures`, not on the clips ({mixtures:.0f} MB for validation and test).
- **Time.** The three stages need {hours:.0f} hours on two cores, at the time per clip above. Clips are independent, so
  a Dask cluster of 32 cores on one file system (`compute.scheduler`) needs a sixteenth of that, until the disk is the
  limit. An epoch uses each clip `repeats` times. At 500 clips per second on two cores, an epoch with a million clips
  takes about half an hour. With GPUs, divide that by `compute.devices` and `compute.nodes`.
- **The first limit** is the one process of prepare that compares and splits clips. Its tables are Python objects (up to
  {tables:.1f} GB), and its search tree of outlines needs {outlines:.1f} GB. A million clips fit in a laptop's memory,
  ten million do not. For those, the tables would have to be arrays.
"""


if __name__ == "__main__":
    main([int(count) for count in sys.argv[1:]] or [200, 2000, 20000])
