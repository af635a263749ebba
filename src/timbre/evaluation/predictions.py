"""Predict the splits with the trained models, and score the predictions."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from timbre.core.tables import DIGITS
from timbre.evaluation.curves import expected_calibration_error
from timbre.evaluation.metrics import (
    exact_matches,
    false_positive_rate,
    layered_metrics,
    ranking_metrics,
    single_metrics,
)
from timbre.features.split import Split, load_layered, load_music, load_others, load_single
from timbre.model.checkpoint import TrainedModel, is_untrained, load_model
from timbre.model.inference import clip_logits
from timbre.model.tasks import TASKS, decide

SCORED_SPLITS = ("validation", "test")


@dataclass(frozen=True)
class Predictions:
    """The predictions of one model for the clips of one split.

    Attributes:
        split: The clips.
        probabilities: `[clips, instruments]`.
        present: Predicted instruments, bool `[clips, instruments]`: the most probable one (single-label), or all with a
            probability from their threshold up (multi-label).
        thresholds: One per instrument for multi-label predictions, else empty.
    """

    split: Split
    probabilities: np.ndarray
    present: np.ndarray
    thresholds: tuple[float, ...]

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The metrics of the task, over all instruments and by instrument; see `timbre.evaluation.metrics`."""
        targets, instruments = self.split.targets, self.split.instruments
        if self.thresholds:
            metrics = layered_metrics(targets, self.present, instruments) | ranking_metrics(targets, self.probabilities)
        else:
            metrics = single_metrics(targets.argmax(axis=1), self.present.argmax(axis=1), instruments)
        error = expected_calibration_error(self.probabilities, targets)
        return {"expected_calibration_error": round(error, DIGITS), **metrics}

    @property
    def headline(self) -> dict[str, float]:
        """The metrics over all instruments."""
        return {name: value for name, value in self.metrics.items() if name not in self.split.instruments}

    @property
    def by_instrument(self) -> dict[str, dict[str, float]]:
        """The metrics of each instrument."""
        return {name: value for name, value in self.metrics.items() if name in self.split.instruments}

    @property
    def mean_predicted(self) -> float:
        """Mean number of predicted instruments per clip."""
        return round(float(self.present.sum(axis=1).mean()), DIGITS)

    @property
    def false_positive_rate(self) -> float:
        """The mean over instruments of the false positive rate."""
        return false_positive_rate(self.split.targets, self.present)

    @property
    def correct(self) -> np.ndarray:
        """The clips where every known target is predicted right, bool `[clips]`."""
        return exact_matches(self.split.targets, self.present)

    @property
    def hardest_first(self) -> np.ndarray:
        """Indices of clips, ordered by the largest distance between a probability and its target, largest first."""
        distance = np.nan_to_num(np.abs(self.probabilities - self.split.targets))
        return np.argsort(-distance.max(axis=1), kind="stable")


def predict_split(trained: TrainedModel, split: Split) -> Predictions:
    """Predict a split in float32 on the CPU, so that metrics do not depend on where the model was trained."""
    thresholds = trained.description.thresholds
    logits = clip_logits(trained.network, split)
    probabilities = TASKS[trained.description.task].probabilities(logits).numpy()
    return Predictions(split, probabilities, decide(probabilities, thresholds), thresholds)


def load_splits(mels: Path, mixtures: Path, instruments: tuple[str, ...]) -> dict[str, dict[str, Split]]:
    """Return validation and test by kind of clip: single, layered (mixtures), others and music."""
    return {
        "single": {split: load_single(mels, split, instruments) for split in SCORED_SPLITS},
        "layered": {split: load_layered(mixtures, split, instruments) for split in SCORED_SPLITS},
        "others": {split: load_others(mels, split, instruments) for split in SCORED_SPLITS},
        "music": {split: load_music(mels, split, instruments) for split in SCORED_SPLITS},
    }


def predict_splits(models: Path, splits: Mapping[str, Mapping[str, Split]]) -> dict[str, dict[str, Predictions]]:
    """Predict the output of `load_splits`: single clips with the single model, all other kinds with the layered one.

    Splits without clips are left out, and so are single clips if the single model is untrained.
    """
    layered = load_model(models / "layered.safetensors")
    trained = {"layered": layered, "others": layered, "music": layered}
    if not is_untrained(models / "single.safetensors"):
        trained["single"] = load_model(models / "single.safetensors")
    return {
        kind: {split: predict_split(trained[kind], clips) for split, clips in by_split.items() if clips.names}
        if kind in trained
        else {}
        for kind, by_split in splits.items()
    }


def tested_by_task(predictions: Mapping[str, Mapping[str, Predictions]]) -> dict[str, Predictions]:
    """Return the predictions of test by task, as far as there are any: single, layered and music.

    In a data set without mixtures, music takes the name layered.
    """
    single, layered, music = (predictions[kind].get("test") for kind in ("single", "layered", "music"))
    by_task = {"single": single, "layered": layered or music, "music": music if layered else None}
    return {task: found for task, found in by_task.items() if found}
