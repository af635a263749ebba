"""Calibration of probabilities, and choice of thresholds. Both use validation clips only.

A trained network is overconfident or underconfident. Calibration fits its logits on validation clips: in the
multi-label task one scale and shift per instrument (Platt, 1999), in the single-label task one scale for all
(temperature scaling, Guo et al., 2017). Scale and shift become part of the network's last layer.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from torch import nn

from timbre.features.split import Split
from timbre.model.inference import clip_logits
from timbre.model.network import TimbreNet
from timbre.model.tasks import Task

LOG_SCALES = (-3.0, 3.0)  # range of the natural logarithm of the scale
THRESHOLDS = np.round(np.arange(0.05, 0.951, 0.01), 2)


def calibrate(network: TimbreNet, task: Task, validation: Split) -> None:
    """Calibrate a network on validation clips, in place. The network is on the CPU."""
    logits = clip_logits(network, validation).numpy().astype(float)
    scale_logits(network, *(fit_temperature if task.multiclass else fit_platt)(logits, validation.targets))


def choose_thresholds(network: TimbreNet, validation: Split, threshold: float | Literal["auto"]) -> tuple[float, ...]:
    """Return one threshold per instrument: the given one, or for `auto` the one with the highest F1 on validation."""
    if threshold != "auto":
        return (threshold,) * len(validation.instruments)
    logits = clip_logits(network, validation).numpy().astype(float)
    return best_thresholds(1 / (1 + np.exp(-logits)), validation.targets)


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the scales and shifts `[instruments]` of temperature scaling: one common scale, and no shift.

    Args:
        logits: `[clips, instruments]`.
        targets: 1 for the instrument that plays, same shape.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    def negative_log_likelihood(log_scale: float) -> float:
        return -float((log_softmax(np.exp(log_scale) * logits, axis=1) * targets).sum())

    scale = np.exp(minimize_scalar(negative_log_likelihood, bounds=LOG_SCALES, method="bounded").x)
    return np.full(logits.shape[1], scale), np.zeros(logits.shape[1])


def fit_platt(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the scales and shifts `[instruments]` of Platt scaling.

    An instrument that plays in all clips or in none keeps scale 1 and shift 0.

    Args:
        logits: `[clips, instruments]`.
        targets: 1 for present, 0 for absent, NaN for unknown, same shape.
    """
    from sklearn.linear_model import LogisticRegression

    scales, shifts = np.ones(logits.shape[1]), np.zeros(logits.shape[1])
    for label, (known_logits, known_targets) in enumerate(_known(logits, targets)):
        if 0 < known_targets.sum() < len(known_targets):
            fitted = LogisticRegression(C=100.0).fit(known_logits[:, None], known_targets)
            if fitted.coef_[0, 0] > 0:  # a negative scale would turn the ranking around
                scales[label], shifts[label] = fitted.coef_[0, 0], fitted.intercept_[0]
    return scales, shifts


def best_thresholds(probabilities: np.ndarray, targets: np.ndarray) -> tuple[float, ...]:
    """Return the threshold with the highest F1 for each instrument. Of equal ones, the nearest to 0.5 wins.

    Args:
        probabilities: `[clips, instruments]`.
        targets: 1 for present, 0 for absent, NaN for unknown, same shape.
    """
    thresholds = []
    for known_probabilities, known_targets in _known(probabilities, targets):
        predicted = known_probabilities[:, None] >= THRESHOLDS
        true_positives = (predicted & (known_targets[:, None] > 0)).sum(axis=0)
        f1 = 2 * true_positives / np.maximum(predicted.sum(axis=0) + known_targets.sum(), 1)
        best = THRESHOLDS[f1 >= f1.max() - 1e-9]
        thresholds.append(float(min(best, key=lambda threshold: abs(threshold - 0.5))))
    return tuple(thresholds)


def _known(values: np.ndarray, targets: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield values and targets of each instrument, for the clips with known targets."""
    for instrument_values, instrument_targets in zip(values.T, targets.T, strict=True):
        known = ~np.isnan(instrument_targets)
        yield instrument_values[known], instrument_targets[known]


def scale_logits(network: TimbreNet, scales: np.ndarray, shifts: np.ndarray) -> None:
    """Make the scale and shift of each instrument part of the network's last layer, in place."""
    last = network.head[-1]
    assert isinstance(last, nn.Linear)
    scale, shift = (last.weight.new_tensor(values) for values in (scales, shifts))
    last.weight.data.mul_(scale[:, None])
    last.bias.data.mul_(scale).add_(shift)
