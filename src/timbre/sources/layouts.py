"""How somebody's recordings lie, found by looking: in Kaggle's layout, or in a folder for each instrument."""

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from timbre.core.errors import DataError
from timbre.core.kaggle_layout import FOLDERS, METADATA
from timbre.core.labels import Labels
from timbre.core.printable import printable
from timbre.sources.files import find_dataset, kaggle_prefixes
from timbre.sources.metadata import Row

KAGGLES, BY_INSTRUMENT = "Kaggle's layout", "a folder for each instrument"
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
    rows: tuple[list[Row], list[Row]]


class Placed(NamedTuple):
    """A file below a folder of an instrument: whether for train (0) or test (1), that folder, and what follows."""

    split: int
    folder: str
    rest: tuple[str, ...]


def find_layout(names: Iterable[str], origin: object, instruments: Sequence[str]) -> Dataset:
    """Find the data set among `names`, which may hold it under one folder of its own.

    Raises:
        DataError: there is none, or part of one, or it could be either of two layouts.
    """
    names, labels = sorted(names), Labels(instruments)
    placed = {name: at for name in names if (at := _place(name, _wrapper(names, labels)))}
    known = sorted({at.folder for at in placed.values() if labels.is_known(at.folder)})
    if kaggle_prefixes(names):
        if known:
            seen = f"{METADATA[0]}, and folders of instruments ({', '.join(known)})"
            raise DataError(f"{origin}: holds {seen}; take the one or other out")
        prefix, inside = find_dataset(names, origin)
        return Dataset(KAGGLES, {prefix + name: name for name in inside}, ([], []))
    if not known:
        wanted = ", ".join(instruments)
        raise DataError(
            f"{origin}: holds neither {METADATA[0]}, as Kaggle's layout has it, nor folders of instruments ({wanted})"
        )
    return _by_instrument(placed, origin, labels)


def _wrapper(names: Sequence[str], labels: Labels) -> str:
    """The one folder that all files lie in, where it is no instrument's and no split's: `archive/`."""
    tops = {name.partition("/")[0] for name in names if not name.startswith(".")}
    top = min(tops, default="")
    return "" if len(tops) != 1 or top.casefold() in SPLITS or labels.is_known(top) else f"{top}/"


def _place(name: str, prefix: str) -> Placed | None:
    """Where a file stands; none for one that is hidden, or lies in no folder of an instrument."""
    parts = PurePosixPath(name.removeprefix(prefix)).parts
    if any(part.startswith(".") for part in parts):
        return None
    split = SPLITS.get(parts[0].casefold()) if len(parts) > 2 else None
    folder, *rest = parts if split is None else parts[1:]
    return Placed(split or 0, folder, tuple(rest)) if rest else None


def _by_instrument(placed: dict[str, Placed], origin: object, labels: Labels) -> Dataset:
    """Recordings by the folder that they lie in; those of one folder below it are one group.

    Raises:
        DataError: a folder's name is no instrument's.
    """
    files: dict[str, str] = {}
    rows: tuple[list[Row], list[Row]] = [], []
    for name, (split, folder, rest) in placed.items():
        try:
            instrument = labels.match(folder)
        except DataError as error:
            raise DataError(
                f"{origin}: folder {printable(folder)}: {error}; list it in instruments, name it other, or take it out"
            ) from None
        copy = "__".join((folder, *rest))
        files[name] = f"{FOLDERS[split]}/{FOLDERS[split]}/{copy}"
        rows[split].append(Row(copy, instrument, "/".join((folder, *rest[:-1])) if len(rest) > 1 else ""))
    return Dataset(BY_INSTRUMENT, files, rows)
