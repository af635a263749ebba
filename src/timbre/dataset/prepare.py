"""Turn a raw folder into packed windows: audit, decode, compare, split, index."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from timbre.core.errors import AudioError
from timbre.core.params import Audio, Compute, Mel, Splits
from timbre.core.tables import Clip, FileInfo, Issue, Window, write_table
from timbre.dataset.audit import audit, require_every_class
from timbre.dataset.duplicates import SHAPE, fingerprint, near_duplicates
from timbre.dataset.splits import assign_splits
from timbre.dataset.windows import write_windows
from timbre.features.arrays import array_writer, open_array
from timbre.features.extraction import clip_mels
from timbre.parallel.pool import parallel_map

PACK = "windows.npy"
COMPARED_WINDOWS = 3  # first windows of a file that are compared with those of other files


def prepare_dataset(
    raw: Path,
    folder: Path,
    instruments: Sequence[str],
    audio: Audio,
    splits: Splits,
    seed: int,
    compute: Compute,
) -> str:
    """Write `windows.npy` (int16 `[rows, samples]`), `index.csv`, `files.csv` and `issues.csv` to a folder.

    The tables have `Window`, `FileInfo` and `Issue` rows. Each file of the raw folder and each row of its metadata is
    in the index or in the issues.

    Args:
        raw: folder in Kaggle's layout.
        folder: where to write.
        instruments: names of the instruments, in label order.
        audio: sample rate and window length.
        splits: how to divide the clips.
        seed: of the splits.
        compute: number of workers or a Dask cluster.

    Returns:
        A summary for the log.

    Raises:
        DataError: the metadata cannot be used, or an instrument is left without clips.
    """
    clips, issues = audit(raw, instruments)
    require_every_class(instruments, clips, issues)
    decoded, unreadable = decode_clips(clips, raw, folder / PACK, audio, compute)
    issues += unreadable
    audible = [clip for clip in clips if clip.file in decoded]
    require_every_class(instruments, audible, unreadable, clips)
    duplicates = _find_duplicates(decoded, folder / PACK, audio, compute) if splits.by == "recording" else []
    assigned, split_issues = assign_splits(audible, instruments, seed, splits, duplicates)
    issues += split_issues
    windows = [
        Window(row, index * audio.window, clip.file, clip.label, clip.split, clip.group, clip.weight)
        for clip in assigned
        for row, index in decoded[clip.file].windows
    ]
    files = [FileInfo(clip.file, clip.label, clip.split, clip.group, *decoded[clip.file].source) for clip in assigned]
    write_table(folder / "index.csv", windows, Window)
    write_table(folder / "files.csv", files, FileInfo)
    write_table(folder / "issues.csv", issues, Issue)
    return f"{len(windows)} windows of {len(assigned)} clips kept, {len(issues)} issues listed in issues.csv"


class Decoded(NamedTuple):
    """One decoded file.

    Attributes:
        windows: row in the pack and index in the file of each window.
        source: the file's own sample rate, channels and seconds.
    """

    windows: list[tuple[int, int]]
    source: tuple[int, int, float]


def decode_clips(
    clips: Sequence[Clip], raw: Path, pack: Path, audio: Audio, compute: Compute
) -> tuple[dict[str, Decoded], list[Issue]]:
    """Decode clips into one pack, in their order. Return the decoded files by name, and the issues."""
    decoded: dict[str, Decoded] = {}
    issues = []
    row = 0
    with (
        TemporaryDirectory(prefix=".parts-", dir=pack.parent, ignore_cleanup_errors=True) as parts,
        array_writer(pack, (audio.samples,), "int16") as writer,
    ):
        read = partial(_read, raw=raw, parts=Path(parts), sample_rate=audio.sample_rate, length=audio.samples)
        results = parallel_map(read, list(enumerate(clip.file for clip in clips)), compute, "decoding", unit="file")
        for clip, result in zip(clips, results, strict=True):
            if isinstance(result, str):
                issues.append(Issue(clip.file, "unusable audio", "dropped", result))
                continue
            part, kept, source = result
            indices = np.flatnonzero(kept).tolist()
            writer.append_file(part, len(indices))
            part.unlink()
            decoded[clip.file] = Decoded(list(enumerate(indices, start=row)), source)
            row += len(indices)
            if quiet := len(kept) - len(indices):
                issues.append(Issue(clip.file, "quiet windows", "reported", f"{quiet} windows left out: near silence"))
    return decoded, issues


def _read(
    numbered: tuple[int, str], raw: Path, parts: Path, sample_rate: int, length: int
) -> tuple[Path, np.ndarray, tuple[int, int, float]] | str:
    """Decode one file, given as (number, name).

    Returns:
        The part of the pack with its windows, which windows were kept, and the file's own sample rate, channels and
        seconds. Or the reason why the file cannot be used.
    """
    number, file = numbered
    part = parts / str(number)
    try:
        kept, source = write_windows(raw / file, part, sample_rate, length)
        return part, kept, source
    except AudioError as error:
        part.unlink(missing_ok=True)
        return str(error)


def _find_duplicates(decoded: dict[str, Decoded], pack: Path, audio: Audio, compute: Compute) -> list[tuple[str, str]]:
    """Return the pairs of files that sound the same, by the fingerprints of their first windows."""
    rows = [[row for row, _ in file.windows[:COMPARED_WINDOWS]] for file in decoded.values()]
    mel = Mel(
        n_fft=2 ** round(np.log2(0.046 * audio.sample_rate)),
        hop_length=audio.sample_rate // 50,
        n_mels=80,
        fmin=30,
        fmax=audio.sample_rate / 2,
    )
    describe = partial(_fingerprint, pack=pack, sample_rate=audio.sample_rate, mel=mel)
    with TemporaryDirectory(prefix=".fingerprints-", dir=pack.parent) as folder:
        path = Path(folder) / "fingerprints.npy"
        with array_writer(path, SHAPE, "float32") as fingerprints:
            for row in parallel_map(describe, rows, compute, "comparing", threads=True):
                fingerprints.append(row[None])
        return near_duplicates(open_array(path), list(decoded))


def _fingerprint(rows: list[int], pack: Path, sample_rate: int, mel: Mel) -> np.ndarray:
    return fingerprint(np.concatenate(clip_mels(rows, pack=pack, sample_rate=sample_rate, mel=mel), axis=1))
