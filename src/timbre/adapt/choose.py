"""Compare candidates with the old last layer, on songs that they have not learnt from, and choose one or none."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from timbre.adapt.fit import Corrections, Fit
from timbre.adapt.songs import LastLayer
from timbre.evaluation.bootstrap import Interval, Metric, difference, micro_f1

FOLDS = 20  # groups of songs; with at most as many groups, each is left out once
OLD = "as before"  # name of the old layer


class Trial(NamedTuple):
    """The scores of a layer on songs that it has not learnt from.

    Attributes:
        name: A candidate, or `OLD`.
        f1: Micro F1.
        log_loss: See `log_loss`.
        difference: Log loss minus that of the last layer before it that was better, with a 95 % interval.
        is_better: Whether that whole interval is below 0, and the F1 is not lower and was below 1.
    """

    name: str
    f1: float
    log_loss: float
    difference: Interval
    is_better: bool


def compare(layer: LastLayer, corrections: Corrections, candidates: Mapping[str, Fit]) -> list[Trial]:
    """Return the trials of the old layer and of the candidates, from the simplest one on, by cross-fitting over groups.

    The log loss decides, because it also sees small changes: F1 needs many songs, as few decisions are wrong.
    """
    logits = corrections.logits(layer)
    best, best_f1, trials = log_loss(layer, corrections, logits), 0.0, []
    for name, fit in {OLD: None, **candidates}.items():
        if fit:
            logits = cross_fitted(layer, corrections, fit)
        f1 = _value(micro_f1(corrections.targets, logits >= layer.thresholds), corrections)
        loss = log_loss(layer, corrections, logits)
        change = difference(best, loss, corrections.groups, 0, "adapt")
        is_better = fit is not None and bool(change.high < 0) and best_f1 <= f1 and best_f1 < 1
        if is_better or not fit:
            best, best_f1 = loss, f1
        trials.append(Trial(name, f1, _value(loss, corrections), change, is_better))
    return trials


def chosen(trials: Sequence[Trial]) -> str:
    """Return the name of the last layer that was better than those before it, or `OLD`."""
    return next((trial.name for trial in reversed(trials) if trial.is_better), OLD)


def log_loss(layer: LastLayer, corrections: Corrections, logits: np.ndarray) -> Metric:
    """Return the mean cross-entropy of the answers, in nats, of logits `[songs, instruments]` minus thresholds.

    It is about 0 where decisions are right and clear, and above 0.7 where they are wrong.
    """
    margins, targets = logits - layer.thresholds, corrections.targets
    losses = np.logaddexp(0, np.where(targets == 1, -margins, margins))
    total, known = np.where(np.isnan(targets), 0, losses).sum(axis=1), (~np.isnan(targets)).sum(axis=1)
    return lambda weights: (weights @ total) / np.maximum(weights @ known, 1)


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


def _value(metric: Metric, corrections: Corrections) -> float:
    return float(metric(np.ones((1, len(corrections.songs)), np.float32))[0])
