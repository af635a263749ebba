"""Read the metadata of a raw folder: Kaggle's columns FileName and Class, and our own columns."""

from pathlib import Path
from typing import NamedTuple

from timbre.core.errors import DataError
from timbre.core.partial_labels import ALL_UNKNOWN
from timbre.core.printable import printable
from timbre.core.tables import SPLITS, Issue
from timbre.labels.class_names import ClassNames
from timbre.labels.sheets import WEIGHTS, read_sheet, whole_number

COLUMNS = ("filename", "class", "group", "weight", "split", "source", "licence")
EXPECTED = "CSV with the columns FileName and Class, and optionally Group, Weight, Split, Source and Licence"


class Row(NamedTuple):
    """One metadata row.

    Attributes:
        location: file and line, such as `Metadata_Train.csv:12`.
        name: file name.
        label: instrument.
        group: group, empty if the row names none.
        weight: how many clips it counts as in training.
        split: split, empty if the row names none.
        source: where the recording comes from, or empty.
        licence: licence of the recording, or empty.
    """

    location: str
    name: str
    label: str
    group: str
    weight: int
    split: str
    source: str
    licence: str


def read_rows(path: Path, labels: ClassNames) -> tuple[list[Row], list[Issue]]:
    """Read metadata. Return the rows with a known class, and issues for missing names and misspelt classes."""
    rows, issues = [], []
    for number, cells in read_sheet(path, COLUMNS[:2], COLUMNS[2:], EXPECTED):
        name, label, group, weight, split, source, licence = (cells[column] for column in COLUMNS)
        location = f"{path.name}:{number}"
        if not name:
            issues.append(Issue("", "no file name", "dropped", f"a row of class {label!r} names no file", location))
            continue
        try:
            found = labels.match(label), group, _weight(weight), _split(split)
            rows.append(Row(location, name, *found, source, licence))
        except DataError as error:
            raise DataError(f"{location}: {printable(name)}: {error}; correct it") from None
        if rows[-1].label == ALL_UNKNOWN:
            reason = f"{label!r} does not say whether {', '.join(labels.instruments)} are present or absent"
            issues.append(Issue(printable(name), "nothing known", "dropped", reason, location))
            rows.pop()
        elif labels.is_not_asked_for(label):
            reason = f"class {label!r} counts as other; list it in instruments to learn it"
            issues.append(Issue(printable(name), "class not asked for", "reported", reason, location))
        elif not labels.is_spelt_right(label):
            reason = f"class {label!r} read as {rows[-1].label}"
            issues.append(Issue(printable(name), "misspelt class", "repaired", reason, location))
    if not rows:
        raise DataError(f"{path}: has no rows; expected {EXPECTED}")
    return rows, issues


def _weight(cell: str) -> int:
    try:
        return whole_number(cell, WEIGHTS) if cell else 1
    except ValueError as error:
        raise DataError(f"weight {error}") from None


def _split(cell: str) -> str:
    if cell.casefold() not in ("", *SPLITS):
        raise DataError(f"split {printable(cell)!r} is none of {', '.join(SPLITS)}")
    return cell.casefold()
