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

from timbre.instruments import INSTRUMENTS
from timbre.layout import FOLDERS, METADATA
from timbre.rng import generator

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("prepare", "extract_mels", "layer_mixtures")
SECONDS, RATE = 2.0, 22050


def make_clips(raw: Path, count: int) -> None:
    times = np.arange(round(SECONDS * RATE)) / RATE
    for name, table, numbers in zip(FOLDERS, METADATA, _numbers(count), strict=True):
        (raw / name / name).mkdir(parents=True)
        for number in numbers:
            rng = generator(0, "benchmark", "growth", number)
            chord = sum(np.sin(2 * np.pi * hertz * times) for hertz in rng.uniform(60, 6000, 6))
            soundfile.write(raw / name / name / f"{number}.wav", chord * np.exp(-times * rng.uniform(0, 3)) / 8, RATE)
        rows = [f"{number}.wav,{INSTRUMENTS[number % 4]}" for number in numbers]
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
    print("| clips | " + " | ".join(f"{stage}: s, MB" for stage in STAGES) + " | all: s | a clip: ms |")
    print("|---" * (len(STAGES) + 3) + "|")
    for count in counts:
        with TemporaryDirectory() as name:
            folder = Path(name)
            make_clips(folder / "data" / "raw", count)
            write_params(folder, count)
            figures = [run_stage(stage, folder) for stage in STAGES]
        cells = " | ".join(f"{seconds:.1f}, {memory}" for seconds, memory in figures)
        total = sum(seconds for seconds, _ in figures)
        print(f"| {count:,} | {cells} | {total:.1f} | {1000 * total / count:.1f} |", flush=True)


if __name__ == "__main__":
    main([int(count) for count in sys.argv[1:]] or [200, 2000, 20000])
