"""Training: epochs of drawn and augmented mels; of its epochs the best by validation F1 is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Generator, Tensor

from timbre.core.errors import ParamsError
from timbre.core.files import fresh_file
from timbre.core.params import Audio, Augment, Compute, Mel, Model
from timbre.core.rng import generator
from timbre.core.stage import progress
from timbre.core.tables import write_table
from timbre.features.mel import db_to_power, filter_bank, power_to_db, reference_to_peak
from timbre.features.split import Labelled
from timbre.model.checkpoint import Description, save_model
from timbre.model.inference import clip_logits
from timbre.model.network import Listener
from timbre.model.tasks import Task
from timbre.training.augment import augment, crop, make_equally_loud, shorten, steady_noise
from timbre.training.fabric import gathered, leave_to_first, make_fabric, one_fate
from timbre.training.optimizer import make_optimizer
from timbre.training.sampling import Draw
from timbre.training.separation import Pupil, power_by_class, share_loss

WARM_UP = 0.15  # share of the steps until the learning rate peaks


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of a training's history; the train figures are those of the augmented clips as they went by."""

    epoch: int
    train_loss: float
    train_f1: float
    validation_loss: float
    validation_f1: float


@dataclass(frozen=True)
class Recipe:
    """The numbers of one training, as params.yaml has them."""

    seed: int
    epochs: int
    batch_size: int
    optimizer: Literal["muon", "adamw"]
    learning_rate: float
    audio: Audio
    mel: Mel
    model: Model
    augment: Augment
    shares: float = 0.0

    @property
    def frame_seconds(self) -> float:
        """Time from one mel frame to the next."""
        return self.mel.hop_length / self.audio.sample_rate


def train(
    task: Task,
    pack: np.ndarray,
    draw: Callable[[np.random.Generator], Draw],
    validation: Labelled,
    recipe: Recipe,
    compute: Compute,
    start: Listener | None = None,
) -> tuple[Listener, list[Epoch]]:
    """Train one network; return it, on the CPU, as of its best epoch by validation F1, and the history.

    Args:
        task: single or layered.
        pack: log mels `[rows, bands, frames]` in dB that draws refer to.
        draw: what an epoch hears.
        validation: what it is judged by.
        recipe: every number the result depends on.
        compute: where and how; the same on every run of one machine gives the same result. Of several processes each
            takes its share of every batch, and the first alone returns.
        start: a network of the same shape whose blocks this one begins with; none: with drawn weights.

    Raises:
        ParamsError: a GPU is asked for where there is none, or a batch is too small for the processes.
        WorkerError: another process of this training ended.
    """
    fabric = make_fabric(compute)
    if recipe.batch_size < 2 * fabric.world_size:
        raise ParamsError(
            f"params.yaml: batch_size: {recipe.batch_size} clips are too few for {fabric.world_size} processes; raise "
            "batch_size or lower compute.devices"
        )
    with one_fate(fabric):
        best, history = _learn(task, pack, draw, validation, recipe, fabric, start)
    leave_to_first(fabric)
    network = Listener(recipe.model)
    network.load_state_dict(best)
    return network.eval(), history


