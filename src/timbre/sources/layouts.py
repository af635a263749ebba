"""How somebody's recordings lie, found by looking: in Kaggle's layout, in a folder for each instrument, anyhow with a
labels.csv that says what plays in each, or as the publisher of a known data set has them."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from timbre.core.errors import DataError
from timbre.core.partial_labels import ALL_UNKNOWN
from timbre.core.printable import printable
from timbre.labels.class_names import ClassNames
from timbre.labels.kaggle_layout import FOLDERS, METADATA
from timbre.labels.labels_csv import LABELS, LabelRow, parse_labels_csv
from timbre.labels.sheets import spelling
from timbre.sources.files import Files, find_dataset, kaggle_prefixes
from timbre.sources.metadata import MetadataRow
from timbre.sources.public import COLLECTIONS

KAGGLES, BY_INSTRUMENT, MUSIC = "Kaggle's layout", "a folder for each instrument", f"music labelled by {LABELS}"
SPLITS = {  # folders above those of instruments, and the place in Kaggle's layout of what they hold
    **dict.fromkeys(("train", "training", "validation", "valid", "val"), 0),
    **dict.fromkeys(("test", "testing"), 1),
}


class Dataset(NamedTuple):
    """A data set among somebody's files.

    Attributes:
        layout: in words.
        files: each of its files, and where below data/raw it goes.
        rows: of metadata to write, for train and for test; none where the data set brings its own.
    """

    layout: str
    files: dict[str, str]
    rows: tuple[list[MetadataRow], list[MetadataRow]]


class Placed(NamedTuple):
    """A file below a folder of an instrument: whether for train (0) or test (1), that folder, and what follows."""

    split: int
    folder: str
    rest: tuple[str, ...]


def find_layout(files: Files, origin: object, instruments: Sequence[str]) -> Dataset:
    """Find the data set among `files`, which may hold it under one folder of its own.

    Raises:
        DataError: there is none, or part of one, or it could be either of two layouts.
    """
    names, labels = sorted(files), ClassNames(instruments)
    wrapper = _wrapper(names, labels)
    table, rows, listed = wrapper + LABELS, [], {}
    if table in files:
        with files[table].open() as file:
            rows = parse_labels_csv(file.read(), f"{origin}/{table}", instruments)
        listed = _listed(rows, names, wrapper)
    rest = sorted({*names} - {*listed.values()})
    placed = {name: at for name in rest if (at := _place(name, wrapper))}
    known = sorted({at.folder for at in placed.values() if labels.is_known(at.folder)})
    seen = [METADATA[0]] if kaggle_prefixes(names) else []
    seen += [table] if rows else []
    seen += [f"folders of instruments ({', '.join(known)})"] if known else []
    public = [collection for collection in COLLECTIONS.values() if collection.is_in(names)]
    seen += [collection.title for collection in public]
    if len(seen) > 1:
        raise DataError(f"{origin}: holds {' and '.join(seen)}; take the one or other out")
    if rows:
        return _labelled(MUSIC, rows, listed)
    if public:
        rows = [row for row in public[0].read(files, origin, instruments) if row.label != ALL_UNKNOWN]
        return _labelled(public[0].title, rows, {row.path: row.path for row in rows})
    if known:
        return _by_instrument(placed, origin, labels)
    if seen:
        prefix, inside = find_dataset(names, origin)
        return Dataset(KAGGLES, {prefix + name: name for name in inside}, ([], []))
    raise DataError(
        f"{origin}: holds neither {METADATA[0]}, as Kaggle's layout has it, nor folders of instruments "
        f"({', '.join(instruments)}), nor {LABELS}, nor a public data set that is known here"
    )


def _wrapper(names: Sequence[str], labels: ClassNames) -> str:
    """The one folder that all files lie in, where it is no instrument's and no split's: `archive/`."""
    tops = {name.rpartition("/")[0].partition("/")[0] for name in names if not name.startswith(".")}
    top = min(tops, default="")
    return "" if len(tops) != 1 or not top or top.casefold() in SPLITS or labels.is_known(top) else f"{top}/"


def _place(name: str, prefix: str) -> Placed | None:
    """Where a file stands; none for one that is hidden, or lies in no folder of an instrument."""
    parts = PurePosixPath(name.removeprefix(prefix)).parts
    if any(part.startswith(".") for part in parts):
        return None
    split = SPLITS.get(parts[0].casefold()) if len(parts) > 2 else None
    folder, *rest = parts if split is None else parts[1:]
    return Placed(split or 0, folder, tuple(rest)) if rest else None


def _listed(rows: Sequence[LabelRow], names: Sequence[str], prefix: str) -> dict[str, str]:
    """The file that each path of a table means.

    Raises:
        DataError: none is written so, whatever its case.
    """
    alike = {spelling(name): name for name in names} | {name: name for name in names}
    found = {}
    for row in rows:
        path = prefix + row.path
        name = alike.get(path) or alike.get(spelling(path))
        if name is None:
            fault = "leads outside the folder" if _leads_outside(row.path) else "is not there"
            raise DataError(f"{row.location}: {printable(row.path)} {fault}; put it right, or take the row out")
        found[row.path] = name
    return found


def _leads_outside(path: str) -> bool:
    return path.startswith(("/", "~")) or ".." in PurePosixPath(path).parts


def _labelled(layout: str, rows: Sequence[LabelRow], listed: dict[str, str]) -> Dataset:
    """Return labelled recordings; the names of their copies come from their paths."""
    files: dict[str, str] = {}
    metadata: tuple[list[MetadataRow], list[MetadataRow]] = [], []
    for row in rows:
        split = SPLITS.get(row.split.casefold(), None if row.split else 0)
        if split is None:
            raise DataError(f"{row.location}: split {printable(row.split)!r} is none of train, validation, test")
        copy = "__".join(PurePosixPath(listed[row.path]).parts)
        files[listed[row.path]] = f"{FOLDERS[split]}/{FOLDERS[split]}/{copy}"
        metadata[split].append(MetadataRow(copy, row.label, row.group or row.source, row.weight or 1))
    return Dataset(layout, files, metadata)


def _by_instrument(placed: dict[str, Placed], origin: object, labels: ClassNames) -> Dataset:
    """Recordings by the folder that they lie in; those of one folder below it are one group.

    Raises:
        DataError: a folder's name is no instrument's.
    """
    files: dict[str, str] = {}
    rows: tuple[list[MetadataRow], list[MetadataRow]] = [], []
    for name, (split, folder, rest) in placed.items():
        try:
            instrument = labels.match(folder)
        except DataError as error:
            raise DataError(
                f"{origin}: folder {printable(folder)}: {error}; list it in instruments, name it other, or take it out"
            ) from None
        copy = "__".join((folder, *rest))
        files[name] = f"{FOLDERS[split]}/{FOLDERS[split]}/{copy}"
        rows[split].append(MetadataRow(copy, instrument, "/".join((folder, *rest[:-1])) if len(rest) > 1 else ""))
    return Dataset(BY_INSTRUMENT, files, rows)
