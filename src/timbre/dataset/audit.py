"""Find out which recording is which instrument: check and repair the names and metadata of a raw folder.

Only names and metadata are read, never audio. The rules are general. Each handles a fault that Kaggle's data set really
has:

- All 700 violin rows of its train metadata repeat the file names of the drum rows. If all files of a class are also
  listed in another class, it is a copy, and its rows are dropped (`copied class`).
- Its 700 violin recordings have no row at all. If exactly one class is left without rows, the files without a row get
  that class (`unlisted`). Otherwise they are reported and left out.
- `loop-16247.wav` is listed as drums and as piano. Nothing tells which is right: it is dropped (`several classes`).
- One listed file is missing (`missing`). Three violins of train are also in test, and test keeps them (`in test too`).
- Its test metadata says `Sound_Guiatr` (`misspelt class`).

Metadata may come from anyone, so a file name in it never leads outside the folder (`unsafe name`).
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import permutations
from pathlib import Path
from statistics import mode

from timbre.core.errors import DataError
from timbre.core.files import is_in_store
from timbre.core.partial_labels import is_partial, is_single, present_and_absent
from timbre.core.printable import printable
from timbre.core.suffixes import may_be_recording
from timbre.core.tables import Clip, Issue
from timbre.dataset.groups import are_kaggles
from timbre.dataset.metadata import Row, read_rows
from timbre.labels.class_names import ClassNames
from timbre.labels.kaggle_layout import FOLDERS, METADATA
from timbre.labels.sheets import spelling


def audit(raw: Path, instruments: Sequence[str]) -> tuple[list[Clip], list[Issue]]:
    """List the clips and the issues of a raw folder in Kaggle's layout.

    The folders may be doubled, as Kaggle's are, or single. Test's folder and metadata may be missing. Every row of the
    metadata and every file of the folders is in the clips or in an issue.

    Args:
        raw: the folder.
        instruments: names of the instruments, in label order.

    Returns:
        The clips of train and test, sorted by file, and the issues of train, then of test.

    Raises:
        DataError: train's folder or metadata is missing, or metadata is empty, lacks a column, or has a class that is
            not an instrument.
    """
    labels = ClassNames(instruments)
    train, train_issues = _audit_split(raw, "train", FOLDERS[0], METADATA[0], labels)
    test, test_issues = _audit_split(raw, "test", FOLDERS[1], METADATA[1], labels)
    tested = {}
    if are_kaggles(clip.file for clip in train + test):  # other data sets may use a name twice for different recordings
        tested = {spelling(Path(clip.file).name): clip.file for clip in test}
    in_both = {clip.file: name for clip in train if (name := tested.get(spelling(Path(clip.file).name)))}
    issues = [Issue(file, "in test too", "dropped", f"test keeps {name}") for file, name in in_both.items()]
    clips = [clip for clip in train if clip.file not in in_both] + test
    return sorted(clips, key=lambda clip: clip.file), train_issues + issues + test_issues


def require_every_class(
    instruments: Sequence[str], clips: Iterable[Clip], issues: Sequence[Issue], known: Iterable[Clip] = ()
) -> None:
    """Check that each instrument has train clips. In data sets of labelled music alone, these count as well.

    Args:
        instruments: names of the instruments.
        clips: the clips that are left.
        issues: the issues found so far.
        known: clips from before some were dropped. An issue about one of them only explains a lack of its instrument.

    Raises:
        DataError: an instrument has no train clip. The message gives the most frequent reason.
    """
    train = [clip.label for clip in clips if clip.split == "train"]
    alone = {label for label in train if is_single(label)}
    found = alone or {name for label in train if is_partial(label) for name in present_and_absent(label)[0]}
    if missing := [label for label in instruments if label not in found]:
        others = {clip.file for clip in known if clip.label not in missing}
        raise DataError(
            f"{FOLDERS[0]}: no usable {' and no '.join(missing)} clip"
            f"{_most_frequent([issue for issue in issues if issue.file not in others])}; "
            f"compare its files with the rows of {METADATA[0]}"
        )


def _most_frequent(issues: Sequence[Issue]) -> str:
    """Say how many clips were dropped (else reported), with an example of the most frequent kind and reason."""
    for action in ("dropped", "reported"):
        if matching := [issue for issue in issues if issue.action == action]:
            kind = mode(issue.kind for issue in matching)
            reason = mode(issue.reason for issue in matching if issue.kind == kind)
            example = next(issue for issue in matching if (issue.kind, issue.reason) == (kind, reason))
            return f" ({len(matching)} were {action}, such as {example.file or example.row}: {reason})"
    return ""


def _audit_split(
    raw: Path, split: str, folder: str, metadata: str, labels: ClassNames
) -> tuple[list[Clip], list[Issue]]:
    """Return the clips and issues of one folder and its metadata."""
    is_required = split == "train"
    if is_required and not (raw / folder).is_dir():
        raise DataError(f"{raw / folder}: not there; expected the recordings that {metadata} lists")
    files, file_issues = _list_files(raw, folder)
    rows, row_issues = read_rows(raw / metadata, labels) if is_required or (raw / metadata).exists() else ([], [])
    rows, copy_issues, copied = _drop_copied_classes(rows)
    listed, match_issues = _match_files(rows, files, file_issues)
    clips, conflicts = _clips_of_rows(listed, split, labels)
    with_row = {file for file, _ in listed}
    unlisted = [file for file in files.values() if file not in with_row]
    more, unlisted_issues = _clips_without_row(unlisted, {row.label for row in rows}, copied, split, labels)
    return clips + more, row_issues + file_issues + copy_issues + match_issues + conflicts + unlisted_issues


def _list_files(raw: Path, folder: str) -> tuple[dict[str, str], list[Issue]]:
    """Return the recordings of a folder, as name to path below `raw`, and an issue for every other file in it."""
    top, real_raw = raw / folder, os.path.realpath(raw)
    home = top / folder if (top / folder).is_dir() else top
    files, issues = {}, []
    for parent, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(names + [name for name in folders if (Path(parent) / name).is_symlink()]):
            path = Path(parent) / name
            file = path.relative_to(raw).as_posix()
            if fault := _file_fault(path, real_raw):
                issues.append(Issue(printable(file), *fault))
            elif path.parent != home:
                reason = f"not in {home.relative_to(raw).as_posix()}, where recordings are expected"
                issues.append(Issue(file, "outside the folder", "reported", reason))
            else:
                files[name] = file
    return files, issues


def _file_fault(path: Path, real_raw: str) -> tuple[str, str, str] | None:
    """Return kind, action and reason of an issue if a file is not a recording that may be opened, else None.

    Args:
        path: the file.
        real_raw: path of the raw folder, without links.
    """
    if path.name != printable(path.name):
        return "unsafe name", "dropped", "its name has characters that cannot be printed"
    if path.name.startswith(".") or not may_be_recording(path.name):
        return "not audio", "reported", "its name has no suffix of audio or video"
    real = Path(os.path.realpath(path))
    if not real.is_relative_to(real_raw) and not is_in_store(real):
        return "unsafe name", "dropped", "a link that leads outside the data set"
    if not path.is_file():
        return "unsafe name", "dropped", "not a regular file"
    return None


def _drop_copied_classes(rows: list[Row]) -> tuple[list[Row], list[Issue], set[str]]:
    """Drop the rows of classes that are copies of another. Return the other rows, the issues and these classes."""
    issues, copied = [], set()
    while pair := _find_copy(rows):
        copy, original = pair
        names = {row.name for row in rows if row.label == original}
        dropped = [row for row in rows if row.label == copy and row.name in names]
        reason = f"{len(dropped)} {copy} rows repeat the file names of {original} rows"
        issues += [Issue(printable(row.name), "copied class", "dropped", reason, row.location) for row in dropped]
        rows = [row for row in rows if row.label != copy or row.name not in names]
        copied.add(copy)
    return rows, issues, copied


def _find_copy(rows: Sequence[Row]) -> tuple[str, str] | None:
    """Return a class that is a copy of another, and that other class. None if there is none.

    Two classes are compared if all files of one are also listed in the other. The copy is the class that fewer of
    these file names mention. If they mention both equally often, it is the class without files of its own, else the
    later class.
    """
    names: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        names[row.label].add(row.name)
    for inner, outer in permutations([label for label in names if not is_partial(label)], 2):
        if names[inner] <= names[outer]:
            mentions = {
                label: sum(label.removesuffix("s") in name.casefold() for name in names[inner])
                for label in (inner, outer)
            }
            if mentions[inner] != mentions[outer]:
                copy = min(mentions, key=mentions.__getitem__)
            else:
                copy = inner if names[inner] < names[outer] else max(inner, outer, key=list(names).index)
            return copy, outer if copy == inner else inner
    return None


def _match_files(
    rows: Iterable[Row], files: dict[str, str], file_issues: Iterable[Issue]
) -> tuple[list[tuple[str, Row]], list[Issue]]:
    """Match rows with files. Return pairs of file and row, and issues for missing and differently written names."""
    by_spelling = defaultdict(list)
    for name in files:
        by_spelling[spelling(name)].append(name)
    reasons = {spelling(Path(name).stem): f"listed without its suffix; {name} is there" for name in files}
    reasons |= {spelling(Path(issue.file).name): issue.reason for issue in file_issues}
    found, issues = [], []
    for row in rows:
        if fault := _name_fault(row.name):
            issues.append(Issue(printable(row.name), "unsafe name", "dropped", fault, row.location))
            continue
        key = spelling(row.name)
        if row.name in files:
            found.append((files[row.name], row))
        elif len(by_spelling[key]) == 1:
            file = files[by_spelling[key][0]]
            found.append((file, row))
            issues.append(Issue(file, "differently written name", "repaired", f"listed as {row.name!r}", row.location))
        else:
            reason = reasons.get(key, "listed, but there is no such recording")
            issues.append(Issue(row.name, "missing", "dropped", reason, row.location))
    return found, issues


def _clips_of_rows(listed: Iterable[tuple[str, Row]], split: str, labels: ClassNames) -> tuple[list[Clip], list[Issue]]:
    """Return one clip per file if its rows agree on the class, and an issue for each further row."""
    rows_of = defaultdict(list)
    for file, row in listed:
        rows_of[file].append(row)
    clips, issues = [], []
    for file, rows in rows_of.items():
        classes = sorted({row.label for row in rows}, key=(*labels.classes, *(row.label for row in rows)).index)
        if len(classes) > 1:
            reason = f"listed as {' and '.join(classes)}, which contradict each other; keep one of the rows"
            issues += [Issue(file, "several classes", "dropped", reason, row.location) for row in rows]
            continue
        group = next((row.group for row in rows if row.group), "")
        own_split = next((row.split for row in rows if row.split), "")
        weight, first = max(row.weight for row in rows), rows[0]
        clips.append(
            Clip(file, classes[0], own_split or split, group, weight, first.source, first.licence, bool(own_split))
        )
        issues += [Issue(file, "listed twice", "reported", _reason(row, rows[0]), row.location) for row in rows[1:]]
    return clips, issues


def _reason(row: Row, first: Row) -> str:
    """Return what a further row of a file says that its first row does not say."""
    names = ("group", "weight", "split")
    differing = [name for name in names if getattr(row, name) != getattr(first, name)]
    if not differing:
        return f"says the same as {first.location}; counted once"
    return f"names the file of {first.location} with another {' and '.join(differing)}; keep one of the rows"


def _clips_without_row(
    files: Iterable[str], listed: set[str], copied: set[str], split: str, labels: ClassNames
) -> tuple[list[Clip], list[Issue]]:
    """Return clips and issues of the files without a row.

    They get a class only if it is the single class without rows, because its own rows were copies.
    """
    empty = [label for label in labels.instruments if label not in listed]
    if len(empty) == 1 and empty[0] in copied:
        reason = f"read as {empty[0]}, because the rows of that class are copies of another class"
        return (
            [Clip(file, empty[0], split) for file in files],
            [Issue(file, "unlisted", "repaired", reason) for file in files],
        )
    return [], [Issue(file, "unlisted", "reported", "no row names it; left out") for file in files]


def _name_fault(name: str) -> str:
    """Return why a name from the metadata cannot be a file in the folder. Empty if it can."""
    if name != printable(name):
        return "has characters that cannot be printed"
    if re.search(r"[/\\]", name) or name in (".", ".."):
        return "a path; only names of files in the folder itself are accepted"
    return "names a drive" if re.match(r"[A-Za-z]:", name) else ""
