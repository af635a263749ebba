"""Confidence intervals of metrics, by a bootstrap over groups of clips, for one model or for a pair of models.

Clips of one group (a performance, a kit, a session) resemble each other, so whole groups are drawn with replacement:
the cluster bootstrap, with percentile intervals (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993). A
resample is one weight per clip: how often its group was drawn. A metric is a function of these weights and computes all
resamples at once. Targets are as in `timbre.evaluation.metrics`; unknown ones are not scored.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from timbre.core.rng import generator
from timbre.evaluation.metrics import exact_matches

RESAMPLES = 1000
LEVEL = 0.95

Metric = Callable[[np.ndarray], np.ndarray]
"""From weights of clips, float32 `[resamples, clips]`, to values, `[resamples]` or `[resamples, instruments]`."""


class Interval(NamedTuple):
    """A metric and its interval; arrays `[instruments]` if the metric has one value per instrument."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def interval(metric: Metric, groups: Sequence[str], seed: int, *key: str | int, resamples: int = RESAMPLES) -> Interval:
    """Return a metric over all clips and its 95 % interval over resampled groups.

    Args:
        metric: One of the metrics below, or another function of weights.
        groups: Group of each clip. A clip with an empty name is a group of its own.
        seed: Seed of the resamples, together with `key`.
        key: See `timbre.core.rng.generator`.
        resamples: Number of resamples.
    """
    tail = (1 - LEVEL) / 2
    drawn = metric(resample(groups, seed, *key, resamples=resamples))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an instrument may have no value in any resample
        low, high = np.nanquantile(drawn, (tail, 1 - tail), axis=0)
    return Interval(metric(np.ones((1, len(groups)), np.float32))[0], low, high)


def difference(
    first: Metric, second: Metric, groups: Sequence[str], seed: int, *key: str | int, resamples: int = RESAMPLES
) -> Interval:
    """Return the second metric minus the first, over the same resamples of the same clips."""
    return interval(lambda weights: second(weights) - first(weights), groups, seed, *key, resamples=resamples)


def resample(groups: Sequence[str], seed: int, *key: str | int, resamples: int = RESAMPLES) -> np.ndarray:
    """Draw as many groups as there are, and return how often each clip is drawn, float32 `[resamples, clips]`."""
    names = [group or ("", clip) for clip, group in enumerate(groups)]
    number = {name: index for index, name in enumerate(dict.fromkeys(names))}
    times = generator(seed, "bootstrap", *key).multinomial(
        len(number), np.full(len(number), 1 / len(number)), resamples
    )
    return times.astype(np.float32)[:, [number[name] for name in names]]


def macro_f1(targets: ArrayLike, present: ArrayLike) -> Metric:
    """Return the mean F1 over the instruments that have one; targets and predictions are `[clips, instruments]`."""
    return mean(f1_by_instrument(targets, present))


def micro_f1(targets: ArrayLike, present: ArrayLike) -> Metric:
    """Return the F1 over all clips and instruments together; NaN if nothing plays and nothing is predicted."""
    counts = _counts(targets, present)
    return lambda weights: _f1(*(count.sum(axis=-1) for count in counts(weights)))


def f1_by_instrument(targets: ArrayLike, present: ArrayLike) -> Metric:
    """Return the F1 of each instrument; NaN if it never plays and is never predicted."""
    counts = _counts(targets, present)
    return lambda weights: _f1(*counts(weights))


def precision_by_instrument(targets: ArrayLike, present: ArrayLike) -> Metric:
    """Return the precision of each instrument; 0 if it is never predicted."""
    counts = _counts(targets, present)

    def precision(weights: np.ndarray) -> np.ndarray:
        hits, false_alarms, _ = counts(weights)
        return _ratio(hits, hits + false_alarms)

    return precision


def recall_by_instrument(targets: ArrayLike, present: ArrayLike) -> Metric:
    """Return the recall of each instrument; 0 if it never plays."""
    counts = _counts(targets, present)

    def recall(weights: np.ndarray) -> np.ndarray:
        hits, _, misses = counts(weights)
        return _ratio(hits, hits + misses)

    return recall


