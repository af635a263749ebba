"""A second opinion by ear: clips whose label a simple model, which has not heard them, contradicts with confidence.

Confident learning (Northcutt, Jiang and Chuang, Journal of Artificial Intelligence Research 70, 2021): a clip is
suspect where the probability of another instrument reaches what that instrument's own clips get on average.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from timbre.instruments import INSTRUMENTS
from timbre.labelled import Labelled
from timbre.metrics import mean_by_clip

FOLDS = 5


@dataclass(frozen=True, slots=True)
class Suspect:
    """A clip to listen to.

    Attributes:
        file: of the clip.
        split: train or validation.
        label: what the data set says.
        heard: what the model hears.
        probability: of `heard`, by a model trained without this clip's group.
        label_probability: of `label`.
    """

    file: str
    split: str
    label: str
    heard: str
    probability: float
    label_probability: float


def clip_features(split: Labelled) -> np.ndarray:
    """Mean and spread of each band, and of its change from frame to frame, over a clip: `[clips, 4 × bands]`."""
    features = []
    for mel in split.mels:
        decibels = mel.astype(np.float32)
        below = np.maximum(decibels - decibels.max(), -80)
        change = np.abs(np.diff(below, axis=1))
        features.append(np.concatenate([below.mean(1), below.std(1), change.mean(1), change.std(1)]))
    return mean_by_clip(np.array(features), split.clips)


def probabilities_unheard(features: np.ndarray, labels: np.ndarray, groups: Sequence[str]) -> np.ndarray:
    """Probabilities `[clips, 4]` from logistic regressions, each trained without the groups that it judges."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    folds = StratifiedGroupKFold(FOLDS)
    return cross_val_predict(model, features, labels, groups=groups, cv=folds, method="predict_proba")


def confident_errors(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The label that each clip confidently seems to have instead of its own, int `[clips]`, or −1."""
    usual = np.array([probabilities[labels == label, label].mean() for label in range(probabilities.shape[1])])
    confident = np.where(probabilities >= usual, probabilities, 0)
    likeliest = confident.argmax(axis=1)
    return np.where((confident.max(axis=1) > 0) & (likeliest != labels), likeliest, -1)


def find_suspects(splits: dict[str, Labelled], groups: dict[str, str]) -> list[Suspect]:
    """List suspects of some splits, the most confident first.

    Args:
        splits: train and validation, by name.
        groups: of each file; clips of one group are judged by a model that heard none of them.
    """
    files = [file for split in splits.values() for file in split.names]
    owners = [name for name, split in splits.items() for _ in split.names]
    labels = np.concatenate([split.targets.argmax(axis=1) for split in splits.values()])
    features = np.concatenate([clip_features(split) for split in splits.values()])
    probabilities = probabilities_unheard(features, labels, [groups[file] for file in files])
    errors = confident_errors(probabilities, labels)
    suspects = [
        Suspect(
            file=files[clip],
            split=owners[clip],
            label=INSTRUMENTS[labels[clip]],
            heard=INSTRUMENTS[errors[clip]],
            probability=round(float(probabilities[clip, errors[clip]]), 3),
            label_probability=round(float(probabilities[clip, labels[clip]]), 3),
        )
        for clip in np.flatnonzero(errors >= 0)
    ]
    return sorted(suspects, key=lambda suspect: (-suspect.probability, suspect.file))
