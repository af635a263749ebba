"""Compare candidates with the old last layer, on songs that they have not learnt from, and choose one or none."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from timbre.adapt.fit import Corrections, Fit
from timbre.adapt.songs import LastLayer
from timbre.evaluation.bootstrap import Interval, difference, interval, micro_f1

FOLDS = 20  # groups of songs; with at most as many groups, each is left out once


class Trial(NamedTuple):
    """A candidate's micro F1, and its difference to that of the old layer with a 95 % interval."""

    name: str
    f1: float
    difference: Interval

    @property
    def is_better(self) -> bool:
        """Whether the whole interval is above 0."""
        return bool(self.difference.low > 0)


def compare(layer: LastLayer, corrections: Corrections, candidates: Mapping[str, Fit]) -> tuple[float, list[Trial]]:
    """Return the micro F1 of the old layer, and one trial per candidate, by cross-fitting over groups."""
    before = micro_f1(corrections.targets, corrections.logits(layer) >= layer.thresholds)
    trials = []
    for name, fit in candidates.items():
        after = micro_f1(corrections.targets, cross_fitted(layer, corrections, fit) >= layer.thresholds)
        value = interval(after, corrections.groups, 0, "adapt", resamples=1).value
        trials.append(Trial(name, float(value), difference(before, after, corrections.groups, 0, "adapt")))
    return float(interval(before, corrections.groups, 0, "adapt", resamples=1).value), trials


def cross_fitted(layer: LastLayer, corrections: Corrections, fit: Fit) -> np.ndarray:
    """Return logits `[songs, instruments]`, each of a layer that was fitted without the song's group."""
    number = {group: index % FOLDS for index, group in enumerate(dict.fromkeys(corrections.groups))}
    folds = np.array([number[group] for group in corrections.groups])
    logits = np.empty(corrections.targets.shape)
    for fold in range(folds.max() + 1):
        rows, others = np.flatnonzero(folds == fold).tolist(), np.flatnonzero(folds != fold).tolist()
        fitted = fit(layer, corrections.subset(others))
        logits[rows] = corrections.subset(rows).logits(fitted)
    return logits


def best(trials: Sequence[Trial]) -> Trial | None:
    """Return the trial with the largest difference of those that are better, or None.

    Each is better by chance in at most 2.5 % of cases, so one of two is in at most 5 %.
    """
    better = [trial for trial in trials if trial.is_better]
    return max(better, key=lambda trial: float(trial.difference.value), default=None)
