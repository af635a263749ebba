"""A spectrogram of any length in a bounded number of columns, gathered while it streams by."""

import numpy as np

COLUMNS = 1500


class StreamingSpectrogram:
    """Mean power over time, at first a column a frame; whenever there are too many, neighbours become one."""

    def __init__(self, bands: int) -> None:
        self.frames_each = 1
        self.whole = np.zeros((bands, 0), np.float32)
        self.rest = np.zeros((bands, 0), np.float32)

    def add(self, power: np.ndarray) -> None:
        """Take in more frames `[bands, frames]`, power."""
        frames = np.concatenate([self.rest, power], axis=1)
        full = frames.shape[1] // self.frames_each * self.frames_each
        self.rest = frames[:, full:]
        self.whole = np.concatenate([self.whole, _means(frames[:, :full], self.frames_each)], axis=1)
        while self.whole.shape[1] > 2 * COLUMNS:
            even = self.whole.shape[1] // 2 * 2
            self.rest = np.concatenate([np.repeat(self.whole[:, even:], self.frames_each, axis=1), self.rest], axis=1)
            self.whole = _means(self.whole[:, :even], 2)
            self.frames_each *= 2

    def decibels(self) -> np.ndarray:
        """The columns so far, dB from −100 up, float32 `[bands, columns]`."""
        last = self.rest.mean(axis=1, keepdims=True) if self.rest.shape[1] else self.rest
        return 10 * np.log10(np.maximum(np.concatenate([self.whole, last], axis=1), 1e-10))


def _means(frames: np.ndarray, count: int) -> np.ndarray:
    return frames.reshape(len(frames), -1, count).mean(axis=2) if count > 1 else frames
