"""Values along a song: from those of a network's pieces to those of steps, and from these to sections."""

from math import ceil

import numpy as np


def levels_of_steps(levels: np.ndarray, piece: float, steps: int, hop: float) -> np.ndarray:
    """Level of each step of `hop` seconds, `[steps]`: the greatest of its pieces of `piece` seconds."""
    first = (np.arange(steps) * hop / piece).astype(int)
    end = np.ceil((np.arange(steps) + 1) * hop / piece).astype(int)
    return np.array([levels[start:stop].max(initial=0) for start, stop in zip(first, end, strict=True)])


def at_steps(logits: np.ndarray, first: float, spacing: float, seconds: float, hop: float) -> np.ndarray:
    """Logits `[steps, instruments]` at the middles of steps of `hop`, from those at `first + i * spacing` seconds."""
    times = first + np.arange(len(logits)) * spacing
    middles = (np.arange(max(1, ceil(seconds / hop - 1e-9))) + 0.5) * hop
    return np.stack([np.interp(middles, times, column) for column in logits.T], axis=1).astype(np.float32)


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
