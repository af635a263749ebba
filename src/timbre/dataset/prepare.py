"""Turn a raw folder into packed windows: audit, decode, compare, split, index."""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from timbre.core.params import Audio, Compute, Mel, Splits
from timbre.core.tables import Clip, FileInfo, Issue, Window, write_table
from timbre.dataset.audit import audit, require_every_class
from timbre.dataset.duplicates import SHAPE, fingerprint, near_duplicates
from timbre.dataset.recording_cache import Entry, Known, RecordingCache
from timbre.dataset.splits import assign_splits
from timbre.dataset.windows import FileProperties, decode_part
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
    cache: Path | None = None,
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
        cache: folder of the cache, if any. See `RecordingCache`.

    Returns:
        A summary for the log.

    Raises:
        DataError: the metadata cannot be used, or an instrument is left without clips.
    """
    clips, issues = audit(raw, instruments)
    require_every_class(instruments, clips, issues)
    last_run = RecordingCache(cache, audio) if cache else None
    decoded, unreadable = decode_clips(clips, raw, folder / PACK, audio, compute, last_run)
    issues += unreadable
    audible = [clip for clip in clips if clip.file in decoded]
    require_every_class(instruments, audible, unreadable, clips)
    duplicates: list[tuple[str, str]] = []
    if splits.by == "recording":
        duplicates = _find_duplicates(decoded, folder / PACK, audio, compute, last_run)
    assigned, split_issues = assign_splits(audible, instruments, seed, splits, duplicates)
    issues += split_issues
    windows = _write_tables(folder, assigned, decoded, issues, audio)
    known = sum(file.known is not None for file in decoded.values())
    return (
        f"{windows} windows of {len(assigned)} clips kept, {len(issues)} issues listed in issues.csv"
        f"{f', {known} clips known from the last run' if known else ''}"
    )


def _write_tables(
    folder: Path, clips: Sequence[Clip], decoded: "Mapping[str, Decoded]", issues: Sequence[Issue], audio: Audio
) -> int:
    """Write index.csv, files.csv and issues.csv. Return the number of windows."""
    windows = [
        Window(row, index * audio.window, clip.file, clip.label, clip.split, clip.group, clip.weight)
        for clip in clips
        for row, index in decoded[clip.file].windows
    ]
    files = [
        FileInfo(
            clip.file, clip.label, clip.split, clip.group, *decoded[clip.file].properties, clip.source, clip.licence
        )
        for clip in clips
    ]
    write_table(folder / "index.csv", windows, Window)
    write_table(folder / "files.csv", files, FileInfo)
    write_table(folder / "issues.csv", issues, Issue)
    return len(windows)


class Decoded(NamedTuple):
    """One decoded file.

    Attributes:
        first_row: the pack's row of its first window.
        kept: which of the file's windows are in the pack, bool `[windows]`.
        properties: the properties of the file.
        windows_hash: hash of its windows in the pack.
        key: key of the file in the cache, if any.
        known: its results of the last run, if any.
    """

    first_row: int
    kept: np.ndarray
    properties: FileProperties
    windows_hash: str
    key: str = ""
    known: Known | None = None

    @property
    def windows(self) -> list[tuple[int, int]]:
        """Return the row in the pack and the index in the file of each window."""
        return list(enumerate(np.flatnonzero(self.kept).tolist(), start=self.first_row))

    def entry(self) -> Entry:
        """Return what the cache keeps of the file."""
        kept = "".join("1" if kept else "0" for kept in self.kept)
        return Entry(self.key, self.first_row, kept, *self.properties, self.windows_hash)


def decode_clips(
    clips: Sequence[Clip], raw: Path, pack: Path, audio: Audio, compute: Compute, last_run: RecordingCache | None = None
) -> tuple[dict[str, Decoded], list[Issue]]:
    """Decode clips into one pack, in their order. Return the decoded files by name, and the issues.

    Files that are known from the last run are copied from there.
    """
    decoded: dict[str, Decoded] = {}
    issues = []
    found: list[tuple[str, Known | None]] = [("", None)] * len(clips)
    if last_run:
        found = last_run.find([raw / clip.file for clip in clips], compute.workers or os.cpu_count() or 1)
    new = [(number, clips[number].file) for number, (_, known) in enumerate(found) if known is None]
    with (
        TemporaryDirectory(prefix=".parts-", dir=pack.parent, ignore_cleanup_errors=True) as parts,
        array_writer(pack, (audio.samples,), "int16") as writer,
        ExitStack() as stack,
    ):
        decode = partial(decode_part, raw=raw, parts=Path(parts), sample_rate=audio.sample_rate, length=audio.samples)
        results = stack.enter_context(closing(parallel_map(decode, new, compute, "decoding", unit="file")))
        for clip, (key, known) in zip(clips, found, strict=True):
            first_row = writer.count
            if known:
                kept, properties, windows_hash = known.kept, known.properties, known.windows_hash
                writer.append(known.windows)
            elif isinstance(result := next(results), str):
                issues.append(Issue(clip.file, "unusable audio", "dropped", result))
                continue
            else:
                part, kept, properties, windows_hash = result
                writer.append_file(part, int(kept.sum()))
                part.unlink()
            decoded[clip.file] = Decoded(first_row, kept, properties, windows_hash, key, known)
            if quiet := int((~kept).sum()):
                issues.append(Issue(clip.file, "quiet windows", "reported", f"{quiet} windows left out: near silence"))
    return decoded, issues


def _find_duplicates(
    decoded: dict[str, Decoded], pack: Path, audio: Audio, compute: Compute, last_run: RecordingCache | None
) -> list[tuple[str, str]]:
    """Return the pairs of files that sound the same, by the fingerprints of their first windows. Save the cache."""
    files = list(decoded.values())
    new = [[row for row, _ in file.windows[:COMPARED_WINDOWS]] for file in files if file.known is None]
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
        with (
            array_writer(path, SHAPE, "float32") as fingerprints,
            closing(parallel_map(describe, new, compute, "comparing", threads=True)) as results,
        ):
            for file in files:
                fingerprints.append((file.known.fingerprint if file.known else next(results))[None])
        pairs = near_duplicates(open_array(path), list(decoded))
        if last_run:
            last_run.save([file.entry() for file in files], pack, path)
        return pairs


def _fingerprint(rows: list[int], pack: Path, sample_rate: int, mel: Mel) -> np.ndarray:
    return fingerprint(np.concatenate(clip_mels(rows, pack=pack, sample_rate=sample_rate, mel=mel), axis=1))
