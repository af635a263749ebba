"""How trained models do on real recordings in Kaggle's layout: `python benchmarks/real.py FOLDER [MODELS ...]`.

Nothing of it is learnt from. Single: every readable clip, the mean of the four recalls. Layered: mixtures of windows of
these clips, 2 to 4 instruments within ±4 dB, judged at the thresholds of the model file.
"""

import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.metrics import f1_score, recall_score, roc_auc_score

from timbre.core.instruments import OTHER
from timbre.core.params import Compute, Mixtures, Splits
from timbre.core.partial_labels import is_single
from timbre.core.tables import Window, parts_by_mixture, read_table
from timbre.dataset.prepare import PACK, prepare_dataset
from timbre.evaluation.predictions import predict_split
from timbre.features.arrays import open_array
from timbre.features.extraction import clip_mels, write_mels
from timbre.features.mixtures import RecipeOptions, draw_recipes, mixture_mels
from timbre.features.split import Split, targets_of
from timbre.model.checkpoint import TrainedModel, load_model

MIXTURES = Mixtures(
    train=150,
    validation=1,
    test=1,
    min_instruments=2,
    max_instruments=4,
    train_instruments=4,
    gain_db=4.0,
    offset=0.0,
    fresh=0,
    playing=0,
    others=0,
)


def main(raw: Path, folders: list[Path]) -> None:
    """Print the metrics of both models as JSON; of several folders of models, the median of each metric."""
    print(json.dumps(median_of([measure(raw, models) for models in folders]), indent=2))


def median_of(metrics: list[Any]) -> Any:
    """The median of each number of nested dictionaries that are alike."""
    if isinstance(metrics[0], dict):
        return {key: median_of([some[key] for some in metrics]) for key in metrics[0]}
    return median(metrics)


def measure(raw: Path, models: Path) -> dict[str, Any]:
    """Judge both models of a folder on the clips of `raw`."""
    single, layered = (load_model(models / f"{task}.safetensors") for task in ("single", "layered"))
    with TemporaryDirectory() as folder:
        return _judged(raw, Path(folder), single, layered)


def _judged(raw: Path, folder: Path, single: TrainedModel, layered: TrainedModel) -> dict[str, Any]:
    """The metrics of both models; `folder` takes what is decoded."""
    audio, instruments = single.description.audio, single.description.instruments
    splits = Splits(by="file", validation=0.001, keep_test_groups=True)
    prepare_dataset(raw, folder, instruments, audio, splits, seed=0, compute=Compute())
    windows = [replace(row, split="train") for row in read_table(folder / "index.csv", Window)]
    playing = [window for window in windows if is_single(window.label)]
    others = [window for window in windows if window.label == OTHER]
    pack = folder / PACK

    def clips_of(some: list[Window], name: str) -> Split:
        extract = partial(clip_mels, pack=pack, sample_rate=audio.sample_rate, mel=single.description.mel)
        write_mels(folder / f"{name}.npy", [window.row for window in some], extract, Compute(), "mels")
        labels = {window.file: window.label for window in some}
        number = {file: index for index, file in enumerate(labels)}
        clips = np.array([number[window.file] for window in some])
        targets = targets_of([[label] for label in labels.values()], instruments)
        return Split(open_array(folder / f"{name}.npy"), clips, targets, list(labels), instruments)

    def named(values: np.ndarray) -> dict[str, float]:
        return {instrument: round(float(value), 3) for instrument, value in zip(instruments, values, strict=True)}

    alone = predict_split(single, clips_of(playing, "alone"))
    recipes = parts_by_mixture(draw_recipes(windows, "train", RecipeOptions(instruments, MIXTURES, playing=0, seed=0)))
    layer = partial(mixture_mels, pack=pack, sample_rate=audio.sample_rate, mel=layered.description.mel)
    write_mels(folder / "layered.npy", recipes, layer, Compute(), "mixtures")
    truth = targets_of([[part.instrument for part in parts] for parts in recipes], instruments)
    names = [f"mixture {number}" for number in range(len(recipes))]
    mixtures = Split(open_array(folder / "layered.npy"), np.arange(len(recipes)), truth, names, instruments)
    mixed = predict_split(layered, mixtures)
    plays, heard = alone.split.targets.argmax(1), alone.present.argmax(1)
    recalls = recall_score(plays, heard, average=None, labels=range(len(instruments)))
    metrics: dict[str, Any] = {
        "clips": len(alone.split.names),
        "single": {"mean recall": round(float(recalls.mean()), 3)} | named(recalls),
        "mixtures": len(recipes),
        "layered": {
            "mean AUC": round(float(roc_auc_score(truth, mixed.probabilities)), 3),
            "micro F1": round(float(f1_score(truth, mixed.present, average="micro")), 3),
            "macro F1": round(float(f1_score(truth, mixed.present, average="macro", zero_division=np.nan)), 3),
            "AUC": named(roc_auc_score(truth, mixed.probabilities, average=None)),
            "F1": named(f1_score(truth, mixed.present, average=None)),
        },
    }
    if others:
        metrics["claimed where none plays"] = predict_split(layered, clips_of(others, "others")).mean_predicted
    return metrics


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python benchmarks/real.py FOLDER [MODELS ...]")
    main(Path(sys.argv[1]), [Path(folder) for folder in sys.argv[2:]] or [Path("models")])
