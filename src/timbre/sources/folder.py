"""The user's own recordings: a folder or zip, copied into Kaggle's layout and otherwise left alone."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from timbre.core.errors import DataError
from timbre.core.files import CHUNK, repository_root, user_path
from timbre.core.stage import progress
from timbre.labels.kaggle_layout import FOLDERS, METADATA
from timbre.sources.archive import DAMAGE, zip_files
from timbre.sources.files import File, Files, readable_size
from timbre.sources.layouts import find_layout
from timbre.sources.metadata import append_metadata

OUTPUT = "data/raw"


def copy_dataset(origin: Path, instruments: Sequence[str], folder: Path) -> dict[str, object]:
    """Copy the data set in `origin`, a folder or zip, into `folder`, in Kaggle's layout.

    A relative `origin` starts at the repository's root. Only metadata and recordings are copied.

    Returns:
        Whether it was a folder or zip, in which layout, and how many other files were left out.

    Raises:
        DataError: `origin` is missing, holds no data set in a known layout, is damaged, lies in an output
            folder, or has links or names that lead outside it.
    """
    path = user_path(origin, "data.folder")
    _refuse_output(path)
    if not path.exists():
        raise DataError(f"data.folder: {path} is not there; name a folder or zip of recordings")
    kind, open_files = ("folder", folder_files) if path.is_dir() else ("zip", zip_files)
    with open_files(path) as files:
        dataset = find_layout(files, path, instruments)
        if not any(dataset.rows) and (folder / METADATA[0]).exists():
            raise DataError(f"data.source: {path} is in Kaggle's layout, which cannot stand beside other sources")
        for place in {PurePosixPath(name).parts[0] for name in dataset.files}:
            _refuse_output(path / place)
        size = sum(files[name].size for name in dataset.files)
        if size > (free := shutil.disk_usage(folder).free):
            raise DataError(f"{path}: needs {readable_size(size)} for its copy, {readable_size(free)} are free")
        for name, copy in progress(dataset.files.items(), "copy", unit="file", total=len(dataset.files)):
            _copy(files[name], folder / copy, f"{path}: {name}")
        for table, rows in zip(METADATA, dataset.rows, strict=True):
            if rows:
                append_metadata(folder / table, rows)
    return {"kind": kind, "layout": dataset.layout, "ignored": len(files) - len(dataset.files)}


@contextmanager
def folder_files(path: Path) -> Iterator[Files]:
    """Yield the files of the data set in a folder, and those that stand beside it.

    Opening one raises a DataError where it is no plain file or a link that leads outside the folder.
    """
    root = _real(path)
    yield {
        file.relative_to(path).as_posix(): File(file.lstat().st_size, partial(_open_plain, file, root))
        for file in _walk(path)
    }


def _walk(root: Path) -> Iterator[Path]:
    """Files and links below `root`, sorted, as deep as a data set can lie; links to folders are not entered.

    In Kaggle's layout only its own folders matter, whatever stands beside them.
    """
    is_kaggles = any(place.is_file() for pattern in (METADATA[0], f"*/{METADATA[0]}") for place in root.glob(pattern))

    def is_inside(place: Path) -> bool:
        return not is_kaggles or not set(FOLDERS).isdisjoint(place.relative_to(root).parts)

    def fail(error: OSError) -> None:
        if is_inside(Path(error.filename)) or Path(error.filename) == root:
            raise error

    for at, folders, files in os.walk(root, onerror=fail):
        place = Path(at)
        links = [name for name in folders if (place / name).is_symlink()]
        if place != root and not is_inside(place):
            folders[:] = [name for name in folders if name in FOLDERS]
        folders.sort()
        yield from (place / name for name in sorted(files + links))


def _open_plain(file: Path, root: Path) -> IO[bytes]:
    if not _real(file).is_relative_to(root):
        raise DataError(f"{file}: a link that leads out of the data set; put what it means there instead")
    if not file.is_file():
        raise DataError(f"{file}: no plain file; put the recording itself there")
    return file.open("rb")


def _copy(file: File, target: Path, name: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with file.open() as source, target.open("xb") as copy:
            shutil.copyfileobj(source, copy, CHUNK)
    except (FileExistsError, NotADirectoryError) as error:
        raise DataError(f"{name}: this disk takes its name and another's for the same; rename it") from error
    except DAMAGE as error:
        raise DataError(f"{name}: damaged in the zip ({error}); download or zip it again") from error


def _refuse_output(path: Path) -> None:
    if _real(path).is_relative_to(_real(repository_root() / OUTPUT)):
        raise DataError(f"data.folder: {path} lies in {OUTPUT}, which DVC empties; move it out and name it there")


def _real(path: Path) -> Path:
    """The path with its links followed, as far as they lead (`Path.resolve` stumbles over loops)."""
    return Path(os.path.realpath(path))
