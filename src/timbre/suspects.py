"""A second opinion by ear: clips whose label a simple model, which has not heard them, contradicts with confidence.

Confident learning (Northcutt, Jiang and Chuang, Journal of Artificial Intelligence Research 70, 2021): a clip is
suspect where the probability of another instrument reaches what that instrument's own clips get on average.
"""

from dataclasses import dataclass

import numpy as np

from timbre.features.split import Split, mean_by_clip

FOLDS = 5  # at most

Folds = list[tuple[np.ndarray, np.ndarray]]
"""Clips to train on and clips to judge, by number, of each fold."""


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


def clip_features(split: Split) -> np.ndarray:
    """Mean and spread of each band, and of its change from frame to frame, over a clip: `[clips, 4 × bands]`."""
    features = []
    for mel in split.mels:
        decibels = mel.astype(np.float32)
        below = np.maximum(decibels - decibels.max(), -80)
        change = np.abs(np.diff(below, axis=1))
        features.append(np.concatenate([below.mean(1), below.std(1), change.mean(1), change.std(1)]))
    return mean_by_clip(np.array(features), split.clips)


def folds_of(splits: dict[str, Split], groups: dict[str, str]) -> Folds:
    """As many folds of whole groups as there may be if each is to train on all labels; none where that cannot be.

    Args:
        splits: their clips, one split after the other.
        groups: of each file.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    labels = _labels(splits)
    if not len(labels):
        return []
    kept = [groups[file] for split in splits.values() for file in split.names]
    held = np.unique(labels)
    pairs = {*zip(labels.tolist(), kept, strict=True)}
    most = min(FOLDS, *(sum(label == other for other, _ in pairs) for label in held))
    for number in range(most, 1, -1):
        folds = list(StratifiedGroupKFold(number).split(labels, labels, kept))
        if all(len(judged) and len(np.unique(labels[heard])) == len(held) for heard, judged in folds):
            return folds
    return []


def probabilities_unheard(features: np.ndarray, labels: np.ndarray, folds: Folds) -> np.ndarray:
    """Probabilities `[clips, instruments]` from logistic regressions, each trained without the clips that it judges."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    return cross_val_predict(model, features, labels, cv=folds, method="predict_proba")


def confident_errors(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The label that each clip confidently seems to have instead of its own, int `[clips]`, or −1."""
    usual = np.array([probabilities[labels == label, label].mean() for label in range(probabilities.shape[1])])
    confident = np.where(probabilities >= usual, probabilities, 0)
    likeliest = confident.argmax(axis=1)
    return np.where((confident.max(axis=1) > 0) & (likeliest != labels), likeliest, -1)


def find_suspects(splits: dict[str, Split], groups: dict[str, str]) -> list[Suspect]:
    """List suspects of some splits, the most confident first; none where there are no folds (see `folds_of`).

    Args:
        splits: train and validation, by name.
        groups: of each file; clips of one group are judged by a model that heard none of them.
    """
    files = [file for split in splits.values() for file in split.names]
    folds = folds_of(splits, groups)
    if not folds:
        return []
    owners = [name for name, split in splits.items() for _ in split.names]
    labels = _labels(splits)
    instruments = next(iter(splits.values())).instruments
    features = np.concatenate([clip_features(split) for split in splits.values()])
    probabilities = probabilities_unheard(features, labels, folds)
    errors = confident_errors(probabilities, labels)
    suspects = [
        Suspect(
            file=files[clip],
            split=owners[clip],
            label=instruments[labels[clip]],
            heard=instruments[errors[clip]],
            probability=round(float(probabilities[clip, errors[clip]]), 3),
            label_probability=round(float(probabilities[clip, labels[clip]]), 3),
        )
        for clip in np.flatnonzero(errors >= 0)
    ]
    return sorted(suspects, key=lambda suspect: (-suspect.probability, suspect.file))


def _labels(splits: dict[str, Split]) -> np.ndarray:
    return np.concatenate([split.targets.argmax(axis=1) for split in splits.values()])
