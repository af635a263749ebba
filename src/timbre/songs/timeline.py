"""Values along a song: from those of a network's pieces to those of steps, and from these to sections."""

from collections.abc import Sequence
from math import ceil

import numpy as np

FINE = 0.1  # seconds: what sections are found by, whatever is printed
BRIDGED = 1.0  # seconds: a shorter pause does not part two sections
NEARLY, SURELY = -1.5, 1.5  # logits beside an instrument's threshold, chosen on songs of validation's windows


def levels_of_steps(levels: np.ndarray, piece: float, steps: int, hop: float) -> np.ndarray:
    """Level of each step of `hop` seconds, `[steps]`: the greatest of its pieces of `piece` seconds."""
    first = (np.arange(steps) * hop / piece).astype(int)
    end = np.ceil((np.arange(steps) + 1) * hop / piece).astype(int)
    return np.array([levels[start:stop].max(initial=0) for start, stop in zip(first, end, strict=True)])


def at_steps(logits: np.ndarray, times: np.ndarray, seconds: float, hop: float) -> np.ndarray:
    """Logits `[steps, instruments]` at the middles of steps of `hop`, from those at rising times, in seconds."""
    middles = (np.arange(max(1, ceil(seconds / hop - 1e-9))) + 0.5) * hop
    return np.stack([np.interp(middles, times, column) for column in logits.T], axis=1).astype(np.float32)


def sections_of(
    logits: np.ndarray, sounds: np.ndarray, seconds: float, instruments: Sequence[str]
) -> list[tuple[float, float, str]]:
    """Where each instrument plays: start and end in seconds, and its name; in order of time.

    A section is a stretch, across pauses under a second, in which an instrument is nearly likely enough (`NEARLY`) and
    somewhere more than that (`SURELY`); it begins and ends where it is just likely enough. So a doubt parts no section,
    and a guess makes none (hysteresis).

    Args:
        logits: `[steps, instruments]`, each `FINE` seconds long, less that of the instrument's threshold.
        sounds: bool `[steps]`, where there is more than near silence.
        seconds: the length of the song.
        instruments: what the columns are.
    """
    found = []
    for name, values in zip(instruments, np.where(sounds, logits.T, -np.inf), strict=True):
        for first, end in stretches(values >= NEARLY, round(BRIDGED / FINE)):
            likely = first + np.flatnonzero(values[first:end] >= 0)
            if values[first:end].max() >= SURELY:
                found.append((float(likely[0] * FINE), min(float((likely[-1] + 1) * FINE), seconds), name))
    return sorted(found, key=lambda section: (section[0], instruments.index(section[2])))


def stretches(plays: np.ndarray, bridged: int) -> list[tuple[int, int]]:
    """Runs of true as (first, end), with gaps of fewer than `bridged` between them closed."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], plays, [False]]).astype(np.int8)))
    runs: list[tuple[int, int]] = []
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if runs and first - runs[-1][1] < bridged:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((first, end))
    return runs
