"""Compare the predictions of two revisions: on the test clips that both have, and on the new ones."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from timbre.core.errors import DataError
from timbre.evaluation import bootstrap
from timbre.evaluation.bootstrap import Interval, Metric
from timbre.evaluation.prediction_table import PredictionTable

TableMetric = Callable[[PredictionTable], Metric]
TABLE_METRICS: dict[str, TableMetric] = {
    "macro F1": lambda table: bootstrap.macro_f1(table.targets, table.present),
    "micro F1": lambda table: bootstrap.micro_f1(table.targets, table.present),
    "exact match": lambda table: bootstrap.exact_match(table.targets, table.present),
    "mean average precision": lambda table: bootstrap.mean(
        bootstrap.average_precision_by_instrument(table.targets, table.probabilities)
    ),
}


class Difference(NamedTuple):
    """A metric in the first revision, and the second one minus the first, with its interval."""

    before: float
    change: Interval


@dataclass(frozen=True)
class ScoreComparison:
    """The predictions of one task in two revisions.

    Attributes:
        shared: Number of test clips that both revisions have, with the same bytes and targets.
        only_first: Number of test clips that only the first revision has.
        only_second: Number of test clips that only the second revision has.
        metrics: Differences on the shared clips, by metric. A metric that one of them lacks is left out.
        fixed: Shared clips that only the second revision predicts right.
        broken: Shared clips that only the first revision predicts right.
        new_clips: Metrics of the second revision on the clips that only it has.
    """

    shared: int
    only_first: int
    only_second: int
    metrics: dict[str, Difference] = field(default_factory=dict)
    fixed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    new_clips: dict[str, Interval] = field(default_factory=dict)


def compare_scores(
    first: PredictionTable, second: PredictionTable, seed: int, *key: str | int, changed: Collection[str] = ()
) -> ScoreComparison:
    """Compare the predictions of two revisions.

    Differences are paired: each resample has the same clips for both.

    Args:
        first: Predictions of the earlier revision.
        second: Predictions of the later revision.
        seed: Seed of the resamples, together with `key`.
        key: See `timbre.core.rng.generator`.
        changed: Files with other bytes in the second revision. Clips made from them count as different clips.

    Raises:
        DataError: The revisions recognise different instruments.
    """
    check_instruments(first.instruments, second.instruments)
    pairs = _shared_rows(first, second, changed)
    others = sorted({*range(len(second.clips))} - {row for _, row in pairs})
    counts = len(pairs), len(first.clips) - len(pairs), len(others)
    new = second.take(others)
    new_clips = _scores(new, seed, *key) if others else {}
    if not pairs:
        return ScoreComparison(*counts, new_clips=new_clips)
    old, young = first.take([row for row, _ in pairs]), second.take([row for _, row in pairs])
    return ScoreComparison(
        *counts,
        metrics=_differences(old, young, seed, *key),
        fixed=[old.clips[row] for row in np.flatnonzero(young.correct & ~old.correct)],
        broken=[old.clips[row] for row in np.flatnonzero(old.correct & ~young.correct)],
        new_clips=new_clips,
    )


def check_instruments(first: tuple[str, ...], second: tuple[str, ...]) -> None:
    """Refuse revisions with different instruments.

    Raises:
        DataError: They differ.
    """
    if first != second:
        raise DataError(
            f"the instruments differ ({', '.join(first)}; {', '.join(second)}), so the scores cannot be compared"
        )


def _shared_rows(first: PredictionTable, second: PredictionTable, changed: Collection[str]) -> list[tuple[int, int]]:
    """Return the rows of each clip that both tables have, with the same targets."""
    row_of = {clip: row for row, clip in enumerate(second.clips) if not any(file in clip for file in changed)}
    return [
        (row, row_of[clip])
        for row, clip in enumerate(first.clips)
        if clip in row_of and np.array_equal(first.targets[row], second.targets[row_of[clip]], equal_nan=True)
    ]


def _differences(first: PredictionTable, second: PredictionTable, seed: int, *key: str | int) -> dict[str, Difference]:
    by_instrument = {f"F1 of {name}": _f1_of(label) for label, name in enumerate(first.instruments)}
    found = {}
    for name, metric in (TABLE_METRICS | by_instrument).items():
        change = bootstrap.difference(metric(first), metric(second), second.groups, seed, *key)
        if not np.isnan(change.value):
            found[name] = Difference(value_of(metric(first), len(first.clips)), change)
    return found


def _scores(table: PredictionTable, seed: int, *key: str | int) -> dict[str, Interval]:
    scores = {
        name: bootstrap.interval(metric(table), table.groups, seed, *key) for name, metric in TABLE_METRICS.items()
    }
    return {name: found for name, found in scores.items() if not np.isnan(found.value)}


def value_of(metric: Metric, clips: int) -> float:
    """Return a metric over all clips."""
    return float(metric(np.ones((1, clips), np.float32))[0])


def _f1_of(label: int) -> TableMetric:
    """Return the F1 of one instrument."""

    def metric(table: PredictionTable) -> Metric:
        by_instrument = bootstrap.f1_by_instrument(table.targets, table.present)
        return lambda weights: by_instrument(weights)[:, label]

    return metric


def verdict(change: Interval) -> str:
    """Return better, worse, the same, or within noise, by whether the interval of a difference contains 0."""
    if change.low > 0:
        return "better"
    if change.high < 0:
        return "worse"
    return "within noise" if change.low != 0 or change.high != 0 else "the same"
