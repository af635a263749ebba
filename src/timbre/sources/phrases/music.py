"""Keys, chords, rhythms and gestures that the phrases of all instruments use."""

import re
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from timbre.sources.phrases.score import EXPRESSION, Bend, Control

Rng = np.random.Generator
T = TypeVar("T")

SCALES = (
    (0, 2, 4, 5, 7, 9, 11),  # major
    (0, 2, 3, 5, 7, 8, 10),  # natural minor
    (0, 2, 3, 5, 7, 8, 11),  # harmonic minor
    (0, 2, 3, 5, 7, 9, 10),  # dorian
    (0, 2, 4, 5, 7, 9, 10),  # mixolydian
)
PENTATONIC = (
    (0, 2, 4, 7, 9),  # major
    (0, 3, 5, 7, 10),  # minor
    (0, 3, 5, 6, 7, 10),  # blues
)
DEGREES = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
PROGRESSIONS = (
    "I V vi IV",
    "I vi IV V7",
    "vi IV I V",
    "ii7 V7 Imaj7 vi7",
    "I IV I V7",
    "I iii IV iv",
    "I7 IV7 I7 V7",
    "I bVII IV I",
    "i iv V7 i",
    "i bVI bIII bVII",
    "i bVII bVI V7",
    "i iio V7 i",
    "iv7 bVII7 bIIImaj7 bVImaj7",
)
# Note lengths in beats. A phrase draws two of these rows, which become its motifs.
RHYTHMS = (
    (1, 1, 1, 1),
    (1.5, 0.5, 1, 1),
    (0.5, 0.5, 1, 0.5, 0.5, 1),
    (0.5,) * 8,
    (1, 0.5, 0.5, 2),
    (0.75, 0.25, 0.75, 0.25, 1, 1),
    (0.25, 0.25, 0.5, 0.5, 0.5),
    (1 / 3, 1 / 3, 1 / 3, 1),
    (2 / 3, 1 / 3, 2 / 3, 1 / 3, 1, 1),
    (3, 1),
)
STEPS = (-1, 1, -1, 1, -1, 1, -2, 2, -2, 2, 0, 3, -3, 4, -5)  # rungs of a scale: mostly steps, a few leaps


def pick(rng: Rng, options: Sequence[T]) -> T:
    """Return a random one of `options`."""
    return options[int(rng.integers(len(options)))]


def chance(rng: Rng, probability: float) -> bool:
    """Return true with the given probability."""
    return bool(rng.random() < probability)


def beat_length(rng: Rng, slowest: float, fastest: float) -> float:
    """Return the length of a beat in seconds. The tempo is drawn between two limits, in beats per minute."""
    return 60 / float(rng.uniform(slowest, fastest))


def loudness(rng: Rng) -> float:
    """Return a random mean velocity for a phrase, from piano to fortissimo."""
    return float(rng.uniform(48, 115))


def times(seconds: float, step: float) -> list[float]:
    """Return 0, step, 2 step … below `seconds`."""
    return np.arange(0, seconds, step).tolist()


def ladder(rng: Rng, low: int, high: int, scales: Sequence[Sequence[int]] = SCALES, octaves: float = 2) -> list[int]:
    """Return the pitches of a random scale and key, over `octaves` at a random position between `low` and `high`."""
    width = min(round(12 * octaves), high - low)
    bottom = int(rng.integers(low, high - width + 1))
    tonic, scale = int(rng.integers(12)), pick(rng, scales)
    return [pitch for pitch in range(bottom, bottom + width + 1) if (pitch - tonic) % 12 in scale]


def walk(rng: Rng, rungs: Sequence[int], steps: Sequence[int] = STEPS) -> Iterator[int]:
    """Yield an endless melody: a random walk up and down `rungs` that turns back at both ends."""
    top = len(rungs) - 1
    index = int(rng.integers(len(rungs)))
    while True:
        yield rungs[index]
        index = abs(index + pick(rng, steps))
        index = max(0, min(index, 2 * top - index))


def rhythm(rng: Rng, seconds: float, beat: float) -> Iterator[tuple[float, float]]:
    """Yield (start, length) in seconds of consecutive notes up to `seconds`, made from one or two motifs."""
    motifs = pick(rng, RHYTHMS), pick(rng, RHYTHMS)
    start = 0.0
    while start < seconds:
        for beats in pick(rng, motifs):
            yield start, beats * beat
            start += beats * beat


def progression(rng: Rng) -> list[tuple[int, ...]]:
    """Return the chords of a random progression in a random key, each as pitch classes with the root first."""
    tonic = int(rng.integers(12))
    return [tuple((tonic + tone) % 12 for tone in tones(numeral)) for numeral in pick(rng, PROGRESSIONS).split()]


def tones(numeral: str) -> tuple[int, ...]:
    """Return the tones of a chord in semitones above the tonic: `V7` is (7, 11, 14, 17), `ii` is (2, 5, 9)."""
    parts = re.fullmatch(r"(b?)([IViv]+)(maj7|7|o|)", numeral)
    assert parts, numeral
    flat, degree, kind = parts.groups()
    third = 4 if degree.isupper() else 3
    fifth = 6 if kind == "o" else 7
    seventh = {"7": (10,), "maj7": (11,)}.get(kind, ())
    root = DEGREES[degree.lower()] - len(flat)
    return tuple(root + tone for tone in (0, third, fifth, *seventh))


def near(pitch_class: int, centre: int) -> int:
    """Return the pitch of a pitch class that is nearest to `centre`."""
    return centre + (pitch_class - centre + 6) % 12 - 6


def voicing(chord: Sequence[int], centre: int) -> list[int]:
    """Return the pitches of a chord in close position around `centre`. Consecutive chords then move in small steps."""
    return sorted(near(pitch_class, centre) for pitch_class in chord)


def vibrato(start: float, length: float, rate: float, depth: float, delay: float) -> Iterator[Bend]:
    """Yield bends that swing by `depth` semitones `rate` times per second. They grow in from `delay` seconds on."""
    for time in times(length - delay, 0.02):
        growth = min(time / 0.3, 1)
        yield Bend(start + delay + time, depth * growth * float(np.sin(2 * np.pi * rate * time)))


def glide(start: float, length: float, first: float, last: float) -> Iterator[Bend]:
    """Yield bends that move evenly from `first` to `last` semitones and stay there."""
    for time in times(length, 0.01):
        yield Bend(start + time, first + (last - first) * time / length)
    yield Bend(start + length, last)


def swell(start: float, length: float, values: Sequence[float]) -> Iterator[Control]:
    """Yield expression values (the bow's pressure, 0 to 127) that pass through `values` over `length` seconds."""
    knots = np.linspace(0, length, len(values))
    for time in times(length, 0.03):
        yield Control(start + time, EXPRESSION, float(np.interp(time, knots, values)))
