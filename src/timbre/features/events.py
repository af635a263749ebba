"""Find events (onset and offset) in frame-level activity, for predicted timelines and for ground truth."""

import numpy as np

PAUSE = 1.0  # seconds: shorter pauses do not split an event


def find_events(plays: np.ndarray, bridged: int) -> list[tuple[int, int]]:
    """Return the runs of True as (first, end), after closing gaps of fewer than `bridged` frames.

    Args:
        plays: activity of each frame, bool `[frames]`.
        bridged: gaps of fewer frames are closed.

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
