"""Auxiliary loss of training on mixtures: whose the sound is, in each cell of the last feature maps.

Who plays is four bits per mixture. But its parts are at hand, and say for every cell, a stretch of bands and frames,
what fraction of the power there each class has: the ideal ratio mask of source separation (Narayanan and Wang, 2013),
coarse. A network that learns these masks as well needs half as many mixtures to learn who plays.
"""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, log_softmax

from timbre.features.mel import FLOOR, power_to_db
from timbre.model.network import TimbreNet

MASK_RANGE_DB = 40.0  # below the loudest cell of a clip, where a cell begins to count


class TrainingOutput(NamedTuple):
    """What a network in training makes of a batch.

    Attributes:
        logits: `[batch, instruments]`.
        masks: logits `[batch, classes, bands, frames]`, by cell; none where these are not learnt.
        frames: logits `[batch, instruments, frames]`, by cell; none likewise.
    """

    logits: Tensor
    masks: Tensor | None
    frames: Tensor | None


class WithAuxiliaryOutputs(nn.Module):
    """The network as it is trained, with what it learns beside: a layer for masks of some classes, and frames.

    Args:
        network: whose head frames share.
        classes: of the masks; 0: none.
        has_frames: whether cells are classified.
    """

    def __init__(self, network: TimbreNet, classes: int, has_frames: bool) -> None:
        super().__init__()
        self.network, self.has_frames = network, has_frames
        self.masks = nn.Conv2d(network.width, classes, 1) if classes else None

    def forward(self, mels: Tensor) -> TrainingOutput:
        """What it makes of mels `[batch, bands, frames]`."""
        features = self.network.features(mels)
        pooled = features.mean(dim=2)
        return TrainingOutput(
            self.network.classify(pooled),
            self.masks(features) if self.masks else None,
            self.network.classify_cells(pooled) if self.has_frames else None,
        )


def power_by_class(
    parts: Tensor, clips: Tensor, classes: Tensor, size: tuple[int, int], cell: tuple[int, int]
) -> Tensor:
    """The mean power of each class in each cell of some mixtures: `[mixtures, classes, bands, frames]`.

    Args:
        parts: power `[parts, bands, frames]`.
        clips: int `[parts]`, the mixture each is in.
        classes: int `[parts]`, what it is.
        size: how many mixtures and classes there are.
        cell: bands and frames of one.
    """
    pooled = avg_pool2d(parts[:, None], cell, ceil_mode=True)[:, 0]
    total = pooled.new_zeros(size[0] * size[1], *pooled.shape[1:])
    return total.index_add_(0, clips * size[1] + classes, pooled).unflatten(0, size)


def mask_loss(logits: Tensor, power: Tensor) -> Tensor:
    """Mean cross-entropy of masks, cells weighted by how far they lie above `MASK_RANGE_DB` below their clip's loudest.

    Args:
        logits: `[batch, classes, bands, frames]`, by cell.
        power: of the same shape, of each class before rooms and noise, which are no class; all 0 of a clip that does
            not count.
    """
    total = power.sum(dim=1)
    level = power_to_db(total)
    weight = ((level - level.amax(dim=(1, 2), keepdim=True)) / MASK_RANGE_DB + 1).clamp_min(0) * (total > 0)
    cross_entropy = -(power / total.clamp_min(FLOOR)[:, None] * log_softmax(logits, dim=1)).sum(dim=1)
    return (weight * cross_entropy).sum() / weight.sum().clamp_min(FLOOR)
