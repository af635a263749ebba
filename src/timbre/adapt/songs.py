"""Corrected songs as what the last layer of the layered network gets for them, so that fitting it takes seconds."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import nn

from timbre.core.errors import DataError
from timbre.core.files import RELEASED
from timbre.model.checkpoint import load_model
from timbre.songs.answer import PART, TIMELINE_WEIGHT, joint_logits, song_activity, song_logits
from timbre.songs.predictor import Predictor, find_models
from timbre.songs.timeline import FINE_HOP, log_odds
from timbre.songs.torch_engine import TorchEngine

LAYERED_WEIGHT = 1 - TIMELINE_WEIGHT  # of the multi-label model in the answer
MARGIN = 1e-6  # thresholds are kept this far from 0 and 1, so that their logits are finite


class LastLayer(NamedTuple):
    """The last layer of a layered network.

    Attributes:
        weight: `[instruments, features]`.
        bias: `[instruments]`.
        thresholds: Logit from which each instrument counts as present, `[instruments]`.
    """

    weight: np.ndarray
    bias: np.ndarray
    thresholds: np.ndarray

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Return the logits `[rows, instruments]` of features `[rows, features]`."""
        return features @ self.weight.T + self.bias


class SongFeatures(NamedTuple):
    """A song: the input of the last layer, and what the other models add to the answer.

    Attributes:
        windows: Features of its windows, `[windows, features]`.
        frames: Features of its frames, `[frames, features]`.
        others: What the single-label and the timeline model add to the logits, `[instruments]`.
    """

    windows: np.ndarray
    frames: np.ndarray
    others: np.ndarray

    def logits(self, layer: LastLayer) -> np.ndarray:
        """Return the logits of the song `[instruments]`, as `timbre predict` computes them (see `joint_logits`).

        A new layer also changes the timeline, but by little, which is left out.
        """
        above = song_logits(layer.logits(self.windows), layer.logits(self.frames)) - layer.thresholds
        return layer.thresholds + LAYERED_WEIGHT * above + self.others

    def decisive(self, layer: LastLayer) -> np.ndarray:
        """Return the features that decide about each instrument, `[instruments, features]`.

        Their logits are those of the song: they are interpolated between windows (and frames) as the logits are.
        """
        by_window = _at_quantile(self.windows, layer.logits(self.windows))
        if len(self.windows) == 1:
            return by_window
        return (by_window + _at_quantile(self.frames, layer.logits(self.frames))) / 2


def _at_quantile(features: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Return the features `[instruments, features]` of the rows that the quantile of each instrument's logits uses."""
    position = (1 - PART) * (len(features) - 1)
    low, order = int(position), np.argsort(logits, axis=0, kind="stable")
    high = min(low + 1, len(features) - 1)
    return features[order[low]] + (position - low) * (features[order[high]] - features[order[low]])


def start_models(models: Path | None) -> Path:
    """Return the folder of the models to adapt. Adapted ones are not adapted again: they know the songs already.

    Args:
        models: The folder that the user named. None: see `find_models`; if those are adapted, the released models.

    Raises:
        DataError: The models that the user named are adapted, or a model is missing or damaged.
    """
    start = find_models() if models is None else models
    adapted = load_model(start / "layered.safetensors").description.adapted
    if not adapted:
        return start
    if models is None:
        return RELEASED
    raise DataError(f"{models}: adapted to {adapted} already; name the models that those were made from")


class FeatureReader:
    """Reads songs as features, with the models of a folder.

    Attributes:
        layer: The last layer of the layered network.
        instruments: Names, in label order.
        source: Where the models come from, in words.

    Raises:
        DataError: A model is missing, damaged or of the wrong task, or the models do not belong together.
    """

    def __init__(self, models: Path) -> None:
        self.predictor, self.unchanged = Predictor(models), Predictor(models)
        self.instruments, self.source = self.predictor.instruments, self.predictor.source
        self.thresholds = np.array(self.predictor.engine.thresholds)
        engine = self.predictor.engine
        assert isinstance(engine, TorchEngine)
        network = engine.layered.network
        *others, last = network.head
        assert isinstance(last, nn.Linear)
        weight, bias = (values.detach().numpy().copy() for values in (last.weight, last.bias))
        self.layer = LastLayer(weight, bias, log_odds(np.clip(engine.thresholds, MARGIN, 1 - MARGIN)))
        network.head = nn.Sequential(*others)  # the outputs of the network are then the features
        engine.thresholds = (0.5,) * last.in_features

    def read(self, path: Path) -> SongFeatures:
        """Return the features of a song.

        Raises:
            AudioError: The song cannot be read to its end, or is empty, silent, too short or not finite.
        """
        song = self.unchanged.listen(path, FINE_HOP)
        activity = song_activity(log_odds(np.clip(song.timeline[song.timeline.any(axis=1)], MARGIN, 1 - MARGIN)))
        limits = self.layer.thresholds
        joint = joint_logits(limits, self.thresholds, activity, np.array(list(song.single.values())))
        return SongFeatures(*self.predictor.scored_logits(path), others=joint - limits)
