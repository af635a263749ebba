"""The length that a file declares in its own structure, to notice files that are cut off.

FFmpeg reads a shortened file without complaint and does not report how long it should have been. So the sizes that it
does not report are read here: those of RIFF, W64, MP4, Ogg, the tag in an MP3, and frames of bare AAC and AC-3.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

UNKNOWN_SIZE = 0x7FFFF000  # bytes: programs write sizes from here on while they do not know the size
TOLERANCE = 0.99  # share of a declared size that must be there: players add and remove tags at the end of files
ID3_HEADER_BYTES = 10
MP3_TAG_WITHIN = 80  # bytes: an MP3's first frame has its header, CRC, side information (at most 42) and tag in these
MAX_OGG_PAGE = 65_307  # bytes
AC3_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
AC3_KHZ = (48, 44.1, 32)
AC3_SYNC = b"\x0bw"
ADTS_SYNC = b"\xff\xf1", b"\xff\xf9"  # MPEG-4 and MPEG-2 AAC, without a checksum
# Formats with a length in their headers. FFmpeg estimates the length of the others from the bit rate or the file size.
WITH_DURATION = {
    *("aiff", "asf", "au", "avi", "caf", "flac", "flv", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "tta", "wv")
}


class DeclaredLength(NamedTuple):
    """The end of a file according to its structure.

    Attributes:
        end: in bytes from the start of the file. 0 if the file does not declare it.
        is_all: True if `end` is the end of the whole file, False if it is only the end of the last block that starts
            within the file.
    """

    end: int
    is_all: bool


def declared_length(file: BinaryIO) -> DeclaredLength:
    """Return where a file should end according to its structure.

    RIFF (WAV, AVI), W64 and the tag of an MP3 give the size of the whole file. MP4, Ogg, and bare AAC and AC-3 are
    sequences of blocks (boxes, pages, frames), each with its own size.
    """
    head = _read(file, 0, 24)
    if head[:4] == b"RIFF":
        size = int.from_bytes(head[4:8], "little")
        return DeclaredLength(int((8 + size) * TOLERANCE) if size < UNKNOWN_SIZE else 0, True)
    if head[:4] == b"riff" and len(head) == 24:
        return DeclaredLength(int(int.from_bytes(head[16:24], "little") * TOLERANCE), True)
    if head[4:8] == b"ftyp":
        return DeclaredLength(_end_of_blocks(file, 0, _mp4_box_size), False)
    if head[:4] == b"OggS":
        return DeclaredLength(_end_of_ogg(file), False)
    start = _end_of_id3(head)
    frame = _read(file, start, MP3_TAG_WITHIN)
    if _frame_size(frame):
        return DeclaredLength(_end_of_blocks(file, start, _frame_size), False)
    return DeclaredLength(start + _size_from_mp3_tag(frame), True)


def _end_of_blocks(file: BinaryIO, start: int, size_of: Callable[[bytes], int]) -> int:
    """Return where the last of consecutive blocks should end, given a function from a block's first bytes to its size.

    The function returns 0 for bytes that do not start a block.
    """
    while size := size_of(_read(file, start, 16)):
        start += size
    return start


def _mp4_box_size(head: bytes) -> int:
    """Return the size of an MP4 box in bytes.

    ISO 14496-12: 4 bytes of size, then 4 of type. Size 1: the size follows in 8 more bytes. Size 0: the box extends
    to the end of the file.
    """
    size = int.from_bytes(head[:4])
    if size == 1:
        size = int.from_bytes(head[8:])
    return size if size >= 8 and head[4:8].isalnum() else 0


def _frame_size(head: bytes) -> int:
    """Return the size of an ADTS (bare AAC), AC-3 or E-AC-3 frame in bytes (ISO 13818-7, ETSI TS 102 366).

    Read by hand because FFmpeg skips a cut-off AC-3 frame, and a cut-off ADTS header, without an error.
    """
    if len(head) < 7:  # the header itself is cut off, so any size beyond the end of the file will do
        return MAX_OGG_PAGE if head[:2] in (*ADTS_SYNC, AC3_SYNC) else 0
    if head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return int.from_bytes(head[3:6]) >> 5 & 0x1FFF
    if head[:2] != AC3_SYNC:
        return 0
    if head[5] >> 3 > 10:  # E-AC-3 gives the number of 16-bit words
        return 2 * ((int.from_bytes(head[2:4]) & 0x7FF) + 1)
    rate, code = head[4] >> 6, head[4] & 0x3F  # AC-3 gives the sample rate and the bit rate
    if rate >= len(AC3_KHZ) or code >= 2 * len(AC3_KBPS):
        return 0
    padding = code % 2 if AC3_KHZ[rate] == 44.1 else 0
    return 2 * (int(AC3_KBPS[code // 2] * 96 / AC3_KHZ[rate]) + padding)


def _end_of_ogg(file: BinaryIO) -> int:
    """Return where the last page of an Ogg file should end, 0 if there is no page near the end.

    RFC 3533: a page has a header of 27 bytes, a table of segment lengths, and the segments. The header's last byte is
    the length of the table.
    """
    size = file.seek(0, 2)
    start = max(0, size - 2 * MAX_OGG_PAGE)
    tail = _read(file, start, size - start)
    page = tail.rfind(b"OggS\0")
    if page < 0:
        return 0
    count = int.from_bytes(tail[page + 26 : page + 27])
    segment_lengths = tail[page + 27 : page + 27 + count]
    return start + page + 27 + count + sum(segment_lengths)


def _end_of_id3(head: bytes) -> int:
    """Return where an ID3v2 tag at the start of a file ends, 0 if there is none."""
    if head[:3] != b"ID3" or len(head) < ID3_HEADER_BYTES:
        return 0
    size = 0
    for byte in head[6:10]:  # seven bits of each byte count
        size = size << 7 | byte & 0x7F
    return ID3_HEADER_BYTES + size


def _size_from_mp3_tag(frame: bytes) -> int:
    """Return the bytes from an MP3's first frame to its end, as the Xing or Info tag in that frame gives them.

    0 if there is no such tag. Source: Gabriel Bouvigne, "MP3 Info Tag revision 1".
    """
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:
        return 0  # not an MPEG frame of layer III
    for name in (b"Xing", b"Info"):
        tag = frame.find(name)
        flags = frame[tag + 4 : tag + 8]
        if tag >= 0 and flags and flags[-1] & 3 == 3:  # the tag has the numbers of frames and of bytes
            return int(int.from_bytes(frame[tag + 12 : tag + 16]) * TOLERANCE)
    return 0


def _read(file: BinaryIO, start: int, count: int) -> bytes:
    file.seek(start)
    return file.read(count)


def declared_seconds(container: "InputContainer", stream: "AudioStream") -> float:
    """Return the length of a track in seconds as its header declares it, 0 if it does not."""
    if container.format.name not in WITH_DURATION:
        return 0.0
    if container.format.name == "caf" and stream.frames and stream.rate:
        return stream.frames / stream.rate  # FFmpeg shortens the duration of a cut-off CAF, but not its sample count
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    is_only_track = len(container.streams) == 1  # else the container's duration is that of its longest track
    return (container.duration or 0) / 1e6 if is_only_track else 0.0
