"""A short sample of plucked strings and drums, computed without any recording or sound font, so it is free to use."""

import wave
from pathlib import Path

import numpy as np

RATE = 22_050  # Hz
BEAT = 0.5  # seconds
CHORDS = ((40, 47, 52, 56, 59, 64), (45, 52, 57, 61, 64), (47, 54, 59, 63, 66), (40, 47, 52, 56, 59, 64))  # MIDI notes
STRUM = 0.018  # seconds from string to string
SUSTAIN = 0.996  # what a string keeps per period


def write_sample(path: Path) -> None:
    """Write the sample as a WAV file: mono, 16 bits. The bytes are the same each time."""
    sound = sample()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((sound * 32767).astype("<i2").tobytes())


def sample() -> np.ndarray:
    """Return the sample, float32 `[samples]`, with a peak of 0.8: two bars of chords, then two bars with drums."""
    random = np.random.default_rng(0)
    sound = np.zeros(round(17 * BEAT * RATE))
    for beat in range(16):
        for string, note in enumerate(CHORDS[beat // 4]):
            _add(sound, beat * BEAT + string * STRUM, 0.35 * plucked(note, 2 * BEAT, random))
        if beat >= 8:
            _add(sound, beat * BEAT, kick() if beat % 2 == 0 else snare(random))
            for half in (0, 0.5):
                _add(sound, (beat + half) * BEAT, hi_hat(random))
    return (0.8 * sound / np.abs(sound).max()).astype(np.float32)


def _add(sound: np.ndarray, start: float, note: np.ndarray) -> None:
    first = round(start * RATE)
    note = note[: len(sound) - first]
    sound[first : first + len(note)] += note


def plucked(note: int, seconds: float, random: np.random.Generator) -> np.ndarray:
    """Return a plucked string: a loop of noise that is smoothed once per period.

    The string is plucked at a fifth of its length.

    Args:
        note: The MIDI number of the note.
        seconds: The length.
        random: What draws the noise.
    """
    period = round(RATE / (440 * 2 ** ((note - 69) / 12)))
    loop = random.uniform(-1, 1, period)
    loop = (loop + np.roll(loop, 1)) / 2
    loop -= np.roll(loop, period // 5)
    periods = []
    for _ in range(round(seconds * RATE / period)):
        periods.append(loop)
        loop = SUSTAIN * (loop + np.roll(loop, 1)) / 2
    return np.concatenate(periods)


def kick() -> np.ndarray:
    """Return a bass drum: a sine that falls from 150 to 50 Hz."""
    time = np.arange(round(0.3 * RATE)) / RATE
    return np.sin(2 * np.pi * (50 * time - 100 / 30 * np.exp(-30 * time))) * np.exp(-12 * time) * 0.75


def snare(random: np.random.Generator) -> np.ndarray:
    """Return a snare drum: noise and a short tone of 190 Hz."""
    time = np.arange(round(0.25 * RATE)) / RATE
    noise = random.normal(0, 0.25, len(time)) * np.exp(-20 * time)
    return noise + 0.5 * np.sin(2 * np.pi * 190 * time) * np.exp(-30 * time)


def hi_hat(random: np.random.Generator) -> np.ndarray:
    """Return a closed hi-hat: differences of noise, which are bright."""
    time = np.arange(round(0.08 * RATE)) / RATE
    return np.diff(random.normal(0, 0.1, len(time) + 1)) * np.exp(-60 * time)
