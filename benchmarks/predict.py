"""Measure speed, memory and start-up time of `timbre predict`: `python benchmarks/predict.py [minutes]`.

The song is a generated stereo mp3 of chords and noise at 44.1 kHz. Speed excludes start-up. Memory is that of the whole
command.
"""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
from timing import Line, in_turns, seconds, show

from timbre.core.rng import generator

RATE, BLOCK_SECONDS = 44100, 10


def make_song(path: Path, minutes: float) -> None:
    rng = generator(0, "benchmark", "song")
    times = np.arange(BLOCK_SECONDS * RATE) / RATE
    with soundfile.SoundFile(path, "w", RATE, 2, format="MP3") as file:
        for _ in range(round(minutes * 60 / BLOCK_SECONDS)):
            tones = sum(np.sin(2 * np.pi * hertz * times) for hertz in rng.uniform(80, 2000, 4))
            sound = 0.1 * tones + rng.normal(0, 0.02, len(times))
            file.write(np.stack([sound, 0.8 * sound], axis=1).astype(np.float32))


def run(*arguments: str, folder: str) -> int:
    """Run `timbre` with some arguments; return its peak memory in MB."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        process = subprocess.Popen(["timbre", *arguments], cwd=folder, stdout=nowhere, stderr=nowhere)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"timbre {' '.join(arguments)} failed")
    return usage.ru_maxrss // 1024


def measure(minutes: float = 30) -> list[Line]:
    with TemporaryDirectory() as folder:
        song, short = Path(folder, "song.mp3"), Path(folder, "short.mp3")
        make_song(song, minutes)
        make_song(short, BLOCK_SECONDS / 60)
        memory = run("predict", str(song), folder=folder)  # first, because a child's peak includes memory of its parent
        from timbre.songs.predictor import Predictor

        predictor = Predictor()
        predictor.listen(short)
        taken = min(seconds(partial(predictor.listen, song)) for _ in range(2))
        helped, started = in_turns(
            partial(run, "--help", folder=folder), partial(run, "predict", str(short), folder=folder), rounds=3
        )
    return [
        Line(
            f"prediction: times faster than real time, an mp3 of {minutes:g} minutes",
            f"{minutes * 60 / taken:.0f}",
            "≥ 150",
        ),
        Line("prediction: peak memory in MB (absolute)", f"{memory}", "< 400"),
        Line("prediction: `timbre --help`, seconds (absolute)", f"{helped:.2f}", "< 0.5"),
        Line("prediction: `timbre predict` of 10 s, seconds (absolute)", f"{started:.2f}", "< 3"),
    ]


if __name__ == "__main__":
    show(measure(*map(float, sys.argv[1:])))
