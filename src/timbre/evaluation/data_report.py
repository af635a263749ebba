"""Write the data card of a version: what the data set contains and what the audit dropped, as JSON and a picture."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from timbre.core.instruments import OTHER
from timbre.core.partial_labels import MUSIC, is_partial
from timbre.core.tables import SPLITS, FileInfo, Issue, read_table
from timbre.evaluation.data_figure import data_figure
from timbre.evaluation.figures import save
from timbre.evaluation.report import write_json

NEAR_DUPLICATES = "sounds alike"  # kind of issue
QUANTILES = {"lowest": 0.0, "median": 0.5, "highest": 1.0}


def write_data_report(metrics: Path, picture: Path, clips: Path, source: Path, instruments: tuple[str, ...]) -> None:
    """Write the data card of data/clips, and a picture of it.

    Args:
        metrics: JSON file to write.
        picture: PNG file to write.
        clips: Folder with files.csv and issues.csv.
        source: source.json of the download stage. It may have credits for recordings.
        instruments: Names of the instruments, in order.
    """
    provenance = json.loads(source.read_text(encoding="utf-8"))
    files = _named(read_table(clips / "files.csv", FileInfo), provenance["source"])
    issues = read_table(clips / "issues.csv", Issue)
    card = data_card(files, issues, instruments)
    if credits := provenance.get("recordings", {}).get("credits"):
        card["credits"] = credits
    write_json(metrics, card)
    save(data_figure(files, card, labels_of(files, instruments)), picture)


def _named(files: Iterable[FileInfo], sources: str | Sequence[str]) -> list[FileInfo]:
    """Return the files with music as the label of all partial labels, and a source for files without one."""
    names = [sources] if isinstance(sources, str) else list(sources)
    unnamed = names[0] if len(names) == 1 else "unnamed"
    return [
        replace(file, label=MUSIC if is_partial(file.label) else file.label, source=file.source or unnamed)
        for file in files
    ]


def labels_of(files: Iterable[FileInfo], instruments: Sequence[str]) -> list[str]:
    """Return the labels to count: the instruments, other and, if there is any, music."""
    return [*instruments, OTHER, *([MUSIC] if any(file.label == MUSIC for file in files) else [])]


def data_card(files: Sequence[FileInfo], issues: Sequence[Issue], instruments: Sequence[str]) -> dict[str, Any]:
    """Return the data card.

    It has clips, minutes and groups by split and label; sources with their licences and clips; lengths and levels by
    label; the number of dropped files and rows by kind, near-duplicates, and all issues by kind.
    """
    labels = labels_of(files, instruments)
    chosen = {
        (split, label): [file for file in files if (file.split, file.label) == (split, label)]
        for split in SPLITS
        for label in labels
    }

    def by_split(value: Callable[[list[FileInfo]], float]) -> dict[str, dict[str, float]]:
        return {split: {label: value(chosen[split, label]) for label in labels} for split in SPLITS}

    return {
        "clips": by_split(len),
        "minutes": by_split(lambda chosen: round(sum(file.seconds for file in chosen) / 60, 1)),
        "groups": by_split(lambda chosen: len({file.group for file in chosen})),
        "sources": _sources(files),
        "seconds": {label: _range([file.seconds for file in files if file.label == label]) for label in labels},
        "level": {label: _range([file.level for file in files if file.label == label]) for label in labels},
        "dropped": count_faults(issue for issue in issues if issue.action == "dropped"),
        "near_duplicates": sum(issue.kind == NEAR_DUPLICATES for issue in issues),
        "faults": count_faults(issues),
    }


def _sources(files: Iterable[FileInfo]) -> dict[str, dict[str, Any]]:
    """Return the licences of each source, and its clips by split and label."""
    found: dict[str, dict[str, Any]] = {}
    for source in sorted({file.source for file in files}):
        chosen = [file for file in files if file.source == source]
        counts = Counter((file.split, file.label) for file in chosen)
        found[source] = {"licence": "; ".join(sorted({file.licence for file in chosen} - {""})) or "not named"}
        for (split, label), count in sorted(counts.items()):
            found[source].setdefault(split, {})[label] = count
    return found


def _range(values: Sequence[float]) -> dict[str, float]:
    """Return the lowest, median and highest value; empty without values."""
    if not values:
        return {}
    return {name: round(float(np.quantile(values, share)), 2) for name, share in QUANTILES.items()}


def count_faults(issues: Iterable[Issue]) -> dict[str, int]:
    """Return the number of issues by kind, kinds in alphabetical order."""
    return dict(sorted(Counter(issue.kind for issue in issues).items()))
