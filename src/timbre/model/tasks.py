"""The two tasks, and everything that differs between them.

`single` is single-label recognition: one instrument plays alone. `layered` is multi-label recognition: several may
play at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from timbre.core.tables import DIGITS


@dataclass(frozen=True)
class Task:
    """How a model is trained and evaluated.

    Attributes:
        name: single or layered.
        multiclass: True: the instrument with the highest probability plays. False: all that reach their threshold play.
        loss: Loss of logits and targets, both `[clips, instruments]`. Layered ignores unknown targets (NaN).
        probabilities: Turns logits into probabilities of the same shape.
        f1: Metric of logits and targets that decides which epoch is kept. Layered ignores unknown targets (NaN).
    """

    name: Literal["single", "layered"]
    multiclass: bool
    loss: Callable[[Tensor, Tensor], Tensor]
    probabilities: Callable[[Tensor], Tensor]
    f1: Callable[[Tensor, Tensor], float]


def _single_f1(logits: Tensor, targets: Tensor) -> float:
    """Return the macro F1 over the instruments that are present or predicted."""
    from sklearn.metrics import f1_score

    scores = f1_score(targets.argmax(dim=1), logits.argmax(dim=1), average=None, zero_division=0)
    return round(float(scores.round(DIGITS).mean()), DIGITS)


def _layered_f1(logits: Tensor, targets: Tensor) -> float:
    """Return the micro F1 at a threshold of 0.5."""
    from sklearn.metrics import f1_score

    known = ~targets.isnan()
    return round(float(f1_score(targets[known], logits[known] > 0, zero_division=0)), DIGITS)


def _layered_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean binary cross-entropy over the known targets."""
    known = ~targets.isnan()
    return functional.binary_cross_entropy_with_logits(logits[known], targets[known])


SINGLE = Task("single", True, functional.cross_entropy, lambda logits: logits.softmax(dim=1), _single_f1)
LAYERED = Task("layered", False, _layered_loss, torch.sigmoid, _layered_f1)
TASKS: dict[str, Task] = {task.name: task for task in (SINGLE, LAYERED)}


def decide(probabilities: np.ndarray, thresholds: tuple[float, ...]) -> np.ndarray:
    """Return which instruments are predicted as present, bool `[clips, instruments]`.

    Args:
        probabilities: `[clips, instruments]`.
        thresholds: One per instrument. Empty: the instrument with the highest probability is present.

    >>> decide(np.array([[0.2, 0.8]]), (0.1, 0.9)).tolist(), decide(np.array([[0.2, 0.8]]), ()).tolist()
    ([[True, False]], [[False, True]])
    """
    if thresholds:
        return probabilities >= np.array(thresholds)
    return np.eye(probabilities.shape[1], dtype=bool)[probabilities.argmax(axis=1)]
