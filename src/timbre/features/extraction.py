"""Packed waveforms to packed log mels, some rows at a time, on all cores."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from timbre.core.params import Compute, Mel
from timbre.features.arrays import open_pack, pack_writer
from timbre.features.mel import MelSpectrogram, filter_bank, power_to_db
from timbre.features.mixtures import Part, mix
from timbre.parallel.pool import parallel_map

ROWS = 16  # at a time: a few MB of spectra stay in a core's cache

T = TypeVar("T")


def write_mels(
    path: Path, items: Sequence[T], extract: Callable[[Sequence[T]], np.ndarray], compute: Compute, description: str
) -> None:
    """Write a pack of `extract(items)`, float16 `[rows, bands, frames]` in dB, without holding it in memory.

    Args:
        path: the pack to write.
        items: window rows, or the parts of each mixture.
        extract: `clip_mels` or `mixture_mels`, with all but its first argument given.
        compute: where the work is done.
        description: beside the progress bar.
    """
    chunks = [items[start : start + ROWS] for start in range(0, len(items), ROWS)]
    results = parallel_map(extract, chunks, compute, description, unit=f"{ROWS} clips", threads=True)
    first = next(results)
    with pack_writer(path, first.shape[1:], "float16") as pack:
        pack.append(first)
        for mels in results:
            pack.append(mels)


def clip_mels(rows: Sequence[int], *, pack: Path, sample_rate: int, mel: Mel) -> np.ndarray:
    """Log mels of some rows of a waveform pack: float16 `[rows, bands, frames]`, dB."""
    return log_mels(open_pack(pack)[list(rows)].astype(np.float32) / 32767, sample_rate, mel)


def mixture_mels(recipes: Sequence[Sequence[Part]], *, pack: Path, sample_rate: int, mel: Mel) -> np.ndarray:
    """Log mels of some mixtures of rows of a waveform pack: float16 `[recipes, bands, frames]`, dB."""
    waveforms = open_pack(pack)
    return log_mels(np.stack([mix(parts, waveforms, sample_rate) for parts in recipes]), sample_rate, mel)


def log_mels(waveforms: np.ndarray, sample_rate: int, mel: Mel) -> np.ndarray:
    """Log mels of float32 waveforms `[rows, samples]`, full scale at 1: float16 `[rows, bands, frames]`, dB."""
    torch.set_num_threads(1)  # of this thread: the same sums, and so the same bytes, on any machine's cores
    with torch.inference_mode():
        power = _transform(sample_rate, mel)(torch.from_numpy(waveforms))
        return power_to_db(power).half().numpy()


@lru_cache(maxsize=1)
def _transform(sample_rate: int, mel: Mel) -> MelSpectrogram:
    return MelSpectrogram(mel, filter_bank(sample_rate, mel))
