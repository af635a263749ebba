"""Guitar phrases: single notes, lines, licks, power chords, strums and picked patterns on six strings."""

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
    rhythm,
    times,
    vibrato,
    walk,
)
from timbre.sources.phrases.score import Bend, Event, Note, Phrase

STRINGS = (40, 45, 50, 55, 59, 64)  # E A D G B E
LOW, HIGH = 40, 88

# Frets from the low E string up. x: not played. A capo adds to every fret.
SHAPES = {
    "A": "x02220",
    "A7": "x02020",
    "Am": "x02210",
    "Am7": "x02010",
    "Asus2": "x02200",
    "B7": "x21202",
    "Bm": "x24432",
    "C": "x32010",
    "C7": "x32310",
    "Cadd9": "x32030",
    "Cmaj7": "x32000",
    "D": "xx0232",
    "D7": "xx0212",
    "Dm": "xx0231",
    "Dm7": "xx0211",
    "Dsus4": "xx0233",
    "E": "022100",
    "E7": "020100",
    "Em": "022000",
    "Em7": "022030",
    "F": "133211",
    "Fmaj7": "xx3210",
    "F#m": "244222",
    "G": "320003",
    "G7": "320001",
    "Gm": "355333",
}
SONGS = (
    "G D Em C",
    "Am F C G",
    "C Am F G7",
    "E A E B7",
    "D A Bm G",
    "Em7 G D A7",
    "Am Dm E7 Am",
    "A D E A",
    "D Dsus4 D Asus2",
    "Cmaj7 Am7 Dm7 G7",
    "Em C Am B7",
    "Cadd9 G Em7 D",
    "F C G Am",
    "A7 D7 A7 E7",
    "Fmaj7 C Am G",
    "Gm F D7 Gm",
    "F#m D A E",
)
# Strokes on eighths. D: down, U: up, x: damped. The last two patterns have six eighths.
STRUMS = (
    "D.D.D.D.",
    "D.DU.UDU",
    "D.DUD.DU",
    "D..UD.DU",
    "DUDUDUDU",
    "D.xU.UxU",
    "DxxUDxxU",
    "D...D.U.",
    "D.DUDU",
    "D..D.U",
)
# One letter per eighth. p: bass string, b: the next one, i m a: the G, B and high E strings, *: bass and high E.
PICKINGS = (
    "pimaimpi",
    "pimapima",
    "pimami",
    "*imi*imi",
    "pibmpibm",
    "p.ib.mpi",
    "*.im.ibm",
    "pmimbmim",
    "pami",
    "pimabami",
    "*ima",
)
FINGERS = {"i": 3, "m": 2, "a": 1}  # strings counted from the high E
# Power chord riffs on eighths. o: an open chord, x: a palm-muted chord, -: the chord keeps ringing.
CHUGS = ("oxxxoxxx", "xxoxxoxx", "o--o--o-", "oxoxoxox", "xxxxxxoo", "o-xxo-xx", "o-------")
# Damped comping on sixteenths. c: a short chord, x: a scratch.
COMPS = ("c..c..c...c..c..", "..c...c...c...c.", "xxcxxxcxxxcxcxxx", "c...c...c...c...", "x.cxc.xcx.cxc.xc")
TECHNIQUES = ("plain", "plain", "bend", "release", "slide", "hammer", "vibrato")


def shape(name: str, capo: int = 0) -> list[int]:
    """Return the pitches of a chord shape, from its lowest string to its highest."""
    return [string + int(fret) + capo for string, fret in zip(STRINGS, SHAPES[name], strict=True) if fret != "x"]


def stroke(
    pitches: list[int], start: float, length: float, velocity: float, spread: float, up: bool = False
) -> Iterator[Note]:
    """Yield a stroke over the strings, with `spread` seconds between strings. An upstroke plays the upper four."""
    order = pitches[::-1][:4] if up else pitches
    for index, pitch in enumerate(order):
        delay = index * spread
        yield Note(start + delay, max(length - delay, 0.03), pitch, velocity * (1 - 0.04 * index))


def _song(rng: Rng) -> Iterator[list[int]]:
    """Return the chords of a random song, repeated without end, with a random capo and from a random chord on."""
    names, capo = pick(rng, SONGS).split(), int(rng.integers(0, 8))
    first = int(rng.integers(len(names)))
    return (shape(name, capo) for name in cycle(names[first:] + names[:first]))


