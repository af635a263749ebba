"""Reading audio: any format, rate and number of channels in; mono windows of one rate and length out."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from timbre.errors import AudioError

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".opus", ".aif", ".aiff")
SILENCE = 1e-3  # peak, of full scale: −60 dB
QUIET = 1e-2  # peak of a window, of the loudest window of its file: −40 dB
BLOCK_SECONDS = 10


def stream(path: Path | str, sample_rate: int) -> Iterator[np.ndarray]:
    """Yield a file as mono float32 blocks at `sample_rate`, full scale at 1; memory does not grow with length.

    Channels are averaged. Resampling is soxr's HQ quality.

    Raises:
        AudioError: the file cannot be read to its end, or holds values that are not finite.
    """
    import soundfile
    import soxr

    try:
        with soundfile.SoundFile(path) as file:
            resampler = soxr.ResampleStream(file.samplerate, sample_rate, 1, dtype="float32")
            frames = BLOCK_SECONDS * file.samplerate
            while len(block := file.read(frames, dtype="float32", always_2d=True)):
                mono = sum(block.T[1:], start=block[:, 0]) / np.float32(file.channels)  # ten times as fast as mean
                if not np.isfinite(mono).all():
                    raise AudioError("holds values that are not finite")
                yield resampler.resample_chunk(mono) if file.samplerate != sample_rate else mono
            if file.samplerate != sample_rate:
                yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        raise AudioError(f"cannot be read as audio ({reason_of(error)})") from error


def source_of(path: Path | str) -> tuple[int, int, float]:
    """Sample rate, channels and seconds of a readable file, from its header."""
    import soundfile

    about = soundfile.info(path)
    return about.samplerate, about.channels, round(about.duration, 3)


def cut(blocks: Iterable[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """Cut blocks into consecutive windows of `length` samples.

    The rest at the end is padded with zeros and kept if it fills half a window, or is all there is.
    """
    rest = np.zeros(0, np.float32)
    first = True
    for block in blocks:
        rest = np.concatenate([rest, block])
        while len(rest) >= length:
            yield rest[:length]
            rest, first = rest[length:], False
    if len(rest) and (first or 2 * len(rest) >= length):
        yield np.pad(rest, (0, length - len(rest)))


def write_windows(path: Path | str, part: Path, sample_rate: int, length: int) -> np.ndarray:
    """Write a file's windows, int16 and each scaled to full peak, end to end to `part`; memory does not grow.

    Returns:
        Which windows were kept, bool `[windows]`: those far below the loudest hold no more than the file's noise.

    Raises:
        AudioError: the file is empty, silent, not finite or cannot be read.
    """
    peaks = []
    with part.open("wb") as file:
        for window in cut(stream(path, sample_rate), length):
            peaks.append(float(np.abs(window).max()))
            file.write(np.rint(window * (32767 / max(peaks[-1], SILENCE))).astype(np.int16).data)
    kept = audible(peaks)
    if not kept.all():
        _keep_rows(part, kept, 2 * length)
    return kept


def _keep_rows(path: Path, kept: np.ndarray, size: int) -> None:
    """Leave only some rows, of `size` bytes each, in a file."""
    with path.open("r+b") as file:
        for place, row in enumerate(np.flatnonzero(kept)):
            file.seek(row * size)
            content = file.read(size)
            file.seek(place * size)
            file.write(content)
        file.truncate(int(kept.sum()) * size)


def audible(peaks: Sequence[float]) -> np.ndarray:
    """Tell from the peaks of a file's windows which hold more than its noise, bool `[windows]`.

    Raises:
        AudioError: there is none.
    """
    if not peaks:
        raise AudioError("is empty")
    if max(peaks) < SILENCE:
        raise AudioError("is silent")
    return np.array(peaks) >= QUIET * max(peaks)


def reason_of(error: Exception) -> str:
    """What the library says, without the path and the library's own prefix."""
    return str(getattr(error, "error_string", None) or error).strip().rstrip(".") or type(error).__name__
