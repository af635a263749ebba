"""Render clips with an unseen sound font: `python benchmarks/unseen_font.py FONT.sf2 FOLDER [augmented]`.

The folder gets Kaggle's layout, with 100 clips per instrument of params.yaml and 100 clips of other instruments. Use it
to choose between two ways of training with `timbre benchmark`, so that real recordings stay an unused test set.
MuseScore General is an unseen font (Debian's musescore-general-soundfont-lossless). So is FluidR3, except its pianos.

`augmented` changes the waveform of each clip like a recording: silence around it, a room, a microphone, a band limit,
noise, an overdriven input, MP3. The code is independent of the augmentation in training.
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
KNOTS_HZ = (0, 80, 250, 800, 2500, 7000)  # of the microphone's curve, which ends at half the sample rate


def silence_around(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shorten the sound with a fade-out, and put silence around it."""
    length = int(len(sound) * rng.uniform(0.3, 1))
    start = int(rng.integers(0, len(sound) - length + 1))
    padded = np.zeros_like(sound)
    padded[start : start + length] = sound[:length] * np.minimum(1, (length - np.arange(length)) / 500)
    return padded


def room(sound: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Add a tail of noise that decays by 60 dB in 0.15 to 0.9 s."""
    seconds = rng.uniform(0.15, 0.9)
    times = np.arange(int(seconds * rate)) / rate
    tail = rng.normal(0, 1, len(times)) * 10 ** (-3 * times / seconds) * (times > rng.uniform(0.002, 0.02))
    tail *= 10 ** (rng.uniform(-18, -2) / 20) / np.sqrt(np.square(tail).sum())
    tail[0] = 1
    return fftconvolve(sound, tail)[: len(sound)]


def microphone(sound: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Filter the sound with a random frequency response of ±9 dB."""
    gains = 10 ** (rng.uniform(-9, 9, len(KNOTS_HZ) + 1) / 20)
    return fftconvolve(sound, firwin2(513, [*KNOTS_HZ, rate / 2], gains, fs=rate), mode="same")


def band_limit(sound: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Remove frequencies above 3.5 to 9 kHz."""
    return fftconvolve(sound, firwin(257, rng.uniform(3500, 9000), fs=rate), mode="same")


def noise(sound: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Add white to pink noise, 18 to 55 dB below the sound."""
    spectrum = np.fft.rfft(rng.normal(0, 1, len(sound)))
    spectrum /= np.maximum(np.fft.rfftfreq(len(sound), 1 / rate), 30) ** rng.uniform(0, 1)
    hiss = np.fft.irfft(spectrum, len(sound))
    return sound + hiss * (sound.std() / hiss.std() * 10 ** (-rng.uniform(18, 55) / 20))


def mp3(sound: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Encode the sound as MP3 with a random compression level, and decode it."""
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format="MP3", compression_level=rng.uniform(0.4, 0.99))
    file.seek(0)
    return soundfile.read(file)[0][: len(sound)]


def augment(sound: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Change a clip as if somebody had recorded it. Its peak becomes 0.9."""
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


def main(font: Path, folder: Path, augmented: bool) -> None:
    if folder.exists():
        sys.exit(f"{folder}: exists already; name a new folder")
    folder.mkdir(parents=True)
    instruments = load_params().instruments
    options = Soundfont(file=str(font), clips=100 * len(instruments), others=100, seconds=4.0, sample_rate=24000)
    render_dataset(options, instruments, SEED, folder, Compute())
    if augmented:
        for number, path in enumerate(progress(sorted(folder.rglob("*.flac")), "augment")):
            sound, rate = soundfile.read(path)
            soundfile.write(path, augment(sound, rate, generator(SEED, "worn", number)), rate, subtype="PCM_16")


if __name__ == "__main__":
    if sys.argv[3:] == ["worn"]:
        sys.exit("unseen_font: worn is called augmented now")
    if len(sys.argv) not in (3, 4) or sys.argv[3:] not in ([], ["augmented"]):
        sys.exit("usage: python benchmarks/unseen_font.py FONT.sf2 FOLDER [augmented]")
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]), augmented=len(sys.argv) == 4)
