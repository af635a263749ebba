"""Cue points with names and lengths in a copy of a WAV file, as editors and recorders read them.

Source: IBM and Microsoft, "Multimedia Programming Interface and Data Specifications 1.0", 1991: the chunks `cue `, and
in a list `adtl` the chunks `labl` and `ltxt`. What the file held is copied byte by byte.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from timbre.core.errors import AudioError
from timbre.core.files import CHUNK
from timbre.songs.presence import Section

LARGEST = (1 << 32) - 8  # bytes: sizes are 32 bits


def write_cues(source: Path, target: Path, sections: Sequence[Section]) -> None:
    """Copy a WAV file, and give the copy a cue point for each section.

    Raises:
        AudioError: it is no plain WAV file, or the copy would be too large for one.
    """
    with source.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            raise AudioError("cue points go into copies of WAV files, which this is not; convert it first")
        rate, chunks = _chunks(file)
        added = _cue_chunks(sections, rate)
        size = 4 + sum(8 + length + length % 2 for _, length in chunks) + len(added)
        if size > LARGEST:
            raise AudioError("is too large for a WAV file with cue points")
        with target.open("wb") as copy:
            copy.write(b"RIFF" + struct.pack("<I", size) + b"WAVE")
            for start, length in chunks:
                file.seek(start)
                _copy(file, copy, 8 + length)
                copy.write(b"\0" * (length % 2))
            copy.write(added)


def _chunks(file: IO[bytes]) -> tuple[int, list[tuple[int, int]]]:
    """The sampling rate, and where each chunk starts and how long its content is, but for earlier cues."""
    rate, chunks, end = 0, [], file.seek(0, 2)
    start = 12
    while start + 8 <= end:
        file.seek(start)
        name, length = struct.unpack("<4sI", file.read(8))
        length = min(length, end - start - 8)
        if name == b"fmt " and length >= 8:
            rate = struct.unpack("<HHI", file.read(8))[2]
        if name != b"cue " and not (name == b"LIST" and file.read(4) == b"adtl"):
            chunks.append((start, length))
        start += 8 + length + length % 2
    if not rate:
        raise AudioError("has no format that cue points could be counted by")
    return rate, chunks


def _cue_chunks(sections: Sequence[Section], rate: int) -> bytes:
    points, names = [], []
    for number, (start, end, name) in enumerate(sections, 1):
        first, length = round(start * rate), round((end - start) * rate)
        points.append(struct.pack("<II4sIII", number, first, b"data", 0, 0, first))
        names.append(_chunk(b"labl", struct.pack("<I", number) + name.encode() + b"\0"))
        names.append(_chunk(b"ltxt", struct.pack("<II4sHHHH", number, length, b"rgn ", 0, 0, 0, 0)))
    return _chunk(b"cue ", struct.pack("<I", len(points)) + b"".join(points)) + _chunk(
        b"LIST", b"adtl" + b"".join(names)
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _copy(source: IO[bytes], target: IO[bytes], size: int) -> None:
    for piece in _pieces(source, size):
        target.write(piece)


def _pieces(source: IO[bytes], size: int) -> Iterator[bytes]:
    while size and (piece := source.read(min(size, CHUNK))):
        size -= len(piece)
        yield piece
