"""Write the tables that DVC plots, and the pictures."""

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from timbre.core.params import Audio, Mel
from timbre.core.tables import DIGITS, Part
from timbre.evaluation.curves import LEVELS, f1_by_level, levels_below_loudest, precision_recall, reliability
from timbre.evaluation.figures import curves_figure, expected_against_predicted, mels_of_each_instrument, save
from timbre.evaluation.predictions import Predictions
from timbre.evaluation.report import write_json
from timbre.evaluation.timelines import PredictedSong, timeline_figure, timeline_metrics, worst_song


def write_plots(
    folder: Path,
    models: Path,
    tested: Mapping[str, Predictions],
    mixtures: Sequence[Sequence[Part]],
    audio: Audio,
    mel: Mel,
) -> None:
    """Write the training histories, and tables and pictures of the predictions of test.

    Histories are copied so that a clone without the DVC cache can compare curves.
    """
    for history in models.glob("*_history.csv"):
        shutil.copyfile(history, folder / history.name)
    layered = tested["layered"]
    instruments = layered.split.instruments
    if single := tested.get("single"):
        labels, predicted = single.split.targets.argmax(axis=1), single.present.argmax(axis=1)
        pairs = [(instruments[label], instruments[found]) for label, found in zip(labels, predicted, strict=True)]
        _write_csv(folder / "confusion.csv", ("actual", "predicted"), pairs)
    for task, predictions in tested.items():
        scores = [(instrument, metrics["f1"]) for instrument, metrics in predictions.by_instrument.items()]
        _write_csv(folder / f"{task}_f1.csv", ("instrument", "f1"), scores)
        title = f"{task.capitalize()}: test clips with the largest errors (bold and filled: plays)"
        save(expected_against_predicted(predictions, audio, mel, title), folder / f"{task}_answers.png")
    _write_curves(folder, tested, mixtures)
    save(mels_of_each_instrument((single or layered).split, audio, mel), folder / "mels.png")


def _write_curves(folder: Path, tested: Mapping[str, Predictions], mixtures: Sequence[Sequence[Part]]) -> None:
    """Write tables and one picture: precision-recall curves, F1 by level, reliability."""
    layered = tested["layered"]
    targets, instruments = layered.split.targets, layered.split.instruments
    curves = {
        instrument: precision_recall(targets[:, label], layered.probabilities[:, label])
        for label, instrument in enumerate(instruments)
    }
    points = [(name, *np.round(point, DIGITS)) for name, curve in curves.items() for point in curve]
    _write_csv(folder / "precision_recall.csv", ("instrument", "recall", "precision", "threshold"), points)
    levels = levels_below_loudest(mixtures, instruments) if mixtures else np.full(targets.shape, np.nan)
    by_level = f1_by_level(levels, layered.present)
    rows = [
        (name, level, round(float(f1), DIGITS))
        for name, values in zip((*instruments, "all"), by_level.T, strict=True)
        for level, f1 in zip(LEVELS, values, strict=True)
        if f1 == f1
    ]
    _write_csv(folder / "layered_by_level.csv", ("instrument", "db_below_loudest", "f1"), rows)
    reliabilities = {
        task: reliability(predictions.probabilities, predictions.split.targets) for task, predictions in tested.items()
    }
    for task, table in reliabilities.items():
        rounded = np.round(table, DIGITS).tolist()
        _write_csv(folder / f"{task}_reliability.csv", ("probability", "share", "answers"), rounded)
    save(curves_figure(curves, layered, by_level, reliabilities), folder / "curves.png")


def write_timelines(
    metrics: Path, folder: Path, songs: Sequence[PredictedSong], instruments: tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    """Write the metrics of the timeline, a table of segment F1, and a picture of the song with the lowest one.

    Returns:
        The metrics; empty if there are no songs.
    """
    found = timeline_metrics(songs, instruments) if songs else {}
    write_json(metrics, found)
    if songs:
        rows = [
            (name, float(key.split()[0]), value)
            for name, values in found.items()
            for key, value in values["segment_f1"].items()
        ]
        _write_csv(folder / "timeline.csv", ("instrument", "seconds", "segment_f1"), rows)
        save(timeline_figure(worst_song(songs, instruments), instruments), folder / "timeline.png")
    return found


def _write_csv(path: Path, columns: tuple[str, ...], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])
