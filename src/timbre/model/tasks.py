"""The two tasks, one instrument alone and several layered, side by side: all that differs between them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

DIGITS = 4  # of an F1


@dataclass(frozen=True)
class Task:
    """What a model is trained and judged by.

    Attributes:
        name: single or layered.
        loss: of logits `[clips, instruments]` against targets `[clips, instruments]`; a layered one leaves out what is
            not known, where a target is not a number, and so does its F1.
        multiclass: whether one instrument plays, the likeliest, or all play from their thresholds up.
        probabilities: of logits, the same shape.
        f1: the metric by which the best epoch is kept, of logits and targets.
    """

    name: Literal["single", "layered"]
    multiclass: bool
    loss: Callable[[Tensor, Tensor], Tensor]
    probabilities: Callable[[Tensor], Tensor]
    f1: Callable[[Tensor, Tensor], float]


def _single_f1(logits: Tensor, targets: Tensor) -> float:
    """Macro F1, of the instruments that play or are heard."""
    from sklearn.metrics import f1_score

    scores = f1_score(targets.argmax(dim=1), logits.argmax(dim=1), average=None, zero_division=0)
    return round(float(scores.round(DIGITS).mean()), DIGITS)


def _layered_f1(logits: Tensor, targets: Tensor) -> float:
    """Micro F1 at a threshold of one half."""
    from sklearn.metrics import f1_score

    known = ~targets.isnan()
    return round(float(f1_score(targets[known], logits[known] > 0, zero_division=0)), DIGITS)


def _layered_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy, the mean over what is known."""
    known = ~targets.isnan()
    return functional.binary_cross_entropy_with_logits(logits[known], targets[known])


SINGLE = Task("single", True, functional.cross_entropy, lambda logits: logits.softmax(dim=1), _single_f1)
LAYERED = Task("layered", False, _layered_loss, torch.sigmoid, _layered_f1)
TASKS: dict[str, Task] = {task.name: task for task in (SINGLE, LAYERED)}


def decide(probabilities: np.ndarray, thresholds: tuple[float, ...]) -> np.ndarray:
    """Which instruments are claimed, bool `[clips, instruments]`; without thresholds the likeliest one.

    >>> decide(np.array([[0.2, 0.8]]), (0.1, 0.9)).tolist(), decide(np.array([[0.2, 0.8]]), ()).tolist()
    ([[True, False]], [[False, True]])
    """
    if thresholds:
        return probabilities >= np.array(thresholds)
    return np.eye(probabilities.shape[1], dtype=bool)[probabilities.argmax(axis=1)]
