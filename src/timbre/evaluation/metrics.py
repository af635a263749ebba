"""Compute metrics from targets and predictions, as plain nested dictionaries.

A target is 1 where an instrument plays, 0 where it does not, and NaN where that is unknown. Unknown targets are not
scored.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from timbre.core.tables import DIGITS


def single_metrics(labels: ArrayLike, predicted: ArrayLike, instruments: Sequence[str]) -> dict[str, object]:
    """Return accuracy, macro F1, and precision, recall and F1 by instrument, for single-label predictions.

    An instrument that no clip has as its label or its prediction is left out.

    Args:
        labels: Ground-truth label of each clip, an index into `instruments`, `[clips]`.
        predicted: Predicted label of each clip, `[clips]`.
        instruments: Names of the labels, in order.
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    one_hot = np.eye(len(instruments))
    by_instrument = _precision_recall_f1(one_hot[labels], one_hot[predicted], instruments)
    return {
        "accuracy": round(float((labels == predicted).mean()), DIGITS),
        **_macro_f1(by_instrument),
        **by_instrument,
    }


def layered_metrics(targets: ArrayLike, present: ArrayLike, instruments: Sequence[str]) -> dict[str, object]:
    """Return micro and macro F1, exact match, and precision, recall and F1 by instrument, for multi-label predictions.

    An instrument that never plays and is never predicted has no F1. It is left out, and the macro F1 ignores it. Both
    F1 are missing if no instrument has one.

    Args:
        targets: `[clips, instruments]`.
        present: 1 where an instrument is predicted, `[clips, instruments]`.
        instruments: Column names, in order.
    """
    from sklearn.metrics import f1_score

    targets, present = np.asarray(targets, float), np.asarray(present, bool)
    known = ~np.isnan(targets)
    by_instrument = _precision_recall_f1(targets, present, instruments)
    micro = {"micro_f1": round(float(f1_score(targets[known], present[known])), DIGITS)} if by_instrument else {}
    return {
        **micro,
        **_macro_f1(by_instrument),
        "exact_match": round(float(exact_matches(targets, present).mean()), DIGITS),
        **by_instrument,
    }


def ranking_metrics(targets: ArrayLike, probabilities: ArrayLike) -> dict[str, float]:
    """Return mean average precision and mean area under the ROC curve, which depend on no threshold.

    Empty if an instrument always or never plays.

    Args:
        targets: `[clips, instruments]`.
        probabilities: `[clips, instruments]`.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    known = list(_known_by_instrument(targets, probabilities))
    if not all(0 < plays.sum() < len(plays) for plays, _ in known):
        return {}
    return {
        "mean_average_precision": round(float(np.mean([average_precision_score(*pair) for pair in known])), DIGITS),
        "mean_auc": round(float(np.mean([roc_auc_score(*pair) for pair in known])), DIGITS),
    }


def false_positive_rate(targets: ArrayLike, present: ArrayLike) -> float:
    """Return the false positive rate, the mean over instruments; NaN if no instrument is ever absent."""
    pairs = _known_by_instrument(targets, present)
    rates = [predicted[plays == 0].mean() for plays, predicted in pairs if (plays == 0).any()]
    return round(float(np.mean(rates)), DIGITS) if rates else float("nan")


def exact_matches(targets: ArrayLike, present: ArrayLike) -> np.ndarray:
    """Return the clips where every known target is predicted right, bool `[clips]`."""
    targets = np.asarray(targets, float)
    return (np.isnan(targets) | (targets == np.asarray(present, float))).all(axis=1)


def _known_by_instrument(targets: ArrayLike, values: ArrayLike) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the known targets of each instrument and the values predicted for them."""
    for plays, predicted in zip(np.asarray(targets, float).T, np.asarray(values).T, strict=True):
        known = ~np.isnan(plays)
        yield plays[known], predicted[known]


def _precision_recall_f1(
    targets: np.ndarray, present: np.ndarray, instruments: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return the scores of each instrument that plays or is predicted; a ratio with nothing to divide by is 0."""
    from sklearn.metrics import precision_recall_fscore_support

    found = {}
    for instrument, (plays, predicted) in zip(instruments, _known_by_instrument(targets, present), strict=True):
        if plays.any() or predicted.any():
            scores = precision_recall_fscore_support(plays, predicted, average="binary", zero_division=0)
            named = zip(("precision", "recall", "f1"), scores, strict=False)
            found[instrument] = {name: round(float(score), DIGITS) for name, score in named}
    return found


def _macro_f1(by_instrument: dict[str, dict[str, float]]) -> dict[str, float]:
    scores = [scores["f1"] for scores in by_instrument.values()]
    return {"macro_f1": round(float(np.mean(scores)), DIGITS)} if scores else {}
