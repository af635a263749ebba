"""Writes metadata tables: the columns FileName and Class, as Kaggle has them, and columns of our own."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from timbre.core.instruments import OTHER

KAGGLE_CLASSES = {  # Kaggle's names of instruments; other instruments have no prefix
    "guitar": "Sound_Guitar",
    "drums": "Sound_Drum",
    "violin": "Sound_Violin",
    "piano": "Sound_Piano",
    OTHER: "Sound_Other",
}
METADATA_COLUMNS = ("FileName", "Class", "Group", "Weight", "Split", "Source", "Licence")


class MetadataRow(NamedTuple):
    """The metadata of one file.

    Attributes:
        name: File name.
        instrument: An instrument, other, or partial labels.
        group: All files of a group are in one split. Empty: the file is its own group.
        weight: Number of clips that the file counts as in training.
        split: train or validation, or empty: the split follows from the folder and the group.
        source: Where the recording comes from, or empty.
        licence: The licence of the recording, or empty.
    """

    name: str
    instrument: str
    group: str
    weight: int = 1
    split: str = ""
    source: str = ""
    licence: str = ""


def append_metadata(path: Path, rows: Iterable[MetadataRow]) -> None:
    """Append rows to a metadata table. A new table gets a header first."""
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not file.tell():
            writer.writerow(METADATA_COLUMNS)
        for row in rows:
            instrument = KAGGLE_CLASSES.get(row.instrument, row.instrument)
            writer.writerow((row.name, instrument, row.group, row.weight, row.split, row.source, row.licence))


def listed_files(path: Path) -> list[str]:
    """Return the names of the files in a metadata table, or none if there is no table."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [row[METADATA_COLUMNS[0]] for row in csv.DictReader(file)]
