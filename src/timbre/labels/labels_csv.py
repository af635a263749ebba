"""labels.csv of labelled music: which instruments play in each recording, and which certainly do not."""

from collections.abc import Sequence
from typing import NamedTuple

from timbre.core.errors import DataError
from timbre.core.instruments import OTHER
from timbre.core.partial_labels import BETWEEN, label_of
from timbre.core.printable import printable
from timbre.labels.class_names import ClassNames
from timbre.labels.sheets import parse_sheet

LABELS = "labels.csv"
COLUMNS = ("path", "present", "absent")
EXPECTED = "CSV with the columns path, present and absent (names parted by ;), and group, source and split if you like"


class LabelRow(NamedTuple):
    """A row: its place (`labels.csv:12`), the recording's path, what is known of it, and what it belongs to.

    Attributes:
        label: what plays and what does not, of the instruments asked for, as `timbre.core.partial_labels` has it.
        group: what must stay in one split; the column source stands in for it.
        split: train, validation or test, or empty.
    """

    place: str
    path: str
    label: str
    group: str
    split: str


def read_labels_csv(content: bytes, origin: object, instruments: Sequence[str]) -> list[LabelRow]:
    """The rows of a table of labelled music.

    Args:
        content: of the table.
        origin: what it is called, for messages.
        instruments: those asked for; others that General MIDI knows are passed over.

    Raises:
        DataError: it is no such table, or a row names what is no instrument or stands on both sides.
    """
    labels = ClassNames(instruments)
    found = []
    for number, cells in parse_sheet(content, origin, COLUMNS, ("group", "source", "split"), EXPECTED):
        place, path = f"{origin}:{number}", cells["path"].replace("\\", "/")
        if not path:
            raise DataError(f"{place}: names no recording; put its path there or take the row out")
        present, absent = (_names(cells[side], labels, f"{place}: {printable(path)}") for side in COLUMNS[1:])
        if both := sorted({*present} & {*absent}):
            raise DataError(f"{place}: {printable(path)}: {both[0]} cannot be present and absent; take it out of one")
        found.append(
            LabelRow(place, path, label_of(present, absent), cells["group"] or cells["source"], cells["split"])
        )
    if not found:
        raise DataError(f"{origin}: holds no rows; expected {EXPECTED}")
    return found


def _names(cell: str, labels: ClassNames, place: str) -> list[str]:
    """The instruments asked for that a cell names, in label order."""
    try:
        meant = {labels.match(name) for name in cell.split(BETWEEN) if name.strip()} - {OTHER}
    except DataError as error:
        raise DataError(f"{place}: {error}; put it right or take it out") from None
    return [name for name in labels.instruments if name in meant]
