"""Decode the audio of any file to mono blocks of one sample rate, with FFmpeg's libraries.

Songs and the recordings of data sets are read alike. The format follows from a file's content, never from its name.
Clicks, offsets and channels that cancel are repaired at the file's own sample rate, before anything measures levels.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import SEEK_CUR, SEEK_END, SEEK_SET
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

import numpy as np

from timbre.audio.declared_length import DeclaredLength, declared_length, declared_seconds
from timbre.audio.tracks import blocks_of, mixed, resampled
from timbre.core.errors import AudioError

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.error import FFmpegError

STANDARD_INPUT = "-"
MAX_MISSING_SECONDS = 0.5  # that may be missing of a file's declared length; a tenth of the length if that is less
MAX_DAMAGED = 0.5  # share of packets that cannot be decoded, above which a file is refused
OPEN_ENDED = ("aac", "mp3", "wav", "w64")  # formats in which the last packet may be a player's tag, or of any length
OPTIONS = {
    # Audio and video files only, never playlists or network addresses.
    "format_whitelist": "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dts,eac3,flac,flv,matroska,webm,mov,mp4,m4a,"
    "3gp,3g2,mj2,mp3,mpeg,mpegts,ogg,rm,tak,tta,voc,w64,wav,wv",
    "protocol_whitelist": "none",
    "max_probe_packets": "2",  # opens WAV six times as fast: FFmpeg would search more packets for other codecs
}


class Sound:
    """One open file.

    Attributes:
        sample_rate: of the first track, in Hz. 0 until a block was read.
        channels: of the first track. 0 until a block was read.
        seconds: of the first track that have been decoded so far.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.sample_rate, self.channels, self.seconds = 0, 0, 0.0

    def blocks(self, sample_rate: int) -> Iterator[np.ndarray]:
        """Yield mono float32 blocks at `sample_rate`, full scale at 1. Memory use does not depend on the length.

        Several tracks are mixed. A constant offset is removed. Resampling uses soxr's HQ quality.

        Raises:
            AudioError: the file cannot be read, has no audio track or values that are not finite, or is shorter than
                it declares.
        """
        size = self.file.seek(0, 2)
        if not size:
            raise AudioError("is empty")
        declared = declared_length(self.file)
        with ExitStack() as stack:
            first = stack.enter_context(_opened(self.file, declared, size))
            count = len(_audio_streams(first))
            if not count:
                raise AudioError("holds no sound")
            others = [stack.enter_context(_opened(self.file, declared, size)) for _ in range(1, count)]
            tracks = [
                blocks_of(_frames(container, _audio_streams(container)[number], declared, size))
                for number, container in enumerate([first, *others])
            ]
            tracks[0] = self._observed(tracks[0])
            at_rate = [resampled(track, sample_rate) for track in tracks]
            yield from mixed(at_rate) if others else at_rate[0]

    def _observed(self, blocks: Iterator[tuple[int, np.ndarray]]) -> Iterator[tuple[int, np.ndarray]]:
        """Pass the first track's blocks on, and update the attributes from them."""
        for rate, block in blocks:
            if not self.sample_rate:
                self.sample_rate, self.channels = rate, len(block)
            self.seconds += block.shape[1] / rate
            yield rate, block


@contextmanager
def opened(source: Path | str) -> Iterator[Sound]:
    """Open a file, a pipe, or standard input (`-`).

    Pipes and standard input are copied to a temporary file first, because most formats need to seek.

    Raises:
        AudioError: the source cannot be read.
    """
    try:
        if str(source) == STANDARD_INPUT:
            with _copied(sys.stdin.buffer) as file:
                yield Sound(file)
        elif Path(source).is_dir():
            raise AudioError("is a folder")
        elif Path(source).is_fifo():
            with Path(source).open("rb") as pipe, _copied(pipe) as file:
                yield Sound(file)
        else:
            with Path(source).open("rb") as file:
                yield Sound(file)
    except (OSError, ValueError) as error:  # such as a file that was just deleted, or a zero byte in the name
        raise AudioError(f"cannot be read ({getattr(error, 'strerror', '') or error})") from error


def decode(source: Path | str, sample_rate: int) -> Iterator[np.ndarray]:
    """Yield the mono blocks of a file or of standard input. See `Sound.blocks`.

    Raises:
        AudioError: the source cannot be read, or not to its end.
    """
    with opened(source) as sound:
        yield from sound.blocks(sample_rate)


@contextmanager
def _copied(pipe: BinaryIO) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile(prefix="timbre-") as file:
        shutil.copyfileobj(pipe, file)
        yield file


