"""Predictions and errors as they come, in the format that is asked for."""

import sys
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from io import TextIOWrapper
from typing import TYPE_CHECKING

import typer

from timbre.core.printable import printable

if TYPE_CHECKING:
    from timbre.songs.song import Song


class Format(StrEnum):
    """How answers are printed."""

    TEXT = "text"
    JSONL = "jsonl"
    CSV = "csv"


def tell(words: str) -> None:
    """Say what is no answer, on stderr."""
    typer.echo(printable(words), err=True)


class Printer:
    """Songs and errors as they come, in one format.

    Args:
        heading: printed first, where there is one.
        as_answer: a song as the text that is printed.
        as_error: likewise the name of a song and why it cannot be heard; none: that goes to stderr.
    """

    def __init__(
        self, heading: str, as_answer: Callable[["Song"], str], as_error: Callable[[str, str], str] | None = None
    ) -> None:
        self.as_answer, self.as_error = as_answer, as_error
        if heading:
            print(heading, flush=True)

    def song(self, song: "Song") -> None:
        """Print an answer."""
        print(self.as_answer(song), flush=True)

    def error(self, name: str, reason: str) -> None:
        """Say why a song has none."""
        if self.as_error:
            print(self.as_error(name, reason), flush=True)
        else:
            tell(f"{name}: {reason}")


def printer(form: Format, timeline: bool, several: bool, instruments: tuple[str, ...], heading: bool = True) -> Printer:
    """The printer of a format, which begins with a heading where it has one and it is wanted."""
    from timbre.songs import text

    if form is Format.JSONL:
        return Printer("", partial(text.as_json, timeline=timeline), text.error_as_json)
    if form is Format.CSV:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # names stay apart in encodings that lack their letters
        columns = text.timeline_fields(instruments) if timeline else text.fields(instruments)
        first = text.csv_row(columns) if heading else ""
        if timeline:
            return Printer(first, text.timeline_as_csv)
        return Printer(first, text.as_csv, partial(text.error_as_csv, instruments=instruments))
    if several and not timeline:
        return Printer(text.heading(instruments), text.as_row)
    return Printer("", partial(text.as_text, timeline=timeline))
