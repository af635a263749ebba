"""Songs as text for people, JSON lines and CSV for programs, and label tracks for Audacity.

Names may be any bytes. JSON, all in ASCII, gives them back as they are; elsewhere what is not printable is escaped.
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from timbre.core.printable import printable
from timbre.features.display import clock, shortened

if TYPE_CHECKING:
    from timbre.songs.predictor import Song

LANE = 60  # characters of a timeline
NAME = 26  # characters of a song's name in a table
COLUMN, COLUMNS = 10, 6  # characters of a column, and how many of these there are at most
SHADES = " ▁▂▃▄▅▆▇█"


def fields(instruments: Sequence[str]) -> list[str]:
    """The columns of a table of songs."""
    alone, shares, first = ([f"{word}_{name}" for name in instruments] for word in ("single", "share", "first_heard"))
    return ["file", "instrument", *alone, "present", *instruments, *shares, *first, "error"]


def timeline_fields(instruments: Sequence[str]) -> list[str]:
    """The columns of a table of timelines."""
    return ["file", "seconds", *instruments]


def as_json(song: "Song", timeline: bool = False) -> str:
    """`as_values`, in one line."""
    return json.dumps(as_values(song, timeline))


def as_values(song: "Song", timeline: bool) -> dict[str, object]:
    """By name, what `Song` says of the whole song; and the timeline, seconds a value and its values, and sections."""
    said: dict[str, object] = {
        "file": song.name,
        "instrument": song.instrument,
        "single": song.single,
        "present": song.present,
        "layered": song.layered,
        "shares": song.shares,
        "first_heard": _rounded(song.first_heard),
        "solos": [[round(start, 3), round(end, 3), name] for start, end, name in song.solos],
    }
    if timeline:
        values = {
            name: [round(float(value), 3) for value in column]
            for name, column in zip(song.instruments, song.timeline.T, strict=True)
        }
        said["timeline"] = {"hop": song.hop, **values}
        said["sections"] = [[round(start, 3), round(end, 3), name] for start, end, name in song.sections]
    return said


def error_as_json(name: str, reason: str) -> str:
    """The line of a song that cannot be heard."""
    return json.dumps({"file": name, "error": reason})


def as_csv(song: "Song") -> str:
    """The row of a song, in the order of `fields`."""
    plays = "+".join(song.present)
    alone = [song.single.get(name, "") for name in song.instruments]
    first = _rounded(song.first_heard)
    heard = [first.get(name, "") for name in song.instruments]
    return csv_row(
        [song.name, song.instrument, *alone, plays, *song.layered.values(), *song.shares.values(), *heard, ""]
    )


def error_as_csv(name: str, reason: str, instruments: Sequence[str]) -> str:
    """The row of a song that cannot be heard."""
    return csv_row([name, *[""] * (len(fields(instruments)) - 2), reason])


def timeline_as_csv(song: "Song") -> str:
    """A row for each value of the timeline, in the order of `timeline_fields`; seconds are where it starts."""
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
        *([f"  alone:   {song.instrument} ({song.single[song.instrument]:.2f})"] if song.single else []),
        f"  layered: {' + '.join(song.present) or 'none of these'}",
    ]
    width = max(7, *map(len, song.instruments))
    lines += [
        f"    {name:<{width}} {_bar(probability, 20)} {probability:.2f}  {_when(song, name)}"
        for name, probability in song.layered.items()
    ]
    if song.solos:
        first, last, name = max(song.solos, key=lambda solo: solo[1] - solo[0])
        more = f", and {len(song.solos) - 1} more" if len(song.solos) > 1 else ""
        lines.append(f"  {name} alone: {clock(first)} to {clock(last)}{more}")
    if timeline:
        lines.append("")
        lines += [
            f"    {name:<{width}} {lane(column)}"
            for name, column in zip(song.instruments, song.timeline.T, strict=True)
        ]
        length = min(LANE, len(song.timeline))
        start, end = clock(0), clock(song.seconds)
        lines.append(f"{'':{width + 5}}{start}{end.rjust(max(length - len(start), len(end) + 1))}")
    return "\n".join(lines)


def _when(song: "Song", name: str) -> str:
    """How much of a song an instrument plays in, and since when."""
    first = song.first_heard.get(name)
    return song.words[name] + ("" if first is None else f", first at {clock(first)}")


def _rounded(times: dict[str, float]) -> dict[str, float]:
    return {name: round(time, 3) for name, time in times.items()}


def heading(instruments: Sequence[str]) -> str:
    """The first line of a table of songs."""
    names = [f"{shortened(name, COLUMN):<{COLUMN}}" for name in instruments] if len(instruments) <= COLUMNS else []
    return "  ".join([" " * NAME, *names, "plays"])


def as_row(song: "Song") -> str:
    """A song as one line of a table: a bar for each instrument, unless there are too many, and what plays."""
    bars = [f"{_bar(value, 5)} {value:.2f}" for value in song.layered.values()] if len(song.layered) <= COLUMNS else []
    name = f"{shortened(printable(song.name), NAME):<{NAME}}"
    return "  ".join([name, *bars, " + ".join(song.present) or "none of these"])


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
