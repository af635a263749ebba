"""Folders of adapted models: complete or absent, and an older folder of that name is kept as a backup."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from timbre.core.errors import DataError
from timbre.core.files import fresh_folder

TASKS = ("single", "layered", "timeline")
MODELS = "models"  # name of the folder of adapted models, in the folder of the songs
BACKUP = "before-adapt"


@contextmanager
def fresh_models(output: Path) -> Iterator[Path]:
    """Yield a new folder that becomes `output` if the block succeeds. A folder of that name is renamed then."""
    with fresh_folder(output) as partial:
        yield partial
        if output.exists():
            output.rename(free_name(output))


def free_name(folder: Path) -> Path:
    """Return the name of the backup of a folder, such as `models.before-adapt` or `models.before-adapt 2`."""
    names = (f"{folder.name}.{BACKUP}{f' {number}' if number > 1 else ''}" for number in count(1))
    return next(path for name in names if not (path := folder.with_name(name)).exists())


def check_output(output: Path, start: Path | None = None) -> None:
    """Check that adapted models can be written to a folder.

    Args:
        output: The folder to write.
        start: The folder of the models to adapt, if any.

    Raises:
        DataError: It is a file, or has the models to adapt.
    """
    if output.exists() and not output.is_dir():
        raise DataError(f"{output}: not a folder; name another one with --output")
    if start and output.resolve() == start.resolve():
        raise DataError(f"{output}: has the models to adapt; name another folder with --output")
