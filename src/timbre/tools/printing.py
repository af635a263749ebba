"""Print predictions and errors one by one, in the chosen format."""

import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from io import TextIOWrapper
from typing import TYPE_CHECKING

import typer

from timbre.core.printable import printable

if TYPE_CHECKING:
    from timbre.songs.song import Song


class Format(StrEnum):
    """How predictions are printed."""

    TEXT = "text"
    JSONL = "jsonl"
    CSV = "csv"


def print_message(text: str) -> None:
    """Print a message that is not a prediction, on stderr."""
    typer.echo(printable(text), err=True)


class Printer:
    """Prints songs and errors in one format.

    Args:
        header: The first line. Empty: none.
        instruments: The instruments to print.
        song_text: Returns the text for a song.
        error_text: Returns the text for an error, from the song's name and the reason. None: errors go to stderr.
    """

    def __init__(
        self,
        header: str,
        instruments: Sequence[str],
        song_text: Callable[["Song"], str],
        error_text: Callable[[str, str], str] | None = None,
    ) -> None:
        self.instruments, self.song_text, self.error_text = instruments, song_text, error_text
        if header:
            print(header, flush=True)

    def song(self, song: "Song") -> None:
        """Print the prediction for a song."""
        print(self.song_text(song.only(self.instruments)), flush=True)

    def error(self, name: str, reason: str) -> None:
        """Print why a song cannot be predicted."""
        if self.error_text:
            print(self.error_text(name, reason), flush=True)
        else:
            print_message(f"{name}: {reason}")


def make_printer(
    output_format: Format,
    timeline: bool,
    many: bool,
    instruments: Sequence[str],
    optional: Sequence[str] = (),
    header: bool = True,
) -> Printer:
    """Return the printer for a format.

    Args:
        output_format: The format.
        timeline: Whether to print timelines.
        many: Whether there is more than one song. If so, people get a table.
        instruments: The instruments to print, in label order.
        optional: The optional columns of CSV. See `timbre.songs.text.song_columns`.
        header: Whether to start CSV with its header.
    """
    from timbre.songs import text

    if output_format is Format.JSONL:
        return Printer("", instruments, partial(text.as_json, timeline=timeline), text.error_as_json)
    if output_format is Format.CSV:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # so that different names stay different in any encoding
        columns = text.timeline_columns(instruments) if timeline else text.song_columns(instruments, optional)
        first = text.csv_row(columns) if header else ""
        if timeline:
            return Printer(first, instruments, text.timeline_as_csv)
        error_text = partial(text.error_as_csv, instruments=instruments, optional=optional)
        return Printer(first, instruments, partial(text.as_csv, optional=optional), error_text)
    if many and not timeline:
        return Printer(text.table_header(instruments), instruments, text.as_row)
    return Printer("", instruments, partial(text.as_text, timeline=timeline))
