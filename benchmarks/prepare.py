"""How fast prepare decodes: `python benchmarks/prepare.py [clips]`, side by side in one run on the same files.

Clips are 18 s, 44.1 kHz, stereo, 16 bit, as Kaggle's are on average; the bare loop reads each with soundfile, takes
the mean of its channels and resamples it with soxr.
"""

import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
import soxr

from timbre.dataset import _decode
from timbre.params import Audio, Compute
from timbre.rng import generator
from timbre.tables import Clip

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
    _decode(clips, folder, folder / "windows.npy", AUDIO, Compute(workers=workers))


def seconds(function: Callable[[], None]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def main(count: int) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        clips = make_clips(folder, count)
        for workers in (1, 2):
            decode(folder, clips[:4], workers)  # start-up apart: what it costs does not grow with the clips
        bare = seconds(partial(bare_loop, folder, clips))
        one = seconds(partial(decode, folder, clips, 1))
        two = seconds(partial(decode, folder, clips, 2))
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count} clips of {SECONDS} s: bare loop {bare:.1f} s, one worker {one:.1f} s, two workers {two:.1f} s")
    print(f"speed of one worker against the bare loop  {bare / one:.2f}")
    print(f"speed of two workers against one           {one / two:.2f}")
    print(f"peak memory                                {own:.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 150)
