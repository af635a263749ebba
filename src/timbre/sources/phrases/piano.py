"""Piano phrases: single notes, runs, chords, broken chords, and both hands together."""

from collections.abc import Iterator
from itertools import cycle, pairwise

from timbre.sources.phrases.music import (
    Rng,
    beat_length,
    chance,
    ladder,
    loudness,
    near,
    pick,
    progression,
    rhythm,
    times,
    voicing,
    walk,
)
from timbre.sources.phrases.score import PEDAL, Control, Event, Note, Phrase

LOW, HIGH = 21, 108

# Accompaniments, one letter per step. b: bass note, o: bass octave, c: chord, 1 2 3: its tones from below,
# 4: its lowest tone an octave higher.
ALBERTI = ("1323", "1323", "132", "1232", "123432", "1343")
OOM_PAH = ("bcc", "bcbc", "b.cc", "occ", "o.c.", "bc")
COMPS = ("c..c..c.", "c.c.c.c.", ".c.c.c.c", "c..c.c..", "o..co.c.", "oc.coc.c")
NOCTURNES = ("b134", "b13431", "b13432", "o1341343", "b3134313")


def _lift_pedal(start: float) -> Iterator[Event]:
    """Yield a pedal change for a new chord: up just before it, and down again just after it."""
    yield Control(max(start - 0.02, 0), PEDAL, 0)
    yield Control(start + 0.06, PEDAL, 127)


def _accompany(
    rng: Rng, seconds: float, pattern: str, step: float, velocity: float, centre: int, pedal: bool
) -> Iterator[Event]:
    """Yield `pattern` over a chord progression: one chord per repetition, `step` seconds per letter."""
    length = step * len(pattern)
    for first, chord in zip(times(seconds, length), cycle(progression(rng)), strict=False):
        hand = voicing(chord, centre)
        bass = near(chord[0], min(centre - 12, 43))
        if pedal:
            yield from _lift_pedal(first)
        for index, letter in enumerate(pattern):
            start = first + index * step
            for pitch in _struck(letter, bass, hand):
                yield Note(start, step * 0.95, pitch, velocity * (1.1 if index == 0 else 0.9))


def _struck(letter: str, bass: int, hand: list[int]) -> list[int]:
    """Return the pitches that a letter of an accompaniment strikes."""
    if letter in "1234":
        return [(*hand[:3], hand[0] + 12)[int(letter) - 1]]
    return {"b": [bass], "o": [bass - 12, bass], "c": hand, ".": []}[letter]


def _tune(rng: Rng, seconds: float, beat: float, velocity: float, low: int, high: int) -> Iterator[Note]:
    """Yield a random tune between two pitches."""
    held = rng.uniform(0.6, 1.02)
    notes = walk(rng, ladder(rng, low, high))
    for (start, length), pitch in zip(rhythm(rng, seconds, beat), notes, strict=False):
        yield Note(start, length * held, pitch, velocity * rng.uniform(0.85, 1.15))


