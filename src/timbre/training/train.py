"""Training: epochs of drawn and augmented mels; of its epochs the best by validation F1 is kept."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Generator, Tensor

from timbre.core.errors import ParamsError
from timbre.core.files import RELEASED, fresh_file, user_path
from timbre.core.params import Audio, Compute, Mel, Model
from timbre.core.rng import generator
from timbre.core.stage import progress
from timbre.core.tables import write_table
from timbre.features.mel import filter_bank, power_to_db, reference_to_peak
from timbre.features.split import Split
from timbre.model.checkpoint import ModelConfig, load_model, save_model, save_untrained
from timbre.model.inference import clip_logits
from timbre.model.network import TimbreNet
from timbre.model.tasks import Task
from timbre.training.augment import augment, steady_noise
from timbre.training.config import TrainingConfig
from timbre.training.fabric import all_gather, explain_lost_process, keep_rank_zero, make_fabric, on_own_cores
from timbre.training.frame_loss import frame_activity, frame_loss
from timbre.training.mask_loss import TrainingOutput, WithAuxiliaryOutputs, mask_loss, power_by_class
from timbre.training.mixing import add_up, cut_parts
from timbre.training.optimizer import make_optimizer
from timbre.training.sampling import WHOLE, EpochSample

WARM_UP = 0.15  # share of the steps until the learning rate peaks
START_RATE = 0.3  # of the learning rate, where another model's blocks are gone on from


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of a training's history; the train metrics are those of the augmented clips as they went by."""

    epoch: int
    train_loss: float
    train_f1: float
    validation_loss: float
    validation_f1: float


def train(
    task: Task,
    pack: np.ndarray,
    draw: Callable[[np.random.Generator], EpochSample],
    validation: Split,
    config: TrainingConfig,
    compute: Compute,
    start: TimbreNet | None = None,
) -> tuple[TimbreNet, list[Epoch]]:
    """Train one network; return it, on the CPU, as of its best epoch by validation F1, and the history.

    Args:
        task: single or layered.
        pack: log mels `[rows, bands, frames]` in dB that draws refer to.
        draw: what an epoch hears.
        validation: what it is judged by.
        config: every number the result depends on.
        compute: where and how; the same on every run of one machine gives the same result. Of several processes each
            takes its share of every batch, and the first alone returns.
        start: a network of the same shape whose blocks this one begins with; none: with drawn weights.

    Raises:
        ParamsError: a GPU is asked for where there is none, or a batch is too small for the processes.
        WorkerError: another process of this training ended.
    """
    fabric = make_fabric(compute)
    if config.batch_size < 2 * fabric.world_size:
        raise ParamsError(
            f"params.yaml: batch_size: {config.batch_size} clips are too few for {fabric.world_size} processes; raise "
            "batch_size or lower compute.devices"
        )
    with explain_lost_process(fabric), on_own_cores(compute.threads):
        best, history = _learn(_Learner(task, pack, config, fabric, start), draw, validation)
    keep_rank_zero(fabric)
    network = TimbreNet(config.model, len(config.instruments))
    network.load_state_dict(best)
    return network.eval(), history


class _Learner:
    """A network in training: its optimiser, schedule, and generators of its own, on a device.

    Args:
        task: single or layered.
        pack: log mels `[rows, bands, frames]` in dB that draws refer to.
        config: every number the result depends on.
        fabric: where.
        start: a network whose blocks this one begins with.
    """

    def __init__(
        self, task: Task, pack: np.ndarray, config: TrainingConfig, fabric: Fabric, start: TimbreNet | None = None
    ) -> None:
        self.task, self.pack, self.config, self.fabric = task, pack, config, fabric
        torch.manual_seed(int(generator(config.seed, task.name, "weights").integers(2**31)))
        self.network = TimbreNet(config.model, len(config.instruments))
        if start:
            self.network.blocks.load_state_dict(start.blocks.state_dict())
        self.classes = len(config.instruments) + 1  # other is one
        model = WithAuxiliaryOutputs(self.network, self.classes if config.mask_loss else 0, config.frame_loss > 0)
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = make_optimizer(model, config.optimizer, config.learning_rate)
        self.model, self.optimizer = fabric.setup(model, optimizer)
        self.schedule: torch.optim.lr_scheduler.OneCycleLR | None = None
        self.noise = Generator(fabric.device)
        self.grain = steady_noise(config.audio, config.mel).to(fabric.device)

    def epoch(self, number: int, drawn: EpochSample) -> tuple[Tensor, Tensor]:
        """Learn from what an epoch hears; return logits and targets of all processes, on the CPU."""
        steps = max(len(drawn.targets) // self.config.batch_size, 1)
        self.schedule = self.schedule or torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            self.config.learning_rate,
            total_steps=steps * self.config.epochs,
            pct_start=WARM_UP,
            cycle_momentum=self.config.optimizer == "adamw",
        )
        key = self.task.name, "augment", number, self.fabric.global_rank
        self.noise.manual_seed(int(generator(self.config.seed, *key).integers(2**31)))
        self.model.train()
        heard, truth = [], []
        for batch in np.array_split(np.arange(len(drawn.targets)), steps):
            shard = batch[self.fabric.global_rank :: self.fabric.world_size]
            targets = torch.from_numpy(drawn.targets[shard]).to(self.fabric.device)
            heard.append(self._step(drawn, shard, targets))
            self.schedule.step()
            truth.append(targets.cpu())
        return all_gather(torch.cat(heard), self.fabric), all_gather(torch.cat(truth), self.fabric)

    def _step(self, drawn: EpochSample, shard: np.ndarray, targets: Tensor) -> Tensor:
        """One step of the optimiser; the logits `[clips, instruments]` of its clips, on the CPU."""
        config, size = self.config, len(shard)
        rows, gains_db, classes = drawn.rows[shard], drawn.gains_db[shard], drawn.classes
        clips, slots, parts = cut_parts(self.pack, rows, gains_db, config, self.noise, classes)
        mixed = add_up(parts, clips, size)
        power = augment(mixed, self.grain, config.augment, config.frame_seconds, self.noise)
        output = self.model(reference_to_peak(power_to_db(power)))
        loss = self.task.loss(output.logits.float(), targets)
        if classes is not None:  # of mixtures whose parts are known
            labels = torch.from_numpy(classes).to(self.fabric.device)[slots]
            loss = loss + self._lessons(output, parts, clips, labels, size)
        self.fabric.backward(loss)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return output.logits.detach().float().cpu()

    def _lessons(self, output: TrainingOutput, parts: Tensor, clips: Tensor, labels: Tensor, size: int) -> Tensor:
        """The loss of what is learnt beside who plays, as `params.yaml` weighs it."""
        config, cell = self.config, self.network.cell
        loss = parts.new_zeros(())
        if output.masks is not None:
            known = labels != WHOLE
            shared = power_by_class(parts[known], clips[known], labels[known], (size, self.classes), cell)
            loss = loss + config.mask_loss * mask_loss(output.masks.float(), shared)
        if output.frames is not None:
            played = frame_activity(parts, clips, labels, (size, self.classes - 1), cell[1], config.frame_seconds)
            loss = loss + config.frame_loss * frame_loss(output.frames.float(), played)
        return loss

    def validate(self, number: int, heard: tuple[Tensor, Tensor], validation: Split) -> Epoch:
        """The line of an epoch: loss and F1 of what it heard, and of validation."""
        logits = clip_logits(self.network, validation, self.fabric.device)
        targets = torch.from_numpy(validation.targets)
        return Epoch(
            number,
            train_loss=round(float(self.task.loss(*heard)), 5),
            train_f1=self.task.f1(*heard),
            validation_loss=round(float(self.task.loss(logits, targets)), 5),
            validation_f1=self.task.f1(logits, targets),
        )

    def weights(self) -> dict[str, Tensor]:
        """A copy of the network's weights, on the CPU: the tensors of a state dict go on changing with it."""
        return {name: tensor.detach().cpu().clone() for name, tensor in self.network.state_dict().items()}


