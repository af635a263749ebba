"""The rows of the tables that stages write and read, and their CSV files."""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from timbre.core.errors import DataError

DIGITS = 4  # decimal places of a metric
SPLITS = ("train", "validation", "test")

Row = TypeVar("Row")  # a dataclass with fields of text and numbers


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording of a data set.

    Attributes:
        file: The path below data/raw, with forward slashes.
        label: An instrument, other, or a partial label. See `timbre.core.partial_labels`.
        split: train, validation or test.
        group: What must stay in one split (a performance, a drum kit, a program). Empty: not known.
        weight: How many clips the recording counts as when training samples.
        source: Where the recording comes from, or empty.
        licence: The licence of the recording, or empty.
        is_named: Whether the metadata name its split.
    """

    file: str
    label: str
    split: str
    group: str = ""
    weight: int = 1
    source: str = ""
    licence: str = ""
    is_named: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """A window of a clip: a piece of fixed length.

    Attributes:
        row: The row of the window in the array of waveforms.
        start: When the window starts in the file, in seconds.
        file, label, split, group, weight: See `Clip`.
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
    """An instrument in a mixture.

    Attributes:
        mixture: The number of the mixture in its split, from 0.
        row: The row of the window in the array of waveforms.
        instrument: An instrument, or other.
        gain_db: The gain in dB, after all parts were made equally loud.
        offset: The silence before the window, in seconds.
        file: The file of the window.
        start: When the window starts in that file, in seconds.
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
    """A window in a synthetic song.

    Attributes:
        song: The number of the song in its split, from 0.
        start: When the window starts in the song, in seconds.
        seconds: How much of the window plays, in seconds.
        row: The row of the window in the array of waveforms.
        instrument: An instrument, or other.
        gain_db: The gain in dB, after all windows were made equally loud.
        file: The file of the window.
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
    """An event in a synthetic song: an instrument plays from `start` to `end`, in seconds."""

    song: int
    instrument: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file that was kept, with the properties of the original.

    Attributes:
        file, label, split, group, source, licence: See `Clip`.
        sample_rate: The sample rate in Hz.
        channels: The number of channels.
        seconds: The length in seconds.
        level: The level of its loudest part, in dB of full scale.
    """

    file: str
    label: str
    split: str
    group: str
    sample_rate: int
    channels: int
    seconds: float
    level: float
    source: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Issue:
    """A fault of a file or metadata row, and what was done about it.

    Attributes:
        file: The path below data/raw, or the name in the metadata.
        kind: A few words that name the fault, always the same ones, so that faults can be counted.
        action: dropped, repaired or reported.
        reason: One sentence with the details.
        row: The metadata row, as `Metadata_Train.csv:12`. Empty: the fault is in the file.
    """

    file: str
    kind: str
    action: str
    reason: str
    row: str = ""


def write_table(path: Path, rows: Iterable[Any], row_type: type) -> None:
    """Write dataclass rows as CSV: a header, then one line per row, with the line end `\\n` on every system."""
    columns = [field.name for field in fields(row_type)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([getattr(row, column) for column in columns] for row in rows)


def read_table(path: Path, row_type: type[Row]) -> list[Row]:
    """Return the rows that `write_table` wrote, with each column converted to the type of its field.

    Raises:
        DataError: The file is missing, or its columns are not those of `row_type`.
    """
    types: dict[str, Callable[[str], object]] = get_type_hints(row_type)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            return [row_type(**{name: convert(row[name]) for name, convert in types.items()}) for row in rows]
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise DataError(f"{path}: not a table of {row_type.__name__} rows ({error})") from error


def parts_by_mixture(parts: Sequence[Part]) -> list[list[Part]]:
    """Return the parts of each mixture, in their order."""
    return [list(group) for _, group in groupby(parts, key=attrgetter("mixture"))]


def pieces_by_song(pieces: Sequence[SongPiece]) -> list[list[SongPiece]]:
    """Return the pieces of each synthetic song, in their order."""
    return [list(group) for _, group in groupby(pieces, key=attrgetter("song"))]
