"""What a file says it holds, so that one that ends early is not taken for whole."""

from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

UNKNOWN = 0x7FFFF000  # sizes from here on are what programs write that do not know them yet
INEXACT = 0.99  # players' own tags come and go at the end of files that give their whole size
ID3_HEADER = 10
MP3_TAG_WITHIN = 80  # bytes of an mp3's first frame: header, CRC, side information (42 at most), tag
OGG_PAGE = 65_307  # bytes at most
AC3_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
AC3_RATES = (48, 44.1, 32)  # kHz
# Formats whose headers tell a length. Of the others FFmpeg guesses it, from the bit rate or from what is there.
TOLD = {"aiff", "asf", "au", "avi", "caf", "flac", "flv", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "tta", "wv"}


class DeclaredLength(NamedTuple):
    """Where a file should end.

    Attributes:
        end: in bytes from its start; 0 where its structure does not tell.
        is_all: whether that is the end of the whole file, or that of the last piece of which there is a beginning.
    """

    end: int
    is_all: bool


def declared_length(file: BinaryIO) -> DeclaredLength:
    """Read where a file should end, by its own structure.

    RIFF (WAV, AVI), W64 and a tag in an mp3 tell the size of the whole. MP4 and CAF are rows of boxes, Ogg of pages,
    bare AAC and AC-3 of frames, each with its length.
    """
    head = _read(file, 0, 24)
    if head[:4] == b"RIFF":
        size = int.from_bytes(head[4:8], "little")
        return DeclaredLength(int((8 + size) * INEXACT) if size < UNKNOWN else 0, True)
    if head[:4] == b"riff" and len(head) == 24:
        return DeclaredLength(int(int.from_bytes(head[16:24], "little") * INEXACT), True)
    if head[4:8] == b"ftyp":
        return DeclaredLength(_end_of_row(file, 0, _box), False)
    if head[:4] == b"caff":
        return DeclaredLength(_end_of_row(file, 8, _chunk), False)
    if head[:4] == b"OggS":
        return DeclaredLength(_end_of_pages(file), False)
    start = _end_of_id3(head)
    frame = _read(file, start, MP3_TAG_WITHIN)
    if _frame(frame):
        return DeclaredLength(_end_of_row(file, start, _frame), False)
    return DeclaredLength(start + _size_by_mp3_tag(frame), True)


def _end_of_row(file: BinaryIO, start: int, size_of: Callable[[bytes], int]) -> int:
    """Where the last of a row of pieces should end, each of which begins with what gives its size."""
    while size := size_of(_read(file, start, 16)):
        start += size
    return start


def _box(head: bytes) -> int:
    """ISO 14496-12: 4 bytes of size, 4 of type; size 1: it follows in 8 bytes; 0: to the end of the file."""
    size = int.from_bytes(head[:4])
    if size == 1:
        size = int.from_bytes(head[8:])
    return size if size >= 8 and head[4:8].isalnum() else 0


def _chunk(head: bytes) -> int:
    """Apple's Core Audio Format: 4 bytes of type, 8 of size; -1: to the end of the file."""
    size = int.from_bytes(head[4:12], signed=True)
    return 12 + size if head[:4].isalnum() and size >= 0 else 0


def _frame(head: bytes) -> int:
    """ADTS (ISO 13818-7) gives a frame's bytes, E-AC-3 (ETSI TS 102 366) its 16-bit words, AC-3 its bit rate."""
    if len(head) < 7:
        return 2 * OGG_PAGE if head[:2] in (b"\xff\xf1", b"\xff\xf9", b"\x0bw") else 0  # a frame's mere beginning
    if head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return int.from_bytes(head[3:6]) >> 5 & 0x1FFF
    if head[:2] != b"\x0bw":
        return 0
    if head[5] >> 3 > 10:
        return 2 * ((int.from_bytes(head[2:4]) & 0x7FF) + 1)
    rate, code = head[4] >> 6, head[4] & 0x3F
    if rate == 3 or code >= 2 * len(AC3_KBPS):
        return 0
    odd = code % 2 if AC3_RATES[rate] == 44.1 else 0
    return 2 * (int(AC3_KBPS[code // 2] * 96 / AC3_RATES[rate]) + odd)


def _end_of_pages(file: BinaryIO) -> int:
    """RFC 3533: a page is a header of 27 bytes, a table of as many lengths as its last says, and their sum."""
    size = file.seek(0, 2)
    start = max(0, size - 2 * OGG_PAGE)
    tail = _read(file, start, size - start)
    place = tail.rfind(b"OggS\0")
    if place < 0:
        return 0
    count = int.from_bytes(tail[place + 26 : place + 27])
    table = tail[place + 27 : place + 27 + count]
    return start + place + 27 + count + sum(table)


def _end_of_id3(head: bytes) -> int:
    """Where an ID3v2 tag in front ends: 0 where there is none."""
    if head[:3] != b"ID3" or len(head) < ID3_HEADER:
        return 0
    return ID3_HEADER + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))


def _size_by_mp3_tag(frame: bytes) -> int:
    """Bytes from an mp3's first frame on, as a Xing or Info tag in it tells; 0 where there is none.

    Source: Gabriel Bouvigne, "MP3 Info Tag revision 1".
    """
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:
        return 0  # no MPEG frame of layer III
    for name in (b"Xing", b"Info"):
        place = frame.find(name)
        flags = frame[place + 4 : place + 8]
        if place >= 0 and flags and flags[-1] & 3 == 3:  # frames and bytes are given
            return int(int.from_bytes(frame[place + 12 : place + 16]) * INEXACT)
    return 0


def _read(file: BinaryIO, start: int, count: int) -> bytes:
    file.seek(start)
    return file.read(count)


def declared_seconds(container: "InputContainer", stream: "AudioStream") -> float:
    """Seconds of a track as its header tells them; 0 where it does not."""
    if container.format.name not in TOLD:
        return 0.0
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    is_alone = len(container.streams) == 1  # else that of the container is that of the longest
    return (container.duration or 0) / 1e6 if is_alone else 0.0
