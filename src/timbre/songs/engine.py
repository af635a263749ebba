"""What hears windows for a predictor: PyTorch, or where that is not installed, ONNX Runtime."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from timbre.core.params import Audio, Mel


@dataclass(frozen=True)
class WindowOutput:
    """What some windows hold.

    Attributes:
        single: logits of one instrument alone, float32 `[windows, instruments]`; `[windows, 0]` of music alone.
        layered: logits of several, float32 `[windows, instruments]`.
        cells: the same for each dense cell, `[windows, cells, instruments]`.
        moments: logits of playing in each step, from whose beginning on a cell lasts, `[windows, cells, instruments]`.
        power: power mels in a row, full scale at 1, `[bands, windows * frames]`.
    """

    single: np.ndarray
    layered: np.ndarray
    frames: np.ndarray
    activity: np.ndarray
    power: np.ndarray


class Engine(Protocol):
    """Both models, and all that is needed to listen with them.

    Attributes:
        audio, mel: what they expect.
        instruments: in label order.
        thresholds: from which each counts as present.
        has_single: whether there is a model of one instrument alone.
        step: seconds from one dense cell to the next.
    """

    audio: Audio
    mel: Mel
    instruments: tuple[str, ...]
    thresholds: tuple[float, ...]
    has_single: bool
    step: float

    def predict(self, waveforms: np.ndarray) -> WindowOutput:
        """Hear windows, float32 `[windows, samples]`, full scale at 1, by one thread."""
