"""Songs as part of an experiment: what the models say of a folder of them, in a table, pictures, and figures."""

import csv
from dataclasses import replace
from pathlib import Path

from timbre.answers import FIELDS, as_csv, csv_row, error_as_csv
from timbre.errors import AudioError, ParamsError
from timbre.find import find
from timbre.instruments import INSTRUMENTS
from timbre.labelled import targets_of
from timbre.metrics import layered_metrics
from timbre.predict import Ear
from timbre.running import progress
from timbre.song_figure import as_png

LABELS = "labels.csv"
COLUMNS = ("file", "instruments")


def write_songs(path: Path, models: Path, folder: Path) -> dict[str, object]:
    """Hear all songs below `path`; write songs.csv and a picture of each to `folder`.

    Where `labels.csv` lies beside the songs, with the columns file and instruments (those that play, with + between,
    such as guitar+drums), they are scored as well.

    Returns:
        How many were heard, how many could not be, and, where there are labels, the figures of `layered_metrics`.

    Raises:
        ParamsError: there is no such folder, or nothing in it.
        DataError: a model is missing or damaged.
    """
    if not path.is_dir():
        raise ParamsError(f"params.yaml: songs.path: {path} is not a folder")
    found = find(str(path))
    if found[0].problem:
        raise ParamsError(f"params.yaml: songs.path: {path} {found[0].problem}")
    labels = read_labels(path / LABELS)
    folder.mkdir(parents=True)
    ear, rows, present = Ear(models), [csv_row(FIELDS)], {}
    for song in progress(found, "songs", unit="song"):
        try:
            heard = replace(ear.listen(song.name), name=song.inside)
        except AudioError as error:
            rows.append(error_as_csv(song.inside, str(error)))
            continue
        rows.append(as_csv(heard))
        present[song.inside] = heard.present
        picture = folder / f"{song.inside}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(as_png(heard))
    (folder / "songs.csv").write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")
    figures: dict[str, object] = {"heard": len(present), "unreadable": len(found) - len(present)}
    if scored := [name for name in present if name in labels]:
        truth = targets_of([labels[name] for name in scored])
        answers = targets_of([present[name] for name in scored])
        figures |= {"scored": len(scored), **layered_metrics(truth, answers)}
    return figures


def read_labels(path: Path) -> dict[str, set[str]]:
    """Which instruments play in each song, by its path below the folder; empty where there are no labels.

    Raises:
        ParamsError: the table lacks a column, or names an instrument that is none of the four.
    """
    if not path.exists():
        return {}
    labels = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file)
        if missing := [column for column in COLUMNS if column not in (table.fieldnames or [])]:
            raise ParamsError(f"{path}: has no column {' and no column '.join(missing)}")
        for row in table:
            names = {name.strip().lower() for name in (row["instruments"] or "").split("+")} - {""}
            if unknown := names - set(INSTRUMENTS):
                raise ParamsError(
                    f"{path}:{table.line_num}: {', '.join(sorted(unknown))}: not one of {', '.join(INSTRUMENTS)}"
                )
            labels[Path(row["file"]).as_posix()] = names
    return labels
