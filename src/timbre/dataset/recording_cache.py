"""Keep the windows and fingerprints of the last run, so that prepare computes only those of new recordings.

A recording is recognised by a hash of its bytes, the audio params, Timbre's code and the versions of libraries. What
comes from the cache is checked by its own hash, so that no damaged cache changes an output. The windows are a hard link
to the `windows.npy` of the last run. They need no space of their own as long as DVC's cache has this file.
"""

import hashlib
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np

from timbre.core.errors import DataError
from timbre.core.params import Audio
from timbre.core.tables import read_table, write_table
from timbre.dataset.windows import FileProperties
from timbre.features.arrays import open_array
from timbre.parallel.dask import code_stamp

WINDOWS, FINGERPRINTS, ENTRIES = "windows.npy", "fingerprints.npy", "entries.csv"
LIBRARIES = ("av", "librosa", "numpy", "soxr", "torch")


@dataclass(frozen=True, slots=True)
class Entry:
    """One recording of the last run.

    Attributes:
        key: hash of the recording and of everything else that its results depend on.
        row: its first row in the pack of windows.
        kept: one digit for each window of the file, 1 if the window is in the pack.
        sample_rate, channels, seconds, level: properties of the file. See `FileProperties`.
        windows_hash: hash of its windows.
        digest: hash of its fingerprint and the fields above.
    """

    key: str
    row: int
    kept: str
    sample_rate: int
    channels: int
    seconds: float
    level: float
    windows_hash: str
    digest: str = ""


class Known(NamedTuple):
    """The results of the last run for one recording.

    Attributes:
        windows: int16 `[kept windows, samples]`.
        kept: which of the file's windows these are, bool `[windows]`.
        properties: the properties of the file.
        windows_hash: hash of the windows.
        fingerprint: float32 `[9, 768]`.
    """

    windows: np.ndarray
    kept: np.ndarray
    properties: FileProperties
    windows_hash: str
    fingerprint: np.ndarray


class RecordingCache:
    """The results of the last run.

    Args:
        folder: folder of the cache. Without its parent, there is no cache.
        audio: sample rate and window length.
    """

    def __init__(self, folder: Path, audio: Audio) -> None:
        self.folder, self.is_on = folder, folder.parent.is_dir()
        self.settings = " ".join([str(audio), code_stamp(), *map(version, LIBRARIES)]).encode()
        self.entries: dict[str, tuple[int, Entry]] = {}
        with suppress(DataError):
            self.windows = open_array(folder / WINDOWS)
            self.fingerprints = open_array(folder / FINGERPRINTS)
            entries = read_table(folder / ENTRIES, Entry)
            if len(entries) == len(self.fingerprints):
                self.entries = {entry.key: (number, entry) for number, entry in enumerate(entries)}

    def find(self, paths: Sequence[Path], threads: int) -> list[tuple[str, Known | None]]:
        """Return the key of each recording, and its results if they are in the cache and not damaged.

        The key is empty if there is no cache or the file cannot be read.
        """
        if not self.is_on:
            return [("", None)] * len(paths)
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(self._find, paths))

    def _find(self, path: Path) -> tuple[str, Known | None]:
        try:
            with path.open("rb") as file:
                key = hashlib.file_digest(file, partial(hashlib.sha256, self.settings)).hexdigest()
        except OSError:
            return "", None
        if key not in self.entries:
            return key, None
        number, entry = self.entries[key]
        kept = np.array([digit == "1" for digit in entry.kept])
        windows = self.windows[entry.row : entry.row + int(kept.sum())]
        fingerprint = self.fingerprints[number]
        if _hash(windows) != entry.windows_hash or _digest(entry, fingerprint) != entry.digest:
            return key, None
        properties = FileProperties(entry.sample_rate, entry.channels, entry.seconds, entry.level)
        return key, Known(windows, kept, properties, entry.windows_hash, fingerprint)

    def save(self, entries: Sequence[Entry], windows: Path, fingerprints: Path) -> None:
        """Replace the cache by the results of this run. If that is not possible, there is no cache.

        Args:
            entries: one per fingerprint, in order, without digests.
            windows: the pack of windows, to which the cache gets a hard link.
            fingerprints: the pack of fingerprints, which is moved to the cache.
        """
        if not self.is_on:
            return
        pairs = zip(entries, open_array(fingerprints), strict=True)
        complete = [replace(entry, digest=_digest(entry, fingerprint)) for entry, fingerprint in pairs]
        folder = fingerprints.with_suffix("")
        folder.mkdir()
        write_table(folder / ENTRIES, complete, Entry)
        with suppress(OSError):  # another disk, a disk without hard links, or another run that saves at the same time
            (folder / WINDOWS).hardlink_to(windows)
            fingerprints.replace(folder / FINGERPRINTS)
            shutil.rmtree(self.folder, ignore_errors=True)
            folder.replace(self.folder)


def _digest(entry: Entry, fingerprint: np.ndarray) -> str:
    return _hash(fingerprint, repr(replace(entry, digest="")).encode())


def _hash(values: np.ndarray, prefix: bytes = b"") -> str:
    digest = hashlib.sha256(prefix)
    digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