def _learn(
    task: Task,
    pack: np.ndarray,
    draw: Callable[[np.random.Generator], Draw],
    validation: Labelled,
    recipe: Recipe,
    fabric: Fabric,
    start: Listener | None,
) -> tuple[dict[str, Tensor], list[Epoch]]:
    """The weights of the best epoch, on the CPU, and the history."""
    torch.manual_seed(int(generator(recipe.seed, task.name, "weights").integers(2**31)))
    network = Listener(recipe.model)
    if start:
        network.blocks.load_state_dict(start.blocks.state_dict())
    pupil = Pupil(network, learns_shares=recipe.shares > 0).to(memory_format=torch.channels_last)
    optimizer = make_optimizer(pupil, recipe.optimizer, recipe.learning_rate)
    model, optimizer = fabric.setup(pupil, optimizer)
    noise = Generator(fabric.device)
    grain = steady_noise(recipe.audio, recipe.mel).to(fabric.device)

    schedule = None
    best, history = {}, []
    epochs = range(1, recipe.epochs + 1)
    for number in progress(epochs, f"train_{task.name}", unit="epoch") if fabric.is_global_zero else epochs:
        drawn = draw(generator(recipe.seed, task.name, "epoch", number))
        steps = max(len(drawn.targets) // recipe.batch_size, 1)
        schedule = schedule or torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            recipe.learning_rate,
            total_steps=steps * recipe.epochs,
            pct_start=WARM_UP,
            cycle_momentum=recipe.optimizer == "adamw",
        )
        place = task.name, "augment", number, fabric.global_rank
        noise.manual_seed(int(generator(recipe.seed, *place).integers(2**31)))
        model.train()
        heard, truth = [], []
        for batch in np.array_split(np.arange(len(drawn.targets)), steps):
            part = batch[fabric.global_rank :: fabric.world_size]
            targets = torch.from_numpy(drawn.targets[part]).to(fabric.device)
            clips, places, parts = cut_parts(pack, drawn.rows[part], drawn.gains_db[part], recipe, noise)
            power = augment(add_up(parts, clips, len(part)), grain, recipe.augment, recipe.frame_seconds, noise)
            logits, shares = model(reference_to_peak(power_to_db(power)))
            loss = task.loss(logits.float(), targets)
            if shares is not None:
                classes = torch.from_numpy(drawn.classes).to(fabric.device)[places]
                shared = power_by_class(parts, clips, classes, len(part), network.cell)
                loss = loss + recipe.shares * share_loss(shares.float(), shared)
            fabric.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            heard.append(logits.detach().float().cpu())
            truth.append(targets.cpu())
        logits, targets = gathered(torch.cat(heard), fabric), gathered(torch.cat(truth), fabric)
        judged = clip_logits(network, validation, fabric.device)
        answers = torch.from_numpy(validation.targets)
        epoch = Epoch(
            number,
            train_loss=round(float(task.loss(logits, targets)), 5),
            train_f1=task.f1(logits, targets),
            validation_loss=round(float(task.loss(judged, answers)), 5),
            validation_f1=task.f1(judged, answers),
        )
        if all(epoch.validation_f1 >= earlier.validation_f1 for earlier in history):
            # A copy: the tensors of a state dict go on changing with the network.
            best = {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
        history.append(epoch)
    return best, history


def cut_parts(
    pack: np.ndarray, rows: np.ndarray, gains_db: np.ndarray, recipe: Recipe, noise: Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Cut the parts of some clips: the clip of each `[parts]`, its place there, and power `[parts, bands, frames]`.

    Each part is cropped, maybe shortened, and made equally loud before its gain.

    Args:
        pack: log mels `[all rows, bands, frames]`, dB.
        rows: int `[clips, places]`.
        gains_db: `[clips, places]`, minus infinity where a place is empty.
        recipe: for the length of the crop and the share that is shortened.
        noise: draws where each part is cut.
    """
    clips, places = np.nonzero(np.isfinite(gains_db))
    mels = torch.from_numpy(pack[rows[clips, places]]).to(noise.device).float()
    frames = min(round(recipe.augment.crop / recipe.frame_seconds), mels.shape[2])
    power = make_equally_loud(shorten(db_to_power(crop(mels, frames, noise)), recipe.augment.shorten, noise))
    gains = torch.from_numpy(10 ** (gains_db[clips, places] / 10)).to(power)
    return *(torch.from_numpy(index).to(noise.device) for index in (clips, places)), power * gains[:, None, None]


def add_up(parts: Tensor, clips: Tensor, size: int) -> Tensor:
    """Add the parts of `size` clips: power `[size, bands, frames]`."""
    return parts.new_zeros(size, *parts.shape[1:]).index_add_(0, clips, parts)


def write_training(
    task: Task, network: Listener, history: list[Epoch], recipe: Recipe, thresholds: tuple[float, ...] = ()
) -> str:
    """Write `models/<task>.safetensors` and `models/<task>_history.csv`; return a summary."""
    description = Description(
        task=task.name,
        audio=recipe.audio,
        mel=recipe.mel,
        model=recipe.model,
        thresholds=thresholds,
    )
    with fresh_file(f"models/{task.name}_history.csv") as table:
        write_table(table, history, Epoch)
    with fresh_file(f"models/{task.name}.safetensors") as model:
        save_model(model, network, description, filter_bank(recipe.audio.sample_rate, recipe.mel))
    best = max(history, key=lambda epoch: (epoch.validation_f1, epoch.epoch))
    return f"{len(history)} epochs, the best is {best.epoch} with validation F1 {best.validation_f1:.3f}"
