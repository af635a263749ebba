"""Recordings of one instrument each, in folders of any depth, with a labels.csv that says which, and whose they are."""

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from timbre.core.errors import DataError
from timbre.core.files import user_path
from timbre.core.instruments import OTHER
from timbre.core.params import Recordings
from timbre.core.printable import printable
from timbre.core.stage import progress
from timbre.labels.general_midi import NAMES
from timbre.labels.kaggle_layout import FOLDERS, METADATA
from timbre.labels.sheets import read_sheet
from timbre.sources.metadata import MetadataRow, append_metadata

KEY = "data.recordings.folder"
LABELS = "labels.csv"
EXPECTED = "CSV with the columns path and label, and source, licence and group if you like"


class Recording(NamedTuple):
    """A row of labels.csv: where it stands, the file below the folder, and what is said of it."""

    place: str
    path: str
    instrument: str
    source: str
    licence: str
    group: str

    @property
    def name(self) -> str:
        """What its copy is called, all copies lying in one folder."""
        return "__".join(PurePosixPath(self.path).parts)


def copy_recordings(options: Recordings, instruments: Sequence[str], folder: Path) -> dict[str, object]:
    """Copy the recordings that a labels.csv lists into Kaggle's train folder below `folder`, and append their metadata.

    A relative `options.folder` starts at the repository's root. Recordings of one source and group stay in one split.

    Returns:
        How many recordings there are of each source and licence, for credits.

    Raises:
        DataError: there is no such folder or table, or a row of it cannot be used; the text names the row.
    """
    home = user_path(options.folder, KEY)
    found = _read_labels(home, instruments)
    target = folder / FOLDERS[0] / FOLDERS[0]
    target.mkdir(parents=True, exist_ok=True)
    for recording in progress(found, "copy", unit="file"):
        try:
            with (home / recording.path).open("rb") as file, (target / recording.name).open("xb") as copy:
                shutil.copyfileobj(file, copy)
        except FileExistsError as error:
            raise DataError(f"{recording.place}: {recording.path} has the name of another file; rename it") from error
    append_metadata(
        folder / METADATA[0],
        (
            MetadataRow(each.name, each.instrument, f"{each.source}/{each.group}" if each.group else "", options.weight)
            for each in found
        ),
    )
    credits = Counter((each.source, each.licence) for each in found)
    return {
        "credits": [
            {"source": source, "licence": licence, "recordings": count}
            for (source, licence), count in sorted(credits.items())
        ]
    }


def _read_labels(home: Path, instruments: Sequence[str]) -> list[Recording]:
    """The rows of labels.csv, each checked."""
    if not home.is_dir():
        raise DataError(f"{KEY}: {home} is no folder; name one that holds recordings and a {LABELS}")
    path = home / LABELS
    columns = ("path", "label"), ("source", "licence", "group")
    found = []
    for number, cells in read_sheet(path, *columns, EXPECTED):
        recording = Recording(
            f"{path}:{number}",
            cells["path"].replace("\\", "/"),
            _instrument(cells["label"], instruments),
            *(cells[column] for column in columns[1]),
        )
        _check(recording, home, instruments)
        found.append(recording)
    if not found:
        raise DataError(f"{path}: holds no rows; expected {EXPECTED}")
    return found


def _instrument(label: str, instruments: Sequence[str]) -> str:
    """The instrument that a label means: `cello` and `other:cello` are cello where it is asked for, else other."""
    names = {name.casefold(): name for name in instruments}
    first, _, second = (part.strip().casefold() for part in label.partition(":"))
    known = names.get(first) or (names.get(second) if first == OTHER else None)
    return known or (OTHER if first in NAMES else first)


def _check(recording: Recording, home: Path, instruments: Sequence[str]) -> None:
    place, path = recording.place, recording.path
    if recording.instrument not in (*instruments, OTHER):
        known = ", ".join((*instruments, OTHER))
        raise DataError(f"{place}: label {recording.instrument!r} is none of {known}; others may say other:name")
    file = home / path
    if not path or printable(path) != path or not file.resolve().is_relative_to(home.resolve()):
        raise DataError(f"{place}: {printable(path)!r} is no path below the folder; put it right")
    if not file.is_file():
        raise DataError(f"{place}: {path} is not there; put it there, or take the row out")
