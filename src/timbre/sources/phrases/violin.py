"""Violin phrases: long and short bows, tunes, fast figures, double stops, slides, tremolo and ornaments."""

from collections.abc import Iterator
from itertools import cycle

from timbre.sources.phrases.music import (
    PENTATONIC,
    Rng,
    beat_length,
    chance,
    glide,
    ladder,
    loudness,
    pick,
    progression,
    rhythm,
    swell,
    times,
    vibrato,
    voicing,
    walk,
)
from timbre.sources.phrases.score import EXPRESSION, Bend, Control, Event, Note, Phrase

STRINGS = (55, 62, 69, 76)  # G D A E
LOW, HIGH = 55, 100

# The bow's pressure over one note, as expression values.
BOWS = ((60, 120, 70), (40, 110, 120), (120, 90, 60), (115, 115), (50, 120, 120, 60), (100, 120, 100))
# Figures of semiquavers, as in Bach (bariolage, turns, broken thirds). Numbers are rungs of a scale above the hand.
FIGURES = (
    (0, 2, 4, 2),
    (0, 1, 2, 0),
    (4, 3, 2, 1),
    (0, 4, 2, 4),
    (0, 2, 1, 3),
    (7, 4, 7, 4),
    (0, 1, 2, 3, 4, 3, 2, 1),
    (7, 6, 7, 4, 7, 2, 7, 4),
    (2, 1, 0, 1, 2, 4, 3, 5),
)
# Reels in eighths and jigs in triplets, as rungs of a scale above the hand.
TUNES = ((0, 2, 4, 2, 5, 4, 2, 1), (4, 4, 5, 4, 2, 1, 0, 0), (0, 2, 4, 5, 4, 2), (7, 5, 4, 5, 4, 2), (0, 0, 2, 4, 2, 4))


def _bowed(rng: Rng, start: float, length: float, pitch: int, velocity: float) -> Iterator[Event]:
    """Yield one cantabile note: a swell of the bow, and vibrato if the note is longer than 0.3 s."""
    yield Bend(start, 0)
    yield Note(start, length, pitch, velocity)
    if length > 0.3:
        yield from swell(start, length, pick(rng, BOWS))
        yield from vibrato(start, length, rng.uniform(4.5, 7), rng.uniform(0.08, 0.35), rng.uniform(0.05, 0.3))
    else:
        yield Control(start, EXPRESSION, 112)


