"""A song of any length as a stream: its samples, padded to whole windows, and its windows in batches."""

from collections.abc import Generator, Iterator
from itertools import islice, pairwise
from math import ceil

import numpy as np

WINDOWS_PER_BATCH = 2  # per thread; more are no faster and take 10 MB each


class PaddedStream:
    """The blocks of a song, counted, and followed by zeros that complete the last window."""

    def __init__(self, source: Iterator[np.ndarray], length: int) -> None:
        self.source, self.length, self.samples = source, length, 0

    def blocks(self) -> Generator[np.ndarray, None, None]:
        """Yield the blocks, then the zeros."""
        for block in self.source:
            self.samples += len(block)
            yield block
        yield np.zeros(self.padded - self.samples, np.float32)

    @property
    def padded(self) -> int:
        """Number of samples with the zeros."""
        return ceil(self.samples / self.length) * self.length

    @property
    def scored_windows(self) -> int:
        """Number of windows that count for the whole song: those that `timbre.audio.windows.cut` makes of it."""
        full, rest = divmod(self.samples, self.length)
        return full + (rest > 0 and (full == 0 or 2 * rest >= self.length))


def batches(windows: Iterator[np.ndarray], border: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield some windows at once, and windows across the border before each, with `border` samples on each side."""
    before: list[np.ndarray] = []
    while batch := list(islice(windows, WINDOWS_PER_BATCH)):
        pairs = pairwise([*before, *batch])
        across = [np.concatenate([left[-border:], right[:border]]) for left, right in pairs]
        yield np.stack(batch), np.array(across, np.float32).reshape(-1, 2 * border)
        before = batch[-1:]
