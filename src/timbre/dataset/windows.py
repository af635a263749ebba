"""One file's windows, packed."""

from pathlib import Path

import numpy as np

from timbre.audio.decode import opened
from timbre.audio.windows import SILENCE, audible, cut, levels, limited


def write_windows(
    path: Path | str, part: Path, sample_rate: int, length: int
) -> tuple[np.ndarray, tuple[int, int, float]]:
    """Write a file's windows, int16 and each scaled to full peak, end to end to `part`; memory does not grow.

    Returns:
        Which windows were kept, bool `[windows]`: those far below the loudest hold no more than the file's noise; and
        the file's own sample rate, channels and seconds.

    Raises:
        AudioError: the file is empty, silent, not finite or cannot be read.
    """
    found = []
    with opened(path) as sound, part.open("wb") as file:
        for window in cut(sound.blocks(sample_rate), length):
            level = levels(window[None], sample_rate)[:, 0]
            window = limited(window[None], sample_rate)[0]
            found.append(float(level[0]))
            file.write(np.rint(window * (32767 / max(float(np.abs(window).max()), SILENCE))).astype(np.int16).data)
    kept = audible(found)
    if not kept.all():
        _keep_rows(part, kept, 2 * length)
    return kept, (sound.sample_rate, sound.channels, round(sound.seconds, 3))


def _keep_rows(path: Path, kept: np.ndarray, size: int) -> None:
    """Leave only some rows, of `size` bytes each, in a file."""
    with path.open("r+b") as file:
        for place, row in enumerate(np.flatnonzero(kept).tolist()):
            file.seek(row * size)
            content = file.read(size)
            file.seek(place * size)
            file.write(content)
        file.truncate(int(kept.sum()) * size)
