"""Write one file's windows to a pack. Worker processes import this module, so it does not import PyTorch."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from timbre.audio.decode import opened
from timbre.audio.windows import SILENCE, audible, cut, levels, limited
from timbre.core.errors import AudioError


class FileProperties(NamedTuple):
    """Properties of a file as it was recorded.

    Attributes:
        sample_rate: in Hz.
        channels: number of channels.
        seconds: length.
        level: level of its loudest part, in dB of full scale. See `timbre.audio.windows.levels`.
    """

    sample_rate: int
    channels: int
    seconds: float
    level: float


class FileWindows(NamedTuple):
    """The kept windows of one file, before they are in the pack.

    Attributes:
        path: file with their bytes, without a header.
        kept: which of the file's windows these are, bool `[windows]`.
        properties: the properties of the file.
        windows_hash: hash of the bytes.
    """

    path: Path
    kept: np.ndarray
    properties: FileProperties
    windows_hash: str


def decode_part(numbered: tuple[int, str], raw: Path, parts: Path, sample_rate: int, length: int) -> FileWindows | str:
    """Decode one file, given as (number, name). Return its windows, or the reason why the file cannot be used."""
    number, file = numbered
    path = parts / str(number)
    try:
        kept, properties = write_windows(raw / file, path, sample_rate, length)
    except AudioError as error:
        path.unlink(missing_ok=True)
        return str(error)
    with path.open("rb") as written:
        return FileWindows(path, kept, properties, hashlib.file_digest(written, "sha256").hexdigest())


def write_windows(path: Path | str, part: Path, sample_rate: int, length: int) -> tuple[np.ndarray, FileProperties]:
    """Write a file's windows to `part`, as int16, each scaled to full peak. Memory use does not depend on the length.

    Windows far below the file's loudest window contain only its noise and are left out.

    Args:
        path: the file.
        part: file to write, without a header.
        sample_rate: of the windows, in Hz.
        length: of a window, in samples.

    Returns:
        Which windows were kept, bool `[windows]`, and the properties of the file.

    Raises:
        AudioError: the file is empty, silent, cannot be read, or has values that are not finite.
    """
    window_levels = []
    with opened(path) as sound, part.open("wb") as file:
        for window in cut(sound.blocks(sample_rate), length):
            level = levels(window[None], sample_rate)[:, 0]
            window = limited(window[None], sample_rate)[0]
            window_levels.append(float(level[0]))
            gain = 32767 / max(float(np.abs(window).max()), SILENCE)
            file.write(np.rint(window * gain).astype(np.int16).data)
    kept = audible(window_levels)
    if not kept.all():
        _keep_rows(part, kept, 2 * length)
    decibels = round(float(20 * np.log10(max(window_levels))), 1)
    return kept, FileProperties(sound.sample_rate, sound.channels, round(sound.seconds, 3), decibels)


def _keep_rows(path: Path, kept: np.ndarray, size: int) -> None:
    """Remove all rows of a file, of `size` bytes each, that are not kept."""
    with path.open("r+b") as file:
        for new_row, row in enumerate(np.flatnonzero(kept).tolist()):
            file.seek(row * size)
            content = file.read(size)
            file.seek(new_row * size)
            file.write(content)
        file.truncate(int(kept.sum()) * size)
