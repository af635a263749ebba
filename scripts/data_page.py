"""Make the page docs/data.md, the data card of the committed version, from metrics/data.json."""

from collections.abc import Mapping, Sequence
from typing import Any

from timbre.core.tables import SPLITS

INTRODUCTION = """# Data card

This page describes the data set of the committed version. `dvc repro` writes the same for your own data to
`metrics/data.json` and `plots/data.png`, and `dvc metrics diff` compares it with another version.
`timbre compare HEAD workspace` lists [the clips that changed](experiments.md#is-the-difference-real).

![Clips, groups, minutes, sample rates, sources, lengths and levels](../plots/data.png)
"""
FOR_PROGRAMS = """## For other programs

`dvc repro` also writes `data/croissant.json`, which describes the data as [Croissant](https://mlcommons.org/croissant)
metadata: the files with their hashes, the label, group, split, source and licence of each recording, and the limits of
the data. Conferences and data hubs read it, and so does the package mlcroissant:

```python
from mlcroissant import Dataset

for record in Dataset("data/croissant.json").records("recordings"):
    print(record["recordings/file"], record["recordings/label"], record["recordings/split"])
```

`release/recordings/croissant.json` describes the recordings behind the released weights in the same way.
"""
COUNTS = (
    ("clips", "Clips", "A clip is a recording that the audit kept."),
    ("minutes", "Minutes", "The total length of the recordings."),
    ("groups", "Groups", "All clips of a group (a performance, a kit, a program) are in one split."),
)
RANGES = (("seconds", "Lengths, seconds"), ("level", "Levels of the loudest part, dB of full scale"))


def data_page(card: Mapping[str, Any]) -> str:
    """Return the page as Markdown.

    Args:
        card: The content of metrics/data.json. See `timbre.evaluation.data_report.data_card`.
    """
    labels = list(card["clips"]["train"])
    parts = [INTRODUCTION]
    for key, title, text in COUNTS:
        if key in card:
            rows = [[split, *(card[key][split][label] for label in labels)] for split in SPLITS]
            parts.append(section(title, text, ["split", *labels], rows))
    if "sources" in card:
        parts.append(_source_section(card["sources"], labels))
    for key, title in RANGES:
        if key in card:
            rows = [[label, *card[key][label].values()] for label in labels if card[key][label]]
            parts.append(section(title, "", ["label", "lowest", "median", "highest"], rows))
    parts += [_fault_section(card), FOR_PROGRAMS]
    return "\n".join(parts)


def section(title: str, text: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a section of Markdown with a table."""
    lines = [f"| {' | '.join(map(str, row))} |" for row in (header, ["---"] * len(header), *rows)]
    return "\n".join([f"## {title}\n", *([f"{text}\n"] if text else []), *lines, ""])


def _source_section(sources: Mapping[str, Mapping[str, Any]], labels: Sequence[str]) -> str:
    rows = [
        [name, source["licence"], split, *(source[split].get(label, 0) for label in labels)]
        for name, source in sources.items()
        for split in SPLITS
        if split in source
    ]
    return section("Sources and licences", "Clips by source.", ["source", "licence", "split", *labels], rows)


def _fault_section(card: Mapping[str, Any]) -> str:
    kinds = {**card["faults"]}
    if not kinds:
        return "## Faults\n\nThe audit found none.\n"
    text = f"Near-duplicates: {card['near_duplicates']}.\n" if "near_duplicates" in card else ""
    dropped = card.get("dropped", {})
    rows = [[kind, count, dropped.get(kind, 0)] for kind, count in kinds.items()]
    return section("Faults", text.strip(), ["kind", "found", "files or rows dropped"], rows)
