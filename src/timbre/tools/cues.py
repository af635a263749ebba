"""Write a copy of a WAV file with cue points that have names and lengths, as audio editors and recorders read them.

Source: IBM and Microsoft, "Multimedia Programming Interface and Data Specifications 1.0", 1991: the chunk `cue `, and
in a list `adtl` the chunks `labl` and `ltxt`. All other content is copied byte by byte.
"""

import struct
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import IO

from timbre.core.errors import AudioError
from timbre.songs.presence import Section
from timbre.tools.wav_chunks import UNKNOWN_SIZE, Chunk, read_chunks

COPY_BYTES = 1 << 20  # copied at once
MAX_FORM_SIZE = UNKNOWN_SIZE - 7  # bytes, of RIFF; sizes have 32 bits
POINT = struct.Struct("<II4sIII")  # ID, position in samples, chunk, chunk start, block start, sample offset


def write_cues(source: Path, target: Path, sections: Sequence[Section]) -> None:
    """Copy a WAV file and add a cue point for each section. Cue points and labels of the file are kept.

    If the file was streamed, so that its header has no true sizes, the copy has them.

    Raises:
        AudioError: The file is not a WAV file, or the copy would be too large.
    """
    with source.open("rb") as file:
        try:
            form, chunks = read_chunks(file)
        except AudioError as error:
            raise AudioError("cue points need a WAV file, which this is not; convert it first") from error
        contents = {chunk: _content(file, chunk) for chunk in chunks if chunk.name in (b"fmt ", b"cue ", b"LIST")}
        formats = [content for chunk, content in contents.items() if chunk.name == b"fmt " and len(content) >= 8]
        if not formats:
            raise AudioError("cue points need a sample rate, which this WAV file does not have; convert it first")
        points = b"".join(content[4:] for chunk, content in contents.items() if chunk.name == b"cue ")
        labels = b"".join(_whole_parts(content[4:]) for content in contents.values() if content[:4] == b"adtl")
        kept = [chunk for chunk in chunks if chunk.name != b"cue " and contents.get(chunk, b"")[:4] != b"adtl"]
        (rate,) = struct.unpack("<4xI", formats[0][:8])
        _write(file, target, form, kept, _cue_chunks(points, labels, sections, rate))


def _content(file: IO[bytes], chunk: Chunk) -> bytes:
    """Return the content of a chunk, padded to an even size, because parts of `LIST` have even sizes."""
    file.seek(chunk.start)
    return file.read(chunk.size) + b"\0" * (chunk.size % 2)


def _whole_parts(content: bytes) -> bytes:
    """Return the parts of a list without a last part that is cut off, which would take in what is added to it."""
    end = 0
    while end + 8 <= len(content):
        size = int.from_bytes(content[end + 4 : end + 8], "little")
        if end + 8 + size > len(content):
            break
        end += 8 + size + size % 2
    return content[:end]


def _cue_chunks(points: bytes, labels: bytes, sections: Sequence[Section], rate: int) -> bytes:
    """Return the chunks `cue ` and `LIST`: the given points and labels, then one more of each per new section."""
    entries = [points[at : at + POINT.size] for at in range(0, len(points) - POINT.size + 1, POINT.size)]
    positions = {number: sample for number, *_, sample in map(POINT.unpack, entries)}
    new_ids = (number for number in count(1) if number not in positions)
    for start, end, name in sections:
        first, length, label = round(start * rate), round((end - start) * rate), name.encode() + b"\0"
        same = (number for number, sample in positions.items() if sample == first)
        if any(struct.pack("<I", number) + label in labels for number in same):  # from an earlier copy
            continue
        number = next(new_ids)
        entries.append(POINT.pack(number, first, b"data", 0, 0, first))
        labels += _chunk(b"labl", struct.pack("<I", number) + label)
        labels += _chunk(b"ltxt", struct.pack("<II4sHHHH", number, length, b"rgn ", 0, 0, 0, 0))
    return _chunk(b"cue ", struct.pack("<I", len(entries)) + b"".join(entries)) + _chunk(b"LIST", b"adtl" + labels)


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _write(file: IO[bytes], target: Path, form: bytes, chunks: Sequence[Chunk], added: bytes) -> None:
    """Write a WAV file from chunks of another one and further chunks, with true sizes.

    Raises:
        AudioError: The copy would be too large for RIFF.
    """
    size = 4 + sum(8 + chunk.padded for chunk in chunks) + len(added)
    if form == b"RIFF" and size > MAX_FORM_SIZE:
        raise AudioError("with cue points, this file is too large for WAV; split it first")
    data_size = sum(chunk.size for chunk in chunks if chunk.name == b"data")
    with target.open("wb") as copy:
        copy.write(form + struct.pack("<I", size if form == b"RIFF" else UNKNOWN_SIZE) + b"WAVE")
        for chunk in chunks:
            is_long = chunk.name == b"data" and form != b"RIFF"
            copy.write(chunk.name + struct.pack("<I", UNKNOWN_SIZE if is_long else chunk.size))
            file.seek(chunk.start)
            if chunk.name == b"ds64":
                copy.write(struct.pack("<QQ", size, data_size))
                file.seek(chunk.start + 16)
            _copy(file, copy, chunk.start + chunk.size - file.tell())
            copy.write(b"\0" * (chunk.size % 2))
        copy.write(added)


def _copy(source: IO[bytes], target: IO[bytes], size: int) -> None:
    while size and (piece := source.read(min(size, COPY_BYTES))):
        target.write(piece)
        size -= len(piece)
