"""Reads the files in a folder of recordings, which may be links of DVC or git-annex."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from timbre.core.errors import DataError
from timbre.core.files import is_in_store
from timbre.labels.kaggle_layout import FOLDERS, METADATA
from timbre.sources.files import File, Files

REPOSITORIES = (".git", ".dvc")  # large folders without recordings


@contextmanager
def folder_files(path: Path) -> Iterator[Files]:
    """Yield the files below a folder. A link to a folder counts as a file, and its name ends in `/`.

    Opening a file raises a DataError if it is not a plain file, or if it is a link that leads outside the folder and
    not into the store of DVC or git-annex.
    """
    root = Path(os.path.realpath(path))
    yield {name: File(_size(path / name), partial(_open_plain, path / name, root)) for name in _walk(path)}


def _walk(root: Path) -> Iterator[str]:
    """Yield the paths of files and links below a folder, with forward slashes.

    A folder with Kaggle's metadata is searched only in Kaggle's folders. Others do not even have to be readable.

    Raises:
        OSError: A folder that can be part of the data set cannot be read.
    """
    errors: list[OSError] = []
    is_kaggles = False
    for parent, folders, files in os.walk(root, onerror=errors.append):
        links = [f"{name}/" for name in folders if Path(parent, name).is_symlink()]
        if METADATA[0] in files:
            is_kaggles = True
            folders[:] = [name for name in folders if name in FOLDERS]
        folders[:] = sorted(name for name in folders if name not in REPOSITORIES)
        prefix = "" if Path(parent) == root else f"{Path(parent).relative_to(root).as_posix()}/"
        yield from (prefix + name for name in sorted(files + links))
    for error in errors:
        unreadable = Path(error.filename)
        if not is_kaggles or unreadable == root or not {*FOLDERS}.isdisjoint(unreadable.parts):
            raise error


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # a broken link; opening it says so
        return 0


def _open_plain(file: Path, root: Path) -> IO[bytes]:
    real = Path(os.path.realpath(file))
    if not real.is_relative_to(root) and not is_in_store(real):
        raise DataError(f"{file}: a link that leads outside the data set; replace it by the file or folder itself")
    if not file.exists():
        raise DataError(
            f"{file}: a link to {real}, which does not exist; fetch it (dvc checkout, git annex get) or remove the link"
        )
    if not file.is_file():
        raise DataError(f"{file}: not a plain file; replace it by a recording, or remove it")
    return file.open("rb")
