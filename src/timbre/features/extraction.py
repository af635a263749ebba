"""Turn packed waveforms into packed log mels, some rows at a time, on all cores."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from timbre.core.params import Compute, Mel
from timbre.features.arrays import array_writer, open_array
from timbre.features.mel import log_mels
from timbre.parallel.pool import parallel_map

ROWS = 16  # windows per task: their spectra, a few MB, fit into a core's cache

T = TypeVar("T")


def write_mels(
    path: Path, items: Sequence[T], extract: Callable[[Sequence[T]], np.ndarray], compute: Compute, description: str
) -> None:
    """Write log mels, float16 `[rows, bands, frames]` in dB, to a pack, without keeping them all in memory.

    Args:
        path: the pack to write.
        items: rows of windows, or the parts of each mixture.
        extract: `clip_mels` or `mixture_mels`, with all arguments but the first fixed.
        compute: number of workers or a Dask cluster.
        description: label of the progress bar.
    """
    chunks = [items[start : start + ROWS] for start in range(0, len(items), ROWS)]
    results = parallel_map(extract, chunks, compute, description, unit=f"{ROWS} clips", threads=True)
    first = next(results, np.empty((0, 0, 0)))
    with array_writer(path, first.shape[1:], "float16") as pack:
        pack.append(first)
        for mels in results:
            pack.append(mels)


def clip_mels(rows: Sequence[int], *, pack: Path, sample_rate: int, mel: Mel) -> np.ndarray:
    """Return the log mels of some rows of a waveform pack, float16 `[rows, bands, frames]`, in dB."""
    return log_mels(open_array(pack)[list(rows)].astype(np.float32) / 32767, sample_rate, mel)
