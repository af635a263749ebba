"""Training of the single and layered networks. The epoch with the best validation F1 is kept."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Generator, Tensor
from tqdm import tqdm

from timbre.core.errors import ParamsError
from timbre.core.files import RELEASED, fresh_file, user_path
from timbre.core.params import Audio, Compute, Mel, Model
from timbre.core.rng import generator
from timbre.core.stage import progress
from timbre.features.mel import filter_bank, power_to_db, reference_to_peak
from timbre.features.split import Split
from timbre.model.checkpoint import ModelConfig, load_model, save_model, save_untrained
from timbre.model.inference import clip_logits
from timbre.model.network import TimbreNet
from timbre.model.tasks import Task
from timbre.training.augment import augment, steady_noise
from timbre.training.auxiliary import TrainingNet, TrainingOutput
from timbre.training.config import TrainingConfig
from timbre.training.fabric import all_gather, explain_lost_process, keep_rank_zero, make_fabric, on_own_cores
from timbre.training.frame_loss import frame_activity, frame_loss
from timbre.training.history import Epoch, ignore_history, summary, write_history
from timbre.training.mask_loss import mask_loss, power_by_class
from timbre.training.mixing import add_up, cut_parts
from timbre.training.optimizer import make_optimizer
from timbre.training.sampling import MUSIC_CLASS, EpochSample

WARM_UP = 0.15  # fraction of the steps until the learning rate peaks
FINE_TUNING_RATE = 0.3  # factor on the learning rate if layered training is initialised from another model


def train(
    task: Task,
    pack: np.ndarray,
    sample_epoch: Callable[[np.random.Generator], EpochSample],
    validation: Split,
    config: TrainingConfig,
    compute: Compute,
    start: TimbreNet | None = None,
    on_epoch: Callable[[Sequence[Epoch]], None] = ignore_history,
) -> tuple[TimbreNet, list[Epoch]]:
    """Train one network. The same arguments on the same machine give the same result.

    With several processes, each trains on its part of every batch. Only the first one returns.

    Args:
        task: Single or layered.
        pack: Log mels `[rows, bands, frames]` in dB. Samples refer to its rows.
        sample_epoch: Draws the examples of an epoch from a random generator.
        validation: Clips that decide which epoch is best.
        config: Settings of the training.
        compute: Device, precision, processes and threads.
        start: Network of the same shape to initialise the blocks from. None: train from scratch.
        on_epoch: Receives the history so far after each epoch, in the first process.

    Returns:
        The network of the epoch with the best validation F1, on the CPU, and the history.

    Raises:
        ParamsError: The params ask for a GPU where there is none, or the batch is too small for the processes.
        WorkerError: Another process of this training ended.
    """
    fabric = make_fabric(compute)
    if config.batch_size < 2 * fabric.world_size:
        raise ParamsError(
            f"params.yaml: batch_size: {config.batch_size} clips are too few for {fabric.world_size} processes; raise "
            "batch_size or lower compute.devices"
        )
    with explain_lost_process(fabric), on_own_cores(compute.threads):
        best, history = _train_epochs(_Trainer(task, pack, config, fabric, start), sample_epoch, validation, on_epoch)
    keep_rank_zero(fabric)
    network = TimbreNet(config.model, len(config.instruments))
    network.load_state_dict(best)
    return network.eval(), history


class _Trainer:
    """A network in training, with its optimiser, schedule and random generators.

    Args:
        task: Single or layered.
        pack: Log mels `[rows, bands, frames]` in dB.
        config: Settings of the training.
        fabric: Device, precision and processes.
        start: Network to initialise the blocks from. None: train from scratch.
    """

    def __init__(
        self, task: Task, pack: np.ndarray, config: TrainingConfig, fabric: Fabric, start: TimbreNet | None = None
    ) -> None:
        self.task, self.pack, self.config, self.fabric = task, pack, config, fabric
        torch.manual_seed(int(generator(config.seed, task.name, "weights").integers(2**31)))
        self.network = TimbreNet(config.model, len(config.instruments))
        if start:
            self.network.blocks.load_state_dict(start.blocks.state_dict())
        self.classes = len(config.instruments) + 1  # the last class is other
        model = TrainingNet(self.network, self.classes if config.mask_loss else 0, config.frame_loss > 0)
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = make_optimizer(model, config.optimizer, config.learning_rate)
        self.model, self.optimizer = fabric.setup(model, optimizer)
        self.schedule: torch.optim.lr_scheduler.OneCycleLR | None = None
        self.noise = Generator(fabric.device)
        self.grain = steady_noise(config.audio, config.mel).to(fabric.device)

    def train_epoch(self, number: int, sample: EpochSample) -> tuple[Tensor, Tensor]:
        """Train on the examples of an epoch; return logits and targets of all processes, on the CPU."""
        steps = max(len(sample.targets) // self.config.batch_size, 1)
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
        all_logits, all_targets = [], []
        for batch in np.array_split(np.arange(len(sample.targets)), steps):
            shard = batch[self.fabric.global_rank :: self.fabric.world_size]
            targets = torch.from_numpy(sample.targets[shard]).to(self.fabric.device)
            all_logits.append(self._step(sample, shard, targets))
            self.schedule.step()
            all_targets.append(targets.cpu())
        return all_gather(torch.cat(all_logits), self.fabric), all_gather(torch.cat(all_targets), self.fabric)

    def _step(self, sample: EpochSample, shard: np.ndarray, targets: Tensor) -> Tensor:
        """Take one optimiser step on some clips; return their logits `[clips, instruments]`, on the CPU."""
        config, size = self.config, len(shard)
        rows, gains_db, classes = sample.rows[shard], sample.gains_db[shard], sample.classes
        clips, columns, parts = cut_parts(self.pack, rows, gains_db, config, self.noise, classes)
        mixed = add_up(parts, clips, size)
        power = augment(mixed, self.grain, config.augment, config.frame_seconds, self.noise)
        output = self.model(reference_to_peak(power_to_db(power)))
        loss = self.task.loss(output.logits.float(), targets)
        if classes is not None:
            labels = torch.from_numpy(classes).to(self.fabric.device)[columns]
            loss = loss + self._auxiliary_losses(output, parts, clips, labels, size)
        self.fabric.backward(loss)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return output.logits.detach().float().cpu()

    def _auxiliary_losses(
        self, output: TrainingOutput, parts: Tensor, clips: Tensor, labels: Tensor, size: int
    ) -> Tensor:
        """Return the weighted sum of mask loss and frame loss.

        Args:
            output: What the network returned for the mixtures.
            parts: Power of the parts `[parts, bands, frames]`.
            clips: Mixture that each part belongs to, int `[parts]`.
            labels: Class of each part, int `[parts]`.
            size: Number of mixtures.
        """
        config, stride = self.config, self.network.stride
        loss = parts.new_zeros(())
        if output.masks is not None:
            known = labels != MUSIC_CLASS
            power = power_by_class(parts[known], clips[known], labels[known], (size, self.classes), stride)
            loss = loss + config.mask_loss * mask_loss(output.masks.float(), power)
        if output.frames is not None:
            activity = frame_activity(parts, clips, labels, (size, self.classes - 1), stride[1], config.frame_seconds)
            loss = loss + config.frame_loss * frame_loss(output.frames.float(), activity)
        return loss

    def validate(self, number: int, trained: tuple[Tensor, Tensor], validation: Split) -> Epoch:
        """Return the history row of an epoch: loss and F1 on train and validation.

        Args:
            number: Number of the epoch, from 1.
            trained: Logits and targets that `train_epoch` returned.
            validation: Validation clips.
        """
        logits = clip_logits(self.network, validation, self.fabric.device)
        targets = torch.from_numpy(validation.targets)
        return Epoch(
            number,
            train_loss=round(float(self.task.loss(*trained)), 5),
            train_f1=self.task.f1(*trained),
            validation_loss=round(float(self.task.loss(logits, targets)), 5),
            validation_f1=self.task.f1(logits, targets),
        )

    def weights(self) -> dict[str, Tensor]:
        """Copy the network's weights to the CPU. Without a copy, they would change with further training."""
        return {name: tensor.detach().cpu().clone() for name, tensor in self.network.state_dict().items()}


