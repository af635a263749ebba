"""From a raw folder to packed windows: audit, decode, compare, split, index."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from timbre.audio import read_windows
from timbre.audit import audit, require_every_class
from timbre.errors import AudioError
from timbre.extraction import clip_mels
from timbre.fingerprint import alike, fingerprint
from timbre.packs import pack_writer
from timbre.parallel import parallel_map
from timbre.params import Audio, Mel, Splits
from timbre.splits import assign_splits
from timbre.tables import Clip, Issue, Window, write_table

PACK = "windows.npy"
HEARD_WINDOWS = 3  # of a file, compared with those of others


def prepare_dataset(raw: Path, folder: Path, audio: Audio, splits: Splits, seed: int, workers: int) -> str:
    """Write `windows.npy` (int16 `[rows, samples]`), `index.csv` (`Window` rows) and `issues.csv` to a folder.

    Each file of the raw folder and each row of its metadata is in the index or in the issues. Returns a
    summary.

    Raises:
        DataError: the metadata cannot be used, or an instrument is left without clips.
    """
    clips, issues = audit(raw)
    require_every_class(clips)
    places, unreadable = _decode(clips, raw, folder / PACK, audio, workers)
    issues += unreadable
    audible = [clip for clip in clips if clip.file in places]
    require_every_class(audible, unreadable)
    twins = _find_twins(places, folder / PACK, audio, workers)
    assigned, dropped = assign_splits(audible, seed, splits.validation, splits.keep_test_groups, twins)
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


def _find_twins(
    places: dict[str, list[tuple[int, int]]], pack: Path, audio: Audio, workers: int
) -> list[tuple[str, str]]:
    """Pairs of files that sound the same, by the fingerprints of their first windows."""
    rows = [[row for row, place in found if place < HEARD_WINDOWS] for found in places.values()]
    mel = Mel(
        n_fft=2 ** round(np.log2(0.046 * audio.sample_rate)),
        hop_length=audio.sample_rate // 50,
        n_mels=80,
        fmin=30,
        fmax=audio.sample_rate / 2,
    )
    hear = partial(_fingerprint, pack=pack, sample_rate=audio.sample_rate, mel=mel)
    fingerprints = list(parallel_map(hear, rows, workers, "comparing", threads=True))
    return alike(np.stack(fingerprints), list(places))


def _fingerprint(rows: list[int], pack: Path, sample_rate: int, mel: Mel) -> np.ndarray:
    return fingerprint(np.concatenate(clip_mels(rows, pack=pack, sample_rate=sample_rate, mel=mel), axis=1))


def _read(file: str, raw: Path, sample_rate: int, length: int) -> tuple[np.ndarray, np.ndarray] | str:
    """Windows of one file and which of all they are, or why it cannot be used."""
    try:
        return read_windows(raw / file, sample_rate, length)
    except AudioError as error:
        return str(error)
