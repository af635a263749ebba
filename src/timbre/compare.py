"""Two models over the same test clips: which metrics moved, whether that is more than noise, which clips flipped."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from timbre.core.errors import DataError
from timbre.evaluation import bootstrap
from timbre.evaluation.bootstrap import Interval, Metric
from timbre.evaluation.prediction_table import PredictionTable

FLIPS_SHOWN = 10


@dataclass(frozen=True)
class Comparison:
    """How the second of two models differs from the first.

    Attributes:
        clips: how many both answered.
        left_out: how many only one of them answered, or to another truth.
        moved: by metric that both have, its value in the first and by how much the second's is larger.
        mended: clips that the second alone answers right.
        broken: clips that the first alone answers right.
    """

    clips: int
    left_out: int
    moved: dict[str, tuple[float, Interval]]
    mended: list[str]
    broken: list[str]


def compare(first: PredictionTable, second: PredictionTable, seed: int, *key: str | int) -> Comparison:
    """Compare two models over the clips that both answered, of the same truth.

    Differences are paired: each draw of the bootstrap holds the same clips for both.

    Args:
        first: answers of the earlier model.
        second: answers of the later one.
        seed: with `key`, draws the clips.
        key: as in `timbre.core.rng.generator`.

    Raises:
        DataError: they share no clip, or learnt other instruments.
    """
    if first.instruments != second.instruments:
        heard = (", ".join(answers.instruments) for answers in (first, second))
        raise DataError(f"instruments: {' against '.join(heard)}; only models of the same can be compared")
    row_of = {clip: row for row, clip in enumerate(second.clips)}
    pairs = [
        (row, row_of[clip])
        for row, clip in enumerate(first.clips)
        if clip in row_of and np.array_equal(first.targets[row], second.targets[row_of[clip]], equal_nan=True)
    ]
    if not pairs:
        raise DataError("the two share no test clip: their data differ; compare their metrics with dvc metrics diff")
    left_out = len(first.clips) + len(second.clips) - 2 * len(pairs)
    first, second = (
        answers.take(rows) for answers, rows in zip((first, second), zip(*pairs, strict=True), strict=True)
    )
    moved = {}
    of_each = {f"F1 of {instrument}": _f1_of(label) for label, instrument in enumerate(first.instruments)}
    for name, metric in (_METRICS | of_each).items():
        found = bootstrap.difference(metric(first), metric(second), second.groups, seed, *key)
        if not np.isnan(found.value):
            moved[name] = (float(metric(first)(np.ones((1, len(pairs)), np.float32))[0]), found)
    return Comparison(
        clips=len(pairs),
        left_out=left_out,
        moved=moved,
        mended=[first.clips[row] for row in np.flatnonzero(second.correct & ~first.correct)],
        broken=[first.clips[row] for row in np.flatnonzero(first.correct & ~second.correct)],
    )


def verdict(moved: Interval) -> str:
    """Better, worse, the same, or within noise: whether the interval of a difference keeps clear of 0."""
    if moved.low > 0:
        return "better"
    if moved.high < 0:
        return "worse"
    return "within noise" if moved.low != 0 or moved.high != 0 else "the same"


def as_text(title: str, comparison: Comparison) -> str:
    """A comparison for people: one line per metric, then the clips that flipped."""
    only = f"; {comparison.left_out} that only one of them has are left out" if comparison.left_out else ""
    width = max(map(len, comparison.moved))
    lines = [f"{title}, paired over {comparison.clips} test clips{only}"]
    for name, (before, moved) in comparison.moved.items():
        interval = f"[{moved.low:+.4f}, {moved.high:+.4f}]"
        lines.append(
            f"  {name:<{width}}  {before:.4f} -> {before + moved.value:.4f}  {moved.value:+.4f} {interval}  "
            f"{verdict(moved)}"
        )
    for word, clips in (("now right", comparison.mended), ("now wrong", comparison.broken)):
        lines.append(f"  {word}: {len(clips)} clip{'' if len(clips) == 1 else 's'}")
        lines += [f"    {clip}" for clip in clips[:FLIPS_SHOWN]]
        if len(clips) > FLIPS_SHOWN:
            lines.append(f"    and {len(clips) - FLIPS_SHOWN} more")
    return "\n".join(lines)


def _f1_of(label: int) -> Callable[[PredictionTable], Metric]:
    """The F1 of one instrument."""

    def metric(answers: PredictionTable) -> Metric:
        each = bootstrap.f1_by_instrument(answers.targets, answers.present)
        return lambda weights: each(weights)[:, label]

    return metric


_METRICS: dict[str, Callable[[PredictionTable], Metric]] = {
    "macro F1": lambda answers: bootstrap.macro_f1(answers.targets, answers.present),
    "micro F1": lambda answers: bootstrap.micro_f1(answers.targets, answers.present),
    "exact match": lambda answers: bootstrap.exact_match(answers.targets, answers.present),
    "mean average precision": lambda answers: bootstrap.mean(
        bootstrap.average_precision_by_instrument(answers.targets, answers.probabilities)
    ),
}
