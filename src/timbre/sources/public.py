"""Public data sets as their publishers lay them out (or mirdata leaves them), read as labelled recordings.

- OpenMIC-2018 (Humphrey, Durand and McFee, ISMIR 2018): excerpts of 10 s, each with some of 20 instruments judged by a
  crowd to play or not; its own split. The excerpts of ten tracks are corrupt, as its errata say, and left out.
- IRMAS (Bosch, Janer, Fuhrmann and Herrera, ISMIR 2012): excerpts for training, each with one predominant instrument
  and at times with drums named or not; for testing with all that are predominant, whose others count as absent, as in
  what is published. Drums are not named there.
- Medley-solos-DB (Lostanlen and Cella, ISMIR 2016): clips of 3 s of one instrument alone; its own split.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from timbre.core.errors import DataError
from timbre.core.instruments import OTHER
from timbre.core.partial_labels import label_of
from timbre.labels.class_names import ClassNames
from timbre.labels.labels_csv import LabelRow
from timbre.labels.sheets import parse_sheet
from timbre.sources.files import Files

OPENMIC_LABELS = "openmic-2018-aggregated-labels.csv"
CORRUPT = {
    *("071826", "071827", "087435", "095253", "095259", "095263", "102144", "113025", "113604", "138485"),
}  # tracks of OpenMIC-2018: github.com/cosmir/openmic-2018, errata
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
        title: what it is called.
        holds: whether some files are it.
        read: its recordings, of what they are known to hold of some instruments.
        published: others' figures on its test split, in words.
    """

    title: str
    holds: Callable[[Iterable[str]], bool]
    read: Callable[[Files, object, Sequence[str]], list[LabelRow]]
    published: str


def read_openmic(files: Files, origin: object, instruments: Sequence[str]) -> list[LabelRow]:
    """The excerpts of OpenMIC-2018, by its aggregated labels and its partition 01.

    Raises:
        DataError: a table is missing or not as published, or no recording is there.
    """
    table = _find(files, OPENMIC_LABELS, origin)
    home = table.removesuffix(OPENMIC_LABELS)
    splits: dict[str, str] = {}
    for split in ("train", "test"):
        keys = _text(files, _find(files, f"partitions/split01_{split}.csv", origin), origin).split()
        splits |= dict.fromkeys(keys, split)
    sides: dict[str, tuple[list[str], list[str]]] = {}
    for row in _rows(files, table, ("samplekey", "instrument", "relevance"), origin):
        try:
            sides.setdefault(row["samplekey"], ([], []))[float(row["relevance"]) < 0.5].append(row["instrument"])
        except ValueError as error:
            raise DataError(f"{origin}: {table}: a relevance is no number ({error}); download it again") from error
    found = [
        LabelRow(table, path, _label(*sides[key], instruments), track, splits.get(key, ""))
        for key in sorted(sides)
        if (track := key.partition("_")[0]) not in CORRUPT and (path := f"{home}audio/{key[:3]}/{key}.ogg") in files
    ]
    return _some(found, f"{origin}: holds none of the recordings that {OPENMIC_LABELS} lists, below audio/")


def read_irmas(files: Files, origin: object, instruments: Sequence[str]) -> list[LabelRow]:
    """The excerpts of IRMAS, its training and testing parts, whichever are there.

    Raises:
        DataError: there are none, or a label is none of its codes.
    """
    found = []
    for name in sorted(files):
        path = PurePosixPath(name)
        beside = str(path.with_suffix(".txt"))
        if path.suffix.lower() != ".wav" or path.name.startswith("."):
            continue
        if code := IRMAS_NAME.match(path.name):
            drums, no_drums = next((IRMAS_DRUMS[mark] for mark in IRMAS_DRUMS if mark in path.name), ([], []))
            label = _label([IRMAS_CODES[code[1]], *drums], no_drums, instruments)
            recording = re.sub(r"^(\[.*\])|(__\d+)?\.wav$", "", path.name, flags=re.IGNORECASE)
            found.append(LabelRow(name, name, label, f"{code[1]} {recording}", "train"))
        elif beside in files:
            codes = _text(files, beside, origin).split()
            if strange := [code for code in codes if code not in IRMAS_CODES]:
                raise DataError(f"{origin}: {beside}: {strange[0]!r} is none of {', '.join(IRMAS_CODES)}")
            present = {IRMAS_CODES[code] for code in codes}
            label = _label(present, {*IRMAS_CODES.values()} - present, instruments)
            found.append(LabelRow(beside, name, label, re.sub(r"[\s-]*\d*\.wav$", "", path.name), "test"))
    return _some(found, f"{origin}: holds no recordings of IRMAS, such as [pia][nod][cla]0001__1.wav")


