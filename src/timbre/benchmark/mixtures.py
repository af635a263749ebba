"""Mix recordings of single instruments, and predict the mixtures with the layered model."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from timbre.benchmark.labelled_folder import LabelledRecording
from timbre.core.params import Compute, Mixtures
from timbre.core.partial_labels import is_single
from timbre.core.tables import Clip, Window, parts_by_mixture
from timbre.dataset.prepare import decode_clips
from timbre.evaluation.predictions import predict_split
from timbre.evaluation.scoring import RecordingPredictions
from timbre.features.arrays import open_array
from timbre.features.extraction import write_mels
from timbre.features.mixtures import RecipeOptions, draw_recipes, mixture_mels
from timbre.features.split import Split, targets_of
from timbre.model.checkpoint import TrainedModel

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


class PredictedMixtures(NamedTuple):
    """Targets, predictions and groups of mixtures, as `timbre.evaluation.scoring.score` takes them."""

    targets: np.ndarray
    predictions: RecordingPredictions
    groups: list[str]


def predict_mixtures(
    folder: Path, recordings: Sequence[LabelledRecording], instruments: Sequence[str], layered: TrainedModel
) -> PredictedMixtures | None:
    """Predict 150 mixtures of windows of two to four recordings within ±4 dB.

    A mixture has the group of its first part.

    Args:
        folder: The folder of the recordings.
        recordings: The recordings. Those of other instruments are left out.
        instruments: Names of the instruments, in order.
        layered: The layered model.

    Returns:
        None if fewer than two instruments have a readable recording.
    """
    audio, mel = layered.description.audio, layered.description.mel
    group_of = {recording.path: recording.group for recording in recordings}
    clips = [Clip(found.path, found.label, "train", found.group) for found in recordings if is_single(found.label)]
    with TemporaryDirectory() as temporary:
        pack, mels = Path(temporary) / "windows.npy", Path(temporary) / "mixtures.npy"
        decoded, _ = decode_clips(clips, folder, pack, audio, Compute())
        clips = [clip for clip in clips if clip.file in decoded]
        playing = [name for name in instruments if any(clip.label == name for clip in clips)]
        if len(playing) < MIXTURES.min_instruments:
            return None
        windows = [
            Window(row, index * audio.window, clip.file, clip.label, clip.split, clip.group)
            for clip in clips
            for row, index in decoded[clip.file].windows
        ]
        recipes = parts_by_mixture(draw_recipes(windows, "train", RecipeOptions(playing, MIXTURES, 0, 0)))
        extract = partial(mixture_mels, pack=pack, sample_rate=audio.sample_rate, mel=mel)
        write_mels(mels, recipes, extract, Compute(), "mixtures")
        targets = targets_of([[part.instrument for part in parts] for parts in recipes], instruments)
        names = [f"mixture {number}" for number in range(len(recipes))]
        split = Split(open_array(mels), np.arange(len(recipes)), targets, names, tuple(instruments))
        predicted = predict_split(layered, split)
    predictions = RecordingPredictions(predicted.probabilities, predicted.present)
    return PredictedMixtures(targets, predictions, [group_of[parts[0].file] for parts in recipes])
