"""Tables that people keep: CSV as Excel and others save it, in any encoding, with any delimiter and header.

Names in such tables are matched with files as kindly: see `spelling`.
"""

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from timbre.core.errors import DataError

DELIMITERS = ",;\t"
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class Line(NamedTuple):
    """A row of a table: the number of its line, and its cells by column, trimmed."""

    number: int
    cells: dict[str, str]


def read_sheet(path: Path, needed: Sequence[str], optional: Sequence[str], expected: str) -> list[Line]:
    """Read the rows of a table that hold anything, as `parse_sheet` does.

    Raises:
        DataError: it cannot be read, is no CSV or has not the columns needed.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); expected {expected}") from error
    return parse_sheet(content, path, needed, optional, expected)


def parse_sheet(
    content: bytes, path: object, needed: Sequence[str], optional: Sequence[str], expected: str
) -> list[Line]:
    """Tell the rows of a table that hold anything; a cell that a row lacks is empty.

    UTF-8 and UTF-16 are told by their marks or, like CP1252, which Excel writes in the West, by whether the bytes can
    be such text; the delimiter by which the header makes sense.

    Args:
        content: of the table.
        path: what it is called, for messages.
        needed: columns that it must have, in small letters; case, spaces, `_` and `-` of its header count for nothing.
        optional: columns that it may have.
        expected: what it should be, for messages.

    Raises:
        DataError: it is no CSV or has not the columns needed.
    """
    try:
        text = _decoded(content)
        columns = (*needed, *optional)
        delimiter = max(_delimiters(text), key=lambda each: len({*columns} & {*_header(_rows(text, each))}))
        rows = _rows(text, delimiter)
        header = _header(rows)
        if missing := [column for column in needed if column not in header]:
            raise DataError(f"{path}: has no column {' and no '.join(missing)}; expected {expected}")
        lines = [
            Line(number, dict.fromkeys(columns, "") | dict(zip(header, cells, strict=False))) for number, cells in rows
        ]
        return [line for line in lines if any(line.cells.values())]
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: neither UTF-8 nor Windows text; save it as CSV UTF-8") from error
    except csv.Error as error:
        raise DataError(f"{path}: not CSV ({error}); expected {expected}") from error


def spelling(name: str) -> str:
    r"""What all spellings of one path share: case, accents, spaces at the ends, `\` or `/` and a leading `./` aside."""
    folded = unicodedata.normalize("NFC", name).casefold().strip().replace("\\", "/")
    return re.sub(r"^(\./+)+|(?<=/)/+", "", folded)


def _decoded(content: bytes) -> str:
    for mark, encoding in BOMS.items():
        if content.startswith(mark):
            return content.decode(encoding)
    if b"\0" in content[:2]:  # UTF-16 without its mark: one byte of a plain letter is 0
        return content.decode("utf-16-be" if content[0] == 0 else "utf-16-le")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def _delimiters(text: str) -> str:
    """What may part the cells; a first line such as `sep=;` says it."""
    named = re.match(r'"?sep=(.)', text, re.IGNORECASE)
    return named[1] if named else DELIMITERS


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The number of the last line of each row, and its cells."""
    reader = csv.reader(io.StringIO(text, newline=None), delimiter=delimiter)
    return ((reader.line_num, [cell.strip() for cell in cells]) for cells in reader)


def _header(rows: Iterator[tuple[int, list[str]]]) -> list[str]:
    """The names of the first row that holds any, which leaves the rows after it."""
    cells = next((cells for _, cells in rows if any(cells) and not cells[0].lower().startswith("sep=")), [])
    return [re.sub(r"[\s_-]", "", cell).casefold() for cell in cells]
