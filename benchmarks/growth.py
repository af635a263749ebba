"""How the data stages grow with the clips: `python benchmarks/growth.py [200 2000 20000]`.

Clips are 2 s of drawn chords at 22,050 Hz, a tenth of them in test; mixtures are as many as clips. Each stage runs in a
process of its own, whose time and memory (the larger of itself and its workers) are the figures.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
import yaml
from timing import machine

from timbre.core.params import load_params
from timbre.core.rng import generator
from timbre.dataset.duplicates import OUTLINE, SHAPE
from timbre.dataset.splits import ORDERS
from timbre.labels.kaggle_layout import FOLDERS, METADATA

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).with_name("GROWTH.md")
STAGES = ("prepare", "extract_mels", "layer_mixtures")
SECONDS, RATE = 2.0, 22050
INSTRUMENTS = load_params(ROOT / "params.yaml").instruments


def make_clips(raw: Path, count: int) -> None:
    times = np.arange(round(SECONDS * RATE)) / RATE
    for name, table, numbers in zip(FOLDERS, METADATA, _numbers(count), strict=True):
        (raw / name / name).mkdir(parents=True)
        for number in numbers:
            rng = generator(0, "benchmark", "growth", number)
            chord = sum(np.sin(2 * np.pi * hertz * times) for hertz in rng.uniform(60, 6000, 6))
            soundfile.write(raw / name / name / f"{number}.wav", chord * np.exp(-times * rng.uniform(0, 3)) / 8, RATE)
        rows = [f"{number}.wav,{INSTRUMENTS[number % len(INSTRUMENTS)]}" for number in numbers]
        (raw / table).write_text("\n".join(["FileName,Class", *rows]) + "\n")


def _numbers(count: int) -> tuple[list[int], list[int]]:
    """Of train and of test."""
    test = list(range(count - count // 10, count))
    return list(range(test[0])), test


def write_params(folder: Path, count: int) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["audio"]["window"] = params["augment"]["crop"] = SECONDS
    params["mixtures"] |= {"train": count * 8 // 10, "validation": count // 10, "test": count // 10}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def run_stage(stage: str, folder: Path) -> tuple[float, int]:
    """Seconds, and peak memory in MB."""
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
    return time.perf_counter() - started, usage.ru_maxrss // 1024


def main(counts: list[int]) -> None:
    text = HEAD.format(machine=machine())
    print(text, end="", flush=True)
    for count in counts:
        with TemporaryDirectory() as name:
            folder = Path(name)
            make_clips(folder / "data" / "raw", count)
            write_params(folder, count)
            figures = [run_stage(stage, folder) for stage in STAGES]
        cells = " | ".join(f"{seconds:.1f}, {memory}" for seconds, memory in figures)
        total = sum(seconds for seconds, _ in figures)
        row = f"| {count:,} | {cells} | {total:.1f} | {1000 * total / count:.1f} |\n"
        print(row, end="", flush=True)
        text += row
    text += on_paper(total / count)
    print(text[text.index("\n##") :])
    RESULTS.write_text(text, encoding="utf-8")


def on_paper(seconds: float) -> str:
    """What a million clips of 4 s would take, from what one of `SECONDS` takes at the largest count measured."""
    params = load_params()
    frames = 1 + params.audio.samples // params.mel.hop_length
    return PAPER.format(
        waveforms=2 * params.audio.samples * MILLION / 1e9,
        mels=2 * params.mel.n_mels * frames * MILLION / 1e9,
        mixtures=2 * params.mel.n_mels * frames * (params.mixtures.validation + params.mixtures.test) / 1e6,
        fingerprints=4 * SHAPE[0] * SHAPE[1] * MILLION / 1e9,
        outlines=8 * SHAPE[0] * OUTLINE[0] * OUTLINE[1] * MILLION / 1e9,
        hours=seconds * params.audio.window / SECONDS * MILLION / 3600,
        tables=TABLE_BYTES * MILLION / 1e9,
        draws=ORDERS,
    )


MILLION = 1_000_000
TABLE_BYTES = 1500  # of memory that a clip's rows take while prepare holds them
HEAD = """# How the data stages grow

By `python benchmarks/growth.py`, on {machine}. Clips of 2 s, as many mixtures as clips; seconds and peak memory of each
stage, in a process of its own (the larger of itself and its workers).

"""
HEAD += "| clips | " + " | ".join(f"{stage}: s, MB" for stage in STAGES) + " | all: s | a clip: ms |\n"
HEAD += "|---" * (len(STAGES) + 3) + "|\n"
PAPER = """
## A million clips, on paper

Of 4 s, at the committed params:

- **Bytes.** Waveforms {waveforms:.0f} GB and mels {mels:.0f} GB, each one file, written as a stream and read as a map;
  while prepare runs, fingerprints of another {fingerprints:.0f} GB. The memory of prepare above grows by their map,
  whose pages the system takes back when it needs them. Fixed mixtures are as many as `mixtures` says, not as
  there are clips ({mixtures:.0f} MB for validation and test).
- **Hours.** {hours:.0f} on two cores for these three stages, at the time a clip takes above. Clips are independent, so
  that a Dask cluster of 32 cores on one file system (`compute.scheduler`) takes a sixteenth of it, until the disk is
  the limit. An epoch hears each clip `repeats` times: a million clips per epoch are about half an hour at 500
  clips per second on two cores, and what `compute.devices` and `compute.nodes` divide it by on GPUs.
- **What breaks first** is the one process of prepare that compares and splits: its tables are Python objects (up
  to {tables:.1f} GB), its tree of outlines {outlines:.1f} GB, and it tries {draws} orders of all groups for the
  validation split. It fits a laptop's memory at a million clips and does not at ten million; then splits would have to
  be drawn group by group from a hash, and the tree cut by length of clip.
"""


if __name__ == "__main__":
    main([int(count) for count in sys.argv[1:]] or [200, 2000, 20000])
