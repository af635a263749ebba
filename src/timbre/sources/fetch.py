"""Fills a folder in Kaggle's layout with recordings: rendered, the user's own, or from Kaggle."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from timbre.core.params import Params
from timbre.core.tables import write_table
from timbre.labels.kaggle_layout import METADATA
from timbre.parallel.pool import parallel_map
from timbre.sources.files import readable_size

MANIFEST = "manifest.csv"
PROVENANCE = "source.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the data set: its path below the folder, its size in bytes, and its SHA-256 in hex."""

    file: str
    bytes: int
    sha256: str


def fetch(params: Params, folder: Path) -> str:
    """Fill the empty `folder` from `data.source`, and write its manifest and its provenance.

    Returns:
        A short summary for the log.

    Raises:
        DataError: A source is missing or unusable.
    """
    details = {source: _fill(source, params, folder) for source in params.data.source}
    if "soundfont" in details:  # last, because it takes minutes: an unusable source is reported first
        _render(params, folder)
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    describe = partial(_describe, folder)
    entries = list(parallel_map(describe, files, params.compute, "hash", "file", threads=True))
    size = sum(entry.bytes for entry in entries)
    provenance = {
        "source": params.data.source,
        **details,
        "files": len(entries),
        "bytes": size,
        "metadata": {entry.file: entry.sha256 for entry in entries if entry.file in METADATA},
    }
    write_table(folder / MANIFEST, entries, Entry)
    text = json.dumps(provenance, indent=2, ensure_ascii=False) + "\n"
    (folder / PROVENANCE).write_text(text, encoding="utf-8", newline="\n")
    origins = [_origin(source, detail) for source, detail in details.items()]
    return f"{len(entries)} files, {readable_size(size)}, from {' and '.join(origins)}"


def _origin(source: str, detail: Mapping[str, Any]) -> str:
    """Return the name of a source with its layout and the files that were left out."""
    notes = [detail["layout"]] if "layout" in detail else []
    if left_out := detail.get("left out"):
        notes.append("without " + ", ".join(f"{count} {suffix}" for suffix, count in left_out.items()))
    return f"{source} ({'; '.join(notes)})" if notes else source


def _fill(source: str, params: Params, folder: Path) -> dict[str, object]:
    """Write the recordings of one source into `folder` and return its provenance. Clips are only listed."""
    match source:
        case "soundfont":
            from timbre.sources.soundfont import list_clips

            return list_clips(params.soundfont, params.instruments, folder)
        case "recordings":
            from timbre.sources.recordings import copy_recordings

            return copy_recordings(params.data.recordings, params.instruments, folder)
        case "folder":
            from timbre.sources.copy import copy_dataset

            return copy_dataset(params.data.folder, params.instruments, folder)
        case _:
            from timbre.sources.kaggle import download_dataset

            return download_dataset(params.data.kaggle, params.instruments, folder)


def _render(params: Params, folder: Path) -> None:
    """Render the clips that the source soundfont has listed."""
    from timbre.sources.soundfont import render_clips

    render_clips(params.soundfont, params.instruments, params.data.seed, folder, params.compute)


def _describe(folder: Path, name: str) -> Entry:
    """Return the manifest entry of a file."""
    path = folder / name
    with path.open("rb") as file:
        return Entry(name, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
