"""Score the layered model on degraded recordings. The scores become a table, values for JSON, and a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from timbre.audio.decode import decode
from timbre.benchmark.degradations import DEGRADATIONS, RATE
from timbre.benchmark.labelled_folder import ScoredFolder, predict_each, read_labelled_folder
from timbre.core.errors import AudioError
from timbre.core.partial_labels import partial_targets
from timbre.core.rng import generator
from timbre.evaluation.scoring import RecordingPredictions, Score, cells_of, predictions_of, score, scores_as_values
from timbre.features.display import palette
from timbre.songs.predictor import Predictor

UNCHANGED = "unchanged"
COLUMNS = {"AUC": "auc", "micro F1": "micro_f1"}
PANELS = {"AUC": ("auc", "auc"), "F1": ("micro_f1", "f1")}  # metric of all instruments together, and of each
INK = "#222222"


@dataclass(frozen=True)
class Robustness(ScoredFolder):
    """The scores of the layered model on a labelled folder, unchanged and degraded.

    Attributes:
        scores: Scores by condition: `UNCHANGED`, then each of `DEGRADATIONS`.
        refused: How many recordings the models refuse, by condition. There, no instrument counts as predicted.
    """

    scores: dict[str, dict[str, Score]]
    refused: dict[str, int]

    def as_markdown(self) -> str:
        """Return the AUC and micro F1 of each condition as Markdown, and how much it changes them."""
        lines = [*self.headline(), ""]
        lines += [f"| condition | {' | '.join(f'{title} | change' for title in COLUMNS)} |", "|---" * 5 + "|"]
        for name, scores in self.scores.items():
            values = (f"{cells_of(scores[key])[0]} | {self._change(name, key)}" for key in COLUMNS.values())
            lines.append(f"| {name} | {' | '.join(values)} |")
        lines += [
            f"\n{name}: the models refuse {count} recordings; there, no instrument counts as predicted."
            for name, count in self.refused.items()
            if count
        ]
        return "\n".join(lines)

    def _change(self, condition: str, metric: str) -> str:
        """Return how much a condition changes a metric, with its sign; empty for `UNCHANGED`."""
        after, before = (self.scores[name][metric].overall.value for name in (condition, UNCHANGED))
        return "" if condition == UNCHANGED else f"{after - before:+.3f}"

    def as_values(self) -> dict[str, object]:
        """Return the scores as values that JSON has."""
        return self.described() | {
            "conditions": {
                name: {"refused": self.refused[name], "scores": scores_as_values(scores, self.instruments)}
                for name, scores in self.scores.items()
            }
        }


def measure_robustness(folder: Path, models: Path | None = None, data_set: str = "") -> Robustness:
    """Score the layered model on the recordings of a folder, unchanged and degraded.

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
    readable, predictions, unreadable = predict_each(
        folder, labelled.recordings, lambda recording: _predict_degraded(predictor, folder, recording.path)
    )
    predicted = {name: [each[name] for each in predictions] for name in (UNCHANGED, *DEGRADATIONS)}
    targets = partial_targets([recording.label for recording in readable], instruments)
    groups = [recording.group for recording in readable]
    return Robustness(
        title=labelled.title,
        models=predictor.source,
        instruments=instruments,
        recordings=len(groups),
        groups=len({*groups}),
        unreadable=unreadable,
        scores={name: score(targets, _joined(found, instruments), groups) for name, found in predicted.items()},
        refused={name: found.count(None) for name, found in predicted.items()},
    )


def _predict_degraded(predictor: Predictor, folder: Path, path: str) -> dict[str, RecordingPredictions | None]:
    """Return the prediction for a recording in each condition, or None where the models refuse it.

    Raises:
        AudioError: The unchanged recording cannot be read.
    """
    import soundfile

    predictions: dict[str, RecordingPredictions | None] = {UNCHANGED: _predict(predictor, folder / path)}
    waveform = np.concatenate(list(decode(folder / path, RATE)))
    with TemporaryDirectory() as temporary:
        file = Path(temporary) / "degraded.wav"
        for name, degrade in DEGRADATIONS.items():
            degraded = degrade(waveform, generator(0, "benchmark", name, path))
            soundfile.write(file, degraded / max(1, np.abs(degraded).max(initial=0)), RATE, "FLOAT")
            try:
                predictions[name] = _predict(predictor, file)
            except AudioError:
                predictions[name] = None
    return predictions


def _predict(predictor: Predictor, path: Path) -> RecordingPredictions:
    return predictions_of([predictor.listen(path)], predictor.instruments)._replace(single=None)


def _joined(found: Sequence[RecordingPredictions | None], instruments: Sequence[str]) -> RecordingPredictions:
    """Return the predictions of all recordings. Refused ones have probability 0."""
    refused = RecordingPredictions(np.zeros((1, len(instruments))), np.zeros((1, len(instruments)), bool))
    rows = [each or refused for each in found]
    return RecordingPredictions(*(np.concatenate([row[column] for row in rows]) for column in (0, 1)))


def draw(found: Robustness) -> Figure:
    """Return a picture: AUC and F1 by condition. Black: all instruments, with interval; colours: each instrument."""
    figure = Figure(figsize=(11, 2 + 0.3 * len(found.scores)), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (title, (overall, by_instrument)) in zip(panels, PANELS.items(), strict=True):
        _draw_panel(axes, found, overall, by_instrument)
        axes.set_title(title, fontsize=10)
    panels[0].set_yticks(range(len(found.scores)), list(found.scores), fontsize=9)
    panels[0].invert_yaxis()
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=7, fontsize=8)
    figure.suptitle(f"{found.recordings} recordings of {found.groups} sources, unchanged and degraded", fontsize=11)
    return figure


def _draw_panel(axes: Axes, found: Robustness, overall: str, by_instrument: str) -> None:
    """Draw one metric: a row for each condition, and a dashed line at its value without a degradation."""
    rows = np.arange(len(found.scores))
    each = np.array([_values(scores[by_instrument]) for scores in found.scores.values()])
    for column, (name, colour) in zip(each.T, palette(found.instruments).items(), strict=True):
        if np.isfinite(column).any():
            axes.plot(column, rows, "o", color=colour, markersize=4, label=name)
    values, lows, highs = zip(*(scores[overall].overall for scores in found.scores.values()), strict=True)
    axes.hlines(rows, lows, highs, color=INK, linewidth=1)
    axes.plot(values, rows, "D", color=INK, markersize=5, label="all")
    axes.axvline(values[0], color=INK, linewidth=0.8, linestyle="--")
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(labelsize=8, length=2)


def _values(scores: Score) -> np.ndarray:
    assert scores.by_instrument
    return scores.by_instrument.value
