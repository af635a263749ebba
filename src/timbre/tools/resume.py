"""Read which songs were predicted before, so that an interrupted run can continue."""

import csv
import json
from pathlib import Path

from timbre.core.errors import DataError


def finished_songs(path: Path) -> frozenset[str]:
    """Return the songs in a file that `timbre predict` printed, as jsonl or csv; none if there is no file.

    An incomplete last line is ignored.

    Raises:
        DataError: The file cannot be read, or has another format.
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
        raise DataError(
            f"{path}: is not output of timbre predict as jsonl or csv; name such a file or a new one"
        ) from error
