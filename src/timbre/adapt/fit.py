"""Fit the last layer to corrected songs: logistic regression that starts at the old layer and may not move far.

What is fitted is the logit of the whole answer relative to the threshold, because decisions are what people correct. So
a probability becomes higher or lower, and the thresholds stay. The layer decides a part of the answer, so its change is
larger than that of the answer.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from timbre.adapt.songs import LAYERED_WEIGHT, LastLayer, SongFeatures

# Chosen on real music (benchmarks/adapt.py): smaller values help more with songs like these, and harm other music more.
SHIFT = 2.0  # precision of the prior of a shift: 0 ± 0.7 logits
WEIGHTS = 3.0  # precision of the prior of the weights of features that are centred, with a mean square of 1 in all
STEPS, SMALL = 1000, 1e-4  # the most steps of a fit, and a step that is small enough to stop


class Corrections(NamedTuple):
    """What people say about songs.

    Attributes:
        songs: Features of each song.
        targets: 1 for present, 0 for absent, NaN for unknown, `[songs, instruments]`.
        groups: Group of each song, such as its concert. No song is scored by models that learnt from its group.
    """

    songs: Sequence[SongFeatures]
    targets: np.ndarray
    groups: Sequence[str]

    def logits(self, layer: LastLayer) -> np.ndarray:
        """Return the logits of all songs, `[songs, instruments]`."""
        return np.array([song.logits(layer) for song in self.songs])

    def subset(self, rows: Sequence[int]) -> "Corrections":
        """Return the songs of some rows."""
        return Corrections([self.songs[row] for row in rows], self.targets[rows], [self.groups[row] for row in rows])


Fit = Callable[[LastLayer, Corrections], LastLayer]
"""From the old last layer and corrected songs to a new last layer."""


def fit_shifts(layer: LastLayer, corrections: Corrections) -> LastLayer:
    """Return the layer with a shift of each instrument's logits, which is the same as moving its threshold."""
    bias, margins = layer.bias.copy(), corrections.logits(layer) - layer.thresholds
    for label, targets in enumerate(corrections.targets.T):
        shift = _logistic(np.ones((len(targets), 1)), margins[:, label], targets, np.array([SHIFT]))[0]
        bias[label] += shift / LAYERED_WEIGHT
    return layer._replace(bias=bias)


def fit_weights(layer: LastLayer, corrections: Corrections) -> LastLayer:
    """Return the layer with new weights and biases of each instrument.

    The features of a song are those that decided about the instrument before (`SongFeatures.decisive`).
    """
    weight, bias, margins = layer.weight.copy(), layer.bias.copy(), corrections.logits(layer) - layer.thresholds
    decisive = np.array([song.decisive(layer) for song in corrections.songs], float)
    for label, targets in enumerate(corrections.targets.T):
        features = decisive[:, label]
        centre = features.mean(axis=0)
        scale = np.sqrt(np.square(features - centre).sum(axis=1).mean()) + 1e-9
        design = np.hstack([(features - centre) / scale, np.ones((len(features), 1))])
        precisions = np.append(np.full(len(centre), WEIGHTS), SHIFT)
        *changes, shift = _logistic(design, margins[:, label], targets, precisions)
        change = np.array(changes) / scale / LAYERED_WEIGHT
        weight[label] += change
        bias[label] += shift / LAYERED_WEIGHT - change @ centre
    return layer._replace(weight=weight, bias=bias)


def _logistic(design: np.ndarray, logits: np.ndarray, targets: np.ndarray, precisions: np.ndarray) -> np.ndarray:
    """Return the coefficients `[columns]` of logistic regression with normal priors around 0.

    Each step minimises a quadratic upper bound of the loss (Böhning and Lindsay, 1988), so that the loss never rises.

    Args:
        design: `[songs, columns]`.
        logits: What is added to the logits of each song.
        targets: 1, 0, or NaN for a song that does not count.
        precisions: 1 / variance of each coefficient's prior.
    """
    known = ~np.isnan(targets)
    design, logits, targets = design[known].astype(float), logits[known], targets[known]
    bound = np.linalg.inv(design.T @ design / 4 + np.diag(precisions))
    coefficients = np.zeros(design.shape[1])
    for _ in range(STEPS):
        errors = 1 / (1 + np.exp(-logits - design @ coefficients)) - targets
        step = bound @ (design.T @ errors + precisions * coefficients)
        coefficients -= step
        if np.abs(step).max() < SMALL:
            break
    return coefficients


CANDIDATES: dict[str, Fit] = {"shifts": fit_shifts, "last layer": fit_weights}
