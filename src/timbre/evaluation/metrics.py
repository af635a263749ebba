"""The metrics: plain functions of true answers and probabilities, in plain nested dictionaries.

Where the truth is not a number, it is not known whether an instrument plays, and nothing is scored.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from timbre.core.tables import DIGITS


def single_metrics(truth: ArrayLike, answers: ArrayLike, instruments: Sequence[str]) -> dict[str, object]:
    """Accuracy, macro F1, and precision, recall and F1 of each instrument that is the truth or the answer somewhere.

    Args:
        truth: the label of each clip, from 0, `[clips]`.
        answers: the label given to it, `[clips]`.
        instruments: what the labels are.
    """
    truth, answers = np.asarray(truth), np.asarray(answers)
    of_instrument = _precision_recall_f1(
        np.eye(len(instruments))[truth], np.eye(len(instruments))[answers], instruments
    )
    return {
        "accuracy": round(float((truth == answers).mean()), DIGITS),
        **_macro_f1(of_instrument),
        **of_instrument,
    }


def layered_metrics(truth: ArrayLike, present: ArrayLike, instruments: Sequence[str]) -> dict[str, object]:
    """Micro and macro F1, share of clips answered wholly right, and precision, recall and F1 of each instrument.

    An instrument that neither plays nor is heard in any clip has no F1: it is left out, of the macro F1 as well, and so
    are both F1 where there is no other.

    Args:
        truth: 1 where an instrument plays, `[clips, instruments]`.
        present: 1 where it was heard, `[clips, instruments]`.
        instruments: what the columns are.
    """
    from sklearn.metrics import f1_score

    truth, present = np.asarray(truth, float), np.asarray(present, bool)
    known = ~np.isnan(truth)
    of_instrument = _precision_recall_f1(truth, present, instruments)
    micro = {"micro_f1": round(float(f1_score(truth[known], present[known])), DIGITS)} if of_instrument else {}
    return {
        **micro,
        **_macro_f1(of_instrument),
        "exact_match": round(float(answered_right(truth, present).mean()), DIGITS),
        **of_instrument,
    }


def ranking_metrics(truth: ArrayLike, probabilities: ArrayLike) -> dict[str, float]:
    """Mean average precision and mean area under the ROC curve of the instruments, whatever their thresholds.

    None of them where an instrument always or never plays.

    Args:
        truth: 1 where an instrument plays, `[clips, instruments]`.
        probabilities: `[clips, instruments]`.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    known = list(_known(truth, probabilities))
    if not all(0 < plays.sum() < len(plays) for plays, _ in known):
        return {}
    return {
        "mean_average_precision": round(float(np.mean([average_precision_score(*each) for each in known])), DIGITS),
        "mean_auc": round(float(np.mean([roc_auc_score(*each) for each in known])), DIGITS),
    }


def claimed_where_absent(truth: ArrayLike, present: ArrayLike) -> float:
    """Mean over instruments of the share of clips in which one is claimed, of those in which it does not play."""
    rates = [heard[plays == 0].mean() for plays, heard in _known(truth, present) if (plays == 0).any()]
    return round(float(np.mean(rates)), DIGITS) if rates else float("nan")


def answered_right(truth: ArrayLike, present: ArrayLike) -> np.ndarray:
    """Which clips are answered right as far as the truth is known, bool `[clips]`."""
    truth = np.asarray(truth, float)
    return (np.isnan(truth) | (truth == np.asarray(present, float))).all(axis=1)


def _known(truth: ArrayLike, values: ArrayLike) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What is true of each instrument, and what was given, where the truth is known."""
    for plays, given in zip(np.asarray(truth, float).T, np.asarray(values).T, strict=True):
        known = ~np.isnan(plays)
        yield plays[known], given[known]


def _precision_recall_f1(
    truth: np.ndarray, answers: np.ndarray, instruments: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Of each instrument that plays or is heard; precision is 0 if it is never heard, recall if it never plays."""
    from sklearn.metrics import precision_recall_fscore_support

    found = {}
    for instrument, (plays, heard) in zip(instruments, _known(truth, answers), strict=True):
        if plays.any() or heard.any():
            scores = precision_recall_fscore_support(plays, heard, average="binary", zero_division=0)
            named = zip(("precision", "recall", "f1"), scores, strict=False)
            found[instrument] = {name: round(float(score), DIGITS) for name, score in named}
    return found


def _macro_f1(of_instrument: dict[str, dict[str, float]]) -> dict[str, float]:
    scores = [scores["f1"] for scores in of_instrument.values()]
    return {"macro_f1": round(float(np.mean(scores)), DIGITS)} if scores else {}
