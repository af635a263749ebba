"""Timelines: resample frame-level logits to an even grid, and find sections in them."""

from collections.abc import Sequence
from math import ceil

import numpy as np

from timbre.features.events import PAUSE, find_events
from timbre.songs.presence import Section

# The constants were chosen on songs arranged from the validation windows; SONG_WEIGHT on real music as well.
FINE_HOP = 0.1  # seconds per step of the grid in which sections are found, whatever hop is printed
MAX_LOGIT = 3.0  # logits are clipped to this, so that no frame alone decides a section
CHANGE_COST = 1.25  # cost of each start and each end of a section, in logits times seconds
SONG_WEIGHT = 0.25  # weight of the prediction for the whole song in each frame, in logits per logit
MOST_LOWERED, MOST_RAISED = 0.5, 0.1  # logits; raising more would add instruments to parts in which they pause


def levels_of_steps(levels: np.ndarray, piece: float, steps: int, hop: float) -> np.ndarray:
    """Return the level of each step of `hop` seconds, `[steps]`: the maximum over its pieces of `piece` seconds."""
    first = (np.arange(steps) * hop / piece).astype(int)
    end = np.ceil((np.arange(steps) + 1) * hop / piece).astype(int)
    return np.array([levels[start:stop].max(initial=0) for start, stop in zip(first, end, strict=True)])


def at_steps(logits: np.ndarray, times: np.ndarray, seconds: float, hop: float) -> np.ndarray:
    """Interpolate logits at the middle of each step.

    Args:
        logits: Logits `[times, instruments]`.
        times: The time of each row, in seconds, increasing.
        seconds: Length of the song.
        hop: Length of a step in seconds.

    Returns:
        Logits `[ceil(seconds / hop), instruments]`, float32.
    """
    middles = (np.arange(max(1, ceil(seconds / hop - 1e-9))) + 0.5) * hop
    return np.stack([np.interp(middles, times, column) for column in logits.T], axis=1).astype(np.float32)


def song_bias(logits: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Return what to add to the logits of each frame: an instrument that does not play in the song is less likely.

    An instrument that plays in the song is hardly likelier in each frame, because it may pause.

    Args:
        logits: Prediction for the whole song, logits `[instruments]`.
        thresholds: Probability from which each instrument counts as present.

    Returns:
        Logits `[instruments]`, float32.
    """
    with np.errstate(divide="ignore"):
        above_threshold = logits - log_odds(thresholds)
    return (SONG_WEIGHT * above_threshold).clip(-MOST_LOWERED, MOST_RAISED).astype(np.float32)


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """Return the logits of probabilities."""
    return np.log(probabilities) - np.log1p(-probabilities)


def sections_of(
    logits: np.ndarray, is_audible: np.ndarray, seconds: float, instruments: Sequence[str]
) -> list[Section]:
    """Find where each instrument plays: start and end in seconds, and the instrument; in order of time.

    For each instrument, this is the best path through two states, plays and does not play, in which each change has a
    cost (Viterbi, 1967). A short doubt therefore does not split a section, and a short guess does not make one. Pauses
    under a second are closed too.

    Args:
        logits: Logits `[steps, instruments]`, one row per `FINE_HOP` seconds, above 0 where the instrument plays.
        is_audible: Whether each step is louder than near silence, bool `[steps]`.
        seconds: Length of the song.
        instruments: Names of the columns.
    """
    gains = FINE_HOP * np.where(is_audible[:, None], np.clip(logits, -MAX_LOGIT, MAX_LOGIT), -MAX_LOGIT)
    found = []
    for name, plays in zip(instruments, _best_path(gains, CHANGE_COST).T, strict=True):
        for first, end in find_events(plays, round(PAUSE / FINE_HOP)):
            found.append((first * FINE_HOP, min(end * FINE_HOP, seconds), name))
    return sorted(found, key=lambda section: (section[0], instruments.index(section[2])))


def _best_path(gains: np.ndarray, change: float) -> np.ndarray:
    """Return the states, bool `[steps, columns]`, with the greatest sum of gains while on, less the cost of changes."""
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
