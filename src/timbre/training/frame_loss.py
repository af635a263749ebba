"""Frame loss: an auxiliary loss of training on mixtures. It learns in which frames each instrument plays.

The label of a clip does not say when an instrument plays in it. The parts of a mixture do. Such strong labels also
improve clip-level recognition: Hershey et al., "The benefit of temporally-strong labels in audio event
classification", ICASSP 2021.
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d, binary_cross_entropy_with_logits, max_pool1d

from timbre.features.events import PAUSE
from timbre.features.mixtures import ACTIVE


def frame_activity(
    parts: Tensor, clips: Tensor, labels: Tensor, size: tuple[int, int], stride: int, frame_seconds: float
) -> Tensor:
    """Return the fraction of each output frame in which each instrument plays: `[mixtures, instruments, frames]`.

    A part plays where it is within 30 dB of its loudest frame, and in pauses shorter than `PAUSE`. A mixture that
    includes labelled music, of unknown parts, gets NaN.

    Args:
        parts: Power `[parts, bands, mel frames]`.
        clips: Mixture that each part belongs to, int `[parts]`.
        labels: Label of each part, int `[parts]`: an instrument, another class from `size[1]` on, or music below 0.
        size: Number of mixtures, number of instruments.
        stride: Mel frames per output frame.
        frame_seconds: Seconds from one mel frame to the next.
    """
    level = parts.sum(dim=1)
    sounds = (level >= ACTIVE * level.amax(dim=1, keepdim=True)).to(parts)[:, None]
    reach = round(PAUSE / frame_seconds / 2)
    bridged = -_dilate(-_dilate(sounds, reach), reach)
    activity = avg_pool1d(bridged, stride, ceil_mode=True)[:, 0]
    total = activity.new_zeros(*size, activity.shape[1])
    is_instrument = (labels >= 0) & (labels < size[1])
    total[clips[is_instrument], labels[is_instrument]] = activity[is_instrument]
    total[clips[labels < 0]] = torch.nan
    return total


def _dilate(values: Tensor, reach: int) -> Tensor:
    """Return the maximum over `reach` neighbours on each side of each value, `[rows, 1, frames]`."""
    return max_pool1d(values, 2 * reach + 1, stride=1, padding=reach)


def frame_loss(logits: Tensor, activity: Tensor) -> Tensor:
    """Return the mean binary cross-entropy over the frames with known activity.

    Args:
        logits: Frame-level logits `[batch, instruments, frames]`.
        activity: Targets from 0 to 1, same shape. NaN where unknown.
    """
    known = ~activity.isnan()
    losses = binary_cross_entropy_with_logits(logits, activity.nan_to_num(), reduction="none")
    return losses.where(known, 0).sum() / known.sum().clamp_min(1)
