"""What lies behind the metrics: precision against recall, F1 by size and by level, probability against share.

Where the truth is not a number, it is not known whether an instrument plays, and nothing is scored.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from timbre.core.instruments import OTHER
from timbre.core.tables import Part
from timbre.evaluation.bootstrap import micro_f1

LEVELS = (0.0, 3.0, 6.0, 9.0, 12.0)  # dB below the loudest from which each step of `f1_by_level` counts
POINTS = 200  # of a curve, at most


def precision_recall(truth: ArrayLike, probabilities: ArrayLike) -> np.ndarray:
    """Precision and recall of one instrument at falling thresholds, `[points, 3]`: recall, precision, threshold.

    Without a point where it never plays.

    Args:
        truth: 1 where it plays, `[clips]`.
        probabilities: `[clips]`.
    """
    from sklearn.metrics import precision_recall_curve

    truth, probabilities = _known(truth, probabilities)
    if not truth.any():
        return np.empty((0, 3))
    precision, recall, thresholds = precision_recall_curve(truth, probabilities)
    curve = np.stack([recall[:-1], precision[:-1], thresholds], axis=1)[::-1]
    return curve[np.unique(np.linspace(0, len(curve) - 1, POINTS).astype(int))]


def reliability(probabilities: ArrayLike, truth: ArrayLike, bins: int = 10) -> np.ndarray:
    """Mean probability, share that is true and number of answers in each equal bin that has any, `[bins, 3]`."""
    truth, values = _known(truth, probabilities)
    place = np.minimum((values * bins).astype(int), bins - 1)
    held = [place == index for index in range(bins)]
    rows = [(values[here].mean(), truth[here].mean(), here.sum()) for here in held if here.any()]
    return np.array(rows).reshape(-1, 3)


def expected_calibration_error(probabilities: ArrayLike, truth: ArrayLike, bins: int = 10) -> float:
    """Mean distance between probability and share that is true, weighted by how many answers each bin holds; not a
    number where there are none.

    Source: Naeini, Cooper and Hauskrecht, AAAI 2015.
    """
    table = reliability(probabilities, truth, bins)
    if not len(table):
        return float("nan")
    return float((np.abs(table[:, 0] - table[:, 1]) * table[:, 2]).sum() / table[:, 2].sum())


def f1_by_number(truth: ArrayLike, present: ArrayLike) -> dict[int, float]:
    """Micro F1 of clips by how many instruments play in them, from one on, of two tables `[clips, instruments]`."""
    truth, present = np.asarray(truth, bool), np.asarray(present, bool)
    numbers = truth.sum(axis=1)
    return {int(number): _micro_f1(truth, present, numbers == number) for number in np.unique(numbers[numbers > 0])}


def levels_below_loudest(mixtures: Sequence[Sequence[Part]], instruments: Sequence[str]) -> np.ndarray:
    """How far below its mixture's loudest part each instrument lies, in dB, `[clips, instruments]`; NaN where none."""
    levels = np.full((len(mixtures), len(instruments)), np.nan)
    for row, parts in zip(levels, mixtures, strict=True):
        loudest = max(part.gain_db for part in parts)
        for part in parts:
            if part.instrument != OTHER:
                row[instruments.index(part.instrument)] = loudest - part.gain_db
    return levels


def f1_by_level(levels: np.ndarray, present: ArrayLike) -> np.ndarray:
    """F1 of each instrument where it lies at some level, and of all together: `[steps, instruments + 1]`.

    Hits and misses are those of instruments at that level, false alarms those in the same mixtures.

    Args:
        levels: as `levels_below_loudest` gives them.
        present: what was heard, `[clips, instruments]`.
    """
    present, plays = np.asarray(present, bool), ~np.isnan(levels)
    rows = []
    for low, high in zip(LEVELS, (*LEVELS[1:], np.inf), strict=True):
        here = (levels >= low) & (levels < high)
        alarms = ~plays & present & here.any(axis=1, keepdims=True)
        hit, missed, false = (table.sum(axis=0) for table in (here & present, here & ~present, alarms))
        hit, missed, false = (np.append(counts, counts.sum()) for counts in (hit, missed, false))
        whole = 2 * hit + missed + false
        rows.append(np.where(hit + missed > 0, 2 * hit / np.maximum(whole, 1), np.nan))
    return np.array(rows)


def _known(truth: ArrayLike, probabilities: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Truth and probabilities where the truth is known, each float `[answers]`."""
    truth, probabilities = np.ravel(truth).astype(float), np.ravel(probabilities).astype(float)
    return truth[~np.isnan(truth)], probabilities[~np.isnan(truth)]


def _micro_f1(truth: np.ndarray, present: np.ndarray, of: np.ndarray) -> float:
    return float(micro_f1(truth, present)(of[None].astype(np.float32))[0])
