"""A second lesson for training on mixtures: whose the sound is, in each cell of the network's last maps.

Who plays is four bits a mixture. But its parts are at hand, and say for every cell, a stretch of bands and frames, what
share of the power there each class has: the ideal ratio mask of source separation (Narayanan and Wang, 2013), coarse.
A network that learns to tell these shares as well needs half as many mixtures to learn who plays.
"""

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, log_softmax

from timbre.core.instruments import CLASSES
from timbre.features.mel import FLOOR, power_to_db
from timbre.model.network import Listener

HEARD_DB = 40.0  # below the loudest cell of a clip, where a cell begins to count


class Pupil(nn.Module):
    """A listener as it is trained, with a layer for shares beside its head where it learns them."""

    def __init__(self, listener: Listener, learns_shares: bool) -> None:
        super().__init__()
        self.listener = listener
        self.shares = nn.Conv2d(listener.width, len(CLASSES), 1) if learns_shares else None

    def forward(self, mels: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits `[batch, 4]`, and those of shares `[batch, classes, bands, pieces]`."""
        cells = self.listener.cells(mels)
        return self.listener.answer(cells.mean(dim=2)), self.shares(cells) if self.shares else None


def power_by_class(parts: Tensor, clips: Tensor, classes: Tensor, size: int, cell: tuple[int, int]) -> Tensor:
    """The mean power of each class in each cell of `size` mixtures: `[size, classes, bands, pieces]`.

    Args:
        parts: power `[parts, bands, frames]`.
        clips: int `[parts]`, the mixture each is in.
        classes: int `[parts]`, what it is, counted as in `CLASSES`.
        size: mixtures.
        cell: bands and frames of one.
    """
    pooled = avg_pool2d(parts[:, None], cell, ceil_mode=True)[:, 0]
    total = pooled.new_zeros(size * len(CLASSES), *pooled.shape[1:])
    return total.index_add_(0, clips * len(CLASSES) + classes, pooled).unflatten(0, (size, len(CLASSES)))


def share_loss(logits: Tensor, power: Tensor) -> Tensor:
    """Mean cross-entropy of shares, cells weighted by how far they lie above `HEARD_DB` below their clip's loudest.

    Args:
        logits: `[batch, classes, bands, pieces]`.
        power: of the same shape, of each class before rooms and noise, which are no class.
    """
    total = power.sum(dim=1)
    level = power_to_db(total)
    weight = ((level - level.amax(dim=(1, 2), keepdim=True)) / HEARD_DB + 1).clamp_min(0)
    cross_entropy = -(power / total.clamp_min(FLOOR)[:, None] * log_softmax(logits, dim=1)).sum(dim=1)
    return (weight * cross_entropy).sum() / weight.sum()
