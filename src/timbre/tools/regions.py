"""Format sections as the table of regions that REAPER's Region/Marker Manager imports."""

import csv
import io
from collections.abc import Sequence

from timbre.songs.presence import Section

REGION_COLUMNS = ("#", "Name", "Start", "End", "Length")


def as_regions(sections: Sequence[Section]) -> str:
    """Return the CSV table: one region per section, times as minutes and seconds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(REGION_COLUMNS)
    for number, (start, end, name) in enumerate(sections, 1):
        writer.writerow([f"R{number}", name, *map(_minutes, (start, end, end - start))])
    return text.getvalue()


def _minutes(seconds: float) -> str:
    """Format seconds such as `3:07.500`."""
    minutes, milliseconds = divmod(round(1000 * seconds), 60_000)
    return f"{minutes}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"
