"""Probabilities that mean what they say, and thresholds to go with them: both from validation alone.

A trained network is too sure of itself, or not sure enough. One scale and shift per instrument (Platt, 1999), or of a
choice among instruments one scale (temperature, Guo and others, 2017), fitted to its logits on validation clips, put
that right; they become part of the network's last layer.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from torch import nn

from timbre.features.split import Split
from timbre.model.inference import clip_logits
from timbre.model.network import TimbreNet
from timbre.model.tasks import Task

TEMPERATURES = (-3.0, 3.0)  # natural logarithm of the scale that is searched
THRESHOLDS = np.round(np.arange(0.05, 0.951, 0.01), 2)


def calibrate(network: TimbreNet, task: Task, validation: Split) -> None:
    """Calibrate a network, which is on the CPU, on validation clips, in place."""
    logits = clip_logits(network, validation).numpy().astype(float)
    scale_logits(network, *(fit_temperature if task.multiclass else fit_platt)(logits, validation.targets))


def choose_thresholds(network: TimbreNet, validation: Split, threshold: float | Literal["auto"]) -> tuple[float, ...]:
    """A threshold for each instrument: the probability given, or, if `auto`, that of greatest F1 on these clips."""
    if threshold != "auto":
        return (threshold,) * len(validation.instruments)
    logits = clip_logits(network, validation).numpy().astype(float)
    return best_thresholds(1 / (1 + np.exp(-logits)), validation.targets)


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scale and shift, for each instrument, that make a softmax of logits likeliest: one scale, and no shift."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    def negative_log_likelihood(log_scale: float) -> float:
        return -float((log_softmax(np.exp(log_scale) * logits, axis=1) * targets).sum())

    scale = np.exp(minimize_scalar(negative_log_likelihood, bounds=TEMPERATURES, method="bounded").x)
    return np.full(logits.shape[1], scale), np.zeros(logits.shape[1])


def fit_platt(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scale and shift, for each instrument, that make its sigmoid of logits `[clips, instruments]` likeliest.

    An instrument that plays in all clips or in none is left as it is. Where a target is not a number, nothing is known.
    """
    from sklearn.linear_model import LogisticRegression

    scales, shifts = np.ones(logits.shape[1]), np.zeros(logits.shape[1])
    for label, (values, truth) in enumerate(_known(logits, targets)):
        if 0 < truth.sum() < len(truth):
            fitted = LogisticRegression(C=100.0).fit(values[:, None], truth)
            if fitted.coef_[0, 0] > 0:  # else these logits say nothing that could be put right
                scales[label], shifts[label] = fitted.coef_[0, 0], fitted.intercept_[0]
    return scales, shifts


def best_thresholds(probabilities: np.ndarray, targets: np.ndarray) -> tuple[float, ...]:
    """For each instrument the threshold of greatest F1, where it is known; of equals the one nearest to one half."""
    found = []
    for values, truth in _known(probabilities, targets):
        claimed = values[:, None] >= THRESHOLDS
        right = (claimed & (truth[:, None] > 0)).sum(axis=0)
        f1 = 2 * right / np.maximum(claimed.sum(axis=0) + truth.sum(), 1)
        found.append(float(min(THRESHOLDS[f1 >= f1.max() - 1e-9], key=lambda threshold: abs(threshold - 0.5))))
    return tuple(found)


def _known(values: np.ndarray, targets: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of each instrument values and targets, where these are known."""
    for given, truth in zip(values.T, targets.T, strict=True):
        known = ~np.isnan(truth)
        yield given[known], truth[known]


def scale_logits(network: TimbreNet, scales: np.ndarray, shifts: np.ndarray) -> None:
    """Make scale and shift part of the network's last layer."""
    last = network.head[-1]
    assert isinstance(last, nn.Linear)
    scale, shift = (last.weight.new_tensor(values) for values in (scales, shifts))
    last.weight.data.mul_(scale[:, None])
    last.bias.data.mul_(scale).add_(shift)
