"""A zip that somebody hands over, read with care: whoever made it chose the names in it."""

import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from timbre.core.errors import DataError
from timbre.sources.files import File, Files, readable_size

DAMAGE = (BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, OverflowError, ValueError)
"""What Python raises on a zip whose bytes are not what they should be."""

ENCRYPTED, UTF8 = 0x1, 0x800  # flag bits of an entry
MAX_EXPANSION = 100  # audio hardly shrinks in a zip; what grows so much when unpacked is no audio
ALWAYS_ALLOWED = 1 << 30  # bytes that any zip may unpack to


@contextmanager
def zip_files(path: Path) -> Iterator[Files]:
    """Open a zip and yield the files in it, none of them unpacked yet.

    Raises:
        DataError: it is no whole zip, asks for a password, unpacks to an absurd size, or has an entry that is
            no plain file or whose name leads outside the zip.
    """
    try:
        archive = ZipFile(path)
    except DAMAGE as error:
        raise DataError(f"{path}: no zip, or a damaged one ({error}); download it again") from error
    with archive:
        entries, length = archive.infolist(), path.stat().st_size
        size = sum(entry.file_size for entry in entries)
        if size > max(ALWAYS_ALLOWED, MAX_EXPANSION * length):
            raise DataError(f"{path}: would unpack to {readable_size(size)}, which no recordings do; download it again")
        files: Files = {}
        for entry in entries:
            name = _checked_name(path, entry, length)
            if entry.is_dir():
                continue
            if name in files:
                raise DataError(f"{path}: entry {name!r} stands twice in it; zip the files anew")
            files[name] = File(entry.file_size, partial(archive.open, entry))
        yield files


def _checked_name(path: Path, entry: ZipInfo, length: int) -> str:
    """The entry's path below the zip's root.

    Raises:
        DataError: an honest zip of recordings would not hold this entry.
    """
    name, raw = _decoded_name(entry), entry.orig_filename
    kind = stat.S_IFMT(entry.external_attr >> 16)
    faults = {
        "holds a NUL character": "\0" in raw,
        "holds a backslash": "\\" in raw,
        "is an absolute path": name.startswith("/"),
        "names a drive": bool(PureWindowsPath(name).drive),
        "leads outside the zip": ".." in name.split("/"),
        "is a link or device": kind not in (0, stat.S_IFREG, stat.S_IFDIR),
        "does not lie in the zip, which is damaged": not 0 <= entry.header_offset < length,
        "asks for a password": bool(entry.flag_bits & ENCRYPTED),
        f"uses compression {entry.compress_type}, which cannot be read here": (
            entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED)
        ),
    }
    for fault, present in faults.items():
        if present:
            raise DataError(f"{path}: entry {raw!r} {fault}; zip the recordings anew, or name a folder")
    return str(PurePosixPath(name))


def _decoded_name(entry: ZipInfo) -> str:
    """The name as text: UTF-8 where its bytes are, even where the zip forgets to say so, else code page 437."""
    if not entry.flag_bits & UTF8:
        with suppress(UnicodeError):
            return entry.filename.encode("cp437").decode("utf-8")
    return entry.filename
