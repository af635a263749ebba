"""A spectrogram of a stream of any length, in a bounded number of columns."""

import numpy as np

MIN_COLUMNS = 1500  # of a long song; it has at most twice as many


class StreamingSpectrogram:
    """Mean mel power over time. It starts with one column per frame and merges pairs when there are too many."""

    def __init__(self, bands: int) -> None:
        self.frames_per_column = 1
        self.columns = np.zeros((bands, 0), np.float32)
        self.rest = np.zeros((bands, 0), np.float32)

    def add(self, power: np.ndarray) -> None:
        """Add power frames `[bands, frames]`."""
        frames = np.concatenate([self.rest, power], axis=1)
        full = frames.shape[1] // self.frames_per_column * self.frames_per_column
        self.rest = frames[:, full:]
        self.columns = np.concatenate([self.columns, _means(frames[:, :full], self.frames_per_column)], axis=1)
        while self.columns.shape[1] > 2 * MIN_COLUMNS:
            even = self.columns.shape[1] // 2 * 2
            odd_column = np.repeat(self.columns[:, even:], self.frames_per_column, axis=1)
            self.rest = np.concatenate([odd_column, self.rest], axis=1)
            self.columns = _means(self.columns[:, :even], 2)
            self.frames_per_column *= 2

    def decibels(self) -> np.ndarray:
        """Return the columns so far, in dB of at least -100, float32 `[bands, columns]`."""
        last = self.rest.mean(axis=1, keepdims=True) if self.rest.shape[1] else self.rest
        return 10 * np.log10(np.maximum(np.concatenate([self.columns, last], axis=1), 1e-10))


def _means(frames: np.ndarray, count: int) -> np.ndarray:
    return frames.reshape(len(frames), -1, count).mean(axis=2) if count > 1 else frames