def long_notes(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield one to four long bows, anywhere on the fingerboard, with vibrato or plain."""
    step = seconds / int(rng.integers(1, 5))
    velocity, held, plain = loudness(rng), rng.uniform(0.75, 1), chance(rng, 0.3)
    for start in times(seconds, step):
        pitch = int(rng.integers(LOW, HIGH + 1))
        if plain:
            yield Note(start, step * held, pitch, velocity)
        else:
            yield from _bowed(rng, start, step * held, pitch, velocity)


def short_notes(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield separate short bows, each after a pause: martelé, staccato, spiccato."""
    notes = walk(rng, ladder(rng, LOW, HIGH, octaves=1.5))
    step, length, velocity = rng.uniform(0.18, 0.8), rng.uniform(0.06, 0.2), loudness(rng)
    for start, pitch in zip(times(seconds, step), notes, strict=False):
        yield Note(start, length, pitch, velocity * rng.uniform(0.85, 1.1))


def melody(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield a slow tune, every note cantabile."""
    beat, velocity = beat_length(rng, 45, 110), loudness(rng)
    notes = walk(rng, ladder(rng, LOW, 93))
    for (start, length), pitch in zip(rhythm(rng, seconds, beat), notes, strict=False):
        yield from _bowed(rng, start, length * 1.02, pitch, velocity * rng.uniform(0.9, 1.1))


def figures(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield semiquavers, as in a solo partita: one figure moved through the scale."""
    rungs = ladder(rng, LOW, 91, octaves=2.4)
    step, velocity, figure = rng.uniform(0.09, 0.2), loudness(rng), pick(rng, FIGURES)
    hands = walk(rng, range(len(rungs) - max(figure)))
    for index, start in enumerate(times(seconds, step)):
        if index % len(figure) == 0:
            hand = next(hands)
        accent = 1.1 if index % 4 == 0 else 0.95
        yield Note(start, step * 0.98, rungs[hand + figure[index % len(figure)]], velocity * accent)


def scale(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield a scale or broken thirds, legato, up and down."""
    rungs = ladder(rng, LOW, HIGH, octaves=rng.uniform(1, 3))[:: pick(rng, (1, 1, 2))]
    step, velocity = rng.uniform(0.12, 0.5), loudness(rng)
    path = cycle(rungs + rungs[-2:0:-1])
    yield from swell(0, seconds, pick(rng, BOWS))
    for start, pitch in zip(times(seconds, step), path, strict=False):
        yield Note(start, step * 1.02, pitch, velocity)


def double_stops(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield two strings bowed at once: thirds, sixths, or a tune over an open string."""
    beat, velocity, gap = beat_length(rng, 50, 110), loudness(rng), pick(rng, (2, 2, 5, 5, 0))
    rungs = ladder(rng, LOW, 88, octaves=2)
    drone = pick(rng, STRINGS[:3])
    indices = walk(rng, range(len(rungs) - gap))
    for (start, length), index in zip(rhythm(rng, seconds, beat), indices, strict=False):
        yield from _bowed(rng, start, length, rungs[index], velocity)
        yield Note(start, length, rungs[index + gap] if gap else drone, velocity * 0.9)


def broken_chords(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield chords over three or four strings, the lower two before the upper, as in Bach's chaconne."""
    step, velocity = rng.uniform(0.6, 1.4), loudness(rng)
    for start, chord in zip(times(seconds, step), cycle(progression(rng)), strict=False):
        low, *upper = [chord[0] % 12, *voicing(chord, 70)]
        low += 12 * -((low - LOW) // 12)  # the root on the lowest string
        grace = rng.uniform(0.06, 0.16)
        for pitch in (low, upper[0]):
            yield Note(start, grace * 1.5, pitch, velocity)
        for pitch in upper[1:]:
            yield Note(start + grace, (step - grace) * 0.95, pitch, velocity)
        yield from swell(start, step, (120, 110, 80))


def portamento(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield a tune in which a slide leads into each note, from above or below."""
    beat, velocity = beat_length(rng, 50, 100), loudness(rng)
    notes = walk(rng, ladder(rng, 57, 93))
    for (start, length), pitch in zip(rhythm(rng, seconds, beat), notes, strict=False):
        time = min(rng.uniform(0.06, 0.25), length / 2)
        yield Note(start, length * 1.02, pitch, velocity)
        yield from glide(start, time, pick(rng, (-7, -5, -4, -3, -2, 2, 3, 4)), 0)
        yield from vibrato(start, length, rng.uniform(4.5, 7), rng.uniform(0.1, 0.35), time)


def tremolo(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield notes repeated by fast short bows, with a rising and falling volume."""
    notes = walk(rng, ladder(rng, LOW, 93))
    step, stroke, velocity = rng.uniform(0.4, 1.6), rng.uniform(0.06, 0.11), loudness(rng)
    yield from swell(0, seconds, pick(rng, BOWS))
    for first, pitch in zip(times(seconds, step), notes, strict=False):
        for start in times(step, stroke):
            yield Note(first + start, stroke * 0.9, pitch, velocity * rng.uniform(0.85, 1.05))


def fiddle(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield a reel or jig, with slides into some strong beats and an open string below others."""
    rungs = ladder(rng, LOW, 88, octaves=2.2)
    step, velocity, tune = rng.uniform(0.11, 0.22), loudness(rng), pick(rng, TUNES)
    hands = walk(rng, range(len(rungs) - max(tune)))
    for index, start in enumerate(times(seconds, step)):
        if index % len(tune) == 0:
            hand = next(hands)
        pitch = rungs[hand + tune[index % len(tune)]]
        strong = index % (len(tune) // 2) == 0
        yield Note(start, step * 0.95, pitch, velocity * (1.15 if strong else 0.9))
        if strong and chance(rng, 0.3):
            yield from glide(start, step / 2, -1, 0)
        if strong and chance(rng, 0.3):
            yield Note(start, step * 0.95, max(string for string in STRINGS if string <= max(pitch - 3, LOW)), velocity)


def ornaments(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield a tune with trills on longer notes and mordents on the others."""
    beat, velocity = beat_length(rng, 50, 100), loudness(rng)
    rungs = ladder(rng, 60, 93)
    indices = walk(rng, range(len(rungs) - 1))
    for (start, length), index in zip(rhythm(rng, seconds, beat), indices, strict=False):
        shake = rng.uniform(0.06, 0.1)
        count = int(length * 0.8 / shake) if length > 0.5 else 2 * int(length > 4 * shake)
        for stroke in range(count):
            yield Note(start + stroke * shake, shake, rungs[index + stroke % 2], velocity)
        yield from _bowed(rng, start + count * shake, length - count * shake, rungs[index], velocity)


def high_solo(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield a high pentatonic line on the E string, with vibrato and with slides into some notes."""
    beat, velocity = beat_length(rng, 60, 120), loudness(rng)
    notes = walk(rng, ladder(rng, 76, HIGH, PENTATONIC, octaves=1.5))
    for (start, length), pitch in zip(rhythm(rng, seconds, beat), notes, strict=False):
        yield from _bowed(rng, start, length, pitch, velocity)
        if chance(rng, 0.4):
            yield from glide(start, min(0.08, length / 2), -2, 0)


PHRASES: dict[str, Phrase] = {
    "long-notes": long_notes,
    "figures": figures,
    "melody": melody,
    "short-notes": short_notes,
    "double-stops": double_stops,
    "scale": scale,
    "broken-chords": broken_chords,
    "portamento": portamento,
    "fiddle": fiddle,
    "ornaments": ornaments,
    "tremolo": tremolo,
    "high-solo": high_solo,
}
