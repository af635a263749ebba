"""Adapt the models to a folder of corrected songs: read, compare, and write models that are better."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from timbre.adapt.choose import OLD, Trial, chosen, compare
from timbre.adapt.fit import CANDIDATES, Corrections
from timbre.adapt.output import check_output, write_models
from timbre.adapt.songs import FeatureReader, LastLayer, start_models
from timbre.benchmark.labelled_folder import LabelledRecording, predict_each, read_labelled_folder
from timbre.core.errors import DataError
from timbre.core.partial_labels import is_single, partial_targets, present_and_absent
from timbre.core.printable import printable
from timbre.model.checkpoint import TrainedModel, load_model
from timbre.model.network import TimbreNet

LEAST = 5  # groups of corrected songs; with fewer, a comparison says nothing


@dataclass(frozen=True)
class Adaptation:
    """The result of adapting models to songs.

    Attributes:
        models: Where the old models come from, in words.
        corrections: The songs.
        trials: The scores of the old models and of the candidates.
        unreadable: One line for each song that cannot be read.
        output: The folder of the new models, or None if the old ones were kept.
    """

    models: str
    corrections: Corrections
    trials: Sequence[Trial]
    unreadable: Sequence[str]
    output: Path | None

    def as_text(self) -> str:
        """Return the result in words and figures."""
        targets, groups = self.corrections.targets, {*self.corrections.groups}
        known = int((~np.isnan(targets)).sum())
        lines = [f"{len(targets)} corrected songs of {len(groups)} groups, {known} answers"]
        for trial in self.trials:
            line = f"  {trial.name:<12} micro F1 {trial.f1:.3f}, log loss {trial.log_loss:.3f}"
            low, high = trial.difference.low, trial.difference.high
            lines.append(
                line if trial.name == OLD else f"{line}, {trial.difference.value:+.3f} [{low:+.3f}, {high:+.3f}]"
            )
        if not self.output:
            return "\n".join([*lines, f"kept the models {self.models}: no change is surely better"])
        found = f"{self.output}: models with new {chosen(self.trials)}; timbre predict --models {self.output} uses them"
        return "\n".join([*lines, found])


def adapt(folder: Path, output: Path, models: Path | None = None) -> Adaptation:
    """Adapt models to the corrected songs of a folder, and write them if they are better than before.

    Args:
        folder: A folder with songs and a labels.csv, as `timbre review` writes it.
        output: The folder to write. A folder of this name is renamed.
        models: The folder of the models to adapt. None: see `start_models`.

    Raises:
        DataError: The labels or models cannot be used, there are too few songs, or the output cannot be written.
    """
    start = start_models(models)
    check_output(output, start)
    reader = FeatureReader(start)
    labelled = read_labelled_folder(folder, reader.instruments, by_subfolder=False)
    check_labels(folder, labelled.recordings)
    readable, songs, unreadable = predict_each(
        folder, labelled.recordings, lambda recording: reader.read(folder / recording.path)
    )
    check_labels(folder, readable)
    targets = partial_targets([recording.label for recording in readable], reader.instruments)
    corrections = Corrections(songs, targets, [recording.group for recording in readable])
    trials = compare(reader.layer, corrections, CANDIDATES)
    name = chosen(trials)
    if name != OLD:
        adapted = f"{len(songs)} songs of {printable(folder.resolve().name)}"
        layered = load_model(start / "layered.safetensors")
        write_models(start, output, adapted_model(layered, CANDIDATES[name](reader.layer, corrections), adapted))
    return Adaptation(reader.source, corrections, trials, unreadable, None if name == OLD else output)


def check_labels(folder: Path, recordings: Sequence[LabelledRecording]) -> None:
    """Check that there are enough corrected songs to compare models.

    Raises:
        DataError: There are too few groups, or no instrument is present.
    """
    if (groups := len({recording.group for recording in recordings})) < LEAST:
        raise DataError(
            f"{folder}: has corrected songs of {groups} groups, but {LEAST} are needed; correct more with timbre review"
        )
    if not any(is_single(recording.label) or present_and_absent(recording.label)[0] for recording in recordings):
        raise DataError(f"{folder}: no song has an instrument that is present; correct more with timbre review")


def adapted_model(layered: TrainedModel[TimbreNet], layer: LastLayer, adapted: str) -> TrainedModel[TimbreNet]:
    """Return a layered model with another last layer.

    The timeline network stays valid, because it uses the features before the last layer. What was sure is measured with
    the old layer, so the new model has no bounds of sure answers.

    Args:
        layered: The model to change; its network changes in place.
        layer: The new last layer.
        adapted: The songs, such as "20 songs of album".
    """
    replace_last_layer(layered.network, layer)
    return replace(layered, description=layered.description.model_copy(update={"adapted": adapted, "sure": {}}))


def replace_last_layer(network: TimbreNet, layer: LastLayer) -> None:
    """Replace the weights and biases of a network's last layer, in place."""
    *_, last = network.head
    assert isinstance(last, nn.Linear)
    last.weight.data, last.bias.data = (
        torch.from_numpy(each.astype(np.float32)) for each in (layer.weight, layer.bias)
    )
