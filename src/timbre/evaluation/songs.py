"""Songs as part of an experiment: what the models say of a folder of them, in a table, pictures, and metrics."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from timbre.core.errors import AudioError, DataError, ParamsError
from timbre.core.printable import printable
from timbre.core.stage import progress
from timbre.evaluation.metrics import layered_metrics
from timbre.features.split import targets_of
from timbre.labels.sheets import read_sheet, spelling
from timbre.songs.find import find
from timbre.songs.predictor import Predictor, Song
from timbre.songs.song import as_png
from timbre.songs.text import as_csv, csv_row, error_as_csv, fields

LABELS = "labels.csv"
COLUMNS = ("file", "instruments")


class Label(NamedTuple):
    """A row of labels: its place (`labels.csv:12`), the song's path as it is written there, and what plays in it."""

    place: str
    file: str
    instruments: frozenset[str]


def write_songs(path: Path, models: Path, folder: Path) -> dict[str, object]:
    """Hear all songs below `path`; write songs.csv and a picture of each to `folder`.

    Where `labels.csv` lies beside the songs, with the columns file and instruments (those that play, with + between,
    such as guitar+drums), they are scored as well.

    Returns:
        How many were heard, how many could not be; where there are labels, how many were scored and the metrics of
        `layered_metrics`; and `issues`, where there are any: a line for each row of labels that was passed over and
        each song that could not be drawn.

    Raises:
        ParamsError: there is no such folder, or nothing in it; the labels cannot be read.
        DataError: a model is missing or damaged.
    """
    if not path.is_dir():
        raise ParamsError(f"params.yaml: songs.path: {path} is not a folder")
    found = find(str(path))
    if found[0].problem:
        raise ParamsError(f"params.yaml: songs.path: {path} {found[0].problem}")
    predictor = Predictor(models)
    labels, issues = match_labels(read_labels(path / LABELS, predictor.instruments), [song.inside for song in found])
    folder.mkdir(parents=True)
    rows, present = [csv_row(fields(predictor.instruments))], {}
    for song in progress(found, "songs", unit="song"):
        name = printable(song.inside)
        try:
            if song.problem:
                raise AudioError(song.problem)
            heard = replace(predictor.listen(song.name), name=name)
        except AudioError as error:
            rows.append(error_as_csv(name, printable(str(error)), predictor.instruments))
            continue
        rows.append(as_csv(heard))
        present[song.inside] = heard.present
        issues += _draw(heard, folder / f"{name}.png")
    (folder / "songs.csv").write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")
    metrics: dict[str, object] = {"heard": len(present), "unreadable": len(found) - len(present)}
    if scored := [name for name in present if name in labels]:
        truth = targets_of([labels[name] for name in scored], predictor.instruments)
        answers = targets_of([present[name] for name in scored], predictor.instruments)
        metrics |= {"scored": len(scored), **layered_metrics(truth, answers, predictor.instruments)}
    return metrics | ({"issues": issues} if issues else {})


def in_words(metrics: Mapping[str, Any]) -> str:
    """What `write_songs` found, for a line of the log."""
    words = f"{metrics['heard']} songs heard, {metrics['unreadable']} unreadable, {metrics.get('scored', 0)} scored"
    match metrics.get("issues", []):
        case []:
            return words
        case [issue]:
            return f"{words} ({issue})"
        case issues:
            return f"{words} ({issues[0]}; {len(issues) - 1} more in metrics/songs.json)"


def read_labels(path: Path, instruments: Sequence[str]) -> list[Label]:
    """The rows that say which instruments play in a song; none where there is no such table.

    Raises:
        ParamsError: the table cannot be read, lacks a column, or names another instrument.
    """
    if not path.exists():
        return []
    try:
        lines = read_sheet(path, COLUMNS, (), f"CSV with the columns {' and '.join(COLUMNS)}")
    except DataError as error:
        raise ParamsError(str(error)) from error
    labels = []
    for number, cells in lines:
        names = {name.strip().casefold() for name in cells["instruments"].split("+")} - {""}
        known = {name.casefold(): name for name in instruments}
        if unknown := names - known.keys():
            raise ParamsError(f"{path}:{number}: {', '.join(sorted(unknown))}: not one of {', '.join(instruments)}")
        labels.append(Label(f"{path.name}:{number}", cells["file"], frozenset(known[name] for name in names)))
    return labels


def match_labels(labels: Iterable[Label], songs: Iterable[str]) -> tuple[dict[str, frozenset[str]], list[str]]:
    """What plays in each song, and a line for each row that says nothing of any, or nothing that counts.

    Rows name a song by its path below the folder, with `/` or `\\`, in any case, where that leaves no doubt. A song
    whose rows contradict each other has no label.
    """
    named = {song: [song] for song in songs}
    alike: dict[str, list[str]] = {}
    for song in named:
        alike.setdefault(spelling(song), []).append(song)
    rows_of: dict[str, list[Label]] = {}
    issues = []
    for label in labels:
        meant = named.get(label.file) or alike.get(spelling(label.file), [])
        if len(meant) == 1:
            rows_of.setdefault(meant[0], []).append(label)
        else:
            fault = "several songs are named so but for case" if meant else "no song is named so"
            issues.append(f"{label.place}: {printable(label.file)}: {fault}")
    truth = {}
    for song, rows in rows_of.items():
        first, *others = rows
        if all(row.instruments == first.instruments for row in others):
            truth[song] = first.instruments
            issues += [f"{row.place}: {printable(song)}: the same as {first.place}; counted once" for row in others]
        else:
            issues += [f"{row.place}: {printable(song)}: contradicts {first.place}; not scored" for row in others]
    return truth, issues


def _draw(song: Song, path: Path) -> list[str]:
    """Write the picture of a song; a line where that fails, whatever of it and of its name is to blame."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_png(song))
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return [f"{song.name}: not drawn ({printable(reason)})"]
    return []
