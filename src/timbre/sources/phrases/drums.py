"""Drum phrases: grooves of many styles, fills, rudiments, cymbals, and single hits."""

from collections.abc import Iterator
from functools import partial

from timbre.sources.phrases.grooves import STYLES, Style
from timbre.sources.phrases.music import Rng, beat_length, chance, loudness, pick, times
from timbre.sources.phrases.score import Event, Note, Phrase

# Keys of General MIDI's percussion map.
KEYS = {
    "kick2": 35,
    "kick": 36,
    "stick": 37,
    "snare": 38,
    "clap": 39,
    "snare2": 40,
    "tom4": 41,
    "hat": 42,
    "pedal": 44,
    "tom3": 45,
    "open": 46,
    "tom2": 47,
    "crash": 49,
    "tom1": 50,
    "ride": 51,
    "china": 52,
    "bell": 53,
    "tambourine": 54,
    "splash": 55,
    "cowbell": 56,
    "crash2": 57,
    "bongo": 60,
    "bongo2": 61,
    "slap": 62,
    "conga": 63,
    "tumba": 64,
    "timbale": 65,
    "timbale2": 66,
    "agogo": 67,
    "agogo2": 68,
    "cabasa": 69,
    "maracas": 70,
    "claves": 75,
    "block": 76,
    "block2": 77,
    "triangle": 81,
    "shaker": 82,
}
STROKES = {"X": 1.2, "x": 1.0, "g": 0.55}  # relative velocity of each letter of a groove
SWAPS = (("hat", "ride"), ("hat", "pedal"), ("snare", "snare2"), ("snare", "stick"), ("kick", "kick2"))
STICKINGS = ("RLRRLRLL", "RLRL", "RRLL", "RLLRLL", "XRLLRL", "XLRL")  # R: right, L: left, X: the other drum
DRUM_PAIRS = (("snare", "snare"), ("snare", "kick"), ("snare2", "snare2"), ("tom1", "tom4"), ("stick", "snare"))
FILL_DRUMS = ("snare", "snare", "tom1", "tom2", "tom3", "tom4", "kick")
FAMILIES = (
    ("kick", "kick2"),
    ("snare", "snare2", "stick", "clap"),
    ("hat", "open", "pedal"),
    ("tom1", "tom2", "tom3", "tom4"),
    ("crash", "crash2", "ride", "bell", "china", "splash"),
    ("conga", "tumba", "slap", "bongo", "bongo2", "cowbell", "tambourine", "timbale", "agogo", "block"),
)


def hit(drum: str, start: float, velocity: float) -> Note:
    """Return one stroke. The note length does not matter: each drum rings for its own time."""
    return Note(start, 0.2, KEYS[drum], velocity)


def groove(rng: Rng, seconds: float, style: Style) -> Iterator[Event]:
    """Yield a groove bar by bar. At random, a drum is swapped or left out, or every second bar ends in a fill."""
    rows = dict(pick(rng, style.grooves))
    for old, new in SWAPS:
        if old in rows and new not in rows and chance(rng, 0.2):
            rows[new] = rows.pop(old)
    if len(rows) > 2 and chance(rng, 0.25):
        del rows[pick(rng, sorted(rows))]
    beat, velocity = beat_length(rng, *style.tempo), rng.uniform(70, 105)
    swing, filled = rng.uniform(0, style.swing), chance(rng, 0.5)
    for bar, first in enumerate(times(seconds, 4 * beat)):
        ends_in_fill = filled and bar % 2 == 1
        for drum, row in rows.items():
            step = 4 * beat / len(row)
            for index, mark in enumerate(row[: len(row) * 3 // 4] if ends_in_fill else row):
                if mark != ".":
                    delay = swing * step * (index % 2)
                    yield hit(drum, first + index * step + delay, velocity * STROKES[mark])
        if ends_in_fill:
            yield from _round_the_kit(rng, first + 3 * beat, beat, beat, velocity)


def _round_the_kit(rng: Rng, first: float, length: float, beat: float, velocity: float) -> Iterator[Note]:
    """Yield two to four strokes on each drum, in even steps."""
    starts = iter(times(length, beat / pick(rng, (2, 3, 4, 4, 6, 8))))
    drum, strokes_left = "snare", 0
    for start in starts:
        if strokes_left == 0:
            drum, strokes_left = pick(rng, FILL_DRUMS), pick(rng, (2, 3, 4))
        strokes_left -= 1
        yield hit(drum, first + start, velocity * rng.uniform(0.85, 1.15))


def fill(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield fills of three beats, each after a crash."""
    beat, velocity = beat_length(rng, 80, 160), rng.uniform(75, 110)
    for start in times(seconds, 4 * beat):
        yield hit(pick(rng, ("crash", "crash2", "splash")), start, velocity)
        yield hit("kick", start, velocity)
        yield from _round_the_kit(rng, start + beat, 3 * beat, beat, velocity)


def rudiments(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield stickings, flams and rolls on one or two drums, as in a march."""
    drum, other = pick(rng, DRUM_PAIRS)
    sticking, step, velocity = pick(rng, STICKINGS), rng.uniform(0.06, 0.2), rng.uniform(70, 105)
    flams = chance(rng, 0.4)
    for index, start in enumerate(times(seconds, step)):
        hand = sticking[index % len(sticking)]
        strong = hand == "X" or index % 8 == 0
        if flams and strong and start > 0.03:
            yield hit(drum, start - 0.03, velocity * 0.5)
        accent = 1.2 if strong else 0.8 if hand == "L" else 0.9
        yield hit(other if hand == "X" else drum, start, velocity * accent)


def cymbals(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield strokes on one cymbal: steady, left to ring, or rolled from soft to loud."""
    drum, velocity = pick(rng, ("crash", "crash2", "ride", "bell", "china", "hat", "open")), rng.uniform(70, 110)
    step = pick(rng, (0.06, 0.15, 0.25, 0.5, 1.0)) * rng.uniform(0.8, 1.2)
    for start in times(seconds, step):
        accent = 0.4 + 0.7 * start / seconds if step < 0.1 else rng.uniform(0.8, 1.1)
        yield hit(drum, start, velocity * accent)


def single_hits(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield one to four strokes on one drum."""
    drum, velocity = pick(rng, pick(rng, FAMILIES)), loudness(rng)
    for start in times(seconds, seconds / int(rng.integers(1, 5))):
        yield hit(drum, start, velocity)


def mixed_hits(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield strokes on different drums, one after another, each left to ring."""
    step, velocity = rng.uniform(0.25, 1), loudness(rng)
    for start in times(seconds, step):
        yield hit(pick(rng, pick(rng, FAMILIES)), start, velocity * rng.uniform(0.8, 1.1))


PHRASES: dict[str, Phrase] = {
    "single-hits": single_hits,
    **{name: partial(groove, style=style) for name, style in STYLES.items()},
    "fill": fill,
    "rudiments": rudiments,
    "cymbals": cymbals,
    "mixed-hits": mixed_hits,
}
