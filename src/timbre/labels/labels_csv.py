"""labels.csv, the one table of labels: which instruments play in each recording.

    path,present,absent,group
    live/take 1.wav,guitar;drums,violin,the first concert

A row has a `path`, and either a `label` (one instrument, `other`, or `other:oboe`), or `present` and `absent` (names
joined by `;`; an instrument in neither is unknown). If a row has both, `present` and `absent` count. The
columns group, split, source, licence and weight are optional. Old tables with `file` and `instruments` (names joined by
`+`; all other instruments are absent) are still read.
"""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from timbre.core.errors import DataError
from timbre.core.instruments import OTHER
from timbre.core.partial_labels import partial_label
from timbre.core.printable import printable
from timbre.labels.class_names import ClassNames
from timbre.labels.sheets import WEIGHTS, parse_columns, read_content, whole_number

LABELS = "labels.csv"
OPTIONAL = ("group", "split", "source", "licence", "weight")
ALL_COLUMNS = ("path", "file", "label", "present", "absent", "instruments", *OPTIONAL)
EXPECTED = (
    "CSV with the columns path, and label or present and absent (names joined by ;), and optionally "
    f"{', '.join(OPTIONAL)}"
)


class LabelRow(NamedTuple):
    """A row of labels.csv.

    Attributes:
        location: Where the row is, for messages: `labels.csv:12`.
        path: The path of the recording, with forward slashes.
        label: An instrument, other, or a partial label. See `timbre.core.partial_labels`.
        group: What must stay in one split, or empty.
        split: train, validation or test, or empty.
        source: Where the recording comes from, or empty.
        licence: The licence of the recording, or empty.
        weight: How many clips the recording counts as in training. None: not given.
    """

    location: str
    path: str
    label: str
    group: str = ""
    split: str = ""
    source: str = ""
    licence: str = ""
    weight: int | None = None


def read_labels_csv(path: Path, instruments: Sequence[str]) -> list[LabelRow]:
    """Read a labels.csv. See `parse_labels_csv`.

    Raises:
        DataError: The file cannot be read, or a row cannot be used.
    """
    return parse_labels_csv(read_content(path, EXPECTED), path, instruments)


def parse_labels_csv(content: bytes, origin: object, instruments: Sequence[str]) -> list[LabelRow]:
    """Return the rows of a labels.csv.

    Args:
        content: The bytes of the table.
        origin: The name of the table in messages.
        instruments: The instruments of params.yaml. Others that General MIDI knows are skipped, or are `other`.

    Raises:
        DataError: A column is missing, or a row cannot be used; the text names the row.
    """
    columns, lines = parse_columns(content, origin, ALL_COLUMNS, EXPECTED)
    _check_columns(columns, origin)
    names = ClassNames(instruments)
    rows = []
    for number, cells in lines:
        location, path = f"{origin}:{number}", (cells["path"] or cells["file"]).replace("\\", "/")
        if not path:
            raise DataError(f"{location}: the path is empty; write the path of a recording or remove the row")
        try:
            label, weight = label_of(cells, columns, names), _weight(cells["weight"])
        except DataError as error:
            raise DataError(f"{location}: {printable(path)}: {error}") from None
        group, split, source, licence, _ = (cells[column] for column in OPTIONAL)
        rows.append(LabelRow(location, path, label, group, split, source, licence, weight))
    if not rows:
        raise DataError(f"{origin}: has no rows; expected {EXPECTED}")
    return rows


def _check_columns(columns: list[str], origin: object) -> None:
    missing = [] if {"path", "file"} & {*columns} else ["path"]
    if partial := {"present", "absent"} & {*columns}:
        missing += sorted({"present", "absent"} - partial)
    elif not {"label", "instruments"} & {*columns}:
        missing.append("label")
    if missing:
        raise DataError(f"{origin}: has no column {' and no '.join(missing)}; expected {EXPECTED}")


def label_of(cells: dict[str, str], columns: Sequence[str], names: ClassNames) -> str:
    """Return the label of a row: a name, or a partial label with the names in the order of the instruments.

    Raises:
        DataError: A name is not known, or is present and absent.
    """
    is_old = bool(cells["label"] or cells["instruments"])
    if cells["present"] or cells["absent"] or ("present" in columns and not is_old):
        present, absent = (_instruments(cells[column], names) for column in ("present", "absent"))
        if both := [name for name in present if name in absent]:
            raise DataError(f"{both[0]} cannot be present and absent; remove it from one of the columns")
        return partial_label(present, absent)
    if "label" in columns and not cells["instruments"]:
        return _instrument(cells["label"], names)
    present = _instruments(cells["instruments"], names)
    return partial_label(present, [name for name in names.instruments if name not in present])


def _instruments(cell: str, names: ClassNames) -> list[str]:
    """Return the instruments that a cell names, in the order of params.yaml."""
    found = {_instrument(name, names) for name in re.split(r"[;+]", cell) if name.strip()}
    return [name for name in names.instruments if name in found]


def _instrument(name: str, names: ClassNames) -> str:
    """Return the instrument that a name means, or other.

    `other:oboe` is the oboe if params.yaml lists it, else other.
    """
    first, colon, second = (unicodedata.normalize("NFC", part).strip().casefold() for part in name.partition(":"))
    if colon and first == OTHER:
        return next((each for each in names.instruments if each.casefold() == second), OTHER)
    try:
        return names.match_exactly(name)
    except DataError as error:
        raise DataError(f"{error}; correct it, write other:name for another instrument, or remove it") from None


def _weight(cell: str) -> int | None:
    try:
        return whole_number(cell, WEIGHTS) if cell else None
    except ValueError as error:
        raise DataError(f"weight {error}") from None
