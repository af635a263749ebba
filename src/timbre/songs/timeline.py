"""Values along a song: from those of a network's pieces to those of steps, and from these to sections."""

from collections.abc import Sequence
from math import ceil

import numpy as np

from timbre.features.events import PAUSE, find_events
from timbre.songs.presence import Section

FINE = 0.1  # seconds: what sections are found by, whatever is printed
CERTAIN = 3.0  # logits beyond which no cell counts for more
CHANGE = 1.25  # what entering or leaving costs, in logits times seconds
LEANING = 0.25  # of how far a song's answer lies from its threshold, in logits, by which each moment is taken for more
MOST = 0.5  # logits of that
# All were chosen on songs of validation's windows, what the song's answer counts for on real music as well.


def levels_of_steps(levels: np.ndarray, piece: float, steps: int, hop: float) -> np.ndarray:
    """Level of each step of `hop` seconds, `[steps]`: the greatest of its pieces of `piece` seconds."""
    first = (np.arange(steps) * hop / piece).astype(int)
    end = np.ceil((np.arange(steps) + 1) * hop / piece).astype(int)
    return np.array([levels[start:stop].max(initial=0) for start, stop in zip(first, end, strict=True)])


def at_steps(logits: np.ndarray, times: np.ndarray, seconds: float, hop: float) -> np.ndarray:
    """Logits `[steps, instruments]` at the middles of steps of `hop`, from those at rising times, in seconds."""
    middles = (np.arange(max(1, ceil(seconds / hop - 1e-9))) + 0.5) * hop
    return np.stack([np.interp(middles, times, column) for column in logits.T], axis=1).astype(np.float32)


def leaning(answer: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """What a whole song says for each of its moments, logits `[instruments]`: who plays elsewhere in it, plays rather.

    Args:
        answer: of the song, logits.
        thresholds: probabilities from which an instrument is present.
    """
    with np.errstate(divide="ignore"):
        beyond = answer - log_odds(thresholds)
    return (LEANING * beyond).clip(-MOST, MOST).astype(np.float32)


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """The logits of probabilities."""
    return np.log(probabilities) - np.log1p(-probabilities)


def sections_of(logits: np.ndarray, sounds: np.ndarray, seconds: float, instruments: Sequence[str]) -> list[Section]:
    """Where each instrument plays: start and end in seconds, and its name; in order of time.

    Whether it plays is the likeliest path of two states between which each change has its cost (Viterbi, 1967), so that
    a doubt parts no section and a guess makes none. Pauses under a second part none either.

    Args:
        logits: `[steps, instruments]`, each `FINE` seconds long, above 0 where it plays.
        sounds: bool `[steps]`, where there is more than near silence.
        seconds: the length of the song.
        instruments: what the columns are.
    """
    gains = FINE * np.where(sounds[:, None], np.clip(logits, -CERTAIN, CERTAIN), -CERTAIN)
    found = []
    for name, plays in zip(instruments, _likeliest(gains, CHANGE).T, strict=True):
        for first, end in find_events(plays, round(PAUSE / FINE)):
            found.append((first * FINE, min(end * FINE, seconds), name))
    return sorted(found, key=lambda section: (section[0], instruments.index(section[2])))


def _likeliest(gains: np.ndarray, change: float) -> np.ndarray:
    """The states of greatest sum of gains where on, less the cost of each change, bool `[steps, columns]`."""
    on, off = np.full(gains.shape[1], -change), np.zeros(gains.shape[1])
    entered, left = np.zeros(gains.shape, bool), np.zeros(gains.shape, bool)
    for step, gain in enumerate(gains):
        entered[step], left[step] = off - change > on, on - change > off
        on, off = np.maximum(on, off - change) + gain, np.maximum(off, on - change)
    states, state = np.zeros(gains.shape, bool), on > off
    for step in range(len(gains) - 1, -1, -1):
        states[step] = state
        state = np.where(state, ~entered[step], left[step])
    return states
