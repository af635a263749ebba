"""Mask loss: an auxiliary loss of training on mixtures. It learns which instrument each time-frequency cell belongs to.

The target of a mixture is only four bits: which instruments play. Its parts tell more. They give, for each cell of the
last feature maps, the fraction of the power that each class has there. This is a coarse ideal ratio mask of source
separation (Narayanan and Wang, 2013). A network that also learns these masks needs half as many mixtures.
"""

from torch import Tensor
from torch.nn.functional import avg_pool2d, log_softmax

from timbre.features.mel import FLOOR, power_to_db

MASK_RANGE_DB = 40.0  # cells quieter than this below the loudest cell of their clip have no weight


def power_by_class(
    parts: Tensor, clips: Tensor, classes: Tensor, size: tuple[int, int], cell: tuple[int, int]
) -> Tensor:
    """Return the mean power of each class in each cell of each mixture: `[mixtures, classes, bands, frames]`.

    Args:
        parts: Power `[parts, bands, frames]`.
        clips: Mixture that each part belongs to, int `[parts]`.
        classes: Class of each part, int `[parts]`.
        size: Number of mixtures, number of classes.
        cell: Bands and frames per cell.
    """
    pooled = avg_pool2d(parts[:, None], cell, ceil_mode=True)[:, 0]
    total = pooled.new_zeros(size[0] * size[1], *pooled.shape[1:])
    return total.index_add_(0, clips * size[1] + classes, pooled).unflatten(0, size)


def mask_loss(logits: Tensor, power: Tensor) -> Tensor:
    """Return the weighted mean cross-entropy of the masks.

    A cell's weight falls linearly in dB from 1 at its clip's loudest cell to 0 at `MASK_RANGE_DB` below.

    Args:
        logits: Mask logits `[batch, classes, bands, frames]`.
        power: Power of each class in each cell, same shape, before reverberation and noise, which are no class. All 0
            for clips to ignore.
    """
    total = power.sum(dim=1)
    level = power_to_db(total)
    weight = ((level - level.amax(dim=(1, 2), keepdim=True)) / MASK_RANGE_DB + 1).clamp_min(0) * (total > 0)
    cross_entropy = -(power / total.clamp_min(FLOOR)[:, None] * log_softmax(logits, dim=1)).sum(dim=1)
    return (weight * cross_entropy).sum() / weight.sum().clamp_min(FLOOR)
