"""Recordings of one instrument each, in folders of any depth, with a labels.csv that says which, and whose they are."""

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from timbre.core.errors import DataError
from timbre.core.files import user_path
from timbre.core.params import Recordings
from timbre.core.printable import printable
from timbre.core.stage import progress
from timbre.labels.kaggle_layout import FOLDERS, METADATA
from timbre.labels.labels_csv import LABELS, LabelRow, read_labels_csv
from timbre.sources.metadata import MetadataRow, append_metadata

KEY = "data.recordings.folder"


def copy_recordings(options: Recordings, instruments: Sequence[str], folder: Path) -> dict[str, object]:
    """Copy the recordings that a labels.csv lists into Kaggle's train folder below `folder`, and append their metadata.

    A relative `options.folder` starts at the repository's root. Recordings of one source and group stay in one split.

    Returns:
        How many recordings there are of each source and licence, for credits.

    Raises:
        DataError: there is no such folder or table, or a row of it cannot be used; the text names the row.
    """
    home = user_path(options.folder, KEY)
    found = _read_labels(home, instruments)
    target = folder / FOLDERS[0] / FOLDERS[0]
    target.mkdir(parents=True, exist_ok=True)
    for recording in progress(found, "copy", unit="file"):
        try:
            with (home / recording.path).open("rb") as file, (target / _copy_name(recording)).open("xb") as copy:
                shutil.copyfileobj(file, copy)
        except FileExistsError as error:
            raise DataError(
                f"{recording.location}: {recording.path}: its copy has the name of another; rename it"
            ) from error
    append_metadata(folder / METADATA[0], (_metadata(each, options.weight) for each in found))
    credits = Counter((each.source, each.licence) for each in found)
    return {
        "credits": [
            {"source": source, "licence": licence, "recordings": count}
            for (source, licence), count in sorted(credits.items())
        ]
    }


def _read_labels(home: Path, instruments: Sequence[str]) -> list[LabelRow]:
    """Return the rows of labels.csv, each with a file that is there."""
    if not home.is_dir():
        raise DataError(f"{KEY}: {home} is not a folder; name one with recordings and a {LABELS}")
    rows = read_labels_csv(home / LABELS, instruments)
    for row in rows:
        file = home / row.path
        if printable(row.path) != row.path or not file.resolve().is_relative_to(home.resolve()):
            raise DataError(f"{row.location}: {printable(row.path)!r} is no path below the folder; correct it")
        if not file.is_file():
            raise DataError(f"{row.location}: {row.path} is not there; put it there, or remove the row")
    return rows


def _copy_name(row: LabelRow) -> str:
    """Return the name of a recording's copy in the one folder of all copies."""
    return "__".join(PurePosixPath(row.path).parts)


def _metadata(row: LabelRow, weight: int) -> MetadataRow:
    """Return the metadata of a recording; `weight` is that of a row without one."""
    group = f"{row.source}/{row.group}" if row.group else ""
    return MetadataRow(_copy_name(row), row.label, group, row.weight or weight)