def single_notes(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield one to six single notes over the whole keyboard: short, held, or sustained by the pedal."""
    step, velocity, held = seconds / int(rng.integers(1, 7)), loudness(rng), rng.uniform(0.3, 1)
    if chance(rng, 0.3):
        yield Control(0, PEDAL, 127)
    for start in times(seconds, step):
        yield Note(start, step * held, int(rng.integers(LOW, HIGH + 1)), velocity)


def melody(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield a tune for the right hand alone."""
    if chance(rng, 0.4):
        yield Control(0, PEDAL, 127)
    yield from _tune(rng, seconds, beat_length(rng, 60, 140), loudness(rng), 55, 98)


def scale(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield a run up and down the keys, in one hand, or in both an octave or a tenth apart."""
    rungs = ladder(rng, 36, HIGH - 16, octaves=rng.uniform(1, 4))
    path = cycle(rungs + rungs[-2:0:-1])
    step, velocity, other = rng.uniform(0.07, 0.3), loudness(rng), pick(rng, (0, 0, 12, 16))
    for start, pitch in zip(times(seconds, step), path, strict=False):
        for key in {pitch, pitch + other}:
            yield Note(start, step * 0.98, key, velocity)


def arpeggio(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield broken chords over several octaves, with the pedal down."""
    step, velocity, octaves = rng.uniform(0.06, 0.22), loudness(rng), int(rng.integers(2, 5))
    centre, start = int(rng.integers(40, 55)), 0.0
    for chord in cycle(progression(rng)):
        if start >= seconds:
            return
        up = [pitch + 12 * octave for octave in range(octaves) for pitch in voicing(chord, centre)]
        yield from _lift_pedal(start)
        for pitch in up if chance(rng, 0.4) else up + up[-2:0:-1]:
            yield Note(start, step * 2, pitch, velocity)
            start += step


def block_chords(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield chords in both hands, all keys at once or slightly rolled."""
    step, velocity, roll = beat_length(rng, 50, 130) * pick(rng, (1, 2)), loudness(rng), pick(rng, (0, 0, 0.03))
    centre, pedal = int(rng.integers(54, 74)), chance(rng, 0.5)
    for start, chord in zip(times(seconds, step), cycle(progression(rng)), strict=False):
        if pedal:
            yield from _lift_pedal(start)
        bass = near(chord[0], 43)
        for index, pitch in enumerate((bass - 12, bass, *voicing(chord, centre))):
            yield Note(start + index * roll, step * 0.9, pitch, velocity)


def alberti(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield a tune over broken chords in the left hand, as in a classical sonata."""
    beat, velocity = beat_length(rng, 70, 150), loudness(rng)
    step = beat / pick(rng, (2, 4))
    yield from _accompany(rng, seconds, pick(rng, ALBERTI), step, velocity * 0.8, 53, pedal=False)
    yield from _tune(rng, seconds, beat, velocity, 67, 93)


def oom_pah(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield a tune over a bass and chords in turn, as in a waltz, march or ragtime."""
    beat, velocity = beat_length(rng, 80, 190), loudness(rng)
    yield from _accompany(rng, seconds, pick(rng, OOM_PAH), beat, velocity * 0.85, 57, chance(rng, 0.3))
    if chance(rng, 0.8):
        yield from _tune(rng, seconds, beat, velocity, 67, 96)


def nocturne(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield a slow tune over wide broken chords, with the pedal down."""
    beat, velocity = beat_length(rng, 50, 90), loudness(rng)
    step = beat / pick(rng, (2, 3))
    yield from _accompany(rng, seconds, pick(rng, NOCTURNES), step, velocity * 0.75, 55, pedal=True)
    yield from _tune(rng, seconds, beat, velocity, 67, 91)


def comping(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield chords off the beat, as in pop and jazz, with or without the bass."""
    eighth, velocity = beat_length(rng, 70, 140) / 2, loudness(rng)
    yield from _accompany(rng, seconds, pick(rng, COMPS), eighth, velocity, int(rng.integers(55, 67)), False)


def octaves(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield a tune in octaves, or in octaves broken into a tremolo."""
    beat, velocity = beat_length(rng, 60, 120), loudness(rng)
    broken = chance(rng, 0.4)
    for note in _tune(rng, seconds, beat, velocity, 36, 88):
        if not broken:
            yield note
            yield note._replace(pitch=note.pitch + 12)
            continue
        for index, start in enumerate(times(note.length, 0.07)):
            yield Note(note.start + start, 0.07, note.pitch + 12 * (index % 2), velocity)


def counterpoint(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield two voices, as in an invention: a subject, and its answer two octaves below, two beats later."""
    beat, velocity = beat_length(rng, 60, 110), loudness(rng)
    for note in _tune(rng, seconds, beat, velocity, 64, 91):
        yield note
        yield note._replace(start=note.start + 2 * beat, pitch=note.pitch - 24)
    bass = walk(rng, ladder(rng, 36, 55, octaves=1))
    for start, pitch in zip(times(2 * beat, beat / 2), bass, strict=False):
        yield Note(start, beat / 2, pitch, velocity)


def two_hands(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield bass octaves, chords in the middle, and a tune on top."""
    beat, velocity = beat_length(rng, 60, 120), loudness(rng)
    chords = progression(rng)
    bars = [*times(seconds, 2 * beat), seconds]
    rungs = ladder(rng, 70, 92)
    tune = walk(rng, rungs)
    for (start, end), chord in zip(pairwise(bars), cycle(chords), strict=False):
        yield from _lift_pedal(start)
        bass = near(chord[0], 40)
        for pitch in (bass - 12, bass):
            yield Note(start, end - start, pitch, velocity)
        for offset in times(end - start, beat / pick(rng, (1, 2))):
            for pitch in voicing(chord, 58):
                yield Note(start + offset, beat / 2, pitch, velocity * 0.75)
            yield Note(start + offset, beat, next(tune), velocity * 1.1)


PHRASES: dict[str, Phrase] = {
    "single-notes": single_notes,
    "block-chords": block_chords,
    "alberti": alberti,
    "melody": melody,
    "arpeggio": arpeggio,
    "two-hands": two_hands,
    "scale": scale,
    "nocturne": nocturne,
    "counterpoint": counterpoint,
    "comping": comping,
    "oom-pah": oom_pah,
    "octaves": octaves,
}
