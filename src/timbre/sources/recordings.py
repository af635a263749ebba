"""Copies recordings of single instruments, which a labels.csv lists with their sources and licences."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from timbre.core.errors import DataError
from timbre.core.params import Recordings
from timbre.labels.labels_csv import LABELS, LabelRow
from timbre.sources.copy import existing_path, open_files, write_dataset
from timbre.sources.files import is_hidden, shallowest
from timbre.sources.layouts import LABELLED, Dataset, labelled, read_table

KEY = "data.recordings.folder"


def copy_recordings(options: Recordings, instruments: Sequence[str], folder: Path) -> dict[str, object]:
    """Copy the recordings that a labels.csv lists into Kaggle's layout below `folder`, and append their metadata.

    A relative path starts at the repository's root. Recordings of one source and group stay in one split.

    Returns:
        The provenance: number of recordings of each source and licence, for credits, and what was left out.

    Raises:
        DataError: There is no such folder or zip, it has no labels.csv, or a row cannot be used.
    """
    origin = existing_path(options.folder, KEY)
    with open_files(origin) as files:
        tables = [name for name in files if name.split("/")[-1] == LABELS and not is_hidden(name)]
        if not tables:
            raise DataError(f"{KEY}: {origin} has no {LABELS}; name a folder or zip with recordings and a {LABELS}")
        table = shallowest((name.removesuffix(LABELS) for name in tables), origin) + LABELS
        rows = read_table(files, table, origin, instruments)
        dataset = Dataset(LABELLED, labelled(rows, options.weight, _group), table=table)
        provenance = write_dataset(dataset, files, origin, folder)
    credits = Counter((row.source, row.licence) for row in {row.path: row for row in rows}.values())
    return provenance | {
        "credits": [
            {"source": source, "licence": licence, "recordings": count}
            for (source, licence), count in sorted(credits.items())
        ]
    }


def _group(row: LabelRow) -> str:
    return f"{row.source}/{row.group}" if row.group else ""
