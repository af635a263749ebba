"""The settings of one training."""

from dataclasses import dataclass
from typing import Literal

from timbre.core.params import Audio, Augment, Mel, Model


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of one training. params.yaml explains each."""

    instruments: tuple[str, ...]
    seed: int
    epochs: int
    batch_size: int
    optimizer: Literal["muon", "adamw"]
    learning_rate: float
    audio: Audio
    mel: Mel
    model: Model
    augment: Augment
    mask_loss: float = 0.0
    frame_loss: float = 0.0

    @property
    def frame_seconds(self) -> float:
        """Seconds from one mel frame to the next."""
        return self.mel.hop_length / self.audio.sample_rate
