"""The engine that runs the model files with PyTorch."""

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

TIMELINE_FILE = "timeline.safetensors"


class TorchEngine:
    """The models of one folder, run by PyTorch. See `Engine`.

    Training on music alone gives no single-label model and no timeline model: see `is_untrained`.

    Raises:
        DataError: A model is missing, damaged or of the wrong task, or the models do not belong together.
    """

    def __init__(self, models: Path) -> None:
        self.single = None if is_untrained(models / "single.safetensors") else _load(models, "single")
        self.layered = _load(models, "layered")
        self.audio, self.mel = self.layered.description.audio, self.layered.description.mel
        self.instruments = self.layered.description.instruments
        self.thresholds = self.layered.description.thresholds
        self.sure = self.layered.description.sure
        self.little_tested = self.layered.description.little_tested
        self.adapted = self.layered.description.adapted
        self.has_single = self.single is not None
        single = (self.single or self.layered).description
        if (self.audio, self.mel) != (single.audio, single.mel):
            raise DataError(f"{models}: the two models expect different mels; train both again: dvc repro")
        if self.instruments != single.instruments:
            raise DataError(f"{models}: the two models know different instruments; train both again: dvc repro")
        self.transform = MelSpectrogram(self.mel, self.layered.filters)
        path = models / TIMELINE_FILE
        self.timeline = None if is_untrained(path) else _load_timeline(path, self.layered)
        network = self.layered.network
        self.step = network.stride[1] * self.mel.hop_length / self.audio.sample_rate / network.density

    @torch.inference_mode()
    def predict(self, waveforms: np.ndarray) -> WindowOutput:
        """Run the models on windows, float32 `[windows, samples]`, full scale at 1."""
        network = self.layered.network
        peak, power, mels, features = self._features(waveforms)
        frames = network.classify_frames(features)
        # The last column is centred on the end of the window. So is the first column of the next window: drop one.
        loud = power[:, :, : waveforms.shape[1] // self.mel.hop_length].numpy() * peak[:, :, None] ** 2
        return WindowOutput(
            single=self.single.network(mels).numpy() if self.single else np.empty((len(mels), 0), np.float32),
            layered=network.classify(features[:, :, :: network.density]).numpy(),
            frames=frames.transpose(1, 2).numpy(),
            activity=self.activity(features, frames).transpose(1, 2).numpy(),
            power=np.concatenate(list(loud), axis=1),
        )

    @torch.inference_mode()
    def predict_activity(self, waveforms: np.ndarray) -> np.ndarray:
        """Return only `WindowOutput.activity` for windows, which may be shorter than those of `audio`."""
        *_, features = self._features(waveforms)
        return self.activity(features, self.layered.network.classify_frames(features)).transpose(1, 2).numpy()

    def _features(self, waveforms: np.ndarray) -> tuple[np.ndarray, Tensor, Tensor, Tensor]:
        """Return the peak, mel power, log mel spectrogram and dense features of each window."""
        torch.set_num_threads(1)  # for this thread: several windows at once are faster than one in several threads
        peak = np.abs(waveforms).max(axis=1, keepdims=True)
        power = self.transform(torch.from_numpy(waveforms / np.maximum(peak, np.finfo(np.float32).tiny)))
        mels = reference_to_peak(power_to_db(power))
        return peak, power, mels, self.layered.network.dense_features(mels)

    def activity(self, features: Tensor, frames: Tensor) -> Tensor:
        """Return logits that each instrument plays in each frame: `[windows, instruments, frames]`.

        Without a timeline model, they are the mean logits of the overlapping frames, relative to the thresholds.

        Args:
            features: Dense features of the multi-label model, `[windows, channels, frames]`.
            frames: Logits of the multi-label model for each frame, `[windows, instruments, frames]`.
        """
        if self.timeline:
            return self.timeline(features)
        overlap = self.layered.network.density
        means = avg_pool1d(pad(frames, (overlap - 1, 0), mode="replicate"), overlap, stride=1)
        return means - torch.tensor(self.thresholds).logit(eps=1e-6)[:, None]


def _load_timeline(path: Path, layered: TrainedModel[TimbreNet]) -> TimelineNet:
    """Load the timeline network that was trained on the features of a multi-label model.

    Raises:
        DataError: The file is missing or damaged, or was trained on another model.
    """
    timeline = load_timeline(path)
    if timeline.description.follows != fingerprint(layered.network):
        raise DataError(
            f"{path}: made for another layered model than the one in the same folder; train it again: dvc repro"
        )
    return timeline.network


def _load(models: Path, task: str) -> TrainedModel[TimbreNet]:
    """Load the model of a task.

    Raises:
        DataError: The file is missing, damaged, of another format, or holds a model of another task.
    """
    path = models / f"{task}.safetensors"
    trained = load_model(path)
    if trained.description.task != task:
        raise DataError(f"{path}: not a {task} model but a {trained.description.task} one; train both again: dvc repro")
    return trained
