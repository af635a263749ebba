"""Output files that are complete or absent, and the paths in params.yaml."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from timbre.core.errors import DataError

CHUNK = 1 << 20  # bytes copied at once
RELEASED = Path(__file__).parents[1] / "weights"  # the models in the package
STORES = re.compile(r"/(files/md5|cache)/[0-9a-f]{2}/[0-9a-f]{30}$|/\.git/(.+/)?annex/objects/")  # DVC, git-annex


@contextmanager
def fresh_folder(path: Path | str) -> Iterator[Path]:
    """Yield a new empty folder that replaces `path` if the block succeeds, and is deleted if it fails."""
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        if path.is_dir():
            shutil.rmtree(path)
        partial.replace(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def fresh_file(path: Path | str) -> Iterator[Path]:
    """Yield the path of a new file, with the same suffix, that replaces `path` if the block succeeds.

    Raises:
        OSError: The file cannot be written. The error names `path`, not the temporary file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        if error.filename and Path(os.fsdecode(error.filename)) == partial:
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        with suppress(OSError):
            partial.unlink()


def repository_root() -> Path:
    """Return the folder in which relative paths of params.yaml start.

    It is DVC's root, so that experiments in a copy of the repository find the user's files.
    """
    return Path(os.environ.get("DVC_ROOT", "."))


def user_path(path: Path | str, key: str) -> Path:
    """Return a path of params.yaml, starting at the repository's root, with `~` for the home folder.

    Args:
        path: The path in params.yaml.
        key: The key of the path, for the message.

    Raises:
        DataError: The home folder does not exist.
    """
    try:
        return repository_root() / Path(path).expanduser()
    except RuntimeError as error:
        raise DataError(f"{key}: {path}: {error}; write the full path") from error


def is_in_store(path: Path) -> bool:
    """Return whether a path is in a cache of DVC or in the objects of git-annex. Both replace files by such links.

    >>> is_in_store(Path("/mine/.dvc/cache/files/md5/d8/e8fca2dc0f896fd7cb4cb0031ba249"))
    True
    """
    return STORES.search(path.as_posix()) is not None