def _train_epochs(
    trainer: _Trainer,
    sample_epoch: Callable[[np.random.Generator], EpochSample],
    validation: Split,
    on_epoch: Callable[[Sequence[Epoch]], None],
) -> tuple[dict[str, Tensor], list[Epoch]]:
    """Train all epochs; return the weights of the best one, on the CPU, and the history. If equal, the last is best."""
    config, name = trainer.config, trainer.task.name
    best: dict[str, Tensor] = {}
    history: list[Epoch] = []
    epochs: Iterable[int] = range(1, config.epochs + 1)
    if trainer.fabric.is_global_zero:
        epochs = progress(epochs, f"train_{name}", unit="epoch")
    for number in epochs:
        trained = trainer.train_epoch(number, sample_epoch(generator(config.seed, name, "epoch", number)))
        epoch = trainer.validate(number, trained, validation)
        if all(epoch.validation_f1 >= earlier.validation_f1 for earlier in history):
            best = trainer.weights()
        history.append(epoch)
        if trainer.fabric.is_global_zero:
            on_epoch(history)
        if isinstance(epochs, tqdm):
            epochs.set_postfix_str(f"loss {epoch.train_loss:.3f}, validation F1 {epoch.validation_f1:.3f}")
    return best, history


def write_training(
    folder: Path,
    task: Task,
    network: TimbreNet,
    history: list[Epoch],
    config: TrainingConfig,
    thresholds: tuple[float, ...] = (),
) -> str:
    """Write `<task>.safetensors` to a folder; return a one-line summary of the training."""
    description = ModelConfig(
        task=task.name,
        instruments=config.instruments,
        audio=config.audio,
        mel=config.mel,
        model=config.model,
        thresholds=thresholds,
    )
    with fresh_file(folder / f"{task.name}.safetensors") as model:
        save_model(model, network, description, filter_bank(config.audio.sample_rate, config.mel))
    return summary(history)


