"""From a raw folder to packed windows: audit, decode, split, index."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from timbre.audio import read_windows
from timbre.audit import audit, require_every_class
from timbre.errors import AudioError
from timbre.packs import pack_writer
from timbre.parallel import parallel_map
from timbre.params import Audio, Splits
from timbre.splits import assign_splits
from timbre.tables import Clip, Issue, Window, write_table


def prepare_dataset(raw: Path, folder: Path, audio: Audio, splits: Splits, seed: int, workers: int) -> str:
    """Write `windows.npy` (int16 `[rows, samples]`), `index.csv` (`Window` rows) and `issues.csv` to a folder.

    Each file of the raw folder and each row of its metadata is in the index or in the issues. Returns a
    summary.

    Raises:
        DataError: the metadata cannot be used, or an instrument is left without clips.
    """
    clips, issues = audit(raw)
    require_every_class(clips)
    places, unreadable = _decode(clips, raw, folder / "windows.npy", audio, workers)
    issues += unreadable
    audible = [clip for clip in clips if clip.file in places]
    require_every_class(audible, unreadable)
    assigned, dropped = assign_splits(audible, seed, splits.validation, splits.keep_test_groups)
    issues += dropped
    windows = [
        Window(row, place * audio.window, clip.file, clip.label, clip.split, clip.group)
        for clip in assigned
        for row, place in places[clip.file]
    ]
    write_table(folder / "index.csv", windows, Window)
    write_table(folder / "issues.csv", issues, Issue)
    return f"{len(windows)} windows of {len(assigned)} clips kept, {len(issues)} issues listed in issues.csv"


def _decode(
    clips: Sequence[Clip], raw: Path, pack: Path, audio: Audio, workers: int
) -> tuple[dict[str, list[tuple[int, int]]], list[Issue]]:
    """Decode clips into a pack; return the (row, place in its file) of each file's windows, and what failed."""
    places: dict[str, list[tuple[int, int]]] = {}
    issues = []
    row = 0
    read = partial(_read, raw=raw, sample_rate=audio.sample_rate, length=audio.samples)
    results = parallel_map(read, [clip.file for clip in clips], workers, "decoding", unit="file")
    with pack_writer(pack, (audio.samples,), "int16") as append:
        for clip, result in zip(clips, results, strict=True):
            if isinstance(result, str):
                issues.append(Issue(clip.file, "unusable audio", "dropped", result))
                continue
            windows, kept = result
            append(windows)
            places[clip.file] = [(row + index, int(place)) for index, place in enumerate(np.flatnonzero(kept))]
            row += len(windows)
            if quiet := len(kept) - len(windows):
                issues.append(Issue(clip.file, "quiet windows", "reported", f"{quiet} windows left out: near silence"))
    return places, issues


def _read(file: str, raw: Path, sample_rate: int, length: int) -> tuple[np.ndarray, np.ndarray] | str:
    """Windows of one file and which of all they are, or why it cannot be used."""
    try:
        return read_windows(raw / file, sample_rate, length)
    except AudioError as error:
        return str(error)
