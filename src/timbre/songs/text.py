"""Songs as text for people, as JSON lines and CSV for programs, and as label tracks for Audacity.

A file name may contain any bytes. JSON, all in ASCII, keeps them. Elsewhere, characters that are not printable are
escaped.
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
from timbre.songs.presence import FEW, perhaps

if TYPE_CHECKING:
    from timbre.songs.song import Song

LANE_WIDTH = 60  # characters of a timeline, at most
NAME_WIDTH = 26  # characters of a song's name in a table
COLUMN_WIDTH = 10  # characters of an instrument's column in a table
SHADES = " ▁▂▃▄▅▆▇█"


def song_columns(instruments: Sequence[str], optional: Sequence[str] = ()) -> list[str]:
    """Return the column names of the CSV table of songs.

    Args:
        instruments: Instrument names, in label order.
        optional: Which of unsure and little_tested the table has. Both are lists of instruments, like present.
    """
    single, shares, first = (
        [f"{prefix}_{name}" for name in instruments] for prefix in ("single", "share", "first_heard")
    )
    return ["file", "instrument", *single, "present", *instruments, *shares, *first, *optional, "error"]


def timeline_columns(instruments: Sequence[str]) -> list[str]:
    """Return the column names of the CSV table of timelines."""
    return ["file", "seconds", *instruments]


def as_json(song: "Song", timeline: bool = False) -> str:
    """Return `as_values` as one line of JSON."""
    return json.dumps(as_values(song, timeline))


def as_values(song: "Song", timeline: bool) -> dict[str, object]:
    """Return the prediction for a song as values that JSON has.

    Args:
        song: The prediction.
        timeline: Whether to add the timeline, with its hop, and the sections.
    """
    values: dict[str, object] = {
        "file": song.name,
        "instrument": song.instrument,
        "single": song.single,
        "alone": song.alone,
        "present": song.present,
        "layered": song.layered,
        "shares": song.shares,
        "first_heard": _rounded(song.first_heard),
        "solos": [[round(start, 3), round(end, 3), name] for start, end, name in song.solos],
        **({"unsure": song.unsure} if song.sure else {}),
        **({"little_tested": song.little_tested} if song.little_tested else {}),
    }
    if timeline:
        columns = {
            name: [round(float(value), 3) for value in column]
            for name, column in zip(song.instruments, song.timeline.T, strict=True)
        }
        values["timeline"] = {"hop": song.hop, **columns}
        values["sections"] = [[round(start, 3), round(end, 3), name] for start, end, name in song.sections]
    return values


def error_as_json(name: str, reason: str) -> str:
    """Return the JSON line of a song that cannot be predicted."""
    return json.dumps({"file": name, "error": reason})


def as_csv(song: "Song", optional: Sequence[str] = ()) -> str:
    """Return the CSV row of a song, in the order of `song_columns`."""
    single = [song.single.get(name, "") for name in song.instruments]
    times = _rounded(song.first_heard)
    first = [times.get(name, "") for name in song.instruments]
    present, *lists = ("+".join(getattr(song, column)) for column in ("present", *optional))
    numbers = [*song.layered.values(), *song.shares.values(), *first]
    return csv_row([song.name, song.instrument, *single, present, *numbers, *lists, ""])


def error_as_csv(name: str, reason: str, instruments: Sequence[str], optional: Sequence[str] = ()) -> str:
    """Return the CSV row of a song that cannot be predicted."""
    return csv_row([name, *[""] * (len(song_columns(instruments, optional)) - 2), reason])


def timeline_as_csv(song: "Song") -> str:
    """Return one CSV row per value of the timeline, in the order of `timeline_columns`; `seconds` is its start."""
    rows = (
        [song.name, round(step * song.hop, 3), *map("{:.3f}".format, row)] for step, row in enumerate(song.timeline)
    )
    return "\n".join(map(csv_row, rows))


def csv_row(values: Iterable[object]) -> str:
    """Return one line of CSV, quoted where needed."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(
        printable(value) if isinstance(value, str) else value for value in values
    )
    return line.getvalue()


