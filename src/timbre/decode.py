"""A song of any kind as blocks of samples: whatever soundfile or ffmpeg can decode."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from timbre.audio import BLOCK_SECONDS, SUFFIXES, reason_of, stream
from timbre.errors import AudioError
from timbre.mp3 import length_of

STANDARD_INPUT = "-"
SOUNDFILE_SUFFIXES = (*SUFFIXES, ".oga")
FFMPEG_AUDIO = (".aac", ".ac3", ".amr", ".ape", ".m4a", ".m4b", ".mka", ".wma", ".wv")
FFMPEG_VIDEO = (".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")
FFMPEG_SUFFIXES = FFMPEG_AUDIO + FFMPEG_VIDEO
ENDLESS = 1e8  # seconds: a FLAC that was streamed says more
SHORTFALL = 0.5  # seconds that may be missing of what a file says it holds


def decode(source: Path | str, sample_rate: int) -> Iterator[np.ndarray]:
    """Yield a song as mono float32 blocks at `sample_rate`, full scale at 1; memory does not grow with length.

    soundfile reads what it can, ffmpeg the rest where it is installed. Standard input (`-`) and pipes are first copied
    to a temporary file, since most formats cannot be read without going back.

    Raises:
        AudioError: the song cannot be read to its end, or ends before the end that it promises.
    """
    try:
        if str(source) == STANDARD_INPUT:
            with _copied(sys.stdin.buffer) as path:
                yield from _decode_file(path, sample_rate)
        elif Path(source).is_fifo():
            with Path(source).open("rb") as pipe, _copied(pipe) as path:
                yield from _decode_file(path, sample_rate)
        else:
            yield from _decode_file(Path(source), sample_rate)
    except (OSError, ValueError) as error:  # a file that went away, a name with a zero byte
        raise AudioError(f"cannot be read ({getattr(error, 'strerror', '') or error})") from error


@contextmanager
def _copied(pipe: BinaryIO) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="timbre-") as folder:
        path = Path(folder) / "song"
        with path.open("wb") as file:
            shutil.copyfileobj(pipe, file)
        yield path


def _decode_file(path: Path, sample_rate: int) -> Iterator[np.ndarray]:
    size = path.stat().st_size
    if path.is_dir():
        raise AudioError("is a folder")
    if not size:
        raise AudioError("is empty")
    if path.suffix.lower() in FFMPEG_SUFFIXES:
        yield from _by_ffmpeg(path, sample_rate)
        return
    promise = length_of(path)
    if promise and promise.ends_at * 0.99 > size:
        raise AudioError(f"is cut off: {size} of {promise.ends_at} bytes are there")
    with_ffmpeg = shutil.which("ffmpeg")
    try:
        seconds = _length(path)
    except AudioError as error:
        if not with_ffmpeg:
            hint = "" if path.suffix.lower() in SOUNDFILE_SUFFIXES else "; ffmpeg, which is not installed, may read it"
            raise AudioError(f"{error}{hint}") from None
        try:
            yield from _by_ffmpeg(path, sample_rate)
        except AudioError:
            raise error from None
        return
    if seconds > ENDLESS or (promise and not promise.told and with_ffmpeg):  # soundfile would stop where it guesses
        yield from _by_ffmpeg(path, sample_rate)
    else:
        yield from _by_soundfile(path, sample_rate, seconds)


def _length(path: Path) -> float:
    """Seconds, as the file's header says.

    Raises:
        AudioError: soundfile does not know the format.
    """
    import soundfile

    try:
        with path.open("rb") as file:  # not by name: where the suffix says mp3, text would be searched for frames
            return soundfile.info(file).duration
    except (soundfile.SoundFileError, ValueError, TypeError) as error:
        raise AudioError(f"cannot be read as audio ({reason_of(error)})") from error


def _by_soundfile(path: Path, sample_rate: int, seconds: float) -> Iterator[np.ndarray]:
    """`timbre.audio.stream`, and an error where it gives less than `seconds`."""
    read = 0
    for block in stream(path, sample_rate):
        read += len(block)
        yield block
    if seconds - read / sample_rate > SHORTFALL:
        raise AudioError(f"is cut off: {read / sample_rate:.1f} of {seconds:.1f} s are there")


def _by_ffmpeg(path: Path, sample_rate: int) -> Iterator[np.ndarray]:
    """The first sound track, as ffmpeg decodes, mixes to mono and resamples it, through a pipe."""
    if not shutil.which("ffmpeg"):
        raise AudioError("cannot be read without ffmpeg, which is not installed (https://ffmpeg.org)")
    command = ["ffmpeg", "-nostdin", "-v", "error", "-protocol_whitelist", "file,pipe", "-i", f"file:{path}"]
    command += ["-map", "0:a:0", "-ac", "1", "-ar", str(sample_rate), "-f", "f32le", "pipe:1"]
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints)
        try:
            # Whole blocks but for the last: BufferedReader.read waits for as much as is asked for.
            while data := process.stdout.read(4 * BLOCK_SECONDS * sample_rate):
                block = np.frombuffer(data[: len(data) // 4 * 4], "<f4")
                if not np.isfinite(block).all():
                    raise AudioError("holds values that are not finite")
                yield block
            failed = process.wait() != 0
        finally:
            process.kill()
            process.stdout.close()
            process.wait()
        complaints.seek(0)
        said = complaints.read().decode(errors="replace")
    if "matches no streams" in said:
        raise AudioError("holds no sound")
    if "partial file" in said:
        raise AudioError("is cut off")
    if failed:
        reason = (said.strip().splitlines() or ["ffmpeg failed"])[-1].replace(f"file:{path}: ", "")
        raise AudioError(f"cannot be read as audio ({reason.strip().rstrip('.')})")