def write_untrained(folder: Path, task: Task) -> None:
    """Write an empty history and a placeholder for the model, if the data set has no clips to train this task on."""
    write_history(folder / f"{task.name}_history.csv", [])
    save_untrained(folder / f"{task.name}.safetensors")


def load_start(start: str, audio: Audio, mel: Mel, model: Model) -> TimbreNet:
    """Load the layered network to initialise training from. It may have other instruments.

    Args:
        start: The param `start`: `released` or a path.
        audio: Params of the training. The sample rate must equal the model's.
        mel: Params of the training. All must equal the model's.
        model: Params of the training. The blocks must equal the model's.

    Raises:
        DataError: There is no such model.
        ParamsError: The model has another sample rate, other mels or other blocks.
    """
    trained = load_model(RELEASED / "layered.safetensors" if start == "released" else user_path(start, "start"))
    description = trained.description
    required = _must_agree(description.audio, description.mel, description.model)
    for key, value in _must_agree(audio, mel, model).items():
        if value != required[key]:
            raise ParamsError(
                f"params.yaml: {key}: {value:g}, but the model of start has {required[key]:g}; set it to that"
            )
    return trained.network


def _must_agree(audio: Audio, mel: Mel, model: Model) -> dict[str, float]:
    """Return the params that must be those of the model that training is initialised from."""
    return {
        "audio.sample_rate": audio.sample_rate,
        **{f"mel.{key}": value for key, value in mel.model_dump().items()},
        "model.channels": model.channels,
        "model.blocks": model.blocks,
    }
