"""Count the clips and faults of a data set, as JSON and as a picture."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from timbre.core.instruments import OTHER
from timbre.core.partial_labels import MUSIC, is_partial
from timbre.core.tables import SPLITS, FileInfo, Issue, read_table
from timbre.evaluation.figures import data_overview, save
from timbre.evaluation.report import write_json


def write_data_report(metrics: Path, picture: Path, clips: Path, source: Path, instruments: tuple[str, ...]) -> None:
    """Write how many clips data/clips has, the faults that were found, and credits for recordings; draw the data.

    Args:
        metrics: JSON file to write.
        picture: PNG file to write.
        clips: Folder with files.csv and issues.csv.
        source: source.json of the download stage. It may have credits for recordings.
        instruments: Names of the instruments, in order.
    """
    files = read_table(clips / "files.csv", FileInfo)
    files = [replace(file, label=MUSIC if is_partial(file.label) else file.label) for file in files]
    counts = Counter((file.split, file.label) for file in files)
    classes = (*instruments, OTHER, *([MUSIC] if any(file.label == MUSIC for file in files) else []))
    report: dict[str, object] = {
        "clips": {split: {label: counts[split, label] for label in classes} for split in SPLITS},
        "faults": count_faults(read_table(clips / "issues.csv", Issue)),
    }
    if credits := json.loads(source.read_text(encoding="utf-8")).get("recordings", {}).get("credits"):
        report["credits"] = credits
    write_json(metrics, report)
    save(data_overview(files, instruments), picture)


def count_faults(issues: Iterable[Issue]) -> dict[str, int]:
    """Return the number of issues by kind, kinds in alphabetical order."""
    return dict(sorted(Counter(issue.kind for issue in issues).items()))
