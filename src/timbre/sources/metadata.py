"""The metadata of data sets that are made here: Kaggle's two columns, and two more that prepare knows."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from timbre.core.instruments import OTHER

KAGGLES = {  # names of its classes; others go by their own
    "guitar": "Sound_Guitar",
    "drums": "Sound_Drum",
    "violin": "Sound_Violin",
    "piano": "Sound_Piano",
    OTHER: "Sound_Other",
}
COLUMNS = ("FileName", "Class", "Group", "Weight")


class Row(NamedTuple):
    """One file: its name, the instrument, what must stay with it in one split, how often training hears it."""

    name: str
    instrument: str
    group: str
    weight: int = 1


def append_metadata(path: Path, rows: Iterable[Row]) -> None:
    """Append rows to a table, which begins with its header."""
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not file.tell():
            writer.writerow(COLUMNS)
        writer.writerows((row.name, KAGGLES.get(row.instrument, row.instrument), row.group, row.weight) for row in rows)
