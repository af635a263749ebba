"""Which songs earlier answers hold, so that long work goes on where it stopped."""

import csv
import json
from pathlib import Path

from timbre.core.errors import DataError


def answered(path: Path) -> frozenset[str]:
    """The songs named in a file of answers, as `timbre predict` prints them as jsonl or csv; none if there is no file.

    A last line that was cut off counts for nothing.

    Raises:
        DataError: it cannot be read, or is neither.
    """
    if not path.exists():
        return frozenset()
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    lines = text.rpartition("\n")[0].splitlines()
    if lines and lines[0].startswith("file,"):
        return frozenset(row["file"] for row in csv.DictReader(lines))
    try:
        return frozenset(json.loads(line)["file"] for line in lines)
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path}: holds no answers as jsonl or csv; name a file of these, or a new one") from error
