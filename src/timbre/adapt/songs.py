"""Corrected songs as what the last layer of the layered network gets for them, so that fitting it takes seconds."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from timbre.core.errors import DataError
from timbre.core.files import RELEASED
from timbre.model.checkpoint import load_model
from timbre.songs.answer import PART, TIMELINE_WEIGHT, joint_logits, song_activity, song_logits
from timbre.songs.output import SongOutput
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


class FeatureReader(Predictor):
    """Predicts songs and returns their features, with the models of a folder.

    Attributes:
        layer: The last layer of the layered network.
        features: The features of the last song, of its windows and of its frames.

    Raises:
        DataError: A model is missing, damaged or of the wrong task, or the models do not belong together.
    """

    features: tuple[np.ndarray, np.ndarray]

    def __init__(self, models: Path) -> None:
        super().__init__(models, _FeatureEngine)
        assert isinstance(self.engine, _FeatureEngine)
        last = self.engine.last
        weight, bias = (values.detach().numpy().copy() for values in (last.weight, last.bias))
        self.layer = LastLayer(weight, bias, log_odds(np.clip(self.engine.thresholds, MARGIN, 1 - MARGIN)))

    def read(self, path: Path) -> SongFeatures:
        """Return the features of a song.

        Raises:
            AudioError: The song cannot be read to its end, or is empty, silent, too short or not finite.
        """
        song = self.listen(path, FINE_HOP)
        activity = song_activity(log_odds(np.clip(song.timeline[song.timeline.any(axis=1)], MARGIN, 1 - MARGIN)))
        limits = self.layer.thresholds
        joint = joint_logits(limits, np.array(self.engine.thresholds), activity, np.array(list(song.single.values())))
        return SongFeatures(*self.features, others=joint - limits)

    def _scored(self, output: SongOutput, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the logits that count for a whole song, without the features, which are kept. See `Predictor`."""
        single, *rows = super()._scored(output, count)
        (windows, window_features), (frames, frame_features) = (
            np.split(each, [len(self.instruments)], axis=1) for each in rows
        )
        self.features = window_features, frame_features
        return single, windows, frames


class _FeatureEngine(TorchEngine):
    """An engine in which the logits of the layered network have more columns: the features that they come from.

    Attributes:
        last: The last layer of the layered network.
    """

    def __init__(self, models: Path) -> None:
        super().__init__(models)
        *others, last = self.layered.network.head
        assert isinstance(last, nn.Linear)
        self.last = last
        self.layered.network.head = nn.Sequential(*others, _WithInput(last))

    def activity(self, features: Tensor, frames: Tensor) -> Tensor:
        """See `TorchEngine.activity`."""
        return super().activity(features, frames[:, : len(self.instruments)])


class _WithInput(nn.Module):
    """A layer that returns its input after its output."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, features: Tensor) -> Tensor:
        """Return the output and the input, along the last dimension."""
        return torch.cat([self.layer(features), features], dim=-1)
