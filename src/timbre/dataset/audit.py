"""Which recording is which instrument: the names and metadata of a raw folder, checked and repaired.

Only names and metadata are read, never sound. The rules are general; each answers a fault that Kaggle's data
set really has:

- All 700 violin rows of its train metadata repeat the drum rows' file names: a class whose files all stand in
  another class is a copy, and its rows go (`copied class`).
- Its 700 violin recordings have no row at all: where one class alone is left without rows, the files that no
  row names are that class (`unlisted`); otherwise they are reported, not guessed.
- `loop-16247.wav` stands in drums and in piano, which no name can settle: it goes (`several classes`).
- One listed file is not there (`missing`). Three violin names stand in test too: test keeps them (`in test too`).
- Its test metadata says `Sound_Guiatr` (`misspelt class`).

Metadata may come from anyone: a name in it never leads outside its folder (`unsafe name`).
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import permutations
from pathlib import Path
from statistics import mode
from typing import NamedTuple

from timbre.core.errors import DataError
from timbre.core.files import is_in_store
from timbre.core.partial_labels import ALL_UNKNOWN, is_partial, is_single, present_and_absent
from timbre.core.printable import printable
from timbre.core.suffixes import may_be_recording
from timbre.core.tables import Clip, Issue
from timbre.labels.class_names import ClassNames
from timbre.labels.kaggle_layout import FOLDERS, METADATA
from timbre.labels.sheets import WEIGHTS, read_sheet, spelling, whole_number

COLUMNS = ("filename", "class", "group", "weight")
EXPECTED = "CSV with the columns FileName and Class, and Group and Weight if you like"


class Row(NamedTuple):
    """A metadata row: its place (`Metadata_Train.csv:12`), file name, instrument, group, if any, and weight."""

    place: str
    name: str
    label: str
    group: str
    weight: int


def audit(raw: Path, instruments: Sequence[str]) -> tuple[list[Clip], list[Issue]]:
    """List the clips of a raw folder in Kaggle's layout, and all that is wrong with it.

    The folders may be doubled, as Kaggle's are, or single. Test's folder and metadata may be absent. Every row
    of the metadata and every file of the folders is in the clips or in an issue.

    Returns:
        Clips of train and test, sorted by file; issues of train, then test.

    Raises:
        DataError: train's folder is missing, or metadata is missing (of train), empty, without the columns
            needed, or names a class that is no instrument.
    """
    labels = ClassNames(instruments)
    train, train_issues = _audit_split(raw, "train", FOLDERS[0], METADATA[0], labels)
    test, test_issues = _audit_split(raw, "test", FOLDERS[1], METADATA[1], labels)
    tested = {spelling(Path(clip.file).name): clip.file for clip in test}
    twice = {clip.file: name for clip in train if (name := tested.get(spelling(Path(clip.file).name)))}
    twice_issues = [Issue(file, "in test too", "dropped", f"{name} keeps it") for file, name in twice.items()]
    clips = [clip for clip in train if clip.file not in twice] + test
    return sorted(clips, key=lambda clip: clip.file), train_issues + twice_issues + test_issues


def require_every_class(
    instruments: Sequence[str], clips: Iterable[Clip], issues: Sequence[Issue], known: Iterable[Clip] = ()
) -> None:
    """Check that each instrument has train clips in which it plays alone or, where none does, labelled music.

    Args:
        instruments: all of them.
        clips: that are left.
        issues: what was found.
        known: clips of which some are not left: an issue of one of them counts for its own instrument alone.

    Raises:
        DataError: an instrument has none; the text gives the commonest reason.
    """
    train = [clip.label for clip in clips if clip.split == "train"]
    alone = {label for label in train if is_single(label)}
    held = alone or {name for label in train if is_partial(label) for name in present_and_absent(label)[0]}
    if missing := [label for label in instruments if label not in held]:
        others = {clip.file for clip in known if clip.label not in missing}
        raise DataError(
            f"{FOLDERS[0]}: no usable {' and no '.join(missing)} clip"
            f"{_commonest([issue for issue in issues if issue.file not in others])}; "
            f"compare its files with the rows of {METADATA[0]}"
        )


def _commonest(issues: Sequence[Issue]) -> str:
    """How many were dropped, or else reported, and one for the commonest reason of the commonest kind."""
    for action in ("dropped", "reported"):
        if taken := [issue for issue in issues if issue.action == action]:
            kind = mode(issue.kind for issue in taken)
            reason = mode(issue.reason for issue in taken if issue.kind == kind)
            example = next(issue for issue in taken if (issue.kind, issue.reason) == (kind, reason))
            return f" ({len(taken)} were {action}, such as {example.file or example.row}: {reason})"
    return ""


def _audit_split(
    raw: Path, split: str, folder: str, metadata: str, labels: ClassNames
) -> tuple[list[Clip], list[Issue]]:
    """The clips and issues of one folder and its metadata."""
    is_wanted = split == "train"
    if is_wanted and not (raw / folder).is_dir():
        raise DataError(f"{raw / folder}: not there; expected the recordings that {metadata} lists")
    files, stray = _list_files(raw, folder)
    rows, issues = _read_rows(raw / metadata, labels) if is_wanted or (raw / metadata).exists() else ([], [])
    rows, copied_issues, copied = _drop_copied_classes(rows)
    listed, unfound = _match_files(rows, files, stray)
    clips, conflicts = _settle(listed, split, labels)
    named = {file for file, _ in listed}
    unlisted = [file for file in files.values() if file not in named]
    found, guesses = _settle_unlisted(unlisted, {row.label for row in rows}, copied, split, labels)
    return clips + found, issues + stray + copied_issues + unfound + conflicts + guesses


def _read_rows(path: Path, labels: ClassNames) -> tuple[list[Row], list[Issue]]:
    """Read metadata: rows with a known class, and issues for those without a name or with a class misspelt."""
    rows, issues = [], []
    for number, cells in read_sheet(path, COLUMNS[:2], COLUMNS[2:], EXPECTED):
        name, label, group, weight = (cells[column] for column in COLUMNS)
        place = f"{path.name}:{number}"
        if not name:
            issues.append(Issue("", "no file name", "dropped", f"a row of class {label!r} names no file", place))
            continue
        try:
            rows.append(Row(place, name, labels.match(label), group, _weight(weight)))
        except DataError as error:
            raise DataError(f"{place}: {printable(name)}: {error}; put it right") from None
        if rows[-1].label == ALL_UNKNOWN:
            reason = f"{label!r} says nothing of {', '.join(labels.instruments)}"
            issues.append(Issue(printable(name), "nothing known", "dropped", reason, place))
            rows.pop()
        elif labels.is_not_asked_for(label):
            reason = f"class {label!r} counts as other; to learn it, list it in instruments"
            issues.append(Issue(printable(name), "class not asked for", "reported", reason, place))
        elif not labels.is_spelt_right(label):
            reason = f"class {label!r} taken as {rows[-1].label}"
            issues.append(Issue(printable(name), "misspelt class", "repaired", reason, place))
    if not rows:
        raise DataError(f"{path}: holds no rows; expected {EXPECTED}")
    return rows, issues


def _weight(cell: str) -> int:
    try:
        return whole_number(cell, WEIGHTS) if cell else 1
    except ValueError as error:
        raise DataError(f"weight {error}") from None


def _list_files(raw: Path, folder: str) -> tuple[dict[str, str], list[Issue]]:
    """Recordings of a folder, name to path below `raw`, and an issue for every other file there."""
    top = raw / folder
    home = top / folder if (top / folder).is_dir() else top
    files, issues = {}, []
    for place, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(names + [name for name in folders if (Path(place) / name).is_symlink()]):
            path = Path(place) / name
            file = path.relative_to(raw).as_posix()
            if fault := _file_fault(path, raw):
                issues.append(Issue(printable(file), *fault))
            elif path.parent != home:
                reason = f"not in {home.relative_to(raw).as_posix()}, where recordings are looked for"
                issues.append(Issue(file, "outside the folder", "reported", reason))
            else:
                files[name] = file
    return files, issues


def _file_fault(path: Path, raw: Path) -> tuple[str, str, str] | None:
    """Kind, action and reason where a file of the folder is no recording that may be opened."""
    if path.name != printable(path.name):
        return "unsafe name", "dropped", "its name holds characters that cannot be printed"
    if path.name.startswith(".") or not may_be_recording(path.name):
        return "not audio", "reported", "its name has no suffix of audio or video"
    real = Path(os.path.realpath(path))
    if not real.is_relative_to(os.path.realpath(raw)) and not is_in_store(real):
        return "unsafe name", "dropped", "a link that leads outside the data set"
    if not path.is_file():
        return "unsafe name", "dropped", "no plain file"
    return None


def _drop_copied_classes(rows: list[Row]) -> tuple[list[Row], list[Issue], set[str]]:
    """Drop the rows of classes that are copies of another; return the rest, the issues and these classes."""
    issues, copied = [], set()
    while pair := _find_copy(rows):
        copy, original = pair
        names = {row.name for row in rows if row.label == original}
        dropped = [row for row in rows if row.label == copy and row.name in names]
        reason = f"{len(dropped)} {copy} rows repeat the file names of {original} rows"
        issues += [Issue(printable(row.name), "copied class", "dropped", reason, row.place) for row in dropped]
        rows = [row for row in rows if row.label != copy or row.name not in names]
        copied.add(copy)
    return rows, issues, copied


def _find_copy(rows: Sequence[Row]) -> tuple[str, str] | None:
    """A class whose rows repeat another's, and that other; None where there is none.

    Of two classes, one of whose files all stand in the other, the copy is the one whose own word stands in
    fewer of these names; where that settles nothing, the one that has no other files, else the later one.
    """
    names: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        names[row.label].add(row.name)
    for inner, outer in permutations([label for label in names if not is_partial(label)], 2):
        if names[inner] <= names[outer]:
            spoken = {
                label: sum(label.removesuffix("s") in name.casefold() for name in names[inner])
                for label in (inner, outer)
            }
            if spoken[inner] != spoken[outer]:
                copy = min(spoken, key=spoken.__getitem__)
            else:
                copy = inner if names[inner] < names[outer] else max(inner, outer, key=list(names).index)
            return copy, outer if copy == inner else inner
    return None


def _match_files(
    rows: Iterable[Row], files: dict[str, str], stray: Iterable[Issue]
) -> tuple[list[tuple[str, Row]], list[Issue]]:
    """The file of each row, and an issue for each row without one, or whose file is written differently."""
    alike = defaultdict(list)
    for name in files:
        alike[spelling(name)].append(name)
    absent = {spelling(Path(name).stem): f"listed without its suffix; {name} is there" for name in files}
    absent |= {spelling(Path(issue.file).name): issue.reason for issue in stray}
    found, issues = [], []
    for row in rows:
        if fault := _name_fault(row.name):
            issues.append(Issue(printable(row.name), "unsafe name", "dropped", fault, row.place))
            continue
        key = spelling(row.name)
        if row.name in files:
            found.append((files[row.name], row))
        elif len(alike[key]) == 1:
            file = files[alike[key][0]]
            found.append((file, row))
            issues.append(Issue(file, "differently written name", "repaired", f"listed as {row.name!r}", row.place))
        else:
            reason = absent.get(key, "listed, but no such recording is there")
            issues.append(Issue(row.name, "missing", "dropped", reason, row.place))
    return found, issues


def _settle(listed: Iterable[tuple[str, Row]], split: str, labels: ClassNames) -> tuple[list[Clip], list[Issue]]:
    """One clip per file where its rows agree on the class; an issue for each row beyond."""
    rows_of = defaultdict(list)
    for file, row in listed:
        rows_of[file].append(row)
    clips, issues = [], []
    for file, rows in rows_of.items():
        classes = sorted({row.label for row in rows}, key=(*labels.classes, *(row.label for row in rows)).index)
        if len(classes) > 1:
            reason = f"listed as {' and '.join(classes)}; no name can tell which is right"
            issues += [Issue(file, "several classes", "dropped", reason, row.place) for row in rows]
            continue
        group = next((row.group for row in rows if row.group), "")
        clips.append(Clip(file, classes[0], split, group, max(row.weight for row in rows)))
        reason = f"the same as {rows[0].place}; counted once"
        issues += [Issue(file, "listed twice", "reported", reason, row.place) for row in rows[1:]]
    return clips, issues


def _settle_unlisted(
    files: Iterable[str], listed: set[str], copied: set[str], split: str, labels: ClassNames
) -> tuple[list[Clip], list[Issue]]:
    """Clips of the files that no row names, where only one class can be meant: one whose rows were copies."""
    empty = [label for label in labels.instruments if label not in listed]
    if len(empty) == 1 and empty[0] in copied:
        reason = f"taken as {empty[0]}, whose own rows are copies of another class"
        return (
            [Clip(file, empty[0], split) for file in files],
            [Issue(file, "unlisted", "repaired", reason) for file in files],
        )
    return [], [Issue(file, "unlisted", "reported", "no row names it; left out") for file in files]


def _name_fault(name: str) -> str:
    """Why a name from the metadata is not the plain name of a file in the folder; empty where it is."""
    if name != printable(name):
        return "holds characters that cannot be printed"
    if re.search(r"[/\\]", name) or name in (".", ".."):
        return "a path; only the names of files in the folder itself are taken"
    return "names a drive" if re.match(r"[A-Za-z]:", name) else ""
