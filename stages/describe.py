"""describe: write Croissant metadata of data/raw and data/clips, for other programs."""

from pathlib import Path

from timbre.core.files import fresh_file
from timbre.core.params import Params
from timbre.core.stage import run_stage
from timbre.describe.croissant import as_text
from timbre.describe.run_data import run_metadata


def describe(params: Params) -> str:
    """Write data/croissant.json: files with hashes, labels, groups, splits, sources and licences."""
    metadata, count = run_metadata(Path("data"), params.instruments)
    with fresh_file("data/croissant.json") as path:
        path.write_text(as_text(metadata), encoding="utf-8", newline="\n")
    return f"{count} recordings under {len(metadata['license'])} licences"


if __name__ == "__main__":
    run_stage("describe", describe)
