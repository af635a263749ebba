"""Tables that people write: CSV files as spreadsheet programs save them, in any encoding and with any delimiter.

`spelling` matches the file names in such tables with the files on disk.
"""

import codecs
import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from timbre.core.errors import DataError
from timbre.core.printable import printable

DELIMITERS = ",;\t"
WEIGHTS = range(1, 101)  # of a recording, in clips
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class Line(NamedTuple):
    """A row of a table: its line number, and its trimmed cells by column."""

    number: int
    cells: dict[str, str]


class Sheet(NamedTuple):
    """A table: the columns of its header, in small letters without spaces, `_` and `-`, and its non-empty rows."""

    columns: list[str]
    lines: list[Line]


class RawTable(NamedTuple):
    """A table as it is written: its delimiter, its header, and all rows below it."""

    delimiter: str
    header: list[str]
    rows: list[list[str]]


def read_sheet(path: Path, needed: Sequence[str], optional: Sequence[str], expected: str) -> list[Line]:
    """Return the non-empty rows of a file. See `parse_sheet`.

    Raises:
        DataError: The file cannot be read, is not CSV, lacks a column, or has a row with too many cells.
    """
    return parse_sheet(read_content(path, expected), path, needed, optional, expected)


def read_content(path: Path, expected: str) -> bytes:
    """Return the bytes of a table.

    Raises:
        DataError: The file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); expected {expected}") from error


def parse_sheet(
    content: bytes, origin: object, needed: Sequence[str], optional: Sequence[str], expected: str
) -> list[Line]:
    """Return the non-empty rows of a table. A missing cell is empty.

    Args:
        content: The bytes of the table.
        origin: The name of the table in messages.
        needed: Columns that the table must have, in small letters without spaces, `_` and `-`.
        optional: Columns that it may have.
        expected: What the table should be, for messages.

    Raises:
        DataError: The table is not CSV, lacks a column, or has a row with more cells than its header.
    """
    sheet = parse_columns(content, origin, (*needed, *optional), expected)
    if missing := [column for column in needed if column not in sheet.columns]:
        raise DataError(f"{origin}: has no column {' and no '.join(missing)}; expected {expected}")
    return sheet.lines


def parse_columns(content: bytes, origin: object, columns: Sequence[str], expected: str) -> Sheet:
    """Return a table, with an empty cell in each row for each of `columns` that the table lacks.

    The encoding is UTF-8 or UTF-16 if a byte order mark or the bytes say so, else CP1252, which Excel writes in Western
    countries. The delimiter is the one that finds most of `columns` in the header.

    Raises:
        DataError: The table is not CSV, has a column twice, or has a row with more cells than its header.
    """
    try:
        text, delimiter = _text_and_delimiter(content, columns)
        rows = _rows(text, delimiter)
        header = column_names(_first(rows))
        if twice := [column for column, count in Counter(header).items() if column in columns and count > 1]:
            raise DataError(f"{origin}: has the column {twice[0]} twice; keep one of them")
        lines = [Line(number, _by_column(header, cells, columns, f"{origin}:{number}")) for number, cells in rows]
    except UnicodeDecodeError as error:
        raise DataError(f"{origin}: neither UTF-8 nor Windows text; save it as CSV UTF-8") from error
    except csv.Error as error:
        raise DataError(f"{origin}: not CSV ({error}); expected {expected}") from error
    return Sheet(header, [line for line in lines if any(line.cells.values())])


def parse_raw(content: bytes, origin: object, columns: Sequence[str]) -> RawTable:
    """Return a table with all of its cells, to be written again. Encoding and delimiter: see `parse_columns`.

    Raises:
        DataError: The table is not text or not CSV.
    """
    try:
        text, delimiter = _text_and_delimiter(content, columns)
        rows = _rows(text, delimiter)
        return RawTable(delimiter, _first(rows), [cells for _, cells in rows if any(cells)])
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{origin}: not CSV ({error}); save it as CSV UTF-8") from error


def whole_number(cell: str, numbers: range) -> int:
    """Return the whole number in a cell, which spreadsheet programs may write as `3.0`.

    Raises:
        ValueError: The cell is not one of `numbers`.
    """
    match = re.fullmatch(r"(\d{1,18})(?:[.,]0*)?", cell, re.ASCII)
    if not match or int(match[1]) not in numbers:
        raise ValueError(f"{printable(cell)!r} is not a whole number from {numbers[0]} to {numbers[-1]}")
    return int(match[1])


def spelling(name: str) -> str:
    r"""Return what all spellings of a path share.

    Case, Unicode normalisation, spaces at the ends, `\` or `/`, repeated slashes and a leading `./` make no difference.
    """
    folded = unicodedata.normalize("NFC", name).casefold().strip().replace("\\", "/")
    return re.sub(r"^(\./+)+|(?<=/)/+", "", folded)


def _decoded(content: bytes) -> str:
    for mark, encoding in BOMS.items():
        if content.startswith(mark):
            return content.decode(encoding)
    if b"\0" in content[:2]:  # UTF-16 without a mark: one of the two bytes of an ASCII character is 0
        return content.decode("utf-16-be" if content[0] == 0 else "utf-16-le")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def _delimiters(text: str) -> str:
    """Return the possible delimiters: the one that a first line such as `sep=;` names, else all."""
    named = re.match(r'"?sep=(.)', text, re.IGNORECASE)
    return named[1] if named else DELIMITERS


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row, with the number of its last line."""
    reader = csv.reader(io.StringIO(text, newline=None), delimiter=delimiter)
    return ((reader.line_num, [cell.strip() for cell in cells]) for cells in reader)


def _text_and_delimiter(content: bytes, columns: Sequence[str]) -> tuple[str, str]:
    text = _decoded(content)
    found = {each: {*column_names(_first(_rows(text, each)))} for each in _delimiters(text)}
    return text, max(found, key=lambda each: len({*columns} & found[each]))


def _first(rows: Iterator[tuple[int, list[str]]]) -> list[str]:
    """Read rows up to the first one with names of columns, and return its cells."""
    return next((cells for _, cells in rows if any(cells) and not cells[0].lower().startswith("sep=")), [])


def column_names(header: Sequence[str]) -> list[str]:
    """Return the names of columns in small letters without spaces, `_` and `-`."""
    return [re.sub(r"[\s_-]", "", cell).casefold() for cell in header]


def _by_column(header: list[str], cells: list[str], columns: Sequence[str], location: str) -> dict[str, str]:
    """Return the cells of a row by column.

    Raises:
        DataError: The row has text beyond the last column, so its cells may be in the wrong columns.
    """
    if any(cells[len(header) :]):
        count = max(number for number, cell in enumerate(cells, 1) if cell)
        raise DataError(
            f"{location}: {count} cells under {len(header)} columns; put quotes around a cell that contains "
            "the delimiter, or remove the extra cells"
        )
    return dict.fromkeys(columns, "") | dict(zip(header, cells, strict=False))
