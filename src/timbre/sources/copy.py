"""Copies the user's own recordings from a folder or zip into Kaggle's layout. The user's files stay as they are."""

import os
import shutil
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath

from timbre.core.errors import DataError
from timbre.core.files import repository_root
from timbre.core.own_paths import own_path
from timbre.core.stage import progress
from timbre.labels.kaggle_layout import FOLDERS, METADATA
from timbre.sources.archive import DAMAGE, zip_files
from timbre.sources.files import File, Files, is_hidden, readable_size
from timbre.sources.folder import folder_files
from timbre.sources.layouts import Dataset, find_layout
from timbre.sources.metadata import MetadataRow, append_metadata, listed_files
from timbre.sources.names import changed_names, copy_names, target_path

OUTPUT = "data/raw"
TRAIN_TARGET, TEST_TARGET = (f"{folder}/{folder}" for folder in FOLDERS)
TARGETS = {"train": TRAIN_TARGET, "validation": TRAIN_TARGET, "test": TEST_TARGET}  # folders by split
CHUNK = 1 << 20


def copy_dataset(origin: Path | str, instruments: Sequence[str], folder: Path) -> dict[str, object]:
    """Copy the data set in a folder or zip to `folder`, in Kaggle's layout. Only metadata and recordings are copied.

    Returns:
        The provenance: folder or zip, its layout, and which files were left out.

    Raises:
        DataError: `origin` is missing, has no data set in a known layout, is damaged, is in an output folder, or has
            links or names that lead outside it.
    """
    path = existing_path(str(origin), "data.folder")
    with open_files(path) as files:
        dataset = find_layout(files, path, instruments)
        if not dataset.recordings and (folder / METADATA[0]).exists():
            raise DataError(
                f"data.source: {path} is in Kaggle's layout, which cannot be combined with other sources; "
                "set data.source to folder"
            )
        provenance = write_dataset(dataset, files, path, folder)
    return {"kind": "folder" if path.is_dir() else "zip", "layout": dataset.layout} | provenance


def existing_path(path: str, key: str) -> Path:
    """Return the path that a param means. A relative path starts at the repository's root.

    Raises:
        DataError: It does not exist, is an empty folder, or is in an output folder, which DVC empties.
    """
    found = own_path(path, key)
    if not found:
        raise DataError(f"{key}: {path} is an empty folder; put recordings into it, or name another folder or zip")
    _refuse_output(found, key)
    if not found.exists():
        raise DataError(f"{key}: {found} does not exist; name a folder or zip of recordings")
    return found


def open_files(path: Path) -> AbstractContextManager[Files]:
    """Open a folder or zip. See `folder_files` and `zip_files`."""
    return folder_files(path) if path.is_dir() else zip_files(path)


def write_dataset(dataset: Dataset, files: Files, origin: Path, folder: Path) -> dict[str, object]:
    """Copy the files of a data set and append their metadata.

    Args:
        dataset: What to copy.
        files: The files of the folder or zip.
        origin: The folder or zip.
        folder: The folder to fill.

    Returns:
        The number of files left out, by suffix, and the paths of copies with changed names.

    Raises:
        DataError: The disk is full, or a file cannot be copied.
    """
    short_paths = {recording.path: recording.short_path for recording in dataset.recordings}
    names = copy_names(short_paths, [name for metadata in METADATA for name in listed_files(folder / metadata)])
    targets = dict(dataset.files) | {
        recording.path: f"{TARGETS[recording.split]}/{names[recording.path]}" for recording in dataset.recordings
    }
    for parent in {PurePosixPath(path).parent for path in targets}:
        _refuse_output(origin / parent, "data.folder")
    size = sum(files[path].size for path in targets)
    if size > (free := shutil.disk_usage(folder).free):
        raise DataError(f"{origin}: the copy needs {readable_size(size)}, but {readable_size(free)} are free")
    for path, target in progress(targets.items(), "copy", unit="file", total=len(targets)):
        _copy(files[path], folder, target, f"{origin}: {path}")
    names_validation = any(recording.split == "validation" for recording in dataset.recordings)
    for metadata, target in zip(METADATA, (TRAIN_TARGET, TEST_TARGET), strict=True):
        rows = [
            MetadataRow(
                names[recording.path],
                recording.label,
                recording.group,
                recording.weight,
                recording.split if names_validation and recording.split != "test" else "",
                recording.source,
                recording.licence,
            )
            for recording in dataset.recordings
            if TARGETS[recording.split] == target
        ]
        if rows:
            append_metadata(folder / metadata, rows)
    left_out = _suffixes_left_out(dataset, files, targets)
    details = {"left out": left_out, "renamed": changed_names(names, short_paths)}
    return {"ignored": len(files) - len(targets)} | {key: value for key, value in details.items() if value}


def _suffixes_left_out(dataset: Dataset, files: Files, copied: Collection[str]) -> dict[str, int]:
    """Count the files that are not copied, by suffix. Hidden files and the table of labels do not count."""
    left_out = Counter(
        PurePosixPath(path).suffix.lower() or "no suffix"
        for path in files
        if path not in copied and path != dataset.table and not is_hidden(path)
    )
    return dict(sorted(left_out.items()))


def _copy(file: File, folder: Path, target: str, name: str) -> None:
    """Copy one file.

    Args:
        file: The file to read.
        folder: The folder to fill.
        target: Path of the copy below the folder.
        name: Path of the file, for messages.
    """
    try:
        path = target_path(folder, target)
        path.parent.mkdir(parents=True, exist_ok=True)
        with file.open() as source, path.open("xb") as copy:
            shutil.copyfileobj(source, copy, CHUNK)
    except (FileExistsError, NotADirectoryError) as error:
        raise DataError(f"{name}: the disk takes this name and another one for the same; rename it") from error
    except DAMAGE as error:
        raise DataError(f"{name}: damaged in the zip ({error}); download or zip it again") from error


def _refuse_output(path: Path, key: str) -> None:
    if Path(os.path.realpath(path)).is_relative_to(os.path.realpath(repository_root() / OUTPUT)):
        raise DataError(f"{key}: {path} is in {OUTPUT}, which DVC empties; move it to another folder and name that")
