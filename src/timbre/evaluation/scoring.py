"""Score predictions of labelled recordings, with intervals; `timbre benchmark` and the songs of evaluate use it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from timbre.core.tables import DIGITS
from timbre.evaluation import bootstrap
from timbre.evaluation.bootstrap import Interval, Metric, interval
from timbre.evaluation.curves import expected_calibration_error
from timbre.songs.song import Song

TITLES = {
    "auc": "AUC",
    "average_precision": "average precision",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "micro_f1": "micro F1",
    "f1_of_absence": "F1 of absence",
    "false_positive_rate": "false positive rate",
    "single_label_recall": "single-label recall",
    "expected_calibration_error": "expected calibration error",
}


class RecordingPredictions(NamedTuple):
    """Predictions of recordings or mixtures.

    Attributes:
        probabilities: Of the layered model, `[recordings, instruments]`.
        present: Instruments that the layered model predicts, bool `[recordings, instruments]`.
        single: The one instrument that the single model predicts, bool `[recordings, instruments]`, or None.
    """

    probabilities: np.ndarray
    present: np.ndarray
    single: np.ndarray | None = None


class Score(NamedTuple):
    """A metric: the mean over instruments, and its values by instrument. A bound that is not computed is NaN."""

    overall: Interval
    by_instrument: Interval | None = None


def predictions_of(songs: Sequence[Song], instruments: Sequence[str]) -> RecordingPredictions:
    """Return the predictions of songs as arrays."""
    has_single = any(song.instrument for song in songs)
    return RecordingPredictions(
        probabilities=np.array([song.probabilities for song in songs]),
        present=np.array([[name in song.present for name in instruments] for song in songs]),
        single=np.array([[name == song.instrument for name in instruments] for song in songs]) if has_single else None,
    )


def score(targets: np.ndarray, predictions: RecordingPredictions, groups: Sequence[str]) -> dict[str, Score]:
    """Return the metrics by name, see `TITLES`.

    The single-label recall is the recall of the single model on recordings of one instrument.

    Args:
        targets: 1 where an instrument plays, 0 where not, NaN where unknown, float `[recordings, instruments]`.
        predictions: The predictions.
        groups: Group of each recording. Intervals resample whole groups.
    """
    probabilities, present = predictions.probabilities, predictions.present
    plays, is_absent = (targets == 1).any(axis=0), (targets == 0).any(axis=0)
    metrics = {
        "auc": bootstrap.auc_by_instrument(targets, probabilities),
        "average_precision": bootstrap.average_precision_by_instrument(targets, probabilities),
        "precision": _only(bootstrap.precision_by_instrument(targets, present), plays),
        "recall": _only(bootstrap.recall_by_instrument(targets, present), plays),
        "f1": _only(bootstrap.f1_by_instrument(targets, present), plays),
        "f1_of_absence": bootstrap.f1_by_instrument(1 - targets, ~present),
        "false_positive_rate": _only(bootstrap.recall_by_instrument(1 - targets, present), is_absent),
    }
    if predictions.single is not None:
        single_targets = np.where(targets.sum(axis=1, keepdims=True) == 1, targets, np.nan)
        recall = bootstrap.recall_by_instrument(single_targets, predictions.single)
        metrics["single_label_recall"] = _only(recall, (single_targets == 1).any(axis=0))

    def interval_of(metric: Metric) -> Interval:
        return interval(metric, groups, 0, "music")

    scores = {name: Score(interval_of(bootstrap.mean(each)), interval_of(each)) for name, each in metrics.items()}
    scores["micro_f1"] = Score(interval_of(bootstrap.micro_f1(targets, present)))
    errors = [
        expected_calibration_error(*column)
        for column in [(probabilities, targets), *zip(probabilities.T, targets.T, strict=True)]
    ]
    scores["expected_calibration_error"] = Score(_without_bounds(errors[0]), _without_bounds(errors[1:]))
    return {name: scores[name] for name in TITLES if name in scores}


def _only(metric: Metric, has_value: np.ndarray) -> Metric:
    """Return a metric of each instrument that is NaN for some of them, so that they do not count for the mean."""
    return lambda weights: np.where(has_value, metric(weights), np.nan)


def _without_bounds(value: float | Sequence[float]) -> Interval:
    values = np.asarray(value, float)
    return Interval(values, np.full_like(values, np.nan), np.full_like(values, np.nan))


def scores_as_table(scores: Mapping[str, Score], instruments: Sequence[str]) -> str:
    """Return the scores as a Markdown table: values with their 95 % intervals."""
    lines = [f"| metric | all | {' | '.join(instruments)} |", "|---|---|" + "---|" * len(instruments)]
    for name, values in scores.items():
        cells = cells_of(values)
        lines.append(f"| {TITLES[name]} | {' | '.join(cells + [''] * (1 + len(instruments) - len(cells)))} |")
    return "\n".join(lines)


def cells_of(values: Score) -> list[str]:
    """Return a metric as cells of a Markdown table: for all instruments, then for each if it has values for each."""
    columns = zip(*values.by_instrument, strict=True) if values.by_instrument else ()
    return [_cell(*values.overall), *(_cell(*bounds) for bounds in columns)]


def _cell(value: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
    if not np.isfinite(value):
        return "none"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]" if np.isfinite(low) else f"{value:.3f}"


def scores_as_values(scores: Mapping[str, Score], instruments: Sequence[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Return the scores as values that JSON has: value, low and high by metric and by `all` or instrument."""
    values: dict[str, dict[str, dict[str, float]]] = {}
    for name, (overall, by_instrument) in scores.items():
        columns = dict(zip(instruments, zip(*by_instrument, strict=True), strict=True)) if by_instrument else {}
        values[name] = {
            column: {
                bound: round(float(value), DIGITS)
                for bound, value in zip(Interval._fields, bounds, strict=True)
                if np.isfinite(value)
            }
            for column, bounds in {"all": tuple(overall), **columns}.items()
            if np.isfinite(bounds[0])
        }
    return values
