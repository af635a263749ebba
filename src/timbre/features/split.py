"""A split as training and evaluation read it: mels, the clips they belong to, and what plays in each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from timbre.core.errors import DataError
from timbre.core.instruments import OTHER
from timbre.core.tables import Part, Window, parts_by_mixture, read_table
from timbre.features.arrays import open_array


@dataclass(frozen=True)
class Split:
    """One split of clips.

    Attributes:
        mels: log mels, float16 `[windows, bands, frames]`, dB, mapped into memory.
        clips: the clip of each window, int `[windows]`, numbered from 0.
        targets: 1 where an instrument plays, float32 `[clips, instruments]`.
        names: of the clips: files, or the parts of a mixture.
        instruments: what the columns of targets are.
    """

    mels: np.ndarray
    clips: np.ndarray
    targets: np.ndarray
    names: list[str]
    instruments: tuple[str, ...]

    @property
    def first_windows(self) -> np.ndarray:
        """The first window of each clip, int `[clips]`."""
        return np.unique(self.clips, return_index=True)[1]


def load_single(folder: Path, split: str, instruments: tuple[str, ...]) -> Split:
    """Read a split of data/mels: clips of one instrument each."""
    windows, mels = _windows_and_mels(folder, split)
    windows = [window for window in windows if window.label != OTHER]
    labels = {window.file: window.label for window in windows}
    number = {file: index for index, file in enumerate(labels)}
    return Split(
        mels=mels[: len(windows)],
        clips=np.array([number[window.file] for window in windows]),
        targets=targets_of([[label] for label in labels.values()], instruments),
        names=list(labels),
        instruments=instruments,
    )


def load_others(folder: Path, split: str, instruments: tuple[str, ...]) -> Split:
    """Read a split of data/mels: clips in which none of the instruments plays, which stand last in it."""
    windows, mels = _windows_and_mels(folder, split)
    others = [window.file for window in windows if window.label == OTHER]
    number = {file: index for index, file in enumerate(dict.fromkeys(others))}
    return Split(
        mels=mels[len(windows) - len(others) :],
        clips=np.array([number[file] for file in others], int),
        targets=np.zeros((len(number), len(instruments)), np.float32),
        names=list(number),
        instruments=instruments,
    )


def _windows_and_mels(folder: Path, split: str) -> tuple[list[Window], np.ndarray]:
    """The windows of a split and their log mels, row by row, those of other instruments last.

    Raises:
        DataError: there are more of the one than of the other, or others stand among the rest.
    """
    windows = read_table(folder / f"{split}.csv", Window)
    mels = open_array(folder / f"{split}.npy")
    is_other = [window.label == OTHER for window in windows]
    if len(mels) != len(windows) or is_other != sorted(is_other):
        raise DataError(f"{folder}: {split}.npy does not fit {split}.csv; run dvc repro -f extract_mels")
    return windows, mels


def load_layered(folder: Path, split: str, instruments: tuple[str, ...]) -> Split:
    """Read a split of data/layered: mixtures of several instruments."""
    mixtures = parts_by_mixture(read_table(folder / f"{split}.csv", Part))
    mels = open_array(folder / f"{split}.npy")
    if len(mels) != len(mixtures):
        raise DataError(f"{folder}: {split}.npy does not fit {split}.csv; run dvc repro -f layer_mixtures")
    return Split(
        mels=mels,
        clips=np.arange(len(mixtures)),
        targets=targets_of([[part.instrument for part in parts] for parts in mixtures], instruments),
        names=[f"mixture {number}" for number in range(len(mixtures))],
        instruments=instruments,
    )


def targets_of(playing: Sequence[Collection[str]], instruments: Sequence[str]) -> np.ndarray:
    """Names of what plays in each clip to targets, float32 `[clips, instruments]`."""
    return np.array([[instrument in names for instrument in instruments] for names in playing], np.float32)


def mean_by_clip(values: np.ndarray, clips: np.ndarray) -> np.ndarray:
    """Average the rows of each clip: `[windows, n]` to float64 `[clips, n]`, clips numbered 0, 1, … in `clips`."""
    sums = np.zeros((clips.max() + 1, values.shape[1]))
    np.add.at(sums, clips, values)
    return sums / np.bincount(clips)[:, None]
