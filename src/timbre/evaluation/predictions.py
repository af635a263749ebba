"""What trained models make of a split: probabilities and answers beside the truth, and metrics of them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from timbre.core.tables import DIGITS
from timbre.evaluation.curves import expected_calibration_error
from timbre.evaluation.metrics import (
    answered_right,
    claimed_where_absent,
    layered_metrics,
    ranking_metrics,
    single_metrics,
)
from timbre.features.split import Split
from timbre.model.checkpoint import TrainedModel
from timbre.model.inference import clip_logits
from timbre.model.tasks import TASKS, decide


@dataclass(frozen=True)
class Predictions:
    """The answers of one model to the clips of one split.

    Attributes:
        split: the clips.
        probabilities: `[clips, instruments]`.
        present: bool `[clips, instruments]`: the one likeliest instrument of a clip, or all from their thresholds up.
        thresholds: the thresholds, empty where the likeliest is the answer.
    """

    split: Split
    probabilities: np.ndarray
    present: np.ndarray
    thresholds: tuple[float, ...]

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The metrics of the task, as `metrics` and `curves` define them, of all and of each instrument.

        Those that rank by probability are missing where an instrument always or never plays.
        """
        truth, instruments = self.split.targets, self.split.instruments
        if self.thresholds:
            metrics = layered_metrics(truth, self.present, instruments) | ranking_metrics(truth, self.probabilities)
        else:
            metrics = single_metrics(truth.argmax(axis=1), self.present.argmax(axis=1), instruments)
        error = expected_calibration_error(self.probabilities, truth)
        return {"expected_calibration_error": round(error, DIGITS), **metrics}

    @property
    def headline(self) -> dict[str, float]:
        """The metrics of all instruments together."""
        return {name: value for name, value in self.metrics.items() if name not in self.split.instruments}

    @property
    def of_instruments(self) -> dict[str, dict[str, float]]:
        """The metrics of each instrument."""
        return {name: value for name, value in self.metrics.items() if name in self.split.instruments}

    @property
    def mean_claims(self) -> float:
        """Instruments claimed per clip."""
        return round(float(self.present.sum(axis=1).mean()), DIGITS)

    @property
    def claimed_where_absent(self) -> float:
        """Share of clips in which an instrument is claimed, of those in which it does not play; the mean over them."""
        return claimed_where_absent(self.split.targets, self.present)

    @property
    def right(self) -> np.ndarray:
        """Which clips are answered wholly right, as far as that is known, bool `[clips]`."""
        return answered_right(self.split.targets, self.present)

    @property
    def hardest_first(self) -> np.ndarray:
        """Clips in falling order of how far the worst probability lies from the truth."""
        distance = np.nan_to_num(np.abs(self.probabilities - self.split.targets))
        return np.argsort(-distance.max(axis=1), kind="stable")


def predict_split(trained: TrainedModel, split: Split) -> Predictions:
    """Let a model hear a split, in float32 on the CPU, so that metrics are the same wherever it was trained."""
    thresholds = trained.description.thresholds
    logits = clip_logits(trained.network, split)
    probabilities = TASKS[trained.description.task].probabilities(logits).numpy()
    return Predictions(split, probabilities, decide(probabilities, thresholds), thresholds)
