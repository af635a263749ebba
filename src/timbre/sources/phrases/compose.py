"""Composes random phrases, as a player might play them, from tables of chords, rhythms and grooves."""

import math
from collections.abc import Iterator

from timbre.sources.phrases import drums, guitar, piano, violin
from timbre.sources.phrases.music import Rng
from timbre.sources.phrases.score import Event, Note, Phrase

PHRASES: dict[str, dict[str, Phrase]] = {
    "guitar": guitar.PHRASES,
    "drums": drums.PHRASES,
    "violin": violin.PHRASES,
    "piano": piano.PHRASES,
}


def compose(instrument: str, kind: str, rng: Rng, seconds: float) -> list[Event]:
    """Return a phrase of `seconds` with small human irregularities. `kind` is a key of `PHRASES[instrument]`."""
    return list(_humanise(PHRASES[instrument][kind](rng, seconds), rng, steady=instrument == "drums"))


def _humanise(events: Iterator[Event], rng: Rng, steady: bool) -> Iterator[Event]:
    """Yield the events with random delays and loudness of each stroke, and a drifting tempo unless `steady`."""
    looseness, unevenness = rng.uniform(0, 0.01), rng.uniform(1, 7)
    drift, period = (0 if steady else rng.uniform(0, 0.08)), rng.uniform(2, 5)
    phase = rng.uniform(0, 2 * math.pi)
    wave = period / (2 * math.pi)
    for event in events:
        angle = event.start / wave
        start = event.start + drift * wave * (math.sin(angle + phase) - math.sin(phase))
        if isinstance(event, Note):
            start += abs(rng.normal(0, looseness))
            event = event._replace(velocity=event.velocity + rng.normal(0, unevenness))
        yield event._replace(start=max(start, 0.0))
