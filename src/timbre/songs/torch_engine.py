"""Windows heard by PyTorch, from the models' own files."""

from pathlib import Path

import numpy as np
import torch

from timbre.core.errors import DataError
from timbre.features.mel import MelSpectrogram, power_to_db, reference_to_peak
from timbre.model.checkpoint import TrainedModel, is_untrained, load_model
from timbre.songs.engine import Heard


class TorchEngine:
    """See `Engine`. Of music alone there is no single model: see `is_untrained`.

    Raises:
        DataError: a model is missing, damaged or misplaced, or the two expect different mels or instruments.
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
        self.dense = self.layered.network.dense
        self.step = self.layered.network.cell[1] * self.mel.hop_length / self.audio.sample_rate / self.dense

    @torch.inference_mode()
    def hear(self, waveforms: np.ndarray) -> Heard:
        """Hear windows, float32 `[windows, samples]`, full scale at 1."""
        torch.set_num_threads(1)  # of this thread: windows side by side are faster than parts of one, and steadier
        peak = np.abs(waveforms).max(axis=1, keepdims=True)
        power = self.transform(torch.from_numpy(waveforms / np.maximum(peak, np.finfo(np.float32).tiny)))
        mels = reference_to_peak(power_to_db(power))
        network = self.layered.network
        maps = network.dense_features(mels)
        # A window's last frame is centred on its end, and so is the next one's first.
        loud = power[:, :, : waveforms.shape[1] // self.mel.hop_length].numpy() * peak[:, :, None] ** 2
        return Heard(
            single=self.single.network(mels).numpy() if self.single else np.empty((len(mels), 0), np.float32),
            layered=network.classify(maps[:, :, :: self.dense]).numpy(),
            cells=network.classify_cells(maps).transpose(1, 2).numpy(),
            power=np.concatenate(list(loud), axis=1),
        )


def _load(models: Path, task: str) -> TrainedModel:
    """A model that is what its name says.

    Raises:
        DataError: it is missing, damaged, of another format, or made for something else.
    """
    path = models / f"{task}.safetensors"
    trained = load_model(path)
    if trained.description.task != task:
        raise DataError(f"{path}: not a {task} model but a {trained.description.task} one; train both again: dvc repro")
    return trained
