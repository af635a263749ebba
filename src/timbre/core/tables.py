"""The rows that pass between rooms, and their CSV files."""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from timbre.core.errors import DataError

DIGITS = 4  # decimal places of a metric
SPLITS = ("train", "validation", "test")

Row = TypeVar("Row")  # a dataclass whose fields are text and numbers


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording of a data set.

    Attributes:
        file: path below the raw folder, with forward slashes.
        label: an instrument, or other.
        split: train, validation or test.
        group: what must stay in one split (a performance, a kit, a program); empty where nobody named it.
        weight: how many clips it counts as when training draws.
    """

    file: str
    label: str
    split: str
    group: str = ""
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Window:
    """One fixed-length piece of a clip.

    Attributes:
        row: its row in the waveform pack.
        start: where in the file it starts, in seconds.
        file, label, split, group, weight: as in `Clip`.
    """

    row: int
    start: float
    file: str
    label: str
    split: str
    group: str
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Part:
    """One instrument of one mixture.

    Attributes:
        mixture: number of the mixture in its split, from 0.
        row: row of the window in the waveform pack.
        instrument: an instrument, or other.
        gain_db: level after all parts were made equally loud.
        offset: seconds of silence before it.
        file: where the window comes from.
        start: where in that file it starts, in seconds.
    """

    mixture: int
    row: int
    instrument: str
    gain_db: float
    offset: float
    file: str
    start: float


@dataclass(frozen=True, slots=True)
class SongPiece:
    """A window's place in an arranged song.

    Attributes:
        song: number of the song in its split, from 0.
        start: where in the song it begins, in seconds.
        seconds: how much of it is heard.
        row: row of the window in the waveform pack.
        instrument: an instrument, or other.
        gain_db: level after all windows were made equally loud.
        file: where the window comes from.
    """

    song: int
    start: float
    seconds: float
    row: int
    instrument: str
    gain_db: float
    file: str


@dataclass(frozen=True, slots=True)
class Event:
    """A stretch of an arranged song, `start` to `end` in seconds, in which an instrument sounds."""

    song: int
    instrument: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class FileInfo:
    """One file that is kept, as it came.

    Attributes:
        file, label, split, group: as in `Clip`.
        sample_rate: in Hz.
        channels: how many.
        seconds: how long.
    """

    file: str
    label: str
    split: str
    group: str
    sample_rate: int
    channels: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Issue:
    """What was wrong with one file or metadata row, and what was done about it.

    Attributes:
        file: path below the raw folder, or the name that the metadata gives.
        kind: a few words that name the fault, the same for all of its kind, so that they can be counted.
        action: dropped, repaired or reported.
        reason: one sentence with the particulars.
        row: `Metadata_Train.csv:12` where a metadata row is meant, else empty.
    """

    file: str
    kind: str
    action: str
    reason: str
    row: str = ""


def write_table(path: Path, rows: Iterable[Any], row_type: type) -> None:
    """Write dataclass rows as CSV: a header, then one line per row, `\\n` line ends on every system."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(row_type)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def read_table(path: Path, row_type: type[Row]) -> list[Row]:
    """Read what `write_table` wrote, each column turned into the type of its field.

    Raises:
        DataError: the file is missing, or its columns are not those of `row_type`.
    """
    types: dict[str, Callable[[str], object]] = get_type_hints(row_type)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            return [row_type(**{name: convert(row[name]) for name, convert in types.items()}) for row in rows]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path}: not a table of {row_type.__name__} rows ({error})") from error


def parts_by_mixture(parts: Sequence[Part]) -> list[list[Part]]:
    """Group the rows of a recipe table by mixture, in their order."""
    return [list(group) for _, group in groupby(parts, key=attrgetter("mixture"))]


def pieces_by_song(pieces: Sequence[SongPiece]) -> list[list[SongPiece]]:
    """Group the pieces of arranged songs by song, in their order."""
    return [list(group) for _, group in groupby(pieces, key=attrgetter("song"))]
