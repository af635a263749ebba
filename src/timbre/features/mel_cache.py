"""Keep the log mels of the last run, so that extract_mels computes only the mels of new windows.

A window is known by a hash of its waveform, the sample rate, the mel params, the code and the versions of libraries.
What comes from the cache is checked by its own hash, so that no damaged cache changes an output. The mels are hard
links to the packs of the last run.
"""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from timbre.core.errors import DataError
from timbre.core.params import Compute, Mel
from timbre.features.arrays import open_array
from timbre.features.extraction import clip_mels
from timbre.parallel.dask import code_stamp

LIBRARIES = ("librosa", "numpy", "torch")
HASH_BYTES = 32


class MelCache:
    """The mels of the last run.

    Args:
        folder: Folder of the cache. Without its parent, there is no cache.
        compute: Number of workers or a Dask cluster. A cluster uses no cache.
        pack: The waveforms, int16 `[rows, samples]`.
        sample_rate: Sample rate of the waveforms, in Hz.
        mel: Sizes in samples and frequencies in Hz.

    Attributes:
        extract: Function from rows of the pack to their log mels, float16 `[rows, bands, frames]`.
    """

    def __init__(self, folder: Path, compute: Compute, *, pack: Path, sample_rate: int, mel: Mel) -> None:
        self.folder, self.pack = folder, pack
        self.compute_mels = partial(clip_mels, pack=pack, sample_rate=sample_rate, mel=mel)
        self.is_on = folder.parent.is_dir() and not compute.scheduler
        self.extract = self._extract if self.is_on else self.compute_mels
        self.settings = " ".join([str(sample_rate), str(mel), code_stamp(), *map(version, LIBRARIES)]).encode()
        self.known: dict[bytes, tuple[np.ndarray, int, bytes]] = {}
        self.hashes: dict[int, bytes] = {}
        for hashes in sorted(folder.glob("*_hashes.npy")):
            with suppress(DataError):
                self._open(open_array(hashes), open_array(folder / hashes.name.replace("_hashes", "")))

    def _open(self, hashes: np.ndarray, mels: np.ndarray) -> None:
        """Add mels of the last run, with the hashes of their windows and of themselves, uint8 `[rows, 2, 32]`."""
        if len(hashes) == len(mels):
            self.known |= {key.tobytes(): (mels, row, digest.tobytes()) for row, (key, digest) in enumerate(hashes)}

    def _extract(self, rows: Sequence[int]) -> np.ndarray:
        waveforms = open_array(self.pack)
        keys = {row: _hash(self.settings, waveforms[row]) for row in rows}
        found = {row: mel for row in rows if (mel := self._find(keys[row])) is not None}
        if new := [row for row in rows if row not in found]:
            found |= dict(zip(new, self.compute_mels(new), strict=True))
        self.hashes |= {row: keys[row] + _hash(keys[row], mel) for row, mel in found.items()}
        return np.stack([found[row] for row in rows])

    def _find(self, key: bytes) -> np.ndarray | None:
        """Return the mel of a window if it is in the cache and not damaged."""
        if key not in self.known:
            return None
        mels, row, digest = self.known[key]
        return mels[row] if _hash(key, mels[row]) == digest else None

    def save(self, packs: Mapping[Path, Sequence[int]]) -> None:
        """Replace the cache by the mels of this run. If that is not possible, there is no cache.

        Args:
            packs: The packs of mels, each with the rows of its windows.
        """
        if not self.is_on:
            return
        with TemporaryDirectory(dir=next(iter(packs)).parent, prefix=".cache-") as temporary, suppress(OSError):
            folder = Path(temporary) / self.folder.name
            folder.mkdir()
            for pack, rows in packs.items():
                (folder / pack.name).hardlink_to(pack)
                hashes = b"".join(self.hashes[row] for row in rows)
                array = np.frombuffer(hashes, np.uint8).reshape(len(rows), 2, HASH_BYTES)
                np.save(folder / f"{pack.stem}_hashes.npy", array)
            shutil.rmtree(self.folder, ignore_errors=True)
            folder.replace(self.folder)


def _hash(prefix: bytes, values: np.ndarray) -> bytes:
    digest = hashlib.sha256(prefix)
    digest.update(np.ascontiguousarray(values).data)
    return digest.digest()
