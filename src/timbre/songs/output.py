"""The output of the models for all windows of a song, and the activity blended over the borders of windows."""

from array import array

import numpy as np

from timbre.songs.engine import Engine, WindowOutput
from timbre.songs.spectrogram import StreamingSpectrogram

BORDER = 0.125  # of a window; this close to the next window, the timeline also uses a short window across the border


class SongOutput:
    """The output of the models for all windows of a song so far.

    Attributes:
        single, layered, frames: See `WindowOutput`.
        activity: See `WindowOutput`; without the frames that start after the end of their window.
        across: The same for a window across each border, `[windows - 1, frames, instruments]`.
        levels: The level of each frame, `[windows, frames]`.
        spectrogram: The mel spectrogram of the song.
    """

    def __init__(self, engine: Engine) -> None:
        self.window, self.border = engine.audio.window, BORDER * engine.audio.window
        starts = np.arange(0, self.window - 1e-9, engine.step)
        self.middles = (starts + np.minimum(starts + engine.step, self.window)) / 2
        self.single, self.layered, self.frames, self.activity, self.levels, self.across = (_Rows() for _ in range(6))
        self.spectrogram = StreamingSpectrogram(engine.mel.n_mels)

    def add(self, output: WindowOutput, levels: np.ndarray, across: np.ndarray) -> None:
        """Add the output for the next windows, the levels of their frames, and the activity at borders before them."""
        self.single.add(output.single)
        self.layered.add(output.layered)
        self.frames.add(output.frames)
        self.activity.add(output.activity[:, : len(self.middles)])
        self.levels.add(levels)
        if len(across):
            self.across.add(across[:, : np.searchsorted(self.middles, 2 * self.border - 1e-9)])
        self.spectrogram.add(output.power)

    def activity_logits(self) -> np.ndarray:
        """Return the logits of activity, `[windows, frames, instruments]`, blended over the borders of windows.

        At a border, only the window across it counts; further away, more and more the window itself.
        """
        if self.activity.count == 1:
            return self.activity.all()
        logits, across = self.activity.all().copy(), self.across.all()
        for windows, times in ((logits[1:], self.middles), (logits[:-1], self.middles - self.window)):
            weight = np.clip(1 - np.abs(times) / self.border, 0, 1)[:, None]
            known = self.middles[: across.shape[1]] - self.border
            matrix = np.stack([np.interp(times, known, unit) for unit in np.eye(len(known))], axis=1)
            windows += weight * (matrix @ across - windows)
        return logits

    def times(self) -> np.ndarray:
        """Return the middle of each frame of all windows, in seconds."""
        return (self.window * np.arange(self.activity.count)[:, None] + self.middles).ravel()


class _Rows:
    """A growing array of float32 rows in one block of memory.

    Many small arrays between large temporary ones would prevent memory from being returned to the system.
    """

    def __init__(self) -> None:
        self.values, self.count = array("f"), 0
        self.shape: tuple[int, ...] = ()

    def add(self, rows: np.ndarray) -> None:
        """Add rows; all must have the same shape."""
        self.values.frombytes(rows.astype(np.float32).tobytes())
        self.count, self.shape = self.count + len(rows), rows.shape[1:]

    def all(self) -> np.ndarray:
        """Return all rows, `[rows, …]`. No more can be added after that."""
        return np.frombuffer(self.values, np.float32).reshape(self.count, *self.shape)