class _Reader:
    """A file object with its own position, so that several tracks can be read from one open file.

    It hides the file's name from FFmpeg, which would otherwise guess the format by it.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size, self.position = file, size, 0

    def read(self, count: int) -> bytes:
        """Return up to `count` bytes from the position on."""
        if self.position >= self.size:
            return b""
        self.file.seek(self.position)
        data = self.file.read(count)
        self.position += len(data)
        return data

    def seek(self, offset: int, whence: int) -> int:
        """Move the position and return it. Return -1 if a damaged header asks for one before the start."""
        position = offset + {SEEK_SET: 0, SEEK_CUR: self.position, SEEK_END: self.size}[whence]
        if position < 0:
            return -1
        self.position = position
        return position

    def tell(self) -> int:
        """Return the position."""
        return self.position


@contextmanager
def _opened(file: BinaryIO, declared: DeclaredLength, size: int) -> Iterator["InputContainer"]:
    import av

    try:
        container = av.open(_Reader(file, size), "r", options=dict(OPTIONS), metadata_errors="ignore", io_open=_refuse)
    except av.error.FFmpegError as error:
        if declared.end > size:
            raise AudioError(f"is cut off: {size} of {declared.end} bytes are there") from error
        raise AudioError(f"cannot be read as audio ({_reason(error)})") from error
    with container:
        yield container


def _audio_streams(container: "InputContainer") -> list["AudioStream"]:
    """Return the audio tracks that can be decoded."""
    return [stream for stream in container.streams.audio if stream.codec_context]


def _reason(error: "FFmpegError") -> str:
    return (error.strerror or "FFmpeg gives no reason").lower()


def _refuse(*_: object) -> NoReturn:
    raise OSError("playlists are not read")


def _frames(
    container: "InputContainer", stream: "AudioStream", declared: DeclaredLength, size: int
) -> Iterator["AudioFrame"]:
    """Yield the decoded frames of one track, and check at the end that the track is complete.

    Packets that cannot be decoded are skipped, unless they are the last or too many.

    Args:
        container: an open file.
        stream: one of its audio tracks.
        declared: the length that the file declares.
        size: the file's size in bytes.

    Raises:
        AudioError: the end is missing, most of the track is damaged, or it is empty.
    """
    from av.error import FFmpegError

    decoded = _Decoded()
    stream.codec_context.thread_count = 1
    demuxed = container.demux(stream)
    while True:
        try:
            packet = next(demuxed, None)
        except FFmpegError as error:
            decoded.stopped_by = _reason(error)
            break
        if packet is None:
            break
        if packet.size:
            decoded.packets += 1
            decoded.last_is_complete = not packet.is_corrupt
        try:
            frames = packet.decode()
        except FFmpegError:
            decoded.damaged_packets += 1
            decoded.last_is_complete = False
            continue
        for frame in frames:
            yield frame
            decoded.seconds += frame.samples / frame.sample_rate
    declared_s = declared_seconds(container, stream)
    if declared.is_all:
        declared_s = max(declared_s, decoded.seconds * declared.end / size)
    _check_complete(decoded, declared_s, declared.end > size, container.format.name in OPEN_ENDED)


@dataclass
class _Decoded:
    """What was decoded of a track.

    Attributes:
        seconds: decoded so far.
        packets: read so far.
        damaged_packets: packets that could not be decoded.
        last_is_complete: whether the last packet is complete.
        stopped_by: FFmpeg's error message if reading stopped before the end.
    """

    seconds: float = 0.0
    packets: int = 0
    damaged_packets: int = 0
    last_is_complete: bool = True
    stopped_by: str = ""


def _check_complete(decoded: _Decoded, declared: float, is_short: bool, is_open_ended: bool) -> None:
    """Check that a decoded track is complete.

    Args:
        decoded: what was decoded.
        declared: the track's declared length in seconds, 0 if unknown.
        is_short: whether the file has fewer bytes than it declares.
        is_open_ended: whether an incomplete last packet means nothing in this format.

    Raises:
        AudioError: the end is missing, most of the track is damaged, or it is empty.
    """
    missing = declared - decoded.seconds
    if missing > min(MAX_MISSING_SECONDS, declared / 10) or is_short:
        of_declared = f" of {declared:.1f}" if missing > 0.1 else ""
        raise AudioError(f"is cut off: {decoded.seconds:.1f}{of_declared} s are there")
    if decoded.stopped_by:
        raise AudioError(f"cannot be read beyond {decoded.seconds:.1f} s ({decoded.stopped_by})")
    if decoded.damaged_packets > MAX_DAMAGED * decoded.packets:
        raise AudioError(f"is damaged: {decoded.damaged_packets} of {decoded.packets} packets cannot be decoded")
    if not (declared or decoded.last_is_complete or is_open_ended):
        raise AudioError(f"is cut off: {decoded.seconds:.1f} s are there")
    if not decoded.seconds:
        raise AudioError("is empty")
