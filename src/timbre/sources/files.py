"""The files in a folder or zip, and the data set in Kaggle's layout among them."""

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import IO, NamedTuple

from timbre.core.errors import DataError
from timbre.labels.kaggle_layout import FOLDERS, METADATA

SYSTEM_FILES = ("__MACOSX", "Thumbs.db", "desktop.ini")  # and all hidden ones, such as .DS_Store and ._song.wav


class File(NamedTuple):
    """A file: its size in bytes, and a function that opens it for reading."""

    size: int
    open: Callable[[], IO[bytes]]


Files = dict[str, File]
"""The files in a folder or zip, by path below it, with forward slashes."""


def is_hidden(name: str) -> bool:
    """Return whether a file is hidden, in a hidden folder, or made by an operating system.

    >>> is_hidden("__MACOSX/guitar/a.wav"), is_hidden("guitar/._a.wav"), is_hidden("guitar/a.wav")
    (True, True, False)
    """
    return any(part.startswith(".") or part in SYSTEM_FILES for part in PurePosixPath(name).parts)


def shallowest(folders: Iterable[str], origin: object) -> str:
    """Return the folder with the shortest path: it has the data set. A folder is written as `a/b/`, the top as ``.

    Raises:
        DataError: There are several.
    """
    folders = {*folders}
    depth = min(folder.count("/") for folder in folders)
    found = sorted(folder for folder in folders if folder.count("/") == depth)
    if len(found) > 1:
        raise DataError(f"{origin}: has several data sets ({', '.join(found)}); name one of them")
    return found[0]


def kaggle_homes(names: Iterable[str]) -> list[str]:
    """Return the folders with Kaggle's train metadata."""
    return [
        name.removesuffix(METADATA[0])
        for name in names
        if PurePosixPath(name).name == METADATA[0] and not is_hidden(name)
    ]


def find_dataset(names: Iterable[str], origin: object) -> tuple[str, list[str]]:
    """Find the data set in Kaggle's layout.

    Returns:
        The folder of the data set (such as `archive/`, or an empty text), and the sorted paths of its files below it.
        Hidden files are left out.

    Raises:
        DataError: Metadata or recordings are missing, or there are several data sets.
    """
    names = list(names)
    homes = kaggle_homes(names)
    if not homes:
        raise DataError(f"{origin}: has no {METADATA[0]}; name a folder or zip in Kaggle's layout")
    home = shallowest(homes, origin)
    inside = sorted(name.removeprefix(home) for name in names if name.startswith(home))
    wanted = [name for name in inside if _is_wanted(name)]
    found = {PurePosixPath(name).parts[0] for name in wanted}
    if missing := [name for name in (*METADATA, *FOLDERS) if name not in found]:
        raise DataError(f"{origin}: has no {home}{missing[0]}; name a folder or zip in Kaggle's layout")
    for name in wanted:
        if any("\ud800" <= character <= "\udfff" for character in name):
            raise DataError(f"{origin}: the name {home + name!r} is not in UTF-8; rename it")
    return home, wanted


def _is_wanted(name: str) -> bool:
    return name in METADATA or (PurePosixPath(name).parts[0] in FOLDERS and not is_hidden(name))


def readable_size(size: int) -> str:
    """Return a number of bytes as text, such as `170MB`, in powers of 1000."""
    from tqdm import tqdm

    return tqdm.format_sizeof(size, "B")
