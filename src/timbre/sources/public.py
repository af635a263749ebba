"""Reads public data sets, in the folders that their publishers (or mirdata) unpack, as labelled recordings.

- OpenMIC-2018 (Humphrey, Durand and McFee, ISMIR 2018): excerpts of 10 s. A crowd labelled some of 20 instruments in
  each as present or absent. It has its own split. We leave out the ten tracks that its errata call corrupt.
- IRMAS (Bosch, Janer, Fuhrmann and Herrera, ISMIR 2012): training excerpts have one predominant instrument, and some
  say whether there are drums. Testing excerpts have all predominant instruments; the others count as absent, as in
  published results. Testing excerpts say nothing about drums.
- Medley-solos-DB (Lostanlen and Cella, ISMIR 2016): clips of 3 s with a single instrument. It has its own split.

mirdata has loaders for all three, but we do not use them. They download an index first, they cannot read a zip, and
they expect each file at its path in that index. Converting their labels takes as much code as reading the tables.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from timbre.core.errors import DataError
from timbre.core.instruments import OTHER
from timbre.core.partial_labels import partial_label
from timbre.labels.class_names import ClassNames
from timbre.labels.labels_csv import LabelRow
from timbre.labels.sheets import parse_sheet
from timbre.sources.files import Files

OPENMIC_LABELS = "openmic-2018-aggregated-labels.csv"
CORRUPT = {
    *("071826", "071827", "087435", "095253", "095259", "095263", "102144", "113025", "113604", "138485"),
}  # tracks of OpenMIC-2018, from the errata at github.com/cosmir/openmic-2018
IRMAS_CODES = {
    "cel": "cello",
    "cla": "clarinet",
    "flu": "flute",
    "gac": "guitar",
    "gel": "guitar",
    "org": "organ",
    "pia": "piano",
    "sax": "saxophone",
    "tru": "trumpet",
    "vio": "violin",
    "voi": "voice",
}
IRMAS_NAME = re.compile(rf"^\[({'|'.join(IRMAS_CODES)})\]")
IRMAS_DRUMS = {"[dru]": (["drums"], []), "[nod]": ([], ["drums"])}
MEDLEY_METADATA = "Medley-solos-DB_metadata.csv"
MEDLEY_NAMES = {"distorted electric guitar": "guitar", "female singer": "voice", "tenor saxophone": "saxophone"}


class Collection(NamedTuple):
    """A public data set.

    Attributes:
        title: Its name.
        is_in: Returns whether the data set is among some file names.
        read: Returns its recordings with their labels for some instruments.
        published: Published results on its test split, in words.
    """

    title: str
    is_in: Callable[[Iterable[str]], bool]
    read: Callable[[Files, object, Sequence[str]], list[LabelRow]]
    published: str


def read_openmic(files: Files, origin: object, instruments: Sequence[str]) -> list[LabelRow]:
    """Return the excerpts of OpenMIC-2018 with its aggregated labels and its partition 01.

    Raises:
        DataError: A table is missing or is not as published, or there are no recordings.
    """
    table = _find(files, OPENMIC_LABELS, origin)
    home = table.removesuffix(OPENMIC_LABELS)
    splits: dict[str, str] = {}
    for split in ("train", "test"):
        partition = _text(files, _find(files, f"partitions/split01_{split}.csv", origin), origin)
        splits |= dict.fromkeys(partition.split(), split)
    present, absent = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    keys = set()
    for row in _rows(files, table, ("samplekey", "instrument", "relevance"), origin):
        keys.add(row["samplekey"])
        try:
            side = absent if float(row["relevance"]) < 0.5 else present
            side[row["samplekey"]].append(row["instrument"])
        except ValueError as error:
            raise DataError(f"{origin}: {table}: a relevance is not a number ({error}); download it again") from error
    found = [
        LabelRow(table, path, _label(present[key], absent[key], instruments), track, splits.get(key, ""))
        for key in sorted(keys)
        if (track := key.partition("_")[0]) not in CORRUPT and (path := f"{home}audio/{key[:3]}/{key}.ogg") in files
    ]
    return _not_empty(found, f"{origin}: has no recordings from {OPENMIC_LABELS}; put them into audio/")


def read_irmas(files: Files, origin: object, instruments: Sequence[str]) -> list[LabelRow]:
    """Return the excerpts of all parts of IRMAS (training and testing) that are present.

    Raises:
        DataError: There are none, or a label is not one of its codes.
    """
    found = []
    for name in sorted(files):
        path = PurePosixPath(name)
        text = str(path.with_suffix(".txt"))
        if path.suffix.lower() != ".wav" or path.name.startswith("."):
            continue
        if code := IRMAS_NAME.match(path.name):
            drums, no_drums = next((IRMAS_DRUMS[mark] for mark in IRMAS_DRUMS if mark in path.name), ([], []))
            label = _label([IRMAS_CODES[code[1]], *drums], no_drums, instruments)
            recording = re.sub(r"^(\[.*\])|(__\d+)?\.wav$", "", path.name, flags=re.IGNORECASE)
            found.append(LabelRow(name, name, label, f"{code[1]} {recording}", "train"))
        elif text in files:
            codes = _text(files, text, origin).split()
            if unknown := [code for code in codes if code not in IRMAS_CODES]:
                known = ", ".join(IRMAS_CODES)
                raise DataError(f"{origin}: {text}: {unknown[0]!r} is not one of {known}; download it again")
            present = {IRMAS_CODES[code] for code in codes}
            label = _label(present, {*IRMAS_CODES.values()} - present, instruments)
            found.append(LabelRow(text, name, label, re.sub(r"[\s-]*\d*\.wav$", "", path.name), "test"))
    return _not_empty(found, f"{origin}: has no recordings of IRMAS, such as [pia][nod][cla]0001__1.wav")


def read_medley(files: Files, origin: object, instruments: Sequence[str]) -> list[LabelRow]:
    """Return the clips of Medley-solos-DB. Instruments that params.yaml does not list are other.

    Raises:
        DataError: Its metadata is missing or is not as published, or there are no recordings.
    """
    table = _find(files, MEDLEY_METADATA, origin)
    paths = {PurePosixPath(name).name: name for name in files}
    labels = ClassNames(instruments)
    found = []
    for row in _rows(files, table, ("subset", "instrument", "instrumentid", "songid", "uuid4"), origin):
        subset = row["subset"]
        path = paths.get(f"Medley-solos-DB_{subset}-{row['instrumentid']}_{row['uuid4']}.wav")
        if path:
            label = labels.find(MEDLEY_NAMES.get(row["instrument"], row["instrument"])) or OTHER
            found.append(LabelRow(table, path, label, f"{subset} {row['songid']}", subset))
    return _not_empty(found, f"{origin}: has no recordings from {MEDLEY_METADATA}; put them into audio/")


COLLECTIONS = {
    "openmic": Collection(
        "OpenMIC-2018",
        lambda names: any(PurePosixPath(name).name == OPENMIC_LABELS for name in names),
        read_openmic,
        "the baseline of its authors, trained on its train split: F1 of guitar 0.98, drums 0.93, piano 0.96, violin "
        "0.89; always predicting 'present' has 0.79, so look at AUC and the F1 of absence, too",
    ),
    "irmas": Collection(
        "IRMAS",
        lambda names: any(IRMAS_NAME.match(PurePosixPath(name).name) for name in names),
        read_irmas,
        "micro F1 of all 11 instruments 0.674 (Zhong and others, 2023), trained on its training part to predict "
        "only predominant instruments",
    ),
    "medley-solos": Collection(
        "Medley-solos-DB",
        lambda names: any(PurePosixPath(name).name == MEDLEY_METADATA for name in names),
        read_medley,
        "the results that we know choose one of its 8 instruments and cannot be compared with these",
    ),
}


def _label(present: Iterable[str], absent: Iterable[str], instruments: Sequence[str]) -> str:
    """Return the partial labels of the listed instruments. Other names are skipped."""
    labels = ClassNames(instruments)
    plays, silent = ({labels.find(name) for name in names} for names in (present, absent))
    return partial_label(
        [name for name in instruments if name in plays],
        [name for name in instruments if name in silent - plays],
    )


def _find(files: Files, ending: str, origin: object) -> str:
    """Return the shortest path with this ending."""
    found = [name for name in files if f"/{name}".endswith(f"/{ending}")]
    if not found:
        raise DataError(f"{origin}: has no {ending}; name the folder into which the archive was unpacked")
    return min(sorted(found), key=len)


def _text(files: Files, name: str, origin: object) -> str:
    """Return the content of a text file."""
    try:
        with files[name].open() as file:
            return file.read().decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{origin}: {name}: not a text file; download it again") from error


def _rows(files: Files, name: str, columns: Sequence[str], origin: object) -> list[dict[str, str]]:
    """Return the rows of a published table. Column names are in lower case, without `_`."""
    with files[name].open() as file:
        lines = parse_sheet(file.read(), f"{origin}/{name}", columns, (), "the table as published; download it again")
    return [line.cells for line in lines]


def _not_empty(rows: list[LabelRow], error: str) -> list[LabelRow]:
    if not rows:
        raise DataError(error)
    return rows
