"""Train models of your own instruments, one folder each: the stages of the pipeline, with sizes that suit few clips."""

import contextlib
import shutil
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from timbre.adapt.output import TASKS, fresh_models
from timbre.core.errors import DataError
from timbre.core.instruments import OTHER
from timbre.core.params import OWN_PATHS, load_params
from timbre.core.suffixes import may_be_recording
from timbre.core.yaml_file import read_yaml, with_changes
from timbre.labels.labels_csv import LABELS
from timbre.sources.folder import folder_files
from timbre.sources.layouts import SPLITS

STAGES = (
    "download",
    "prepare",
    "extract_mels",
    "layer_mixtures",
    "arrange_songs",
    "train_layered",
    "train_single",
    "train_timeline",
    "evaluate",
)
FEW_CLIPS: dict[str, Any] = {
    "start": "released",
    "epochs": 3,
    "repeats": 4,
    "mixtures": {"fresh": 1600, "train": 100},
    "calibration": {"mixtures": 300},
    "timeline": {"songs": 10, "train": 80, "validation": 20},
}


def train_own_classes(
    folder: Path, output: Path, clone: Path, sizes: dict[str, Any], say: Callable[[str], object]
) -> None:
    """Train models for a folder with one subfolder per instrument, and write them.

    The split into train, validation and test is that of the pipeline, by group.

    Args:
        folder: The folder. A subfolder `other` has recordings in which none of the instruments plays.
        output: The folder to write. A folder of this name is renamed.
        clone: A clone of Timbre, with the stages and their params.
        sizes: Params to change, such as `FEW_CLIPS`.
        say: Is called with a line for each stage; the last has the scores on test.

    Raises:
        DataError: There is no clone, or the folder has fewer than two instruments.
        TimbreError: A param cannot be used, or a stage failed.
    """
    if not (clone / "stages" / "train_layered.py").is_file():
        raise DataError(f"{clone.resolve()}: not a clone of Timbre; run timbre adapt --classes in one")
    values = read_yaml(clone / "params.yaml")
    own = {"instruments": class_names(folder), "data": {"source": "folder", "folder": str(folder.resolve())}}
    values = with_changes(with_changes(values, sizes), own)
    sys.path.insert(0, str(clone.resolve()))
    destination = output.absolute()
    with TemporaryDirectory() as temporary, contextlib.chdir(temporary):
        for path in OWN_PATHS.values():
            Path(path).mkdir(parents=True)
        Path("params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8", newline="\n")
        params = load_params()
        for name in STAGES:
            say(f"{name}: {getattr(import_module(f'stages.{name}'), name)(params)}")
        with fresh_models(destination) as partial:
            for task in TASKS:
                shutil.copyfile(f"models/{task}.safetensors", partial / f"{task}.safetensors")


def class_names(folder: Path) -> list[str]:
    """Return the names of the subfolders with recordings, in alphabetical order, without `other`.

    Raises:
        DataError: It is no folder, has a labels.csv, or has fewer than two such subfolders.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: not a folder; name a folder with one subfolder per instrument")
    if (folder / LABELS).exists():
        raise DataError(f"{folder / LABELS}: songs with labels are adapted to without --classes; leave it out")
    with folder_files(folder) as files:
        parts = [path.split("/")[:-1] for path in files if may_be_recording(path)]
    names = {next(iter(_without_split(folders)), "") for folders in parts} - {"", OTHER}
    if len(names) < 2:
        raise DataError(f"{folder}: has {len(names)} subfolders of instruments with recordings, but 2 are needed")
    return sorted(names)


def _without_split(folders: Sequence[str]) -> Sequence[str]:
    return folders[1:] if folders and folders[0].casefold() in SPLITS else folders
