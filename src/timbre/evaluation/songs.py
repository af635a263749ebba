"""Songs as part of an experiment: what the models say of a folder of them, in a table, pictures, and metrics."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from timbre.core.errors import AudioError, ParamsError
from timbre.core.partial_labels import partial_targets
from timbre.core.printable import printable
from timbre.core.stage import progress
from timbre.evaluation.metrics import layered_metrics
from timbre.features.split import targets_of
from timbre.labels.labels_csv import LABELS, LabelRow, parse_labels_csv
from timbre.labels.sheets import spelling
from timbre.songs.find import find
from timbre.songs.predictor import Predictor
from timbre.songs.song import Song, as_png
from timbre.songs.text import as_csv, csv_row, error_as_csv, song_columns


def write_songs(path: Path, models: Path, folder: Path) -> dict[str, object]:
    """Hear all songs below `path`; write songs.csv and a picture of each to `folder`.

    If the folder has a `labels.csv`, the songs that it lists are scored as well. See `timbre.labels.labels_csv`.

    Returns:
        How many were heard, how many could not be; where there are labels, how many were scored and the metrics of
        `layered_metrics`; and `issues`, where there are any: a line for each row of labels that was passed over and
        each song that could not be drawn.

    Raises:
        ParamsError: The folder is missing or has no songs.
        DataError: A model is missing or damaged, or the labels cannot be read.
    """
    if not path.is_dir():
        raise ParamsError(f"params.yaml: songs.path: {path} is not a folder")
    found = find(str(path))
    if found[0].problem:
        raise ParamsError(f"params.yaml: songs.path: {path} {found[0].problem}")
    predictor = Predictor(models)
    table = path / LABELS
    label_rows = parse_labels_csv(table.read_bytes(), LABELS, predictor.instruments) if table.exists() else []
    labels, issues = match_labels(label_rows, [song.inside for song in found])
    folder.mkdir(parents=True)
    rows, present = [csv_row(song_columns(predictor.instruments))], {}
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
        truth = partial_targets([labels[name] for name in scored], predictor.instruments)
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


def match_labels(rows: Iterable[LabelRow], songs: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Return the label of each song, and one line for each row that is not used.

    A row matches a song by its path below the folder. Case and `/` or `\\` make no difference if only one song matches.
    A song with contradictory rows has no label.
    """
    exact = {song: [song] for song in songs}
    alike: dict[str, list[str]] = {}
    for song in exact:
        alike.setdefault(spelling(song), []).append(song)
    rows_of: dict[str, list[LabelRow]] = {}
    issues = []
    for row in rows:
        matches = exact.get(row.path) or alike.get(spelling(row.path), [])
        if len(matches) == 1:
            rows_of.setdefault(matches[0], []).append(row)
        else:
            fault = "several songs have this name in other spellings" if matches else "no song has this name"
            issues.append(f"{row.location}: {printable(row.path)}: {fault}")
    labels = {}
    for song, (first, *others) in rows_of.items():
        if all(row.label == first.label for row in others):
            labels[song] = first.label
            issues += [f"{row.location}: {printable(song)}: repeats {first.location}; counted once" for row in others]
        else:
            issues += [f"{row.location}: {printable(song)}: contradicts {first.location}; not scored" for row in others]
    return labels, issues


def _draw(song: Song, path: Path) -> list[str]:
    """Write the picture of a song; a line where that fails, whatever of it and of its name is to blame."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_png(song))
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return [f"{song.name}: not drawn ({printable(reason)})"]
    return []
