"""How trained models do on real music: `python benchmarks/music.py FOLDER [MODELS ...]`.

FOLDER holds recordings and a labels.csv with the columns path, present and absent, names parted by `;`. An instrument
that stands in neither is unknown and not scored. What counts is what `timbre predict` says, at the thresholds of the
model file; intervals are resampled by the column source where there is one, else by the folder that a recording lies
in. Nothing of it is learnt from.
"""

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from timbre.core.errors import AudioError, TimbreError
from timbre.core.general_midi import NAMES
from timbre.core.stage import progress
from timbre.evaluation import bootstrap
from timbre.evaluation.bootstrap import Interval, Metric, interval
from timbre.evaluation.curves import expected_calibration_error
from timbre.songs.predictor import Predictor

LABELS = "labels.csv"


class Music(NamedTuple):
    """Recordings and what is known of each.

    Attributes:
        files: their paths.
        sources: what each came from, by which intervals are resampled.
        instruments: what the columns are.
        truth: bool `[files, instruments]`, whether an instrument plays.
        known: bool `[files, instruments]`, whether that is known.
    """

    files: list[Path]
    sources: list[str]
    instruments: tuple[str, ...]
    truth: np.ndarray
    known: np.ndarray


def read_music(folder: Path, instruments: tuple[str, ...]) -> Music:
    """Read the labels of a folder.

    Raises:
        SystemExit: there are none, a column or file is missing, or a name is no instrument's, or on both sides.
    """
    path = folder / LABELS
    try:
        rows = list(csv.DictReader(path.open(encoding="utf-8-sig", newline="")))
    except OSError as error:
        sys.exit(f"music: {path}: cannot be read ({error.strerror}); name a folder with a {LABELS}")
    if not rows or not {"path", "present", "absent"} <= rows[0].keys():
        sys.exit(f"music: {path}: wants rows with the columns path, present and absent")
    sides = ("present", "absent")
    names = [tuple({name.strip() for name in row[side].split(";") if name.strip()} for side in sides) for row in rows]
    for row, (present, absent) in zip(rows, names, strict=True):
        if not (folder / row["path"]).is_file():
            sys.exit(f"music: {path}: {row['path']} is not there")
        if strange := sorted((present | absent) - {*instruments, *NAMES}):
            sys.exit(f"music: {path}: {row['path']}: {strange[0]} is no instrument that is known here")
        if both := sorted(present & absent):
            sys.exit(f"music: {path}: {row['path']}: {both[0]} cannot be present and absent")
    return Music(
        files=[folder / row["path"] for row in rows],
        sources=[row.get("source") or str(Path(row["path"]).parent) for row in rows],
        instruments=instruments,
        truth=np.array([[name in present for name in instruments] for present, _ in names]),
        known=np.array([[name in present | absent for name in instruments] for present, absent in names]),
    )


def hear(files: list[Path], predictor: Predictor) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and claims of the layered model, each `[files, instruments]`.

    Raises:
        SystemExit: a recording cannot be heard.
    """
    songs = []
    for file in progress(files, "music", unit="file"):
        try:
            songs.append(predictor.listen(file))
        except AudioError as error:
            sys.exit(f"music: {file}: {error}")
    present = [[name in song.present for name in predictor.instruments] for song in songs]
    return np.array([song.probabilities for song in songs]), np.array(present)


def of_known(metric: Callable[..., Metric], truth: np.ndarray, given: np.ndarray, known: np.ndarray) -> Metric:
    """A metric of each instrument over the recordings of which it is known whether it plays."""

    def each(weights: np.ndarray) -> np.ndarray:
        columns = [
            metric(truth[rows, label, None], given[rows, label, None])(weights[:, rows])[:, 0]
            for label, rows in enumerate(known.T)
        ]
        return np.stack(columns, axis=1)

    return each


def micro(truth: np.ndarray, present: np.ndarray, known: np.ndarray) -> Metric:
    """F1 of all known answers together."""
    clips = np.nonzero(known)[0]
    f1 = bootstrap.micro_f1(truth[known][:, None], present[known][:, None])
    return lambda weights: f1(weights[:, clips])


def measure(music: Music, probabilities: np.ndarray, present: np.ndarray) -> dict[str, tuple[Interval, Interval]]:
    """Each metric, of all instruments and of each, with its interval; of all it is the mean, F1 the micro F1."""
    truth, known, sources = music.truth, music.known, music.sources
    metrics = {
        "AUC": of_known(bootstrap.auc_of_each, truth, probabilities, known),
        "average precision": of_known(bootstrap.average_precision_of_each, truth, probabilities, known),
        "precision": of_known(bootstrap.precision_of_each, truth, present, known),
        "recall": of_known(bootstrap.recall_of_each, truth, present, known),
        "F1 (all: micro)": of_known(bootstrap.f1_of_each, truth, present, known),
        "claimed where absent": of_known(bootstrap.recall_of_each, ~truth, present, known),
    }
    together = {name: bootstrap.mean(each) for name, each in metrics.items()}
    together["F1 (all: micro)"] = micro(truth, present, known)
    return {
        name: (interval(together[name], sources, 0, "music"), interval(each, sources, 0, "music"))
        for name, each in metrics.items()
    }


def table(music: Music, probabilities: np.ndarray, present: np.ndarray) -> str:
    """The metrics as Markdown, and the expected calibration error of known answers below."""
    lines = [f"| metric | all | {' | '.join(music.instruments)} |", "|---|---|" + "---|" * len(music.instruments)]
    for name, (together, each) in measure(music, probabilities, present).items():
        cells = [_cell(*together), *(_cell(*bounds) for bounds in zip(*each, strict=True))]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    known = music.known
    errors = [expected_calibration_error(probabilities[known], music.truth[known])]
    errors += [
        expected_calibration_error(given[rows], plays[rows])
        for given, plays, rows in zip(probabilities.T, music.truth.T, known.T, strict=True)
    ]
    return "\n".join([*lines, f"| expected calibration error | {' | '.join(f'{error:.3f}' for error in errors)} |"])


def _cell(value: float, low: float, high: float) -> str:
    return f"{value:.3f} [{low:.3f}, {high:.3f}]" if np.isfinite(value) else "none"


def main(folder: Path, models: list[Path]) -> None:
    """Print one table per folder of models."""
    for each in models:
        try:
            predictor = Predictor(each)
        except TimbreError as error:
            sys.exit(f"music: {error}")
        music = read_music(folder, predictor.instruments)
        probabilities, present = hear(music.files, predictor)
        print(f"\n{len(music.files)} recordings of {len(set(music.sources))} sources, heard by {each}\n")
        print(table(music, probabilities, present), flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python benchmarks/music.py FOLDER [MODELS ...]")
    main(Path(sys.argv[1]), [Path(folder) for folder in sys.argv[2:]] or [Path("models")])
