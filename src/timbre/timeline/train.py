"""Learning when instruments play, on top of what a layered network hears, which stays as it is."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from timbre.core.files import fresh_file
from timbre.core.params import Model
from timbre.core.rng import generator
from timbre.core.stage import progress
from timbre.model.checkpoint import TrainedModel, fingerprint, save_model
from timbre.model.network import TimbreNet
from timbre.model.timeline import TimelineNet
from timbre.timeline.training_data import TimelineData
from timbre.training.calibration import best_thresholds
from timbre.training.optimizer import make_optimizer

EPOCHS = 12
BATCH = 64  # windows
LEARNING_RATE = 0.005  # the peak of a one-cycle schedule


def train_timeline_network(lessons: TimelineData, shape: Model, seed: int) -> TimelineNet:
    """A network, in evaluation mode, that has learnt from songs of train.

    Args:
        lessons: of these songs.
        shape: of the layered network that heard them.
        seed: draws weights and the order of windows.
    """
    torch.manual_seed(int(generator(seed, "timeline", "weights").integers(2**31)))
    network = TimelineNet(shape, lessons.playing.shape[1])
    optimizer = make_optimizer(network, "adamw", LEARNING_RATE)
    steps = max(len(lessons.features) // BATCH, 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=EPOCHS * steps)
    for number in progress(range(EPOCHS), "train_timeline", unit="epoch"):
        order = generator(seed, "timeline", "epoch", number).permutation(len(lessons.features))
        for batch in map(torch.from_numpy, np.array_split(order, steps)):
            loss = binary_cross_entropy_with_logits(network(lessons.features[batch].float()), lessons.playing[batch])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
    return network.eval()


def centre(network: TimelineNet, lessons: TimelineData) -> float:
    """Shift the logits of each instrument, in place, so that 0 is where the F1 of steps is greatest.

    Args:
        network: learnt from other songs.
        lessons: of songs of validation.

    Returns:
        The micro F1 of all steps then, of these songs.
    """
    plays = _rows(lessons.playing) >= 0.5
    probabilities = _rows(_answers(network, lessons.features)).sigmoid().double().numpy()
    thresholds = torch.tensor(best_thresholds(probabilities, plays.double().numpy()), dtype=torch.float64)
    with torch.no_grad():
        network.last.bias -= thresholds.logit().float()  # type: ignore[operator]
    claimed = _rows(_answers(network, lessons.features)) >= 0
    return 2 * int((plays & claimed).sum()) / max(int(plays.sum() + claimed.sum()), 1)


def _answers(network: TimelineNet, features: Tensor) -> Tensor:
    with torch.inference_mode():
        return torch.cat([network(some.float()) for some in features.split(BATCH)])


def _rows(values: Tensor) -> Tensor:
    """`[windows, instruments, places]` as `[windows * places, instruments]`."""
    return values.transpose(1, 2).flatten(0, 1)


def write_timeline(path: Path, network: TimelineNet, layered: TrainedModel[TimbreNet]) -> None:
    """Write a network as a model file that says which layered one it follows."""
    changes = {"task": "timeline", "thresholds": (), "follows": fingerprint(layered.network)}
    description = layered.description.model_copy(update=changes)
    with fresh_file(path) as file:
        save_model(file, network, description, layered.filters)
