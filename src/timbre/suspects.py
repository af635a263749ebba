"""Find clips that may be mislabelled: a simple model, trained without them, confidently predicts another instrument.

Confident learning (Northcutt, Jiang and Chuang, Journal of Artificial Intelligence Research 70, 2021): a clip is
suspect if another instrument's probability is at least the average of that instrument's own clips.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from timbre.features.split import Split, mean_by_clip

MAX_FOLDS = 5

Folds = list[tuple[np.ndarray, np.ndarray]]
"""For each fold, the indices of its training clips and of the clips it predicts."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A clip that a person should listen to.

    Attributes:
        file: Name of the file.
        split: train or validation.
        label: Label in the data set.
        heard: Instrument that the model predicts.
        probability: Probability of the predicted instrument, by a model trained without this clip's group.
        label_probability: Probability of the label, by the same model.
    """

    file: str
    split: str
    label: str
    heard: str
    probability: float
    label_probability: float


def clip_features(split: Split) -> np.ndarray:
    """Return the features of each clip, `[clips, 4 × bands]`.

    They are mean and standard deviation over time of each band's level, and of its change from frame to frame.
    """
    features = []
    for mel in split.mels:
        decibels = mel.astype(np.float32)
        below = np.maximum(decibels - decibels.max(), -80)
        change = np.abs(np.diff(below, axis=1))
        features.append(np.concatenate([below.mean(1), below.std(1), change.mean(1), change.std(1)]))
    return mean_by_clip(np.array(features), split.clips)


def folds_of(splits: dict[str, Split], groups: dict[str, str]) -> Folds:
    """Divide clips into as many folds as possible, so that groups stay whole and each fold trains on all labels.

    Args:
        splits: Splits by name. Folds index their clips, one split after the other.
        groups: Group of each file.

    Returns:
        At most `MAX_FOLDS` folds. Empty if the labels have too few groups.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    labels = _labels(splits)
    if not len(labels):
        return []
    group_of_clip = [groups[file] for split in splits.values() for file in split.names]
    distinct = len(np.unique(labels))
    groups_per_label = Counter(label for label, _ in {*zip(labels.tolist(), group_of_clip, strict=True)})
    for number in range(min(MAX_FOLDS, *groups_per_label.values()), 1, -1):
        folds = list(StratifiedGroupKFold(number).split(labels, labels, group_of_clip))
        if all(len(predicted) and len(np.unique(labels[trained])) == distinct for trained, predicted in folds):
            return folds
    return []


def cross_validated_probabilities(features: np.ndarray, labels: np.ndarray, folds: Folds) -> np.ndarray:
    """Return probabilities `[clips, instruments]` by logistic regression, each clip by a model trained without it."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    return cross_val_predict(model, features, labels, cv=folds, method="predict_proba")


def confident_errors(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the other label that is confidently predicted for each clip, int `[clips]`. −1: none.

    Args:
        probabilities: `[clips, instruments]`.
        labels: Labels of the clips, int `[clips]`.
    """
    average = np.array([probabilities[labels == label, label].mean() for label in range(probabilities.shape[1])])
    confident = np.where(probabilities >= average, probabilities, 0)
    likeliest = confident.argmax(axis=1)
    return np.where((confident.max(axis=1) > 0) & (likeliest != labels), likeliest, -1)


def find_suspects(splits: dict[str, Split], groups: dict[str, str]) -> list[Suspect]:
    """List the clips that may be mislabelled, the most confident first. Empty if there are no folds, see `folds_of`.

    Args:
        splits: Train and validation, by name.
        groups: Group of each file. Clips are predicted by a model trained without their group.
    """
    files = [file for split in splits.values() for file in split.names]
    folds = folds_of(splits, groups)
    if not folds:
        return []
    split_of_clip = [name for name, split in splits.items() for _ in split.names]
    labels = _labels(splits)
    instruments = next(iter(splits.values())).instruments
    features = np.concatenate([clip_features(split) for split in splits.values()])
    probabilities = cross_validated_probabilities(features, labels, folds)
    errors = confident_errors(probabilities, labels)
    suspects = [
        Suspect(
            file=files[clip],
            split=split_of_clip[clip],
            label=instruments[labels[clip]],
            heard=instruments[errors[clip]],
            probability=round(float(probabilities[clip, errors[clip]]), 3),
            label_probability=round(float(probabilities[clip, labels[clip]]), 3),
        )
        for clip in np.flatnonzero(errors >= 0)
    ]
    return sorted(suspects, key=lambda suspect: (-suspect.probability, suspect.file))


def _labels(splits: dict[str, Split]) -> np.ndarray:
    """Return the labels of the clips of all splits, int `[clips]`."""
    return np.concatenate([split.targets.argmax(axis=1) for split in splits.values()])
