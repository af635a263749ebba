"""Songs as text for people, JSON lines and CSV for programs, and label tracks for Audacity.

Names may be any bytes. JSON, all in ASCII, gives them back as they are; elsewhere what is not printable is escaped.
"""

import csv
import io
import json
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from timbre.core.instruments import INSTRUMENTS
from timbre.core.printable import printable
from timbre.features.display import clock, shortened

if TYPE_CHECKING:
    from timbre.songs.predictor import Song

LANE = 60  # characters of a timeline
NAME = 26  # characters of a name in a table
SHADES = " ▁▂▃▄▅▆▇█"
FIELDS = ["file", "instrument", *(f"single_{name}" for name in INSTRUMENTS), "present", *INSTRUMENTS, "error"]
TIMELINE_FIELDS = ["file", "seconds", *INSTRUMENTS]


def as_json(song: "Song", timeline: bool = False) -> str:
    """One line: file, instrument, single, present and layered; and the timeline, seconds a value and its values."""
    line: dict[str, object] = {
        "file": song.name,
        "instrument": song.instrument,
        "single": song.single,
        "present": song.present,
        "layered": song.layered,
    }
    if timeline:
        values = {
            name: [round(float(value), 3) for value in column]
            for name, column in zip(INSTRUMENTS, song.timeline.T, strict=True)
        }
        line["timeline"] = {"hop": song.hop, **values}
    return json.dumps(line)


def error_as_json(name: str, reason: str) -> str:
    """The line of a song that cannot be heard."""
    return json.dumps({"file": name, "error": reason})


def as_csv(song: "Song") -> str:
    """The row of a song, in the order of `FIELDS`."""
    plays = "+".join(song.present)
    return csv_row([song.name, song.instrument, *song.single.values(), plays, *song.layered.values(), ""])


def error_as_csv(name: str, reason: str) -> str:
    """The row of a song that cannot be heard."""
    return csv_row([name, *[""] * (len(FIELDS) - 2), reason])


def timeline_as_csv(song: "Song") -> str:
    """A row for each value of the timeline, in the order of `TIMELINE_FIELDS`; seconds are where it starts."""
    rows = (
        [song.name, round(step * song.hop, 3), *map("{:.3f}".format, row)] for step, row in enumerate(song.timeline)
    )
    return "\n".join(map(csv_row, rows))


def csv_row(values: Iterable[object]) -> str:
    """One line of CSV, quoted where it must be."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(
        printable(value) if isinstance(value, str) else value for value in values
    )
    return line.getvalue()


def as_text(song: "Song", timeline: bool = False) -> str:
    """A song for people: what it is, and one bar per instrument; or one lane per instrument, with the time below."""
    lines = [
        printable(song.name),
        f"  alone:   {song.instrument} ({song.single[song.instrument]:.2f})",
        f"  layered: {' + '.join(song.present) or 'none of the four'}",
    ]
    lines += [f"    {name:<7} {_bar(probability, 20)} {probability:.2f}" for name, probability in song.layered.items()]
    if timeline:
        lines.append("")
        lines += [f"    {name:<7} {lane(column)}" for name, column in zip(INSTRUMENTS, song.timeline.T, strict=True)]
        width = min(LANE, len(song.timeline))
        start, end = clock(0), clock(song.seconds)
        lines.append(f"{'':12}{start}{end.rjust(max(width - len(start), len(end) + 1))}")
    return "\n".join(lines)


def heading() -> str:
    """The first line of a table of songs."""
    return f"{'':{NAME}}  {'  '.join(f'{name:<10}' for name in INSTRUMENTS)}  plays"


def as_row(song: "Song") -> str:
    """A song as one line of a table: a bar an instrument, and what plays."""
    bars = "  ".join(f"{_bar(probability, 5)} {probability:.2f}" for probability in song.layered.values())
    return f"{shortened(printable(song.name), NAME):<{NAME}}  {bars}  {' + '.join(song.present) or 'none of the four'}"


def as_labels(song: "Song") -> str:
    """An Audacity label track: start and end in seconds and the instrument, with tabs between."""
    return "".join(f"{start:.6f}\t{end:.6f}\t{name}\n" for start, end, name in song.sections)


def lane(values: np.ndarray) -> str:
    """A timeline as `LANE` characters at most, each the height of its mean."""
    width = min(LANE, len(values))
    edges = [index * len(values) // width for index in range(width + 1)]
    means = (float(values[first:end].mean()) for first, end in pairwise(edges))
    return "".join(SHADES[round(mean * (len(SHADES) - 1))] for mean in means)


def _bar(probability: float, length: int) -> str:
    full = round(probability * length)
    return "█" * full + "░" * (length - full)
