"""Make clips by a sound font that training does not hear: `python benchmarks/unseen_font.py FONT.sf2 FOLDER [worn]`.

The folder is in Kaggle's layout, 100 clips per instrument of params.yaml and 100 of others, for `benchmarks/real.py` to
judge models by: what decides between two ways of training, so that no real recording has to. MuseScore General is one
such font, in Debian's musescore-general-soundfont-lossless; FluidR3 another but for its pianos, which training hears.
`worn` passes each clip through what recordings go through, as waveforms, by other means than training's own
augmentation: silence around it, a room, a microphone, a band limit, noise, an overdriven input, an mp3.
"""

import io
import sys
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import fftconvolve, firwin, firwin2

from timbre.core.params import Compute, Soundfont, load_params
from timbre.core.rng import generator
from timbre.core.stage import progress
from timbre.sources.soundfont import render_dataset

SEED = 1
KNOTS = (0, 80, 250, 800, 2500, 7000)  # Hz, of the microphone's curve, and half the sample rate


def silence_around(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    length = int(len(sound) * rng.uniform(0.3, 1))
    start = int(rng.integers(0, len(sound) - length + 1))
    heard = np.zeros_like(sound)
    heard[start : start + length] = sound[:length] * np.minimum(1, (length - np.arange(length)) / 500)
    return heard


def room(sound: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Direct sound, and a tail of noise that falls by 60 dB in 0.15 to 0.9 s."""
    seconds = rng.uniform(0.15, 0.9)
    times = np.arange(int(seconds * rate)) / rate
    tail = rng.normal(0, 1, len(times)) * 10 ** (-3 * times / seconds) * (times > rng.uniform(0.002, 0.02))
    tail *= 10 ** (rng.uniform(-18, -2) / 20) / np.sqrt(np.square(tail).sum())
    tail[0] = 1
    return fftconvolve(sound, tail)[: len(sound)]


def microphone(sound: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    gains = 10 ** (rng.uniform(-9, 9, len(KNOTS) + 1) / 20)
    return fftconvolve(sound, firwin2(513, [*KNOTS, rate / 2], gains, fs=rate), mode="same")


def band_limit(sound: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    return fftconvolve(sound, firwin(257, rng.uniform(3500, 9000), fs=rate), mode="same")


def noise(sound: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """White to pink, 18 to 55 dB below the sound."""
    spectrum = np.fft.rfft(rng.normal(0, 1, len(sound)))
    spectrum /= np.maximum(np.fft.rfftfreq(len(sound), 1 / rate), 30) ** rng.uniform(0, 1)
    hiss = np.fft.irfft(spectrum, len(sound))
    return sound + hiss * (sound.std() / hiss.std() * 10 ** (-rng.uniform(18, 55) / 20))


def mp3(sound: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format="MP3", compression_level=rng.uniform(0.4, 0.99))
    file.seek(0)
    return soundfile.read(file)[0][: len(sound)]


def wear(sound: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """A clip as somebody may have recorded it, peak 0.9."""
    if rng.random() < 0.4:
        sound = silence_around(sound, rng)
    if rng.random() < 0.7:
        sound = room(sound, rate, rng)
    sound = microphone(sound, rate, rng)
    if rng.random() < 0.3:
        sound = band_limit(sound, rate, rng)
    if rng.random() < 0.7:
        sound = noise(sound, rate, rng)
    if rng.random() < 0.3:
        sound = np.tanh(sound / np.abs(sound).max() * rng.uniform(0.5, 2.5))
    sound = 0.9 * sound / np.abs(sound).max()
    return mp3(sound, rate, rng) if rng.random() < 0.4 else sound


def main(font: Path, folder: Path, worn: bool) -> None:
    folder.mkdir(parents=True)
    instruments = load_params().instruments
    options = Soundfont(file=str(font), clips=100 * len(instruments), others=100, seconds=4.0, sample_rate=24000)
    render_dataset(options, instruments, SEED, folder, Compute())
    if worn:
        for number, path in enumerate(progress(sorted(folder.rglob("*.flac")), "wear")):
            sound, rate = soundfile.read(path)
            soundfile.write(path, wear(sound, rate, generator(SEED, "worn", number)), rate, subtype="PCM_16")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or sys.argv[3:] not in ([], ["worn"]):
        sys.exit("usage: python benchmarks/unseen_font.py FONT.sf2 FOLDER [worn]")
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]), worn=len(sys.argv) == 4)