def long_notes(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield one to four notes left to ring, anywhere on the neck."""
    step = seconds / int(rng.integers(1, 5))
    velocity, pitch = loudness(rng), int(rng.integers(LOW, HIGH + 1))
    for start in times(seconds, step):
        yield Note(start, step * rng.uniform(0.6, 1), pitch, velocity)
        pitch = int(rng.integers(LOW, HIGH + 1)) if chance(rng, 0.6) else pitch


def short_notes(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield separate plucked notes, damped or not, each after a pause."""
    rungs = ladder(rng, LOW, HIGH, octaves=1.5)
    velocity, step, held = loudness(rng), rng.uniform(0.25, 1), rng.uniform(0.2, 1)
    for start, pitch in zip(times(seconds, step), walk(rng, rungs), strict=False):
        yield Note(start, step * held, pitch, velocity * rng.uniform(0.8, 1.1))


def melody(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield a tune on one string at a time, with vibrato on long notes."""
    beat, velocity = beat_length(rng, 70, 140), loudness(rng)
    notes = walk(rng, ladder(rng, 50, 84))
    for (start, length), pitch in zip(rhythm(rng, seconds, beat), notes, strict=False):
        yield Bend(start, 0)
        yield Note(start, length * 0.95, pitch, velocity * rng.uniform(0.85, 1.1))
        if length > 0.5:
            yield from vibrato(start, length, rng.uniform(4, 6.5), rng.uniform(0.1, 0.4), 0.2)


def run(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield a scale or arpeggio picked fast, up and down the neck."""
    rungs = ladder(rng, LOW, HIGH, octaves=rng.uniform(1, 3))
    rungs = rungs[:: pick(rng, (1, 1, 2))]
    path = cycle(rungs + rungs[-2:0:-1])
    step, velocity = rng.uniform(0.08, 0.25), loudness(rng)
    for beat, (start, pitch) in enumerate(zip(times(seconds, step), path, strict=False)):
        yield Note(start, step * 1.1, pitch, velocity * (1.15 if beat % 4 == 0 else 0.95))


def lick(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield a solo on a pentatonic scale, with bends, slides, hammer-ons and vibrato."""
    beat, velocity = beat_length(rng, 70, 140), loudness(rng)
    notes = walk(rng, ladder(rng, 52, HIGH, PENTATONIC, octaves=1.5))
    for (start, length), pitch in zip(rhythm(rng, seconds, beat), notes, strict=False):
        yield from _technique(rng, pick(rng, TECHNIQUES), start, length, pitch, velocity)


def _technique(rng: Rng, name: str, start: float, length: float, pitch: int, velocity: float) -> Iterator[Event]:
    """Yield one note, played with one of `TECHNIQUES`."""
    interval = pick(rng, (1, 2, 2, 3))
    move = min(length * 0.5, rng.uniform(0.08, 0.3))
    yield Bend(start, 0)
    if name == "hammer":
        yield Note(start, move * 0.5, pitch - interval, velocity)
        yield Note(start + move * 0.5, length - move * 0.5, pitch, velocity * 0.75)
        return
    yield Note(start, length, pitch, velocity)
    if name == "bend":
        yield from glide(start + 0.04, move, 0, interval)
    elif name == "release":
        yield from glide(start, 0.02, interval, interval)
        yield from glide(start + length * 0.4, move, interval, 0)
    elif name == "slide":
        yield from glide(start, move, -2 * interval, 0)
    elif name == "vibrato":
        yield from vibrato(start, length, rng.uniform(4, 7), rng.uniform(0.2, 0.6), 0.1)


def slide(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield notes, intervals or chords, each reached by a slide of up to an octave, as with a bottleneck."""
    notes = walk(rng, ladder(rng, 45, 79, PENTATONIC))
    step, velocity = rng.uniform(0.4, 1.4), loudness(rng)
    above = pick(rng, ((0,), (0,), (0, 4), (0, 5), (0, 7), (0, 4, 7)))
    for start, pitch in zip(times(seconds, step), notes, strict=False):
        length, first = step * rng.uniform(0.15, 0.6), pick(rng, (-12, -7, -5, -3, -2, 2, 3, 5))
        for tone in above:
            yield Note(start, step, pitch + tone, velocity)
        yield from glide(start, length, first, 0)
        yield from vibrato(start, step, rng.uniform(4, 7), rng.uniform(0.1, 0.4), length + 0.05)


def riff(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield one bar on the low strings, repeated."""
    beat, velocity = beat_length(rng, 80, 160), loudness(rng)
    notes = walk(rng, ladder(rng, LOW, 64, PENTATONIC, octaves=1.2))
    held = rng.uniform(0.4, 1)
    bar = [(start, length, next(notes)) for start, length in rhythm(rng, 4 * beat, beat) if start < 4 * beat]
    for first in times(seconds, 4 * beat):
        for start, length, pitch in bar:
            yield Note(first + start, length * held, pitch, velocity * rng.uniform(0.85, 1.1))


def power_chords(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield fifths on the low strings, ringing or palm-muted."""
    beat, velocity = beat_length(rng, 80, 180), loudness(rng)
    roots = walk(rng, ladder(rng, LOW, 57, PENTATONIC, octaves=1))
    tones = pick(rng, ((0, 7), (0, 7, 12)))
    eighth, pattern, eighths_per_chord = beat / 2, pick(rng, CHUGS), pick(rng, (4, 8))
    for index, start in enumerate(times(seconds, eighth)):
        if index % eighths_per_chord == 0:
            root = next(roots)
        mark, rest = pattern[index % 8], pattern[index % 8 + 1 :]
        if mark == "o":
            ringing = 1 + len(rest) - len(rest.lstrip("-"))
            yield from stroke([root + tone for tone in tones], start, ringing * eighth, velocity, 0.006)
        elif mark == "x":
            yield from stroke([root, root + 7], start, 0.06, velocity * 0.8, 0.003)


def strum(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield chords strummed down and up in a pattern, half a bar or a bar per chord."""
    eighth, velocity = beat_length(rng, 70, 150) / 2, loudness(rng)
    pattern, spread, chords = pick(rng, STRUMS), rng.uniform(0.005, 0.022), _song(rng)
    strokes_per_chord = len(pattern) // pick(rng, (1, 1, 2))
    for index, start in enumerate(times(seconds, eighth)):
        if index % strokes_per_chord == 0:
            chord = next(chords)
        mark = pattern[index % len(pattern)]
        accent = velocity * (1.1 if index % 4 == 0 else 0.9)
        if mark in "DU":
            yield from stroke(chord, start, 2 * eighth, accent, spread, up=mark == "U")
        elif mark == "x":
            yield from stroke(chord, start, 0.03, accent * 0.7, 0.004)


def chords(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield full chords, one stroke each, left to ring."""
    step, velocity, spread = rng.uniform(0.8, 2.2), loudness(rng), rng.uniform(0.008, 0.04)
    for start, chord in zip(times(seconds, step), _song(rng), strict=False):
        yield from stroke(chord, start, step, velocity, spread, up=chance(rng, 0.15))


def fingerpicking(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield broken chords, plucked by thumb and fingers, every string left to ring."""
    eighth, velocity = beat_length(rng, 70, 140) / 2, loudness(rng)
    pattern, songs = pick(rng, PICKINGS), _song(rng)
    notes_per_chord = len(pattern) * pick(rng, (1, 1, 2)) if len(pattern) < 8 else len(pattern)
    for index, start in enumerate(times(seconds, eighth)):
        if index % notes_per_chord == 0:
            chord = next(songs)
        for pitch in _plucked(chord, pattern[index % len(pattern)]):
            yield Note(start, 4 * eighth, pitch, velocity * (1.1 if pitch == chord[0] else rng.uniform(0.8, 1)))


def _plucked(chord: list[int], finger: str) -> list[int]:
    """Return the pitches that a letter of `PICKINGS` plucks in a chord of four strings or more."""
    if finger == "*":
        return [chord[0], chord[-1]]
    if finger in FINGERS:
        return [chord[-FINGERS[finger]]]
    return {"p": [chord[0]], "b": [chord[1]], ".": []}[finger]


def double_stops(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield two strings at a time: thirds, fourths or sixths up and down a scale."""
    beat, velocity, gap = beat_length(rng, 70, 140), loudness(rng), pick(rng, (2, 2, 3, 5))
    rungs = ladder(rng, 48, HIGH, octaves=2.5)
    indices = walk(rng, range(len(rungs) - gap))
    for (start, length), index in zip(rhythm(rng, seconds, beat), indices, strict=False):
        for pitch in (rungs[index], rungs[index + gap]):
            yield Note(start, length * 0.95, pitch, velocity)


def comping(rng: Rng, seconds: float) -> Iterator[Event]:
    """Yield short damped chords and scratches on the upper strings, as in funk and reggae."""
    sixteenth, velocity = beat_length(rng, 80, 120) / 4, loudness(rng)
    pattern, songs, held = pick(rng, COMPS), _song(rng), rng.uniform(0.06, 0.2)
    for index, start in enumerate(times(seconds, sixteenth)):
        if index % 16 == 0:
            chord = next(songs)[-pick(rng, (3, 4)) :]
        mark = pattern[index % 16]
        if mark != ".":
            length, accent = (held, 1) if mark == "c" else (0.03, 0.7)
            yield from stroke(chord, start, length, velocity * accent, 0.005, up=index % 2 == 1)


PHRASES: dict[str, Phrase] = {
    "long-notes": long_notes,
    "strum": strum,
    "melody": melody,
    "fingerpicking": fingerpicking,
    "short-notes": short_notes,
    "power-chords": power_chords,
    "lick": lick,
    "chords": chords,
    "run": run,
    "comping": comping,
    "slide": slide,
    "riff": riff,
    "double-stops": double_stops,
}
