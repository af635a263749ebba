"""Frame loss: an auxiliary loss of training on mixtures, which learns in which frames each instrument plays.

The label of a whole clip does not say where in it an instrument plays. The parts of a mixture do. Strong labels also
improve clip-level recognition: Hershey et al., "The benefit of temporally-strong labels in audio event
classification", ICASSP 2021.
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d, binary_cross_entropy_with_logits, max_pool1d

from timbre.features.events import PAUSE
from timbre.training.augment import ACTIVE


def frame_activity(
    parts: Tensor, clips: Tensor, labels: Tensor, size: tuple[int, int], cell: int, frame_seconds: float
) -> Tensor:
    """For what share of each cell each instrument is heard in some mixtures: `[mixtures, instruments, cells]`.

    A part is heard where it is within 30 dB of its loudest frame, and in pauses of less than `PAUSE`. In a mixture with
    music whose parts nobody knows, this is not a number.

    Args:
        parts: power `[parts, bands, frames]`.
        clips: int `[parts]`, the mixture each is in.
        labels: int `[parts]`, what it is: an instrument, something else from `size[1]` on, or unknown below 0.
        size: how many mixtures and instruments there are.
        cell: frames of one.
        frame_seconds: from one frame to the next.
    """
    level = parts.sum(dim=1)
    sounds = (level >= ACTIVE * level.amax(dim=1, keepdim=True)).to(parts)[:, None]
    reach = round(PAUSE / frame_seconds / 2)
    bridged = -_spread(-_spread(sounds, reach), reach)
    heard = avg_pool1d(bridged, cell, ceil_mode=True)[:, 0]
    total = heard.new_zeros(*size, heard.shape[1])
    ours = (labels >= 0) & (labels < size[1])
    total[clips[ours], labels[ours]] = heard[ours]
    total[clips[labels < 0]] = torch.nan
    return total


def _spread(values: Tensor, reach: int) -> Tensor:
    """The greatest of each value's neighbours within reach, `[rows, 1, frames]`."""
    return max_pool1d(values, 2 * reach + 1, stride=1, padding=reach)


def frame_loss(logits: Tensor, heard: Tensor) -> Tensor:
    """Mean cross-entropy of cells whose truth is known.

    Args:
        logits: `[batch, instruments, cells]`.
        heard: of the same shape, from 0 to 1, or not a number where that is not known.
    """
    known = ~heard.isnan()
    losses = binary_cross_entropy_with_logits(logits, heard.nan_to_num(), reduction="none")
    return losses.where(known, 0).sum() / known.sum().clamp_min(1)
