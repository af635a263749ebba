"""Finds the layout of a data set from the names of its files.

The layouts are Kaggle's, a folder for each instrument, any folders with a labels.csv, and those of public data sets.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import NamedTuple

from timbre.core.errors import DataError
from timbre.core.partial_labels import ALL_UNKNOWN
from timbre.core.printable import printable
from timbre.core.suffixes import may_be_recording
from timbre.labels.class_names import ClassNames
from timbre.labels.kaggle_layout import METADATA
from timbre.labels.labels_csv import LABELS, LabelRow, parse_labels_csv
from timbre.labels.sheets import spelling
from timbre.sources.files import Files, find_dataset, is_hidden, kaggle_homes, shallowest
from timbre.sources.names import path_fault
from timbre.sources.public import COLLECTIONS

KAGGLE, BY_INSTRUMENT, LABELLED = "Kaggle's layout", "a folder for each instrument", f"labelled by {LABELS}"
SPLITS = {  # names of splits, in labels.csv and for folders above those of instruments
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


class Recording(NamedTuple):
    """A recording to copy, and its metadata.

    Attributes:
        path: Path in the folder or zip.
        short_path: The part of the path that makes the name of the copy.
        split: train, validation or test.
        label: An instrument, other, or a partial label.
        group: What must stay in one split, or empty.
        weight: How many clips it counts as in training.
        source: Where it comes from, or empty.
        licence: Its licence, or empty.
    """

    path: str
    short_path: str
    split: str
    label: str
    group: str = ""
    weight: int = 1
    source: str = ""
    licence: str = ""


class Dataset(NamedTuple):
    """A data set among the files of a folder or zip.

    Attributes:
        layout: The layout, in words.
        recordings: The recordings, which need metadata.
        files: Files that are copied under the same name, as in Kaggle's layout: path and path of the copy.
        table: The path of its labels.csv, or empty.
    """

    layout: str
    recordings: Sequence[Recording] = ()
    files: Mapping[str, str] = MappingProxyType({})
    table: str = ""


class InFolder(NamedTuple):
    """The path of a recording: its split, the folder of its instrument, and the parts below that folder."""

    split: str
    folder: str
    rest: tuple[str, ...]


def find_layout(files: Files, origin: object, instruments: Sequence[str]) -> Dataset:
    """Find the data set among files. Other files can be next to it, and it can be in a folder of any depth.

    Raises:
        DataError: There is no data set, only a part of one, or more than one.
    """
    names = sorted(name for name in files if not is_hidden(name))
    classes = ClassNames(instruments)
    home = _home(names, classes, origin)
    table = "" if home is None or home + LABELS not in files else home + LABELS
    rows = read_table(files, table, origin, instruments) if table else []
    listed = {row.path for row in rows}
    in_folders = _in_folders([name for name in names if name not in listed], home)
    known = sorted({found.folder for found in in_folders.values() if classes.is_known(found.folder)})
    public = [collection for collection in COLLECTIONS.values() if collection.is_in(names)]
    seen = [METADATA[0]] if home in kaggle_homes(names) else []
    seen += [table] if table else []
    seen += [f"folders of instruments ({', '.join(known)})"] if known else []
    seen += [collection.title for collection in public]
    if len(seen) > 1:
        raise DataError(f"{origin}: has {' and '.join(seen)}; remove one of them")
    if table:
        return Dataset(LABELLED, labelled(rows), table=table)
    if public:
        rows = [row for row in public[0].read(files, origin, instruments) if row.label != ALL_UNKNOWN]
        return Dataset(public[0].title, labelled(rows))
    if known:
        return Dataset(BY_INSTRUMENT, _by_instrument(in_folders, origin, classes))
    if seen:
        prefix, inside = find_dataset(names, origin)
        return Dataset(KAGGLE, files={prefix + name: name for name in inside})
    raise DataError(
        f"{origin}: has no folders of instruments ({', '.join(instruments)}), no {LABELS}, no {METADATA[0]} (Kaggle's "
        "layout), and is not a known public data set; name another folder or zip"
    )


def read_table(files: Files, table: str, origin: object, instruments: Sequence[str]) -> list[LabelRow]:
    """Return the rows of a labels.csv. Their paths are those of the files, which can be spelt differently.

    Raises:
        DataError: The table or a row cannot be used, or a path means no recording or several.
    """
    with files[table].open() as file:
        rows = parse_labels_csv(file.read(), f"{origin}/{table}", instruments)
    home = table.removesuffix(LABELS)
    by_spelling = defaultdict(list)
    for name in files:
        by_spelling[spelling(name)].append(name)
    found = []
    for row in rows:
        path = home + row.path
        matches = [path] if path in files else by_spelling.get(spelling(path), [])
        if len(matches) != 1:
            meant = "could mean " + " or ".join(map(printable, matches))
            fault = path_fault(row.path) or (meant if matches else "does not exist")
            raise DataError(
                f"{row.location}: {printable(row.path)} {fault}; write the path of a file below the folder, "
                "or remove the row"
            )
        found.append(row._replace(path=matches[0]))
    return found


def group_or_source(row: LabelRow) -> str:
    """Return what must stay in one split: the column group, or else the column source."""
    return row.group or row.source


def labelled(
    rows: Sequence[LabelRow], weight: int = 1, group: Callable[[LabelRow], str] = group_or_source
) -> list[Recording]:
    """Return the recordings of the rows of a labels.csv.

    Args:
        rows: The rows, with the paths of files.
        weight: The weight of a row without one.
        group: Returns the group of a row.

    Raises:
        DataError: A row has an unknown split, or two rows put one file into two splits.
    """
    recordings = []
    split_of: dict[str, str] = {}
    for row in rows:
        split = SPLITS.get(row.split.casefold(), None if row.split else "train")
        if split is None:
            raise DataError(
                f"{row.location}: split {printable(row.split)!r} is unknown; write train, validation or test"
            )
        if split_of.setdefault(row.path, split) != split:
            raise DataError(
                f"{row.location}: {row.path} is in {split_of[row.path]} and in {split}; remove one of its rows"
            )
        recordings.append(
            Recording(row.path, row.path, split, row.label, group(row), row.weight or weight, row.source, row.licence)
        )
    return recordings


def _home(names: Sequence[str], classes: ClassNames, origin: object) -> str | None:
    """Return the folder of the data set, such as `archive/` or an empty text, or None if nothing tells it."""
    homes = {*kaggle_homes(names)}
    for name in names:
        *folders, file = name.split("/")
        if file == LABELS:
            homes.add(name.removesuffix(LABELS))
        elif may_be_recording(file):
            depth = next((depth for depth, folder in enumerate(folders) if classes.is_known(folder)), None)
            if depth is not None:
                depth -= depth > 0 and folders[depth - 1].casefold() in SPLITS
                homes.add("".join(f"{folder}/" for folder in folders[:depth]))
    return shallowest(homes, origin) if homes else None


def _in_folders(names: Sequence[str], home: str | None) -> dict[str, InFolder]:
    """Return the recordings that are in a folder below the home, by path."""
    found = {}
    for name in names:
        if home is None or not name.startswith(home) or not may_be_recording(name):
            continue
        parts = name.removeprefix(home).split("/")
        split = SPLITS.get(parts[0].casefold()) if len(parts) > 2 else None
        folder, *rest = parts if split is None else parts[1:]
        if rest:
            found[name] = InFolder(split or "train", folder, tuple(rest))
    return found


def _by_instrument(in_folders: Mapping[str, InFolder], origin: object, classes: ClassNames) -> list[Recording]:
    """Return recordings with the label of their folder. Each folder in it is a group.

    The user has decided the splits, so a folder of the same name in two splits makes two groups.

    Raises:
        DataError: A folder has no instrument's name.
    """
    groups = {path: "/".join((found.folder, *found.rest[:-1])) for path, found in in_folders.items()}
    splits = defaultdict(set)
    for path, found in in_folders.items():
        splits[groups[path]].add(found.split)
    recordings = []
    for path, (split, folder, rest) in in_folders.items():
        try:
            label = classes.match(folder)
        except DataError as error:
            if not PurePosixPath(path).suffix:  # such as docs/LICENSE
                continue
            raise DataError(
                f"{origin}: folder {printable(folder)}: {error}; add it to instruments, name it other, or remove it"
            ) from None
        group = groups[path] if len(splits[groups[path]]) == 1 else f"{split}/{groups[path]}"
        short_path = "/".join((folder, *rest))
        recordings.append(Recording(path, short_path, split, label, printable(group) if len(rest) > 1 else ""))
    return recordings
