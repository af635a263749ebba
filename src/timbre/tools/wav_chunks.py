"""Read the chunks of WAV files, also where the header has no true sizes because the file was streamed.

Sources: IBM and Microsoft, "Multimedia Programming Interface and Data Specifications 1.0", 1991 (RIFF); EBU Tech 3306
and ITU-R BS.2088 (RF64 and BW64, with 64-bit sizes in the chunk `ds64`).
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from timbre.core.errors import AudioError

UNKNOWN_SIZE = (1 << 32) - 1  # size field of streams, and of RF64 where `ds64` has the size
STREAM_SIZE = 0x7FFF0000  # sizes from here on, and 0, are written by programs that do not know the size yet
FORMS = (b"RIFF", b"RF64", b"BW64")


@dataclass(frozen=True)
class Chunk:
    """One chunk of a WAV file.

    Attributes:
        name: Its four letters.
        start: Position of its content in the file.
        size: Number of bytes of its content that the file really has.
        declared: The size in the chunk's header.
    """

    name: bytes
    start: int
    size: int
    declared: int

    @property
    def padded(self) -> int:
        """Number of bytes of the content with padding."""
        return self.size + self.size % 2


def read_chunks(file: IO[bytes]) -> tuple[bytes, list[Chunk]]:
    """Return the form of a WAV file (RIFF, RF64 or BW64) and all its chunks.

    Raises:
        AudioError: The file is not a WAV file.
    """
    end, data_size = file.seek(0, 2), UNKNOWN_SIZE
    file.seek(0)
    head = file.read(12)
    if head[:4] not in FORMS or head[8:] != b"WAVE":
        raise AudioError("is not a WAV file")
    chunks: list[Chunk] = []
    start = 12
    while start + 8 <= end:
        file.seek(start)
        name, declared = struct.unpack("<4sI", file.read(8))
        size, rest = declared, end - start - 8
        if name == b"ds64":
            data_size = struct.unpack("<8xQ", file.read(16))[0]
        elif name == b"data" and declared == UNKNOWN_SIZE:
            size = data_size
        elif name == b"data" and declared == 0 and not _is_chunk(file.read(8), rest):
            size = rest  # a recorder that crashed never wrote the size
        chunks.append(Chunk(name, start + 8, min(size, rest), declared))
        start += 8 + chunks[-1].padded
    return head[:4], chunks


def _is_chunk(head: bytes, rest: int) -> bool:
    """Return whether 8 bytes can be the header of a chunk; `rest` is the number of bytes from there to the end."""
    return len(head) < 8 or (
        head[:4].isascii() and head[:4].decode().isprintable() and int.from_bytes(head[4:], "little") <= rest
    )


def complete_sizes(path: Path) -> None:
    """Write the true sizes into the header of a RIFF file that was streamed or not finished; skip all other files.

    Raises:
        AudioError: The file is not a WAV file.
    """
    with path.open("r+b") as file:
        form, chunks = read_chunks(file)
        end = max(chunk.start + chunk.padded for chunk in chunks) if chunks else 0
        is_streamed = any(
            chunk.name == b"data" and chunk.declared != chunk.size and not 0 < chunk.declared < STREAM_SIZE
            for chunk in chunks
        )
        if form != b"RIFF" or not is_streamed or end > UNKNOWN_SIZE:
            return
        for chunk in chunks:
            file.seek(chunk.start - 4)
            file.write(struct.pack("<I", chunk.size))
        file.truncate(end)  # adds the padding of an odd size
        file.seek(4)
        file.write(struct.pack("<I", end - 8))
