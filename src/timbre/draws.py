"""What one epoch of training hears: which windows, at which levels, and the answers to them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from timbre.instruments import INSTRUMENTS
from timbre.labelled import targets_of
from timbre.params import Mixtures
from timbre.tables import Window


@dataclass(frozen=True)
class Draw:
    """Rows of a mel pack to be added up, and what plays in each sum.

    Attributes:
        rows: int `[clips, parts]`, rows of the pack.
        gains_db: float `[clips, parts]`, level of each part; minus infinity where there is none.
        targets: float `[clips, 4]`, 1 where an instrument plays.
    """

    rows: np.ndarray
    gains_db: np.ndarray
    targets: np.ndarray


def rows_by_clip(windows: Sequence[Window]) -> list[tuple[str, list[int]]]:
    """The label and the rows of each clip, rows counted in the order of the split's own table."""
    clips: dict[str, tuple[str, list[int]]] = {}
    for row, window in enumerate(windows):
        clips.setdefault(window.file, (window.label, []))[1].append(row)
    return list(clips.values())


def draw_alone(windows: Sequence[Window], rng: np.random.Generator) -> Draw:
    """Draw one window of each clip, in a random order, so that long files count no more than short ones."""
    clips = rows_by_clip(windows)
    order = rng.permutation(len(clips))
    rows = [rng.choice(clips[clip][1]) for clip in order]
    targets = targets_of([[clips[clip][0]] for clip in order])
    return Draw(np.array(rows)[:, None], np.zeros((len(rows), 1)), targets)


def draw_layers(windows: Sequence[Window], options: Mixtures, rng: np.random.Generator) -> Draw:
    """Draw as many fresh mixtures as the fixed ones, of 1 instrument up to the most that these have."""
    clips = rows_by_clip(windows)
    of_instrument = [[rows for label, rows in clips if label == instrument] for instrument in INSTRUMENTS]
    rows = np.zeros((options.train, len(INSTRUMENTS)), int)
    gains_db = rng.uniform(-options.gain_db, options.gain_db, rows.shape)
    targets = np.zeros(rows.shape, np.float32)
    for mixture in range(options.train):
        size = rng.integers(1, options.max_instruments + 1)
        for label in rng.permutation(len(INSTRUMENTS))[:size]:
            choices = of_instrument[label]
            clip = choices[rng.integers(len(choices))]
            rows[mixture, label] = clip[rng.integers(len(clip))]
            targets[mixture, label] = 1
    return Draw(rows, np.where(targets, gains_db, -np.inf), targets)


def draw_fixed(targets: np.ndarray, rng: np.random.Generator) -> Draw:
    """Draw every row of a pack of fixed mixtures once, in a random order."""
    order = rng.permutation(len(targets))
    return Draw(order[:, None], np.zeros((len(order), 1)), targets[order])
