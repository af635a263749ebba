"""The paths of the user's own files in params.yaml. dvc.yaml lists them as dependencies, so each has to exist."""

import os
from functools import reduce
from pathlib import Path

from timbre.core.errors import DataError, ParamsError
from timbre.core.files import repository_root, user_path
from timbre.core.params import OWN_PATHS, Params


def own_path(path: str, key: str) -> Path | None:
    """Return the path of the user's own files, or None if it is a folder without visible files: there are none.

    An experiment in a copy of the repository reads the copy's files, which are those that DVC has recorded for it.

    Args:
        path: The path in params.yaml.
        key: The key of the path, for the message.

    Raises:
        DataError: The home folder does not exist, or the folder has files that the copy lacks.
    """
    original = user_path(path, key)
    found = Path(path) if Path(path).exists() else original
    if not _is_empty(found):
        return found
    if not _is_empty(original):
        raise DataError(
            f"{key}: {path} is empty in the copy of the repository of this experiment, because its files are not "
            f"tracked; write {original.absolute()}, or track them with dvc add"
        )
    return None


def _is_empty(path: Path) -> bool:
    return path.is_dir() and all(entry.name.startswith(".") for entry in path.iterdir())


def check_own_paths(params: Params) -> list[str]:
    """Check the paths before DVC reads them.

    Returns:
        A note for each relative path out of the repository: an experiment in a copy of the repository cannot find it.

    Raises:
        ParamsError: A path does not exist, or DVC cannot find it.
        DataError: See `own_path`.
    """
    root, notes = repository_root().absolute(), []
    for key, default in OWN_PATHS.items():
        path = str(reduce(getattr, key.split("."), params))
        full = Path(os.path.normpath(user_path(path, key).absolute()))
        if path.startswith("~"):
            raise ParamsError(f"params.yaml: {key}: DVC does not replace ~; write {full}")
        if not Path(path).exists():
            if full.exists():
                raise ParamsError(
                    f"params.yaml: {key}: {path} is missing in the copy of the repository of this experiment; "
                    f"write {full}, or track it with dvc add"
                )
            raise ParamsError(
                f"params.yaml: {key}: {path} does not exist; correct the path, or write {default} if you have none"
            )
        own_path(path, key)
        if not Path(path).is_absolute() and not full.is_relative_to(root):
            notes.append(f"{key}: {path} is outside the repository; for dvc exp run --queue or --temp, write {full}")
    return notes
