"""The names of copied files: safe on every disk, below the target folder, and different for different recordings."""

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

from timbre.core.errors import DataError
from timbre.core.printable import printable

SEPARATOR = "__"  # between the folders of a path in the name of its copy
LONGEST = 240  # bytes of a name; disks allow 255
PREFIX = 80  # bytes of the readable part of a hashed name
HASHED = re.compile(r"~[0-9a-f]{16}(\.\w+)?$")
FORBIDDEN = r'[<>:"|?*/\\]'  # Windows allows none of these characters
UNUSABLE = re.compile(rf"^$|{FORBIDDEN}|^\.|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def copy_names(short_paths: Mapping[str, str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Return a file name for the copy of each recording, by path. All copies are in one folder.

    The name joins the parts of the short path: `guitar/day 1/a.wav` becomes `guitar__day 1__a.wav`. If a disk could
    not tell two names apart, both join their full paths. A name that is then still not usable or not unique becomes a
    prefix and a hash of the path: `guitar__day 1~0123456789abcdef.wav`.

    Args:
        short_paths: Path of each recording and the part of it that makes the name, with forward slashes.
        taken: Names that are already in the folder.
    """
    taken = [_on_disk(name) for name in taken]
    names = {path: _joined(short_path) for path, short_path in short_paths.items()}
    for rename in (_joined, _hashed):
        counts = Counter([*taken, *map(_on_disk, names.values())])
        names = {
            path: name if counts[_on_disk(name)] == 1 and _is_usable(name) else rename(path)
            for path, name in names.items()
        }
    return names


def changed_names(names: Mapping[str, str], short_paths: Mapping[str, str]) -> dict[str, str]:
    """Return the path of each copy if its name is not made from the short path alone, by name. See `copy_names`."""
    return {name: path for path, name in names.items() if name.replace(SEPARATOR, "/") != short_paths[path]}


def path_fault(path: str) -> str:
    """Return why a path of the user's does not lead to a file below a folder, or an empty text."""
    faults = {
        "is empty": not path,
        "has a NUL character": "\0" in path,
        "has a backslash": "\\" in path,
        "is an absolute path": path.startswith("/"),
        "names a drive": bool(PureWindowsPath(path).drive),
        "leads outside the folder": ".." in path.split("/"),
    }
    return next((fault for fault, applies in faults.items() if applies), "")


def target_path(folder: Path, name: str) -> Path:
    """Return the path for a new file below a folder. Every file that a source writes gets its path here.

    Raises:
        DataError: The name leads outside the folder, by itself or through a link.
    """
    target = folder / name
    fault = path_fault(name)
    if not fault and not _real(target).is_relative_to(_real(folder)):
        fault = "leads outside the folder through a link"
    if fault:
        raise DataError(f"{printable(name)!r} {fault}; rename it")
    return target


def _joined(path: str) -> str:
    return SEPARATOR.join(PurePosixPath(path).parts)


def _hashed(path: str) -> str:
    """Return a name with a readable prefix, a hash of the path, and the suffix."""
    name = PurePosixPath(_joined(path))
    suffix = name.suffix if re.fullmatch(r"\.\w{1,8}", name.suffix, re.ASCII) else ""
    prefix = re.sub(rf"{FORBIDDEN}|[.~]", "_", printable(name.name.removesuffix(suffix)))
    while _bytes(prefix) > PREFIX:
        prefix = prefix[:-1]
    return f"{prefix}~{hashlib.sha256(path.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}{suffix}"


def _is_usable(name: str) -> bool:
    return (
        name == printable(name)
        and not UNUSABLE.search(name)
        and not HASHED.search(_on_disk(name))
        and _bytes(name) <= LONGEST
    )


def _bytes(name: str) -> int:
    """Return the length of a name on a disk that decomposes letters with accents."""
    return len(unicodedata.normalize("NFD", name).encode("utf-8", "surrogatepass"))


def _on_disk(name: str) -> str:
    """Return what is left of a name on a disk that ignores case, normalisation and invisible characters."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).upper().casefold())
    return "".join(char for char in folded if unicodedata.category(char) != "Cf")


def _real(path: Path) -> Path:
    """Return the path with its links followed as far as they lead. `Path.resolve` fails for loops."""
    return Path(os.path.realpath(path))
