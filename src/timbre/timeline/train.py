"""Training of the timeline network on the features of a layered network, which stays unchanged."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm

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
WINDOWS_PER_BATCH = 64
LEARNING_RATE = 0.005  # the peak of a one-cycle schedule


def train_timeline_network(data: TimelineData, shape: Model, seed: int) -> TimelineNet:
    """Train a timeline network; return it in evaluation mode.

    Args:
        data: Features and activity of train songs.
        shape: Shape of the layered network that computed the features.
        seed: Seed of the initial weights and of the order of windows.
    """
    torch.manual_seed(int(generator(seed, "timeline", "weights").integers(2**31)))
    network = TimelineNet(shape, data.playing.shape[1])
    optimizer = make_optimizer(network, "adamw", LEARNING_RATE)
    steps = max(len(data.features) // WINDOWS_PER_BATCH, 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=EPOCHS * steps)
    epochs = progress(range(EPOCHS), "train_timeline", unit="epoch")
    for number in epochs:
        order = generator(seed, "timeline", "epoch", number).permutation(len(data.features))
        for batch in map(torch.from_numpy, np.array_split(order, steps)):
            loss = binary_cross_entropy_with_logits(network(data.features[batch].float()), data.playing[batch])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
        if isinstance(epochs, tqdm):
            epochs.set_postfix_str(f"loss {float(loss.detach()):.3f}")
    return network.eval()


def centre(network: TimelineNet, data: TimelineData) -> float:
    """Shift the logits of each instrument, in place, so that a threshold of 0 gives the highest frame-level F1.

    Args:
        network: Network trained on other songs.
        data: Features and activity of validation songs.

    Returns:
        The micro F1 over all frames of these songs after the shift.
    """
    plays = _rows(data.playing) >= 0.5
    probabilities = _rows(_logits(network, data.features)).sigmoid().double().numpy()
    thresholds = torch.tensor(best_thresholds(probabilities, plays.double().numpy()), dtype=torch.float64)
    with torch.no_grad():
        network.last.bias -= thresholds.logit().float()  # type: ignore[operator]
    predicted = _rows(_logits(network, data.features)) >= 0
    return 2 * int((plays & predicted).sum()) / max(int(plays.sum() + predicted.sum()), 1)


def _logits(network: TimelineNet, features: Tensor) -> Tensor:
    """Return the logits `[windows, instruments, frames]` of features `[windows, channels, frames]`."""
    with torch.inference_mode():
        return torch.cat([network(batch.float()) for batch in features.split(WINDOWS_PER_BATCH)])


def _rows(values: Tensor) -> Tensor:
    """Reshape `[windows, instruments, frames]` to `[windows * frames, instruments]`."""
    return values.transpose(1, 2).flatten(0, 1)


def write_timeline(path: Path, network: TimelineNet, layered: TrainedModel[TimbreNet]) -> None:
    """Write a timeline network as a model file that names the layered network it needs."""
    changes = {"task": "timeline", "thresholds": (), "follows": fingerprint(layered.network)}
    description = layered.description.model_copy(update=changes)
    with fresh_file(path) as file:
        save_model(file, network, description, layered.filters)
