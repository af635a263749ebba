"""How much of a song each instrument plays in, computed from sections: shares, words, first times and solos."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeAlias

Section = tuple[float, float, str]
"""Start and end in seconds, and the instrument."""

OFTEN = 0.25
WORDS = {0.0: "now and then", OFTEN: "often", 0.75: "throughout"}  # least share of the song: word
ABSENT = "absent"
PERHAPS = "perhaps"
LEAST_SHARE = 0.001  # of an instrument that plays at all
MIN_SOLO = 1.0  # seconds; shorter solos are not reported
FEW = 6  # with more instruments, only those that play are listed one by one

Bounds: TypeAlias = tuple[float | None, float | None]
"""The probability below which an instrument is surely absent, and from which it is surely present. None: never sure."""


def shares(sections: Iterable[Section], seconds: float, instruments: Sequence[str]) -> dict[str, float]:
    """Return the share of a song in which each instrument plays, to three digits; never 0 if it plays at all."""
    total = dict.fromkeys(instruments, 0.0)
    for start, end, name in sections:
        total[name] += end - start
    return {
        name: max(LEAST_SHARE, round(min(length / seconds, 1.0), 3)) if length else 0.0
        for name, length in total.items()
    }


def word(share: float, is_present: bool) -> str:
    """Return the word for a share: absent, now and then, often (from a quarter), throughout (from three quarters).

    If it contradicts the answer for the song, it begins with perhaps.

    >>> word(0, False), word(0.2, True), word(0.25, True), word(0.9, True)
    ('absent', 'now and then', 'often', 'throughout')
    >>> word(0, True), word(0.2, False), word(0.25, False)
    ('perhaps', 'now and then', 'perhaps often')
    """
    text = [text for least, text in WORDS.items() if share >= least][-1] if share > 0 else ABSENT
    return perhaps(text) if (share == 0 if is_present else share >= OFTEN) else text


def perhaps(word: str) -> str:
    """Return a word for a share as one that is unsure.

    >>> perhaps("absent"), perhaps("often"), perhaps("perhaps often")
    ('perhaps', 'perhaps often', 'perhaps often')
    """
    return PERHAPS if word == ABSENT else word if word.startswith(PERHAPS) else f"{PERHAPS} {word}"


def is_sure(probability: float, is_present: bool, bounds: Bounds) -> bool:
    """Return whether an answer is sure: present with a high enough probability, or absent with a low enough one.

    >>> is_sure(0.9, True, (0.1, 0.8)), is_sure(0.5, True, (0.1, 0.8)), is_sure(0.05, False, (None, 0.8))
    (True, False, False)
    """
    lower, upper = bounds
    return upper is not None and probability >= upper if is_present else lower is not None and probability < lower


def first_heard(sections: Iterable[Section]) -> dict[str, float]:
    """Return when each instrument first plays, in seconds.

    >>> first_heard([(2.0, 3.0, "piano"), (4.0, 9.0, "drums"), (5.0, 6.0, "piano")])
    {'piano': 2.0, 'drums': 4.0}
    """
    first: dict[str, float] = {}
    for start, _, name in sections:
        first[name] = min(start, first.get(name, start))
    return first


def solos(sections: Sequence[Section]) -> list[Section]:
    """Return where exactly one of the instruments plays for a second or more, in order of time.

    >>> solos([(0.0, 5.0, "piano"), (3.0, 8.0, "drums")])
    [(0.0, 3.0, 'piano'), (5.0, 8.0, 'drums')]
    """
    times = sorted({time for start, end, _ in sections for time in (start, end)})
    found: list[Section] = []
    for start, end in pairwise(times):
        playing = [name for first, last, name in sections if first <= start and end <= last]
        if len(playing) == 1:
            if found and found[-1][1:] == (start, playing[0]):
                start = found.pop()[0]
            found.append((start, end, playing[0]))
    return [(start, end, name) for start, end, name in found if end - start >= MIN_SOLO]