def as_text(song: "Song", timeline: bool = False) -> str:
    """Return the prediction for a song as lines for people.

    Each instrument has a line if there are few. Otherwise those have one that play or may play.

    Args:
        song: The prediction.
        timeline: Whether to add one lane per listed instrument, with start and end below them.
    """
    lines = [
        printable(song.name),
        *([f"  alone:   {song.alone} ({song.single[song.alone]:.2f})"] if song.alone else []),
        f"  layered: {song.summary}",
    ]
    width = max(7, *map(len, song.instruments))
    lines += [
        f"    {name:<{width}} {_bar(song.layered[name], 20)} {song.layered[name]:.2f}  {_when(song, name)}"
        for name in song.listed
    ]
    if song.not_found:
        lines.append(f"  not found: {', '.join(song.not_found)}")
    if song.solos:
        start, end, name = max(song.solos, key=lambda solo: solo[1] - solo[0])
        more = f", and {len(song.solos) - 1} more" if len(song.solos) > 1 else ""
        lines.append(f"  {name} alone: {clock(start)} to {clock(end)}{more}")
    return "\n".join([*lines, "", *_lanes(song, width)] if timeline and song.listed else lines)


def _lanes(song: "Song", width: int) -> list[str]:
    """Return one lane per listed instrument, and the song's start and end below; names have `width` characters."""
    columns = dict(zip(song.instruments, song.timeline.T, strict=True))
    lanes = [f"    {name:<{width}} {lane(columns[name])}" for name in song.listed]
    length = min(LANE_WIDTH, len(song.timeline))
    start, end = clock(0), clock(song.seconds)
    return [*lanes, f"{'':{width + 5}}{start}{end.rjust(max(length - len(start), len(end) + 1))}"]


def _when(song: "Song", name: str) -> str:
    """Say how much of a song an instrument plays in and when it first plays, and what is not certain about that."""
    first, word = song.first_heard.get(name), song.words[name]
    if name in song.unsure:
        word = perhaps(word)
    note = " (little tested)" if name in song.little_tested else ""
    return word + ("" if first is None else f", first at {clock(first)}") + note


def _rounded(times: dict[str, float]) -> dict[str, float]:
    return {name: round(time, 3) for name, time in times.items()}


def table_header(instruments: Sequence[str]) -> str:
    """Return the first line of the table for people."""
    names = []
    if len(instruments) <= FEW:
        names = [f"{shortened(name, COLUMN_WIDTH):<{COLUMN_WIDTH}}" for name in instruments]
    return "  ".join([" " * NAME_WIDTH, *names, "plays"])


def as_row(song: "Song") -> str:
    """Return a song as one line of the table for people: a bar per instrument, unless too many, and what plays."""
    bars = []
    if len(song.layered) <= FEW:
        bars = [f"{_bar(value, 5)} {value:.2f}" for value in song.layered.values()]
    name = f"{shortened(printable(song.name), NAME_WIDTH):<{NAME_WIDTH}}"
    return "  ".join([name, *bars, song.summary])


def as_labels(song: "Song") -> str:
    """Return the sections as an Audacity label track: start and end in seconds and the instrument, tab-separated."""
    return "".join(f"{start:.6f}\t{end:.6f}\t{name}\n" for start, end, name in song.sections)


def lane(values: np.ndarray) -> str:
    """Return values from 0 to 1 as at most `LANE_WIDTH` characters; the height of each is the mean of its values."""
    width = min(LANE_WIDTH, len(values))
    edges = [index * len(values) // width for index in range(width + 1)]
    means = (float(values[first:end].mean()) for first, end in pairwise(edges))
    return "".join(SHADES[round(mean * (len(SHADES) - 1))] for mean in means)


def _bar(probability: float, length: int) -> str:
    full = round(probability * length)
    return "█" * full + "░" * (length - full)
