"""Predict the songs of a folder as part of an experiment: a table, a picture of each song and, with labels, scores."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from timbre.core.errors import AudioError, ParamsError
from timbre.core.partial_labels import partial_targets
from timbre.core.printable import printable
from timbre.core.stage import progress
from timbre.evaluation.metrics import layered_metrics
from timbre.evaluation.scoring import predictions_of, score, scores_as_values
from timbre.labels.labels_csv import LABELS, LabelRow, parse_labels_csv
from timbre.labels.sheets import spelling
from timbre.songs.find import find
from timbre.songs.predictor import Predictor
from timbre.songs.song import Song, as_png
from timbre.songs.text import as_csv, csv_row, error_as_csv, song_columns


def write_songs(path: Path, models: Path, folder: Path) -> dict[str, object]:
    """Predict all songs below `path`; write songs.csv and a picture of each song to `folder`.

    If the folder has a labels.csv, the songs that it lists are scored as well. See `timbre.labels.labels_csv`.

    Returns:
        The number of predicted songs (`heard`) and of unreadable ones. With labels also the number of scored songs, the
        metrics of `layered_metrics`, and `scores`, the metrics of `timbre benchmark` with intervals. `issues` has one
        line for each row of the labels that was not used and each song that could not be drawn.

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
    labels, issues = match_labels(label_rows, [file.inside for file in found])
    folder.mkdir(parents=True)
    lines, songs = [csv_row(song_columns(predictor.instruments))], {}
    for file in progress(found, "songs", unit="song"):
        name = printable(file.inside)
        try:
            if file.problem:
                raise AudioError(file.problem)
            song = replace(predictor.listen(file.name), name=name)
        except AudioError as error:
            lines.append(error_as_csv(name, printable(str(error)), predictor.instruments))
            continue
        lines.append(as_csv(song))
        songs[file.inside] = song
        issues += _draw(song, folder / f"{name}.png")
    (folder / "songs.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return {
        "heard": len(songs),
        "unreadable": len(found) - len(songs),
        **_scores({name: song for name, song in songs.items() if name in labels}, labels, predictor.instruments),
        **({"issues": issues} if issues else {}),
    }


def _scores(
    songs: Mapping[str, Song], labels: Mapping[str, LabelRow], instruments: tuple[str, ...]
) -> dict[str, object]:
    """Return the metrics of labelled songs by name; empty without songs."""
    if not songs:
        return {}
    rows = [labels[name] for name in songs]
    targets = partial_targets([row.label for row in rows], instruments)
    predictions = predictions_of(list(songs.values()), instruments)._replace(single=None)
    groups = [row.group or row.source or row.path for row in rows]
    return {
        "scored": len(songs),
        **layered_metrics(targets, predictions.present, instruments),
        "scores": scores_as_values(score(targets, predictions, groups), instruments),
    }


def in_words(metrics: Mapping[str, Any]) -> str:
    """Return the result of `write_songs` in one line for the log."""
    words = f"{metrics['heard']} songs predicted, {metrics['unreadable']} unreadable, {metrics.get('scored', 0)} scored"
    match metrics.get("issues", []):
        case []:
            return words
        case [issue]:
            return f"{words} ({issue})"
        case issues:
            return f"{words} ({issues[0]}; {len(issues) - 1} more in metrics/songs.json)"


def match_labels(rows: Iterable[LabelRow], songs: Iterable[str]) -> tuple[dict[str, LabelRow], list[str]]:
    """Return the row of each song, and one line for each row that is not used.

    A row matches a song by its path below the folder. Case and `/` or `\\` make no difference if only one song matches.
    A song with contradictory rows has none.
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
    matched = {}
    for song, (first, *others) in rows_of.items():
        if all(row.label == first.label for row in others):
            matched[song] = first
            issues += [f"{row.location}: {printable(song)}: repeats {first.location}; counted once" for row in others]
        else:
            issues += [f"{row.location}: {printable(song)}: contradicts {first.location}; not scored" for row in others]
    return matched, issues


def _draw(song: Song, path: Path) -> list[str]:
    """Write the picture of a song. Return one line if that fails, for whatever reason: evaluation goes on."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_png(song))
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return [f"{song.name}: not drawn ({printable(reason)})"]
    return []
