"""How models do on recordings of which is known, wholly or in part, what plays: metrics and intervals, as a table.

Of public data sets it is their test split, beside what is published of others.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from timbre.core.errors import AudioError, DataError
from timbre.core.partial_labels import ALL_UNKNOWN, is_partial, partial_targets
from timbre.core.stage import progress
from timbre.evaluation import bootstrap
from timbre.evaluation.bootstrap import Interval, Metric, interval
from timbre.evaluation.curves import expected_calibration_error
from timbre.songs.predictor import Predictor
from timbre.sources.folder import folder_files
from timbre.sources.public import COLLECTIONS


class Music(NamedTuple):
    """Recordings and what is known of each.

    Attributes:
        files: their paths.
        sources: what each came from, by which intervals are resampled.
        targets: 1 where an instrument plays, float `[files, instruments]`, not a number where that is not known.
    """

    files: Sequence[Path]
    sources: Sequence[str]
    targets: np.ndarray


class RecordingPredictions(NamedTuple):
    """What is said of recordings.

    Attributes:
        probabilities: of the layered model, `[files, instruments]`.
        present: its claims, bool `[files, instruments]`.
        alone: bool `[files, instruments]`, the one instrument that the single model hears.
    """

    probabilities: np.ndarray
    present: np.ndarray
    alone: np.ndarray


def predict_recordings(
    music: Music, predictor: Predictor, passed_over: list[str] | None = None
) -> tuple[Music, RecordingPredictions]:
    """Let the models hear recordings; those that they heard, and what they say.

    Args:
        music: the recordings.
        predictor: the models.
        passed_over: takes in a line for each recording that cannot be heard; none: there must be none of these.

    Raises:
        DataError: one cannot be heard, or none can.
    """
    songs, heard = [], []
    for place, file in enumerate(progress(music.files, "music", unit="file")):
        try:
            songs.append(predictor.listen(file))
            heard.append(place)
        except AudioError as error:
            if passed_over is None:
                raise DataError(f"{file}: {error}") from error
            passed_over.append(f"{file}: {error}")
    if not songs:
        raise DataError("none of the recordings can be heard")
    names = predictor.instruments
    kept = Music(
        [music.files[place] for place in heard], [music.sources[place] for place in heard], music.targets[heard]
    )
    return kept, RecordingPredictions(
        probabilities=np.array([song.probabilities for song in songs]),
        present=np.array([[name in song.present for name in names] for song in songs]),
        alone=np.array([[name == song.instrument for name in names] for song in songs]),
    )


def measure(music: Music, heard: RecordingPredictions, are_solos: bool = False) -> dict[str, tuple[Interval, Interval]]:
    """Each metric, of all instruments and of each, with its interval; of all it is the mean, F1 the micro F1.

    Of recordings of one instrument each, the recall of the single model as well.
    """
    targets, probabilities, present = music.targets, heard.probabilities, heard.present
    metrics = {
        "AUC": bootstrap.auc_by_instrument(targets, probabilities),
        "average precision": bootstrap.average_precision_by_instrument(targets, probabilities),
        "precision": bootstrap.precision_by_instrument(targets, present),
        "recall": bootstrap.recall_by_instrument(targets, present),
        "F1 (all: micro)": bootstrap.f1_by_instrument(targets, present),
        "F1 of absence": bootstrap.f1_by_instrument(1 - targets, ~present),
        "claimed where absent": bootstrap.recall_by_instrument(1 - targets, present),
    }
    if are_solos:
        known = np.where(targets.sum(axis=1, keepdims=True) == 1, targets, np.nan)
        metrics["one instrument alone: recall"] = bootstrap.recall_by_instrument(known, heard.alone)
    together: dict[str, Metric] = {name: bootstrap.mean(each) for name, each in metrics.items()}
    together["F1 (all: micro)"] = bootstrap.micro_f1(targets, present)
    return {
        name: (interval(together[name], music.sources, 0, "music"), interval(each, music.sources, 0, "music"))
        for name, each in metrics.items()
    }


def as_table(music: Music, heard: RecordingPredictions, instruments: Sequence[str], are_solos: bool = False) -> str:
    """The metrics as Markdown, and the expected calibration error of what is known below."""
    lines = [f"| metric | all | {' | '.join(instruments)} |", "|---|---|" + "---|" * len(instruments)]
    for name, (together, each) in measure(music, heard, are_solos).items():
        cells = [_cell(*together), *(_cell(*bounds) for bounds in zip(*each, strict=True))]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    columns = [(heard.probabilities, music.targets), *zip(heard.probabilities.T, music.targets.T, strict=True)]
    errors = [expected_calibration_error(*column) for column in columns]
    return "\n".join([*lines, f"| expected calibration error | {' | '.join(f'{error:.3f}' for error in errors)} |"])


def _cell(value: Any, low: Any, high: Any) -> str:
    return f"{value:.3f} [{low:.3f}, {high:.3f}]" if np.isfinite(value) else "none"


def benchmark(name: str, folder: Path, models: Path | None = None) -> str:
    """The metrics of the models in `models` on one of `COLLECTIONS`, which lies in a folder, as Markdown.

    What is scored is what is known of the recordings of its test split; intervals are resampled by recording.

    Raises:
        DataError: the folder is not that data set, or has nothing of its test split, or a model is missing.
    """
    collection, predictor = COLLECTIONS[name], Predictor(models)
    if not folder.is_dir():
        raise DataError(f"{folder}: is no folder; name the one that {collection.title} unpacks to")
    with folder_files(folder) as files:
        rows = [row for row in collection.read(files, folder, predictor.instruments) if row.split == "test"]
    rows = [row for row in rows if row.label != ALL_UNKNOWN]
    if not rows:
        asked = ", ".join(predictor.instruments)
        raise DataError(f"{folder}: holds nothing of the test split of {collection.title} that tells of {asked}")
    labels = [row.label for row in rows]
    passed_over: list[str] = []
    music = Music(
        [folder / row.path for row in rows], [row.group for row in rows], partial_targets(labels, predictor.instruments)
    )
    music, heard = predict_recordings(music, predictor, passed_over)
    are_solos = not any(map(is_partial, labels)) and bool(heard.alone.any())
    lines = [
        f"{len(music.files)} recordings of the test split of {collection.title}, by the models {predictor.source}",
        *([f"{len(passed_over)} cannot be heard, such as {line}" for line in passed_over[:1]]),
        "",
        as_table(music, heard, predictor.instruments, are_solos),
        "",
        f"Always claiming everything has an F1 of {_f1_of_all(music.targets):.3f}.",
        f"Published: {collection.published}.",
    ]
    return "\n".join(lines)


def _f1_of_all(targets: np.ndarray) -> float:
    """Micro F1 of who claims every instrument everywhere."""
    plays, known = float(np.nansum(targets)), int((~np.isnan(targets)).sum())
    return 2 * plays / (plays + known)
