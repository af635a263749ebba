"""Logits of windows and of clips."""

import numpy as np
import torch
from torch import Tensor, nn

from timbre.features.mel import reference_to_peak
from timbre.features.split import Split, mean_by_clip

WINDOWS_PER_BATCH = 64


def window_logits(network: nn.Module, mels: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """Return the logits `[windows, instruments]` of log mels `[windows, bands, frames]` in dB, float32 on the CPU."""
    network.eval()
    with torch.inference_mode():
        batches = (
            torch.from_numpy(mels[start : start + WINDOWS_PER_BATCH].astype(np.float32)).to(device)
            for start in range(0, len(mels), WINDOWS_PER_BATCH)
        )
        return torch.cat([network(reference_to_peak(batch)).float().cpu() for batch in batches])


def clip_logits(network: nn.Module, split: Split, device: torch.device | str = "cpu") -> Tensor:
    """Return the logits `[clips, instruments]` of a split: for each clip, the mean over its windows."""
    return torch.from_numpy(mean_by_clip(window_logits(network, split.mels, device).numpy(), split.clips)).float()
