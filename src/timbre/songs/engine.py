"""The interface of the engines that run the models on windows: PyTorch or ONNX Runtime."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from timbre.core.params import Audio, Mel
from timbre.songs.presence import Bounds


@dataclass(frozen=True)
class WindowOutput:
    """The output of the models for some windows.

    Attributes:
        single: Logits of the single-label model, float32 `[windows, instruments]`; `[windows, 0]` without that model.
        layered: Logits of the multi-label model, float32 `[windows, instruments]`.
        frames: Logits of the multi-label model for each frame, `[windows, frames, instruments]`.
        activity: Logits that each instrument plays in each frame, `[windows, frames, instruments]`. They apply from
            the start of that frame to the start of the next.
        power: Mel power spectrograms, one window after another, full scale at 1, `[bands, windows * columns]`.
    """

    single: np.ndarray
    layered: np.ndarray
    frames: np.ndarray
    activity: np.ndarray
    power: np.ndarray


class Engine(Protocol):
    """The models of one folder, ready to predict.

    Attributes:
        audio: Sample rate and window length that the models expect.
        mel: Mel settings that the models expect.
        instruments: Instrument names, in label order.
        thresholds: Probability from which each instrument counts as present.
        sure: The bounds of sure answers for each instrument; empty if they were not measured.
        little_tested: Instruments that are shown only on request, because they have too few tests.
        adapted: The songs that the models were adapted to, in words; empty: none.
        has_single: Whether there is a single-label model.
        step: Seconds from the start of one frame to the start of the next.
    """

    audio: Audio
    mel: Mel
    instruments: tuple[str, ...]
    thresholds: tuple[float, ...]
    sure: dict[str, Bounds]
    little_tested: tuple[str, ...]
    adapted: str
    has_single: bool
    step: float

    def predict(self, waveforms: np.ndarray) -> WindowOutput:
        """Run the models on windows, float32 `[windows, samples]`, full scale at 1, in one thread."""

    def predict_activity(self, waveforms: np.ndarray) -> np.ndarray:
        """Return only `WindowOutput.activity` for windows, which may be shorter than those of `audio`."""
