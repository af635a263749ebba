"""The metrics: plain functions of true answers and probabilities, in plain nested dictionaries."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

DIGITS = 4


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

    truth, present = np.asarray(truth, bool), np.asarray(present, bool)
    of_instrument = _precision_recall_f1(truth, present, instruments)
    micro = {"micro_f1": round(float(f1_score(truth, present, average="micro")), DIGITS)} if of_instrument else {}
    return {
        **micro,
        **_macro_f1(of_instrument),
        "exact_match": round(float((truth == present).all(axis=1).mean()), DIGITS),
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

    truth = np.asarray(truth)
    if not ((truth.sum(axis=0) > 0) & (truth.sum(axis=0) < len(truth))).all():
        return {}
    return {
        "mean_average_precision": round(float(average_precision_score(truth, probabilities)), DIGITS),
        "mean_auc": round(float(roc_auc_score(truth, probabilities)), DIGITS),
    }


def _precision_recall_f1(
    truth: np.ndarray, answers: np.ndarray, instruments: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Of each instrument that plays or is heard; precision is 0 if it is never heard, recall if it never plays."""
    from sklearn.metrics import precision_recall_fscore_support

    scores = precision_recall_fscore_support(truth, answers, average=None, zero_division=0)[:3]
    names = ("precision", "recall", "f1")
    return {
        instrument: {name: round(float(score[label]), DIGITS) for name, score in zip(names, scores, strict=True)}
        for label, instrument in enumerate(instruments)
        if np.any(truth[:, label]) or np.any(answers[:, label])
    }


def _macro_f1(of_instrument: dict[str, dict[str, float]]) -> dict[str, float]:
    scores = [scores["f1"] for scores in of_instrument.values()]
    return {"macro_f1": round(float(np.mean(scores)), DIGITS)} if scores else {}
