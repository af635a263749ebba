"""Sound of any kind as mono blocks of one rate: songs and the recordings of data sets, by FFmpeg's libraries.

A file is known by its content, never by its name. Clicks, offsets and channels that cancel are taken out at the file's
own rate, before anything measures how loud it is.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import groupby, zip_longest
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

import numpy as np

from timbre.audio.declared_length import DeclaredLength, declared_length, declared_seconds
from timbre.audio.repair import mono, without_clicks, without_offset
from timbre.core.errors import AudioError

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.error import FFmpegError

STANDARD_INPUT = "-"
BLOCK_SECONDS = 10
MAX_MISSING_SECONDS = 0.5  # seconds that may be missing of what a file says it holds; a tenth of it, if that is less
MAX_DAMAGED = 0.5  # share of packets that cannot be decoded, from which on there is no sense in the rest
RATES = 1_000, 1_000_000  # Hz: others stand in damaged headers, and an hour would be read from a second
MAX_SAMPLE = 1e6  # of a sample, full scale at 1: what lies beyond is no sound, and its square no number
OPEN_ENDED = ("aac", "mp3", "wav", "w64")  # the last piece may be players' notes, or of any length
OPTIONS = {
    # Files alone, never lists of other files or addresses.
    "format_whitelist": "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dts,eac3,flac,flv,matroska,webm,mov,mp4,m4a,"
    "3gp,3g2,mj2,mp3,mpeg,mpegts,ogg,rm,tak,tta,voc,w64,wav,wv",
    "protocol_whitelist": "none",
    "max_probe_packets": "2",  # six times as fast for WAV, of which more would be searched for other codecs
}


class Sound:
    """One open file.

    Attributes:
        sample_rate: in Hz, of the first track.
        channels: of the first track.
        seconds: heard so far, of the first track.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.sample_rate, self.channels, self.seconds = 0, 0, 0.0

    def blocks(self, sample_rate: int) -> Iterator[np.ndarray]:
        """Yield mono float32 blocks at `sample_rate`, full scale at 1; memory does not grow with length.

        Several tracks are mixed. Resampling is soxr's HQ quality. A constant beside the sound is taken out.

        Raises:
            AudioError: the file cannot be read, holds no sound or values that are not finite, or ends before the end
                that it promises.
        """
        size = self.file.seek(0, 2)
        if not size:
            raise AudioError("is empty")
        promise = declared_length(self.file)
        with ExitStack() as stack:
            first = stack.enter_context(_opened(self.file, promise, size))
            count = len(_audio_streams(first))
            if not count:
                raise AudioError("holds no sound")
            others = [stack.enter_context(_opened(self.file, promise, size)) for _ in range(1, count)]
            tracks = [
                _blocks(_frames(container, _audio_streams(container)[number], promise, size))
                for number, container in enumerate([first, *others])
            ]
            resampled = [_resampled(track, sample_rate) for track in [self._noted(tracks[0]), *tracks[1:]]]
            yield from _mixed(resampled) if others else resampled[0]

    def _noted(self, blocks: Iterator[tuple[int, np.ndarray]]) -> Iterator[tuple[int, np.ndarray]]:
        for rate, block in blocks:
            if not self.sample_rate:
                self.sample_rate, self.channels = rate, len(block)
            self.seconds += block.shape[1] / rate
            yield rate, block


@contextmanager
def opened(source: Path | str) -> Iterator[Sound]:
    """Open a file, `-` for standard input, or a pipe, of which a temporary copy is made: most formats need to go back.

    Raises:
        AudioError: it cannot be read.
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
    except (OSError, ValueError) as error:  # a file that went away, a name with a zero byte
        raise AudioError(f"cannot be read ({getattr(error, 'strerror', '') or error})") from error


def decode(source: Path | str, sample_rate: int) -> Iterator[np.ndarray]:
    """Yield the `Sound.blocks` of a file or of standard input.

    Raises:
        AudioError: as `opened` and `Sound.blocks` do.
    """
    with opened(source) as sound:
        yield from sound.blocks(sample_rate)


@contextmanager
def _copied(pipe: BinaryIO) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile(prefix="timbre-") as file:
        shutil.copyfileobj(pipe, file)
        yield file


class _Reader:
    """A place of its own in a file, without the file's name, by which FFmpeg would guess."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size, self.place = file, size, 0

    def read(self, count: int) -> bytes:
        """Read up to `count` bytes on."""
        self.file.seek(self.place)
        data = self.file.read(count)
        self.place += len(data)
        return data

    def seek(self, offset: int, whence: int) -> int:
        """Go to a place, or give −1 where a damaged header names one before the start."""
        place = offset + (0, self.place, self.size)[whence]
        if place < 0:
            return -1
        self.place = place
        return place

    def tell(self) -> int:
        """Say which place that is."""
        return self.place


@contextmanager
def _opened(file: BinaryIO, promise: DeclaredLength, size: int) -> Iterator["InputContainer"]:
    import av

    try:
        container = av.open(_Reader(file, size), "r", options=dict(OPTIONS), metadata_errors="ignore", io_open=_refuse)
    except av.error.FFmpegError as error:
        if promise.end > size:
            raise AudioError(f"is cut off: {size} of {promise.end} bytes are there") from error
        raise AudioError(f"cannot be read as audio ({_reason(error)})") from error
    with container:
        yield container


