"""Read a split for training and evaluation: mels, the clip of each window, and the targets of each clip."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from timbre.core.errors import DataError
from timbre.core.partial_labels import LabelKind, label_kind, partial_targets
from timbre.core.tables import Part, Window, parts_by_mixture, read_table
from timbre.features.arrays import open_array


@dataclass(frozen=True)
class Split:
    """The clips of one split.

    Attributes:
        mels: log mels, float16 `[windows, bands, frames]`, in dB, mapped into memory.
        clips: clip of each window, int `[windows]`, numbered from 0.
        targets: 1 if an instrument is present, 0 if absent, NaN if unknown, float32 `[clips, instruments]`.
        names: names of the clips: files, or numbered mixtures.
        instruments: column labels of the targets, in order.
    """

    mels: np.ndarray
    clips: np.ndarray
    targets: np.ndarray
    names: list[str]
    instruments: tuple[str, ...]

    @property
    def first_windows(self) -> np.ndarray:
        """Return the index of each clip's first window, int `[clips]`."""
        return np.unique(self.clips, return_index=True)[1]


def load_single(folder: Path, split: str, instruments: tuple[str, ...]) -> Split:
    """Read the clips of one instrument each from a split of data/mels."""
    return _load_kind(folder, split, instruments, LabelKind.SINGLE)


def load_others(folder: Path, split: str, instruments: tuple[str, ...]) -> Split:
    """Read the clips in which none of the instruments plays from a split of data/mels."""
    return _load_kind(folder, split, instruments, LabelKind.OTHER)


def load_music(folder: Path, split: str, instruments: tuple[str, ...]) -> Split:
    """Read the labelled music from a split of data/mels."""
    return _load_kind(folder, split, instruments, LabelKind.PARTIAL)


def _load_kind(folder: Path, split: str, instruments: tuple[str, ...], wanted: LabelKind) -> Split:
    """Read the clips of one kind. The rows of a split are sorted by kind.

    Args:
        folder: data/mels.
        split: name of the split.
        instruments: column labels of the targets, in order.
        wanted: kind of label.

    Raises:
        DataError: the numbers of windows and mels differ, or the windows are not sorted by kind.
    """
    windows = read_table(folder / f"{split}.csv", Window)
    mels = open_array(folder / f"{split}.npy")
    kinds = [label_kind(window.label) for window in windows]
    if len(mels) != len(windows) or kinds != sorted(kinds):
        raise DataError(f"{folder}: {split}.npy does not fit {split}.csv; run dvc repro -f extract_mels")
    first, end = bisect_left(kinds, wanted), bisect_right(kinds, wanted)
    labels = {window.file: window.label for window in windows[first:end]}
    number = {file: index for index, file in enumerate(labels)}
    return Split(
        mels=mels[first:end],
        clips=np.array([number[window.file] for window in windows[first:end]], int),
        targets=partial_targets([*labels.values()], instruments),
        names=list(labels),
        instruments=instruments,
    )


def joined(first: Split, second: Split) -> Split:
    """Return the clips of two splits of the same instruments as one split. Longer windows are shortened to match."""
    if not first.names or not second.names:
        return first if first.names else second
    frames = min(first.mels.shape[2], second.mels.shape[2])
    return Split(
        mels=np.concatenate([first.mels[:, :, :frames], second.mels[:, :, :frames]]),
        clips=np.concatenate([first.clips, second.clips + len(first.names)]),
        targets=np.concatenate([first.targets, second.targets]),
        names=first.names + second.names,
        instruments=first.instruments,
    )


def load_layered(folder: Path, split: str, instruments: tuple[str, ...]) -> Split:
    """Read the mixtures of a split of data/layered."""
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
    """Return targets, float32 `[clips, instruments]`, for the names of the instruments that play in each clip."""
    targets = [[instrument in names for instrument in instruments] for names in playing]
    return np.array(targets, np.float32).reshape(-1, len(instruments))


def mean_by_clip(values: np.ndarray, clips: np.ndarray) -> np.ndarray:
    """Return the mean of each clip's rows, float64 `[clips, n]`.

    Args:
        values: one row per window, `[windows, n]`.
        clips: clip of each window, int `[windows]`, numbered from 0.
    """
    sums = np.zeros((clips.max() + 1, values.shape[1]))
    np.add.at(sums, clips, values)
    return sums / np.bincount(clips)[:, None]
