"""Score the old and the new model on the old and the new test set, so that a gain has a cause: model or test set."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import numpy as np

from timbre.compare.revision import Revision
from timbre.compare.scores import TABLE_METRICS, check_instruments
from timbre.core.errors import DataError
from timbre.evaluation import bootstrap
from timbre.evaluation.bootstrap import Interval, Metric
from timbre.evaluation.prediction_table import PredictionTable
from timbre.evaluation.predictions import predict_split
from timbre.features.split import Split, load_layered, load_music, load_single
from timbre.model.checkpoint import TrainedModel, load_model

MELS, MIXTURES, MODELS = "data/mels", "data/layered", "models"
MAIN_METRICS = {"single": "macro F1", "layered": "micro F1"}  # by task
OLD, NEW = "old", "new"

Tables = Mapping[tuple[str, str], PredictionTable]
"""Predictions by model and test set, each `old` or `new`."""


@dataclass(frozen=True)
class Combinations:
    """The main metric of all four combinations, and what each change is worth.

    Attributes:
        metric: Name of the metric.
        scores: Scores by model and test set.
        model_change: New model minus old model, by test set.
        test_change: New test set minus old test set, by model.
    """

    metric: str
    scores: dict[tuple[str, str], Interval]
    model_change: dict[str, Interval]
    test_change: dict[str, Interval]


def combine(tables: Tables, task: str, seed: int) -> Combinations:
    """Return the scores of the four combinations.

    The two test sets can share clips or groups. So a resample draws groups from both together.
    """
    name = MAIN_METRICS[task]
    metric = TABLE_METRICS[name]
    old, new = tables[OLD, OLD], tables[NEW, NEW]
    groups = [group or f"old {row}" for row, group in enumerate(old.groups)]
    groups += [group or f"new {row}" for row, group in enumerate(new.groups)]
    rows = {OLD: slice(0, len(old.clips)), NEW: slice(len(old.clips), None)}

    def on_rows(model: str, test: str) -> Metric:
        inner = metric(tables[model, test])
        return lambda weights: inner(weights[:, rows[test]])

    def change(first: tuple[str, str], second: tuple[str, str]) -> Interval:
        return bootstrap.difference(on_rows(*first), on_rows(*second), groups, seed, task)

    return Combinations(
        metric=name,
        scores={pair: bootstrap.interval(on_rows(*pair), groups, seed, task) for pair in tables},
        model_change={test: change((OLD, test), (NEW, test)) for test in (OLD, NEW)},
        test_change={model: change((model, OLD), (model, NEW)) for model in (OLD, NEW)},
    )


def predict_combinations(first: Revision, second: Revision, task: str) -> Tables:
    """Return the predictions of both models on both test sets.

    A model's predictions of its own test set are those that its revision committed. The other two are computed.

    Raises:
        DataError: A model or a test set is not in the DVC cache or cannot be read, or the models need different mels.
    """
    old, new = first.predictions(task), second.predictions(task)
    check_instruments(old.instruments, new.instruments)
    old_model, new_model = _model(first, task), _model(second, task)
    description, other = old_model.description, new_model.description
    if (description.mel, description.audio) != (other.mel, other.audio):
        raise DataError("the models need different mels, so that each can only predict its own test set")
    return {
        (OLD, OLD): old,
        (OLD, NEW): _predict(old_model, second, new, task),
        (NEW, OLD): _predict(new_model, first, old, task),
        (NEW, NEW): new,
    }


def _model(revision: Revision, task: str) -> TrainedModel:
    path = f"{MODELS}/{task}.safetensors"
    found = revision.file(path)
    if found is None:
        raise DataError(f"{path} of {revision.name} is not in the DVC cache")
    return load_model(found)


def _predict(model: TrainedModel, revision: Revision, own: PredictionTable, task: str) -> PredictionTable:
    """Predict the test set of a revision with another model; `own` has the clips, groups and targets."""
    with TemporaryDirectory() as temporary:
        split = _test_split(revision, Path(temporary), own.instruments, task)
        if not np.array_equal(split.targets, own.targets, equal_nan=True):
            raise DataError(f"{revision.name}: its test set in the DVC cache is not that of its predictions")
        predictions = predict_split(model, split)
    return PredictionTable(
        own.instruments, own.clips, own.groups, own.targets, predictions.present, predictions.probabilities
    )


def _test_split(revision: Revision, temporary: Path, instruments: tuple[str, ...], task: str) -> Split:
    """Read the test set of a task from the DVC cache; in a data set without mixtures the layered one is music."""
    for folder in (MELS, MIXTURES):
        (temporary / folder).mkdir(parents=True)
        for name in ("test.csv", "test.npy"):
            cached = revision.file(f"{folder}/{name}")
            if cached is None:
                raise DataError(f"{folder} of {revision.name} is not in the DVC cache")
            copyfile(cached, temporary / folder / name)
    if task == "single":
        return load_single(temporary / MELS, "test", instruments)
    mixtures = load_layered(temporary / MIXTURES, "test", instruments)
    return mixtures if mixtures.names else load_music(temporary / MELS, "test", instruments)
