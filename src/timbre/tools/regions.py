"""Regions for REAPER: the table that its Region/Marker Manager imports."""

import csv
import io
from collections.abc import Sequence

from timbre.songs.presence import Section

COLUMNS = ("#", "Name", "Start", "End", "Length")


def as_regions(sections: Sequence[Section]) -> str:
    """A region for each section, times as minutes and seconds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, (start, end, name) in enumerate(sections, 1):
        writer.writerow([f"R{number}", name, *map(_clock, (start, end, end - start))])
    return text.getvalue()


def _clock(seconds: float) -> str:
    """`3:07.500`."""
    minutes, milliseconds = divmod(round(1000 * seconds), 60_000)
    return f"{minutes}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"
