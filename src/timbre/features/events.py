"""Runs of what plays: of a song's timeline, and of the truth that it is judged by."""

import numpy as np

PAUSE = 1.0  # seconds: a shorter one does not part two sections


def find_events(plays: np.ndarray, bridged: int) -> list[tuple[int, int]]:
    """Runs of true as (first, end), with gaps of fewer than `bridged` between them closed.

    >>> find_events(np.array([1, 0, 1, 0, 0, 1], bool), 2)
    [(0, 3), (5, 6)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], plays, [False]]).astype(np.int8)))
    runs: list[tuple[int, int]] = []
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if runs and first - runs[-1][1] < bridged:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((first, end))
    return runs
