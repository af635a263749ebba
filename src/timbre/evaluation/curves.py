"""Compute curves and breakdowns of metrics: precision-recall curves, F1 by polyphony and by level, reliability.

Targets are as in `timbre.evaluation.metrics`; unknown ones are not scored.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from timbre.core.instruments import OTHER
from timbre.core.tables import Part
from timbre.evaluation.bootstrap import micro_f1

LEVELS = (0.0, 3.0, 6.0, 9.0, 12.0)  # dB below the loudest part: where each bin of `f1_by_level` starts
MAX_POINTS = 200  # of one precision-recall curve


def precision_recall(targets: ArrayLike, probabilities: ArrayLike) -> np.ndarray:
    """Return recall, precision and threshold of one instrument at falling thresholds, `[points, 3]`.

    Empty if the instrument never plays.

    Args:
        targets: `[clips]`.
        probabilities: `[clips]`.
    """
    from sklearn.metrics import precision_recall_curve

    targets, probabilities = _known(targets, probabilities)
    if not targets.any():
        return np.empty((0, 3))
    precision, recall, thresholds = precision_recall_curve(targets, probabilities)
    curve = np.stack([recall[:-1], precision[:-1], thresholds], axis=1)[::-1]
    return curve[np.unique(np.linspace(0, len(curve) - 1, MAX_POINTS).astype(int))]


def reliability(probabilities: ArrayLike, targets: ArrayLike, bins: int = 10) -> np.ndarray:
    """Return mean probability, fraction that plays and number of predictions for each bin that has any, `[bins, 3]`."""
    targets, values = _known(targets, probabilities)
    bin_of = np.minimum((values * bins).astype(int), bins - 1)
    members = [bin_of == index for index in range(bins)]
    rows = [(values[inside].mean(), targets[inside].mean(), inside.sum()) for inside in members if inside.any()]
    return np.array(rows).reshape(-1, 3)


def expected_calibration_error(probabilities: ArrayLike, targets: ArrayLike, bins: int = 10) -> float:
    """Return the mean distance between probability and fraction that plays, weighted by the size of each bin.

    NaN if there are no predictions. Source: Naeini, Cooper and Hauskrecht, AAAI 2015.
    """
    table = reliability(probabilities, targets, bins)
    if not len(table):
        return float("nan")
    return float((np.abs(table[:, 0] - table[:, 1]) * table[:, 2]).sum() / table[:, 2].sum())


def f1_by_number(targets: ArrayLike, present: ArrayLike) -> dict[int, float]:
    """Return the micro F1 of clips by how many instruments play in them, from one up.

    Args:
        targets: `[clips, instruments]`, all known.
        present: 1 where an instrument is predicted, `[clips, instruments]`.
    """
    targets, present = np.asarray(targets, bool), np.asarray(present, bool)
    numbers = targets.sum(axis=1)
    f1 = micro_f1(targets, present)
    return {
        int(number): float(f1((numbers == number)[None].astype(np.float32))[0])
        for number in np.unique(numbers[numbers > 0])
    }


def levels_below_loudest(mixtures: Sequence[Sequence[Part]], instruments: Sequence[str]) -> np.ndarray:
    """Return how many dB each instrument is below the loudest part of its mixture; NaN where it does not play.

    Returns:
        `[mixtures, instruments]`.
    """
    levels = np.full((len(mixtures), len(instruments)), np.nan)
    for row, parts in zip(levels, mixtures, strict=True):
        loudest = max(part.gain_db for part in parts)
        for part in parts:
            if part.instrument != OTHER:
                row[instruments.index(part.instrument)] = loudest - part.gain_db
    return levels


def f1_by_level(levels: np.ndarray, present: ArrayLike) -> np.ndarray:
    """Return the F1 of each instrument, and of all together, by level: `[levels, instruments + 1]`.

    Hits and misses are those of instruments at that level. False alarms are those in the same mixtures.

    Args:
        levels: See `levels_below_loudest`.
        present: 1 where an instrument is predicted, `[mixtures, instruments]`.
    """
    present, plays = np.asarray(present, bool), ~np.isnan(levels)
    rows = []
    for low, high in zip(LEVELS, (*LEVELS[1:], np.inf), strict=True):
        at_level = (levels >= low) & (levels < high)
        alarms = ~plays & present & at_level.any(axis=1, keepdims=True)
        counts = (table.sum(axis=0) for table in (at_level & present, at_level & ~present, alarms))
        hits, misses, false_alarms = (np.append(count, count.sum()) for count in counts)
        whole = 2 * hits + misses + false_alarms
        rows.append(np.where(hits + misses > 0, 2 * hits / np.maximum(whole, 1), np.nan))
    return np.array(rows)


def _known(targets: ArrayLike, probabilities: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the known targets and their probabilities, each float `[predictions]`."""
    targets, probabilities = np.ravel(targets).astype(float), np.ravel(probabilities).astype(float)
    return targets[~np.isnan(targets)], probabilities[~np.isnan(targets)]
