"""Measure how fast prepare decodes, relative to a bare loop: `python benchmarks/prepare.py [clips]`.

The clips have 18 s, 44.1 kHz, two channels and 16 bit, like the average clip of Kaggle's data set. The bare loop reads
each clip with soundfile, averages its channels and resamples it with soxr.
"""

import resource
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
import soxr
from timing import Line, in_turns, show

from timbre.core.params import Audio, Compute
from timbre.core.rng import generator
from timbre.core.tables import Clip
from timbre.dataset.prepare import decode_clips

AUDIO = Audio(sample_rate=22050, window=4.0)
SECONDS, RATE = 18, 44100


def make_clips(folder: Path, count: int) -> list[Clip]:
    for number in range(count):
        noise = generator(0, "benchmark", number).normal(0, 3000, (SECONDS * RATE, 2)).astype(np.int16)
        soundfile.write(folder / f"{number}.wav", noise, RATE)
    return [Clip(f"{number}.wav", "guitar", "train") for number in range(count)]


def bare_loop(folder: Path, clips: list[Clip]) -> None:
    for clip in clips:
        sound, rate = soundfile.read(folder / clip.file, dtype="float32")
        soxr.resample(sound.mean(axis=1), rate, AUDIO.sample_rate)


def decode(folder: Path, clips: list[Clip], workers: int) -> None:
    decode_clips(clips, folder, folder / "windows.npy", AUDIO, Compute(workers=workers))


def measure(count: int = 300) -> list[Line]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        clips = make_clips(folder, count)
        bare, one, two = in_turns(
            partial(bare_loop, folder, clips),
            partial(decode, folder, clips, 1),
            partial(decode, folder, clips, 2),
            rounds=3,
        )
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return [
        Line(
            "decoding: speed of one worker, relative to a bare loop of soundfile and soxr", f"{bare / one:.2f}", "≥ 0.8"
        ),
        Line("decoding: speed of two workers, relative to one", f"{one / two:.2f}", "≥ 1.6"),
        Line(f"decoding: clips of {SECONDS} s per second, two workers (absolute)", f"{count / two:.0f}"),
        Line("decoding: peak memory in MB, main process plus largest worker (absolute)", f"{own + worker:.0f}"),
    ]


if __name__ == "__main__":
    show(measure(*map(int, sys.argv[1:])))