def exact_match(targets: ArrayLike, present: ArrayLike) -> Metric:
    """Return the fraction of clips predicted right for all instruments; the accuracy of single-label predictions."""
    matches = exact_matches(targets, present).astype(np.float32)
    return lambda weights: _ratio(weights @ matches, weights.sum(axis=1))


def average_precision_by_instrument(targets: ArrayLike, probabilities: ArrayLike) -> Metric:
    """Return the average precision of each instrument, as scikit-learn defines it; NaN if it never plays."""
    ranked = _ranked(targets, probabilities)

    def average_precision(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
        hits = positive.cumsum(axis=1)
        precision = _ratio(hits, hits + negative.cumsum(axis=1))
        return _ratio((precision * positive).sum(axis=1), positive.sum(axis=1), np.nan)

    return lambda weights: np.stack([average_precision(*weigh(weights)) for weigh in ranked], axis=1)


def auc_by_instrument(targets: ArrayLike, probabilities: ArrayLike) -> Metric:
    """Return the area under the ROC curve of each instrument; NaN if it always or never plays."""
    ranked = _ranked(targets, probabilities)

    def area(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
        above = positive.cumsum(axis=1) - positive / 2  # a tie is half a win
        return _ratio((above * negative).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1), np.nan)

    return lambda weights: np.stack([area(*weigh(weights)) for weigh in ranked], axis=1)


def mean(by_instrument: Metric) -> Metric:
    """Return the mean over the instruments that have a value."""

    def over_instruments(weights: np.ndarray) -> np.ndarray:
        values = by_instrument(weights)
        known = ~np.isnan(values)
        return _ratio(np.where(known, values, 0).sum(axis=1), known.sum(axis=1), np.nan)

    return over_instruments


def _counts(targets: ArrayLike, present: ArrayLike) -> Callable[[np.ndarray], tuple[np.ndarray, ...]]:
    """Return a function from weights to hits, false alarms and misses, each `[resamples, instruments]`.

    float32 represents these counts exactly.
    """
    plays, absent, present = np.equal(targets, 1), np.equal(targets, 0), np.asarray(present, bool)
    tables = [table.astype(np.float32) for table in (plays & present, absent & present, plays & ~present)]
    return lambda weights: tuple(weights @ table for table in tables)


WeightsByRank = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From weights of clips to the weights where an instrument plays and where it does not, `[resamples, ranks]`."""


def _ranked(targets: ArrayLike, probabilities: ArrayLike) -> list[WeightsByRank]:
    """Return one function per instrument. Ranks go from the highest probability down; equal ones share a rank."""
    targets, probabilities = np.asarray(targets, float), np.asarray(probabilities)
    return [_by_rank(plays, values) for plays, values in zip(targets.T, probabilities.T, strict=True)]


def _by_rank(plays: np.ndarray, probabilities: np.ndarray) -> WeightsByRank:
    order = np.argsort(-probabilities, kind="stable")
    order = order[~np.isnan(plays[order])]
    starts = np.flatnonzero(np.diff(probabilities[order], prepend=np.nan) != 0)
    positive = plays[order]

    def weigh(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weights = weights[:, order]
        plays_at_rank = np.add.reduceat(weights * positive, starts, axis=1)
        return plays_at_rank, np.add.reduceat(weights * (1 - positive), starts, axis=1)

    return weigh


def _f1(hits: np.ndarray, false_alarms: np.ndarray, misses: np.ndarray) -> np.ndarray:
    return _ratio(2 * hits, 2 * hits + false_alarms + misses, np.nan)


def _ratio(part: np.ndarray, whole: np.ndarray, empty: float = 0.0) -> np.ndarray:
    """Return part / whole in float64, or `empty` where the whole is 0."""
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    return np.divide(part, whole, out=np.full(whole.shape, empty), where=whole > 0)
