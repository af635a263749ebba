"""Find the clips that differ between two revisions: added, removed, or with other bytes, label, group or split."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from timbre.compare.revision import Revision
from timbre.core.partial_labels import MUSIC, is_partial

TABLE = "data/clips/files.csv"
RAW = "data/raw"
PROPERTIES = ("bytes", "label", "group", "split")
KINDS = ("added", "removed", *PROPERTIES)


@dataclass(frozen=True)
class ClipVersion:
    """A clip in one revision.

    Attributes:
        file: Path below data/raw.
        bytes: Hash of the file, or empty if the list of files is not in the DVC cache.
        label, group, split: See `timbre.core.tables.Clip`.
    """

    file: str
    bytes: str
    label: str
    group: str
    split: str

    @property
    def label_class(self) -> str:
        """The label; all partial labels count as music."""
        return MUSIC if is_partial(self.label) else self.label


@dataclass(frozen=True)
class ClipChanges:
    """The differences between the clips of two revisions.

    Attributes:
        before: Number of clips by label in the first revision.
        after: Number of clips by label in the second revision.
        changed: Files by kind of change, see `KINDS`. A removed clip has its path in the first revision.
        counts: Number of clips by kind of change and label. A removed clip has its label in the first revision.
        renamed: Number of clips with the same bytes under another path, which are in no other count.
    """

    before: dict[str, int]
    after: dict[str, int]
    changed: dict[str, list[str]] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    renamed: int = 0

    @property
    def labels(self) -> list[str]:
        """All labels, in order of appearance."""
        return list({**self.before, **self.after})


def clips_at(revision: Revision) -> list[ClipVersion] | None:
    """Return the clips that prepare kept; None if their table is not in the DVC cache."""
    table = revision.file(TABLE)
    if table is None:
        return None
    md5 = revision.files(RAW)
    with table.open(encoding="utf-8", newline="") as file:
        return [
            ClipVersion(row["file"], md5.get(row["file"], ""), row["label"], row.get("group", ""), row["split"])
            for row in csv.DictReader(file)
        ]


def compare_clips(first: Sequence[ClipVersion], second: Sequence[ClipVersion]) -> ClipChanges:
    """Compare the clips of two revisions.

    Clips are matched by path, then by bytes: a file that was only renamed is not a new clip.
    """
    pairs = _matched(first, second)
    renamed = sum(before.file != after.file for before, after in pairs)
    kept_before, kept_after = {before.file for before, _ in pairs}, {after.file for _, after in pairs}
    changes = {
        "added": [clip for clip in second if clip.file not in kept_after],
        "removed": [clip for clip in first if clip.file not in kept_before],
    }
    for name in PROPERTIES:
        changes[name] = [after for before, after in pairs if _differ(getattr(before, name), getattr(after, name))]
    return ClipChanges(
        before=dict(Counter(clip.label_class for clip in first)),
        after=dict(Counter(clip.label_class for clip in second)),
        changed={kind: [clip.file for clip in clips] for kind, clips in changes.items()},
        counts={kind: dict(Counter(clip.label_class for clip in clips)) for kind, clips in changes.items()},
        renamed=renamed,
    )


def _matched(first: Sequence[ClipVersion], second: Sequence[ClipVersion]) -> list[tuple[ClipVersion, ClipVersion]]:
    """Return the clips of both revisions in pairs: those of the same path, then those of the same bytes."""
    by_path = {clip.file: clip for clip in second}
    pairs = [(clip, by_path.pop(clip.file)) for clip in first if clip.file in by_path]
    paired = {before.file for before, _ in pairs}
    by_bytes: dict[str, list[ClipVersion]] = {}
    for clip in reversed(by_path.values()):
        by_bytes.setdefault(clip.bytes, []).append(clip)
    for clip in first:
        if clip.file not in paired and clip.bytes and by_bytes.get(clip.bytes):
            pairs.append((clip, by_bytes[clip.bytes].pop()))
    return pairs


def _differ(before: str, after: str) -> bool:
    """Return whether two properties differ; an unknown one, such as the hash of an uncached file, does not."""
    return before != after and bool(before) and bool(after)