def read_medley(files: Files, origin: object, instruments: Sequence[str]) -> list[LabelRow]:
    """The clips of Medley-solos-DB; those of instruments not asked for are others.

    Raises:
        DataError: its metadata is missing or not as published, or no recording is there.
    """
    table = _find(files, MEDLEY_METADATA, origin)
    places = {PurePosixPath(name).name: name for name in files}
    labels = ClassNames(instruments)
    found = []
    for row in _rows(files, table, ("subset", "instrument", "instrumentid", "songid", "uuid4"), origin):
        subset = row["subset"]
        path = places.get(f"Medley-solos-DB_{subset}-{row['instrumentid']}_{row['uuid4']}.wav")
        if path:
            label = labels.find(MEDLEY_NAMES.get(row["instrument"], row["instrument"])) or OTHER
            found.append(LabelRow(table, path, label, f"{subset} {row['songid']}", subset))
    return _some(found, f"{origin}: holds none of the recordings that {MEDLEY_METADATA} lists")


COLLECTIONS = {
    "openmic": Collection(
        "OpenMIC-2018",
        lambda names: any(PurePosixPath(name).name == OPENMIC_LABELS for name in names),
        read_openmic,
        "its own baseline, taught by its train split: F1 of guitar 0.98, drums 0.93, piano 0.96, violin 0.89; saying "
        "'present' always has 0.79, which is why AUC and the F1 of absence stand here",
    ),
    "irmas": Collection(
        "IRMAS",
        lambda names: any(IRMAS_NAME.match(PurePosixPath(name).name) for name in names),
        read_irmas,
        "micro F1 of all 11 instruments 0.674 (Zhong and others, 2023), taught by its training part to name those "
        "that are predominant alone",
    ),
    "medley-solos": Collection(
        "Medley-solos-DB",
        lambda names: any(PurePosixPath(name).name == MEDLEY_METADATA for name in names),
        read_medley,
        "those known to us are of a choice among all 8 of its instruments, and not to be compared",
    ),
}


def _label(present: Iterable[str], absent: Iterable[str], instruments: Sequence[str]) -> str:
    """What is known of the instruments asked for; any other is passed over."""
    labels = ClassNames(instruments)
    meant = [{labels.find(name) for name in side} for side in (present, absent)]
    plays, silent = ([name for name in instruments if name in side] for side in meant)
    return label_of(plays, [name for name in silent if name not in plays])


def _find(files: Files, ending: str, origin: object) -> str:
    """The first of the files whose path ends so, whatever folder holds it."""
    found = sorted((name for name in files if f"/{name}".endswith(f"/{ending}")), key=len)
    if not found:
        raise DataError(f"{origin}: holds no {ending}; name the folder that the archive unpacks to")
    return found[0]


def _text(files: Files, name: str, origin: object) -> str:
    try:
        with files[name].open() as file:
            return file.read().decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{origin}: {name}: not text; download it again") from error


def _rows(files: Files, name: str, columns: Sequence[str], origin: object) -> list[dict[str, str]]:
    """The rows of a table as published, by its columns in small letters without `_`."""
    with files[name].open() as file:
        lines = parse_sheet(file.read(), f"{origin}/{name}", columns, (), "the table as published; download it again")
    return [line.cells for line in lines]


def _some(found: list[LabelRow], fault: str) -> list[LabelRow]:
    if not found:
        raise DataError(fault)
    return found
