"""Score the models on a labelled folder, and print the scores as Markdown or JSON."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from timbre.benchmark.labelled_folder import LabelledFolder, ScoredFolder, predict_each, read_labelled_folder
from timbre.benchmark.mixtures import MIXTURES, predict_mixtures
from timbre.core.partial_labels import partial_targets
from timbre.core.tables import DIGITS
from timbre.evaluation.scoring import (
    RecordingPredictions,
    Score,
    predictions_of,
    score,
    scores_as_table,
    scores_as_values,
)
from timbre.model.checkpoint import load_model
from timbre.songs.predictor import Predictor, find_models


@dataclass(frozen=True)
class Benchmark(ScoredFolder):
    """The scores of the models on a labelled folder.

    Attributes:
        scores: Scores of the recordings.
        targets_f1: Micro F1 of predicting every instrument in every recording.
        predicted_where_none_plays: Mean number of predicted instruments in recordings where none plays, or None.
        present: Number of recordings in which each instrument plays.
        mixtures: Scores of mixtures of the recordings; empty if they are not single-label.
        published: Published results on these recordings, in words, or empty.
    """

    scores: dict[str, Score]
    targets_f1: float
    predicted_where_none_plays: float | None
    present: dict[str, int]
    mixtures: dict[str, Score]
    published: str

    def as_markdown(self) -> str:
        """Return a benchmark as Markdown."""
        lines = [*self.headline(), "", scores_as_table(self.scores, self.instruments), ""]
        if self.predicted_where_none_plays is not None:
            mean = self.predicted_where_none_plays
            lines.append(f"Instruments predicted per recording in which none of them plays: {mean:.3f}")
        lines.append(f"Micro F1 of predicting every instrument in every recording: {self.targets_f1:.3f}")
        if self.published:
            lines.append(f"Published: {self.published}.")
        if self.mixtures:
            lines += [
                "",
                f"{MIXTURES.train} mixtures of these recordings, of 2 to 4 instruments within ±{MIXTURES.gain_db:g} dB",
                "",
                scores_as_table(self.mixtures, self.instruments),
            ]
        return "\n".join(lines)

    def as_values(self) -> dict[str, object]:
        """Return a benchmark as values that JSON has."""
        values = self.described() | {
            "scores": scores_as_values(self.scores, self.instruments),
            "micro_f1_of_predicting_all": round(self.targets_f1, DIGITS),
            "present": self.present,
        }
        if self.predicted_where_none_plays is not None:
            values["predicted_where_none_plays"] = round(self.predicted_where_none_plays, DIGITS)
        if self.mixtures:
            values["mixtures"] = scores_as_values(self.mixtures, self.instruments)
        return values


def run_benchmark(folder: Path, models: Path | None = None, data_set: str = "") -> Benchmark:
    """Score the models on the recordings of a folder.

    Args:
        folder: A labelled folder; see `read_labelled_folder`.
        models: Folder of the models. None: see `timbre.songs.predictor.find_models`.
        data_set: See `read_labelled_folder`.

    Raises:
        DataError: The folder has no labels, a model is missing, or no recording can be read.
    """
    predictor = Predictor(models)
    instruments = predictor.instruments
    labelled = read_labelled_folder(folder, instruments, data_set)
    readable, predictions, unreadable = predict_recordings(folder, labelled, predictor)
    targets = partial_targets([recording.label for recording in readable.recordings], instruments)
    groups = [recording.group for recording in readable.recordings]
    none_plays = (targets == 0).all(axis=1)
    return Benchmark(
        title=labelled.title,
        models=predictor.source,
        instruments=instruments,
        recordings=len(groups),
        groups=len({*groups}),
        unreadable=unreadable,
        scores=score(targets, predictions, groups),
        targets_f1=_f1_of_all(targets),
        predicted_where_none_plays=float(predictions.present[none_plays].sum(axis=1).mean())
        if none_plays.any()
        else None,
        present=dict(zip(instruments, (targets == 1).sum(axis=0).tolist(), strict=True)),
        mixtures=_score_mixtures(folder, readable, instruments, models) if labelled.is_single_label else {},
        published=labelled.published,
    )


def predict_recordings(
    folder: Path, labelled: LabelledFolder, predictor: Predictor
) -> tuple[LabelledFolder, RecordingPredictions, list[str]]:
    """Return the readable recordings, their predictions, and one line for each unreadable recording."""
    readable, songs, unreadable = predict_each(
        folder, labelled.recordings, lambda recording: predictor.listen(folder / recording.path)
    )
    predictions = predictions_of(songs, predictor.instruments)
    if not labelled.is_single_label:
        predictions = predictions._replace(single=None)
    return labelled._replace(recordings=readable), predictions, unreadable


def _score_mixtures(
    folder: Path, labelled: LabelledFolder, instruments: tuple[str, ...], models: Path | None
) -> dict[str, Score]:
    layered = load_model((models or find_models()) / "layered.safetensors")
    predicted = predict_mixtures(folder, labelled.recordings, instruments, layered)
    return score(*predicted) if predicted else {}


def _f1_of_all(targets: np.ndarray) -> float:
    plays, known = float(np.nansum(targets)), int((~np.isnan(targets)).sum())
    return 2 * plays / (plays + known)