def _learn(
    learner: _Learner, draw: Callable[[np.random.Generator], EpochSample], validation: Split
) -> tuple[dict[str, Tensor], list[Epoch]]:
    """The weights of the best epoch, on the CPU, and the history."""
    config, name = learner.config, learner.task.name
    best: dict[str, Tensor] = {}
    history: list[Epoch] = []
    epochs: Iterable[int] = range(1, config.epochs + 1)
    for number in progress(epochs, f"train_{name}", unit="epoch") if learner.fabric.is_global_zero else epochs:
        heard = learner.epoch(number, draw(generator(config.seed, name, "epoch", number)))
        epoch = learner.validate(number, heard, validation)
        if all(epoch.validation_f1 >= earlier.validation_f1 for earlier in history):
            best = learner.weights()
        history.append(epoch)
    return best, history


def write_training(
    folder: Path,
    task: Task,
    network: TimbreNet,
    history: list[Epoch],
    config: TrainingConfig,
    thresholds: tuple[float, ...] = (),
) -> str:
    """Write `<task>.safetensors` and `<task>_history.csv` to a folder; return a summary."""
    description = ModelConfig(
        task=task.name,
        instruments=config.instruments,
        audio=config.audio,
        mel=config.mel,
        model=config.model,
        thresholds=thresholds,
    )
    with fresh_file(folder / f"{task.name}_history.csv") as table:
        write_table(table, history, Epoch)
    with fresh_file(folder / f"{task.name}.safetensors") as model:
        save_model(model, network, description, filter_bank(config.audio.sample_rate, config.mel))
    return in_short(history)


def in_short(history: list[Epoch]) -> str:
    """Which epoch is kept, for a line of the log."""
    best = max(history, key=lambda epoch: (epoch.validation_f1, epoch.epoch))
    return f"{len(history)} epochs, the best is {best.epoch} with validation F1 {best.validation_f1:.3f}"


def write_untrained(folder: Path, task: Task) -> None:
    """Write what `write_training` writes where there is nothing to learn a task from: no epoch, and a model's place."""
    with fresh_file(folder / f"{task.name}_history.csv") as table:
        write_table(table, [], Epoch)
    save_untrained(folder / f"{task.name}.safetensors")


def load_start(start: str, audio: Audio, mel: Mel, model: Model) -> TimbreNet:
    """The network whose blocks training is to begin with: that of a layered model, whatever its instruments.

    Args:
        start: the param of that name, `released` or a path.
        audio, mel, model: of the training to come; sample rate, mel and blocks must be those of the model.

    Raises:
        DataError: there is no such model.
        ParamsError: it hears something else, or its blocks are of another size.
    """
    trained = load_model(RELEASED / "layered.safetensors" if start == "released" else user_path(start, "start"))
    theirs = trained.description
    wanted = _what_must_agree(audio, mel, model)
    for key, value in _what_must_agree(theirs.audio, theirs.mel, theirs.model).items():
        if wanted[key] != value:
            raise ParamsError(f"params.yaml: start: that model has {key} {value:g}, not {wanted[key]:g}; set it so")
    return trained.network


def _what_must_agree(audio: Audio, mel: Mel, model: Model) -> dict[str, float]:
    return {
        "audio.sample_rate": audio.sample_rate,
        **{f"mel.{key}": value for key, value in mel.model_dump().items()},
        "model.channels": model.channels,
        "model.blocks": model.blocks,
    }
