"""The answers of people about which instruments play in the songs of a folder, kept in its labels.csv.

An answer is a name in the column present (yes), absent (no) or unknown (cannot say) of the song's row. All other rows,
columns and names stay. The column unknown also says that Timbre has written the file.
"""

import csv
import io
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path

import numpy as np

from timbre.core.errors import DataError
from timbre.core.files import fresh_file
from timbre.core.instruments import OTHER
from timbre.core.partial_labels import BETWEEN, is_partial, present_and_absent
from timbre.core.printable import printable
from timbre.labels.class_names import ClassNames
from timbre.labels.labels_csv import ALL_COLUMNS, LABELS, label_of
from timbre.labels.sheets import RawTable, column_names, parse_raw, spelling

COLUMNS = {"yes": "present", "no": "absent", "unknown": "unknown"}  # of each answer
UNKNOWN = COLUMNS["unknown"]
PATHS = ("path", "file")  # columns with the path of a song


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Return the entropy of each yes-or-no answer in bits, given the probability of yes."""
    chances = probabilities.clip(1e-9, 1 - 1e-9)
    return -(chances * np.log2(chances) + (1 - chances) * np.log2(1 - chances))


class Answers:
    """The labels.csv of a folder. It is read before each change, so that other programs may change it too.

    Args:
        folder: The folder of the songs.
        instruments: The instruments of the models.
    """

    def __init__(self, folder: Path, instruments: Sequence[str]) -> None:
        self.path, self.instruments, self.names = folder / LABELS, tuple(instruments), ClassNames(instruments)

    def read(self) -> dict[str, dict[str, str]]:
        """Return the answers for each song: yes, no or unknown for each instrument with an answer.

        Songs are named by `timbre.labels.sheets.spelling` of their paths.

        Raises:
            DataError: The file cannot be read, or a row cannot be used.
        """
        table = self._table()
        columns = column_names(table.header)
        return {spelling(_path(row, columns)): self._answers(row, columns) for row in table.rows}

    def save(self, changes: Mapping[str, Mapping[str, str]]) -> None:
        """Write answers: for some songs, yes, no or unknown for some instruments. Other answers stay.

        A file that Timbre has not written is copied first, to `labels.before-review.csv` or a similar free name. The
        file is replaced at once, so a crash leaves the old one or the new one.

        Args:
            changes: The answers by path of the song below the folder.

        Raises:
            DataError: The file cannot be read or written, or a row cannot be used.
        """
        table = self._table()
        if self.path.exists() and UNKNOWN not in column_names(table.header):
            self._back_up()
        header = table.header or ["path"]
        header += [column for column in COLUMNS.values() if column not in column_names(header)]
        columns = column_names(header)
        rows = [row + [""] * (len(header) - len(row)) for row in table.rows]
        for song, answers in changes.items():
            own = [row for row in rows if spelling(_path(row, columns)) == spelling(song)]
            if not own:
                own = [[song if column == _path_column(columns) else "" for column in columns]]
                rows += own
            for row in own:
                self._change(row, columns, answers)
        self._write(table.delimiter, [header, *rows])

    def _table(self) -> RawTable:
        if not self.path.exists():
            return RawTable(",", [], [])
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error.strerror})") from error
        table = parse_raw(content, self.path, ALL_COLUMNS)
        if not {*PATHS} & {*column_names(table.header)}:
            raise DataError(f"{self.path}: has no column path; add it, or move the file away")
        return table

    def _answers(self, row: list[str], columns: list[str]) -> dict[str, str]:
        """Return the answers in a row, in the order of the instruments.

        Raises:
            DataError: A name in the row is not known, or is present and absent.
        """
        cells = dict.fromkeys((*ALL_COLUMNS, UNKNOWN), "") | dict(zip(columns, row, strict=False))
        found = dict.fromkeys(self._known(cells[UNKNOWN]), "unknown")
        try:
            label = label_of(cells, columns, self.names)
        except DataError as error:
            raise DataError(f"{self.path}: {printable(_path(row, columns))}: {error}") from None
        if is_partial(label):
            present, absent = present_and_absent(label)
        else:
            present = () if label == OTHER else (label,)
            absent = tuple(name for name in self.instruments if name not in present)
        found |= dict.fromkeys(present, "yes") | dict.fromkeys(absent, "no")
        return {name: found[name] for name in self.instruments if name in found}

    def _known(self, cell: str) -> list[str]:
        return [name for each in _names(cell) if (name := self.names.find(each)) in self.instruments]

    def _change(self, row: list[str], columns: list[str], answers: Mapping[str, str]) -> None:
        """Write answers into a row, in place. Names that are no instruments of the models stay where they are."""
        merged = {**self._answers(row, columns), **answers}
        for answer, column in COLUMNS.items():
            at = columns.index(column)
            others = [name for name in _names(row[at]) if self.names.find(name) not in self.instruments]
            row[at] = BETWEEN.join([*others, *(name for name in self.instruments if merged.get(name) == answer)])

    def _back_up(self) -> None:
        names = (f"{self.path.stem}.before-review{f' {number}' if number > 1 else ''}.csv" for number in count(1))
        backup = next(path for name in names if not (path := self.path.with_name(name)).exists())
        try:
            with fresh_file(backup) as partial:
                shutil.copyfile(self.path, partial)
        except OSError as error:
            raise DataError(f"{backup}: cannot be written ({error.strerror}); nothing was changed") from error

    def _write(self, delimiter: str, rows: Sequence[Sequence[str]]) -> None:
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
        try:
            with fresh_file(self.path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
                file.write(text.getvalue())
                file.flush()
                os.fsync(file.fileno())
        except (OSError, UnicodeEncodeError) as error:  # the second: the name of a song is no text
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"{self.path}: cannot be written ({reason}); the answer was not saved") from error


def _names(cell: str) -> list[str]:
    return [name.strip() for name in re.split(r"[;+]", cell) if name.strip()]


def _path_column(columns: Sequence[str]) -> str:
    return next(column for column in PATHS if column in columns)


def _path(row: Sequence[str], columns: Sequence[str]) -> str:
    """Return the path in a row, in the first of its columns that is not empty."""
    cells = dict(zip(columns, row, strict=False))
    return next((cells[column] for column in PATHS if cells.get(column)), "")
