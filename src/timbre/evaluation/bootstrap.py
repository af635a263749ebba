"""How sure a metric is: bootstrap intervals over clips that are drawn by group, of one model or of a pair.

Clips of one group (a performance, a kit, a session) resemble each other, so whole groups are drawn with replacement:
the cluster bootstrap, with percentile intervals (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993). A
resample is a weight for each clip, how often its group was drawn; a metric is a function of such weights, and works out
all resamples at once. Where the truth is not a number, it is not known whether an instrument plays, and nothing is
scored.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from timbre.core.rng import generator
from timbre.evaluation.metrics import answered_right

RESAMPLES = 1000
LEVEL = 0.95

Metric = Callable[[np.ndarray], np.ndarray]
"""Weights of clips, float32 `[resamples, clips]`, to metrics, `[resamples]` or `[resamples, instruments]`."""


class Interval(NamedTuple):
    """A metric and the bounds of its interval; arrays `[instruments]` where the metric has one for each."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def interval(metric: Metric, groups: Sequence[str], seed: int, *key: str | int, resamples: int = RESAMPLES) -> Interval:
    """The metric of all clips, and the middle 95 % of it over resamples of groups.

    Args:
        metric: one of those below, or another function of weights.
        groups: of each clip; an empty name stands for a group of its own.
        seed: with `key`, what the resamples follow from.
        key: as in `timbre.core.rng.generator`.
        resamples: how many.
    """
    tail = (1 - LEVEL) / 2
    drawn = metric(resample(groups, seed, *key, resamples=resamples))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of instruments without a metric in any resample
        low, high = np.nanquantile(drawn, (tail, 1 - tail), axis=0)
    return Interval(metric(np.ones((1, len(groups)), np.float32))[0], low, high)


def difference(
    first: Metric, second: Metric, groups: Sequence[str], seed: int, *key: str | int, resamples: int = RESAMPLES
) -> Interval:
    """By how much the second of two metrics of the same clips is larger, both resampled alike."""
    return interval(lambda weights: second(weights) - first(weights), groups, seed, *key, resamples=resamples)


def resample(groups: Sequence[str], seed: int, *key: str | int, resamples: int = RESAMPLES) -> np.ndarray:
    """How often each clip is drawn, float32 `[resamples, clips]`, when as many groups are drawn as there are."""
    names = [group or ("", clip) for clip, group in enumerate(groups)]
    number = {name: index for index, name in enumerate(dict.fromkeys(names))}
    times = generator(seed, "bootstrap", *key).multinomial(
        len(number), np.full(len(number), 1 / len(number)), resamples
    )
    return times.astype(np.float32)[:, [number[name] for name in names]]


def macro_f1(truth: ArrayLike, present: ArrayLike) -> Metric:
    """Mean F1 of the instruments that have one; truth and answers are 1 where one plays, `[clips, instruments]`."""
    return mean(f1_of_each(truth, present))


def micro_f1(truth: ArrayLike, present: ArrayLike) -> Metric:
    """F1 of all answers to all clips and instruments together; not a number where none plays and none is heard."""
    counts = _counts(truth, present)
    return lambda weights: _f1(*(count.sum(axis=-1) for count in counts(weights)))


def f1_of_each(truth: ArrayLike, present: ArrayLike) -> Metric:
    """F1 of each instrument; not a number where it neither plays nor is heard, as in `metrics`."""
    counts = _counts(truth, present)
    return lambda weights: _f1(*counts(weights))


def precision_of_each(truth: ArrayLike, present: ArrayLike) -> Metric:
    """Precision of each instrument; 0 where it is never heard."""
    counts = _counts(truth, present)

    def precision(weights: np.ndarray) -> np.ndarray:
        hit, false, _ = counts(weights)
        return _ratio(hit, hit + false)

    return precision


def recall_of_each(truth: ArrayLike, present: ArrayLike) -> Metric:
    """Recall of each instrument; 0 where it never plays."""
    counts = _counts(truth, present)

    def recall(weights: np.ndarray) -> np.ndarray:
        hit, _, missed = counts(weights)
        return _ratio(hit, hit + missed)

    return recall


def exact_match(truth: ArrayLike, present: ArrayLike) -> Metric:
    """Share of clips answered wholly right; accuracy where one instrument plays."""
    right = answered_right(truth, present).astype(np.float32)
    return lambda weights: _ratio(weights @ right, weights.sum(axis=1))


def average_precision_of_each(truth: ArrayLike, probabilities: ArrayLike) -> Metric:
    """Average precision of each instrument, as scikit-learn has it; not a number where it never plays."""
    ranked = _ranked(truth, probabilities)

    def average_precision(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
        hit = positive.cumsum(axis=1)
        precision = _ratio(hit, hit + negative.cumsum(axis=1))
        return _ratio((precision * positive).sum(axis=1), positive.sum(axis=1), np.nan)

    return lambda weights: np.stack([average_precision(*blocks(weights)) for blocks in ranked], axis=1)


def auc_of_each(truth: ArrayLike, probabilities: ArrayLike) -> Metric:
    """Area under each instrument's ROC curve; not a number where it always or never plays."""
    ranked = _ranked(truth, probabilities)

    def area(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
        above = positive.cumsum(axis=1) - positive / 2  # a tie is half a win
        return _ratio((above * negative).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1), np.nan)

    return lambda weights: np.stack([area(*blocks(weights)) for blocks in ranked], axis=1)


def mean(of_each: Metric) -> Metric:
    """The mean over instruments of such a metric, of those that have a metric."""

    def over_instruments(weights: np.ndarray) -> np.ndarray:
        values = of_each(weights)
        known = ~np.isnan(values)
        return _ratio(np.where(known, values, 0).sum(axis=1), known.sum(axis=1), np.nan)

    return over_instruments


def _counts(truth: ArrayLike, present: ArrayLike) -> Callable[[np.ndarray], tuple[np.ndarray, ...]]:
    """Weights to hits, false alarms and misses, each `[resamples, instruments]`; float32 holds such counts exactly."""
    plays, silent, present = np.equal(truth, 1), np.equal(truth, 0), np.asarray(present, bool)
    tables = [table.astype(np.float32) for table in (plays & present, silent & present, plays & ~present)]
    return lambda weights: tuple(weights @ table for table in tables)


def _ranked(truth: ArrayLike, probabilities: ArrayLike) -> list[Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]]:
    """For each instrument: weights of clips to those where it plays and where not, `[resamples, ranks]`, highest first.

    Clips of one probability share a rank.
    """
    truth, probabilities = np.asarray(truth, float), np.asarray(probabilities)
    return [_blocks(plays, given) for plays, given in zip(truth.T, probabilities.T, strict=True)]


def _blocks(plays: np.ndarray, given: np.ndarray) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    order = np.argsort(-given, kind="stable")
    order = order[~np.isnan(plays[order])]
    starts = np.flatnonzero(np.diff(given[order], prepend=np.nan) != 0)
    positive = plays[order]

    def reduced(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values, starts, axis=1)

    def blocks(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weights = weights[:, order]
        return reduced(weights * positive), reduced(weights * (1 - positive))

    return blocks


def _f1(hit: np.ndarray, false: np.ndarray, missed: np.ndarray) -> np.ndarray:
    return _ratio(2 * hit, 2 * hit + false + missed, np.nan)


def _ratio(part: np.ndarray, whole: np.ndarray, empty: float = 0.0) -> np.ndarray:
    """Part by whole in float64, `empty` where the whole is nothing."""
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    return np.divide(part, whole, out=np.full(whole.shape, empty), where=whole > 0)
