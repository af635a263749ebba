"""The network as it is trained on mixtures: the layered network plus outputs for the auxiliary losses."""

from typing import NamedTuple

from torch import Tensor, nn

from timbre.model.network import TimbreNet


class TrainingOutput(NamedTuple):
    """What the network returns for a batch during training.

    Attributes:
        logits: Clip-level logits `[batch, instruments]`.
        masks: Mask logits `[batch, classes, bands, frames]`, one per point of the feature maps. None without mask loss.
        frames: Frame-level logits `[batch, instruments, frames]`. None without frame loss.
    """

    logits: Tensor
    masks: Tensor | None
    frames: Tensor | None


class TrainingNet(nn.Module):
    """A network with the outputs that the mask loss and the frame loss need. They are dropped after training.

    Args:
        network: The network to train. The frame-level output uses its head.
        classes: How many classes the masks have. 0: no masks.
        has_frames: Whether to return frame-level logits.
    """

    def __init__(self, network: TimbreNet, classes: int, has_frames: bool) -> None:
        super().__init__()
        self.network, self.has_frames = network, has_frames
        self.masks = nn.Conv2d(network.width, classes, 1) if classes else None

    def forward(self, mels: Tensor) -> TrainingOutput:
        """Return all outputs for mels `[batch, bands, frames]`."""
        features = self.network.features(mels)
        pooled = features.mean(dim=2)
        return TrainingOutput(
            self.network.classify(pooled),
            self.masks(features) if self.masks else None,
            self.network.classify_frames(pooled) if self.has_frames else None,
        )
