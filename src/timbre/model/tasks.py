"""The two tasks, one instrument alone and several layered, side by side: all that differs between them."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from timbre.evaluation.metrics import layered_metrics, single_metrics


@dataclass(frozen=True)
class Task:
    """What a model is trained and judged by.

    Attributes:
        name: single or layered.
        loss: of logits `[clips, 4]` against targets `[clips, 4]`.
        chooses: whether the answer is the likeliest instrument, or all from their thresholds up.
        probabilities: of logits, the same shape.
        f1: the figure by which the best epoch is kept, of logits and targets.
    """

    name: str
    chooses: bool
    loss: Callable[[Tensor, Tensor], Tensor]
    probabilities: Callable[[Tensor], Tensor]
    f1: Callable[[Tensor, Tensor], float]


def _single_f1(logits: Tensor, targets: Tensor) -> float:
    return float(single_metrics(targets.argmax(dim=1), logits.argmax(dim=1))["macro_f1"])


def _layered_f1(logits: Tensor, targets: Tensor) -> float:
    return float(layered_metrics(targets, logits > 0).get("micro_f1", 0))  # a history holds numbers


SINGLE = Task("single", True, functional.cross_entropy, lambda logits: logits.softmax(dim=1), _single_f1)
LAYERED = Task("layered", False, functional.binary_cross_entropy_with_logits, torch.sigmoid, _layered_f1)
TASKS = {task.name: task for task in (SINGLE, LAYERED)}
