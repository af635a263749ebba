"""Windows heard by PyTorch, from the models' own files."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d, pad

from timbre.core.errors import DataError
from timbre.features.mel import MelSpectrogram, power_to_db, reference_to_peak
from timbre.model.checkpoint import TrainedModel, fingerprint, is_untrained, load_model, load_timeline
from timbre.model.network import TimbreNet
from timbre.model.timeline import TimelineNet
from timbre.songs.engine import WindowOutput

TIMELINE = "timeline.safetensors"


class TorchEngine:
    """See `Engine`. Of music alone there is no model of one instrument, nor of the timeline: see `is_untrained`.

    Raises:
        DataError: a model is missing, damaged or misplaced, or they do not go together.
    """

    def __init__(self, models: Path) -> None:
        self.single = None if is_untrained(models / "single.safetensors") else _load(models, "single")
        self.layered = _load(models, "layered")
        self.audio, self.mel = self.layered.description.audio, self.layered.description.mel
        self.instruments, self.thresholds = (
            self.layered.description.instruments,
            self.layered.description.thresholds,
        )
        self.has_single = self.single is not None
        other = (self.single or self.layered).description
        if (self.audio, self.mel) != (other.audio, other.mel):
            raise DataError(f"{models}: the two models expect different mels; train both again: dvc repro")
        if self.instruments != other.instruments:
            raise DataError(f"{models}: the two models know different instruments; train both again: dvc repro")
        self.transform = MelSpectrogram(self.mel, self.layered.filters)
        self.timeline = None if is_untrained(models / TIMELINE) else _load_timeline(models / TIMELINE, self.layered)
        network = self.layered.network
        self.step = network.stride[1] * self.mel.hop_length / self.audio.sample_rate / network.density

    @torch.inference_mode()
    def predict(self, waveforms: np.ndarray) -> WindowOutput:
        """Hear windows, float32 `[windows, samples]`, full scale at 1."""
        torch.set_num_threads(1)  # of this thread: windows side by side are faster than parts of one, and steadier
        peak = np.abs(waveforms).max(axis=1, keepdims=True)
        power = self.transform(torch.from_numpy(waveforms / np.maximum(peak, np.finfo(np.float32).tiny)))
        mels = reference_to_peak(power_to_db(power))
        network = self.layered.network
        maps = network.dense_features(mels)
        cells = network.classify_frames(maps)
        # A window's last frame is centred on its end, and so is the next one's first.
        loud = power[:, :, : waveforms.shape[1] // self.mel.hop_length].numpy() * peak[:, :, None] ** 2
        return WindowOutput(
            single=self.single.network(mels).numpy() if self.single else np.empty((len(mels), 0), np.float32),
            layered=network.classify(maps[:, :, :: network.density]).numpy(),
            frames=cells.transpose(1, 2).numpy(),
            activity=self.activity(maps, cells).transpose(1, 2).numpy(),
            power=np.concatenate(list(loud), axis=1),
        )

    def activity(self, maps: Tensor, cells: Tensor) -> Tensor:
        """When each instrument plays, above 0: `[windows, instruments, cells]`.

        Where no timeline was learnt, a step has the mean of the cells that it is part of.

        Args:
            maps: dense features `[windows, channels, cells]`.
            cells: what the layered network makes of each, `[windows, instruments, cells]`.
        """
        if self.timeline:
            return self.timeline(maps)
        length = self.layered.network.density
        means = avg_pool1d(pad(cells, (length - 1, 0), mode="replicate"), length, stride=1)
        return means - torch.tensor(self.thresholds).logit(eps=1e-6)[:, None]


def _load_timeline(path: Path, layered: TrainedModel[TimbreNet]) -> TimelineNet:
    """The network of the timeline that follows a layered one.

    Raises:
        DataError: it is missing or damaged, or follows another.
    """
    timeline = load_timeline(path)
    if timeline.description.follows != fingerprint(layered.network):
        raise DataError(f"{path}: made for another layered model than the one beside it; train it again: dvc repro")
    return timeline.network


def _load(models: Path, task: str) -> TrainedModel[TimbreNet]:
    """A model that is what its name says.

    Raises:
        DataError: it is missing, damaged, of another format, or made for something else.
    """
    path = models / f"{task}.safetensors"
    trained = load_model(path)
    if trained.description.task != task:
        raise DataError(f"{path}: not a {task} model but a {trained.description.task} one; train both again: dvc repro")
    return trained
