"""What a folder or zip holds, and the data set in it."""

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import IO, NamedTuple

from timbre.core.errors import DataError
from timbre.labels.kaggle_layout import FOLDERS, METADATA


class File(NamedTuple):
    """A file that somebody offers: its size in bytes, and how to open it for reading."""

    size: int
    open: Callable[[], IO[bytes]]


Files = dict[str, File]
"""What a folder or zip holds: paths below it, with forward slashes, and the file behind each."""


def kaggle_prefixes(names: Iterable[str]) -> list[str]:
    """What stands before data sets in Kaggle's layout among `names` (empty, or `folder/`): where its metadata lies."""
    return sorted(
        name.removesuffix(METADATA[0])
        for name in names
        if PurePosixPath(name).name == METADATA[0] and name.count("/") <= 1
    )


def find_dataset(names: Iterable[str], origin: object) -> tuple[str, list[str]]:
    """Find the data set among `names`, which may hold it under one folder of its own.

    Returns:
        What stands before the data set's own paths (empty, or `folder/`), and these paths, sorted. Hidden
        files, such as `.DS_Store`, are left out.

    Raises:
        DataError: metadata or recordings are missing, or there are several data sets.
    """
    names = set(names)
    prefixes = kaggle_prefixes(names)
    if not prefixes:
        raise DataError(f"{origin}: holds no {METADATA[0]}; name a folder or zip in Kaggle's layout")
    prefix = prefixes[0]
    if prefix and len(prefixes) > 1:
        raise DataError(f"{origin}: holds several data sets ({', '.join(prefixes)}); name one of them")
    inside = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
    wanted = sorted(name for name in inside if _is_wanted(PurePosixPath(name).parts))
    held = {PurePosixPath(name).parts[0] for name in wanted}
    if missing := [name for name in (*METADATA, *FOLDERS) if name not in held]:
        raise DataError(f"{origin}: holds no {prefix}{missing[0]}; name a folder or zip in Kaggle's layout")
    for name in wanted:
        if any("\ud800" <= character <= "\udfff" for character in name):
            raise DataError(f"{origin}: the name {prefix + name!r} is not in UTF-8; rename it")
    return prefix, wanted


def _is_wanted(parts: tuple[str, ...]) -> bool:
    if parts[0] in FOLDERS:
        return not any(part.startswith(".") for part in parts)
    return len(parts) == 1 and parts[0] in METADATA


def readable_size(size: int) -> str:
    """Bytes as people read them: `170MB`, in powers of 1000."""
    from tqdm import tqdm

    return tqdm.format_sizeof(size, "B")