def _audio_streams(container: "InputContainer") -> list["AudioStream"]:
    """The tracks that can be decoded."""
    return [stream for stream in container.streams.audio if stream.codec_context]


def _reason(error: "FFmpegError") -> str:
    return (error.strerror or "for a reason that FFmpeg does not tell").lower()


def _refuse(*_: object) -> NoReturn:
    raise OSError("a list of other files is no sound")


def _frames(
    container: "InputContainer", stream: "AudioStream", promise: DeclaredLength, size: int
) -> Iterator["AudioFrame"]:
    """Decode a track of a file of `size` bytes. What cannot be decoded is passed over, but for the end.

    Raises:
        AudioError: the end is missing, most of it is damaged, or nothing is there.
    """
    from av.error import FFmpegError

    seconds, packets, faults, is_whole, ended_by = 0.0, 0, 0, True, ""
    stream.codec_context.thread_count = 1
    demuxed = container.demux(stream)
    while True:
        try:
            packet = next(demuxed, None)
        except FFmpegError as error:
            ended_by = _reason(error)
            break
        if packet is None:
            break
        if packet.size:
            packets += 1
            is_whole = not packet.is_corrupt
        try:
            frames = packet.decode()
        except FFmpegError:
            faults += 1
            is_whole = False
            continue
        for frame in frames:
            yield frame
            seconds += frame.samples / frame.sample_rate
    whole = declared_seconds(container, stream)
    if promise.is_all:
        whole = max(whole, seconds * promise.end / size)
    if whole - seconds > min(MAX_MISSING_SECONDS, whole / 10) or promise.end > size:
        raise AudioError(f"is cut off: {seconds:.1f}{f' of {whole:.1f}' if whole - seconds > 0.1 else ''} s are there")
    if ended_by:
        raise AudioError(f"cannot be read beyond {seconds:.1f} s ({ended_by})")
    if faults > MAX_DAMAGED * packets:
        raise AudioError(f"is damaged: {faults} of {packets} pieces cannot be read")
    if not (whole or is_whole or container.format.name in OPEN_ENDED):
        raise AudioError(f"is cut off: {seconds:.1f} s are there")
    if not seconds:
        raise AudioError("is empty")


def _blocks(frames: Iterable["AudioFrame"]) -> Iterator[tuple[int, np.ndarray]]:
    """Gather frames of one rate and number of channels to float32 blocks `[channels, frames]`.

    Raises:
        AudioError: there are values that are not finite, or a rate that no sound has.
    """
    for kind, run in groupby(frames, key=_kind):
        parts, held = [], 0
        for frame in run:
            parts.append(frame.to_ndarray())
            held += frame.samples
            if held >= BLOCK_SECONDS * frame.sample_rate:
                yield _joined(parts, *kind)
                parts, held = [], 0
        if parts:
            yield _joined(parts, *kind)


def _kind(frame: "AudioFrame") -> tuple[int, int, bool]:
    """Rate, channels, and whether these take turns."""
    if not RATES[0] <= frame.sample_rate <= RATES[1]:
        raise AudioError(f"cannot be read as audio (a sample rate of {frame.sample_rate} Hz)")
    return frame.sample_rate, frame.layout.nb_channels, frame.format.is_packed


def _joined(parts: list[np.ndarray], rate: int, channels: int, is_packed: bool) -> tuple[int, np.ndarray]:
    """The rate, and samples `[channels, frames]`, float32, full scale at 1."""
    array = np.concatenate(parts, axis=1)
    if is_packed:
        array = array.reshape(-1, channels).T
    block = np.ascontiguousarray(array, np.float32)
    if array.dtype.kind in "iu":
        block *= np.float32(2.0 ** (1 - 8 * array.itemsize))
        block -= array.dtype.kind == "u"
    peak = max(block.max(), -block.min())
    if not np.isfinite(peak):
        raise AudioError("holds values that are not finite")
    return rate, block if peak <= MAX_SAMPLE else block.clip(-MAX_SAMPLE, MAX_SAMPLE)


def _resampled(track: Iterator[tuple[int, np.ndarray]], sample_rate: int) -> Iterator[np.ndarray]:
    """Repair a track and bring it to `sample_rate`; where its own rate changes, it begins anew."""
    import soxr

    for rate, stretch in groupby(track, key=itemgetter(0)):
        blocks = without_offset((block for _, block in stretch))
        repaired = without_clicks(map(mono, blocks), rate)
        if rate == sample_rate:
            yield from repaired
            continue
        resampler = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32")
        for block in repaired:
            yield resampler.resample_chunk(block)
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _mixed(tracks: list[Iterator[np.ndarray]]) -> Iterator[np.ndarray]:
    """The mean of tracks, each as long as the longest."""
    second = 1 << 15
    for pieces in zip_longest(*(_rechunked(track, second) for track in tracks), fillvalue=np.zeros(0, np.float32)):
        total = np.zeros(max(map(len, pieces)), np.float32)
        for piece in pieces:
            total[: len(piece)] += piece
        yield total / np.float32(len(tracks))


def _rechunked(blocks: Iterator[np.ndarray], length: int) -> Iterator[np.ndarray]:
    rest = np.zeros(0, np.float32)
    for block in blocks:
        rest = np.concatenate([rest, block])
        while len(rest) >= length:
            yield rest[:length]
            rest = rest[length:]
    yield rest
