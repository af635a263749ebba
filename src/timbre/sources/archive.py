"""Reads a zip of recordings from any author, and refuses entries that could do harm."""

import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path, PurePosixPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from timbre.core.errors import DataError
from timbre.sources.files import File, Files, readable_size
from timbre.sources.names import path_fault

DAMAGE = (BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, OverflowError, ValueError)
"""The exceptions that Python raises for a damaged zip."""

ENCRYPTED, UTF8 = 0x1, 0x800  # flag bits of an entry
MAX_EXPANSION = 100  # audio hardly shrinks in a zip; a zip that unpacks to 100 times its size has something else
ALWAYS_ALLOWED = 1 << 30  # bytes that any zip may unpack to


@contextmanager
def zip_files(path: Path) -> Iterator[Files]:
    """Open a zip and yield its files. Each is unpacked when it is read.

    Raises:
        DataError: The zip is damaged, needs a password, would unpack to an absurd size, or has an entry that is not a
            plain file or would be written outside the folder.
    """
    try:
        archive = ZipFile(path)
    except DAMAGE as error:
        raise DataError(f"{path}: not a zip, or a damaged one ({error}); download it again") from error
    with archive:
        entries, length = archive.infolist(), path.stat().st_size
        size = sum(entry.file_size for entry in entries)
        if size > max(ALWAYS_ALLOWED, MAX_EXPANSION * length):
            raise DataError(f"{path}: would unpack to {readable_size(size)}, too much for audio; download it again")
        files: Files = {}
        for entry in entries:
            name = _checked_name(path, entry, length)
            if entry.is_dir():
                continue
            if name in files:
                raise DataError(f"{path}: entry {name!r} is in it twice; zip the recordings again")
            files[name] = File(entry.file_size, partial(archive.open, entry))
        yield files


def _checked_name(path: Path, entry: ZipInfo, length: int) -> str:
    """Return the path of an entry.

    Raises:
        DataError: The entry is not a plain file, cannot be unpacked, or has an unsafe path.
    """
    name, raw = _decoded_name(entry), entry.orig_filename
    kind = stat.S_IFMT(entry.external_attr >> 16)
    faults = {
        path_fault(raw) or path_fault(name): True,
        "is a link or device": kind not in (0, stat.S_IFREG, stat.S_IFDIR),
        "is outside the zip file, which is damaged": not 0 <= entry.header_offset < length,
        "needs a password": bool(entry.flag_bits & ENCRYPTED),
        f"uses compression {entry.compress_type}, which is not supported": (
            entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED)
        ),
    }
    for fault, applies in faults.items():
        if fault and applies:
            raise DataError(f"{path}: entry {raw!r} {fault}; zip the recordings again, or name a folder")
    return str(PurePosixPath(name))


def _decoded_name(entry: ZipInfo) -> str:
    """Return the name as text: UTF-8 if its bytes are UTF-8, even if the zip does not say so, else code page 437."""
    if not entry.flag_bits & UTF8:
        with suppress(UnicodeError):
            return entry.filename.encode("cp437").decode("utf-8")
    return entry.filename
