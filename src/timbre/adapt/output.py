"""Folders of changed models: complete or absent, and an older folder of that name is kept as a backup."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from timbre.core.errors import DataError
from timbre.core.files import fresh_folder

if TYPE_CHECKING:
    from timbre.model.checkpoint import TrainedModel
    from timbre.model.network import TimbreNet

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


def write_models(start: Path, output: Path, layered: "TrainedModel[TimbreNet]") -> None:
    """Write models with another layered model. A folder of this name is renamed.

    Args:
        start: Folder of the other models, which are copied.
        output: The folder to write.
        layered: The layered model.
    """
    from timbre.model.checkpoint import save_model

    with fresh_models(output) as partial:
        for task in TASKS:
            if task != "layered":
                shutil.copyfile(start / f"{task}.safetensors", partial / f"{task}.safetensors")
        save_model(partial / "layered.safetensors", layered.network, layered.description, layered.filters)


def free_name(folder: Path) -> Path:
    """Return the name of the backup of a folder, such as `models.before-adapt` or `models.before-adapt 2`."""
    names = (f"{folder.name}.{BACKUP}{f' {number}' if number > 1 else ''}" for number in count(1))
    return next(path for name in names if not (path := folder.with_name(name)).exists())


def check_output(output: Path, start: Path | None = None) -> None:
    """Check that changed models can be written to a folder.

    Args:
        output: The folder to write.
        start: The folder of the models to change, if any.

    Raises:
        DataError: It is a file, or has the models to change.
    """
    if output.exists() and not output.is_dir():
        raise DataError(f"{output}: not a folder; name another one with --output")
    if start and output.resolve() == start.resolve():
        raise DataError(f"{output}: has the models to change; name another folder with --output")
