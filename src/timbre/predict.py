"""Listening to a file: windows as a stream, log mels, both models, one answer."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from timbre.audio import audible, cut, stream
from timbre.errors import DataError
from timbre.evaluation import answers_of
from timbre.instruments import INSTRUMENTS
from timbre.mel import MelSpectrogram, power_to_db, reference_to_peak
from timbre.modelfile import Trained, load_model
from timbre.tasks import TASKS

BATCH = 16  # windows heard at once: 6 MB of waveform


@dataclass(frozen=True)
class Answer:
    """What is heard in one file.

    Attributes:
        instrument: the likeliest, if one plays alone.
        single: probability that each is the one that plays alone; they add up to 1.
        present: those that play, if several may.
        layered: probability that each plays.
    """

    instrument: str
    single: dict[str, float]
    present: list[str]
    layered: dict[str, float]


class Ear:
    """Both trained models and the way from a file to them.

    Raises:
        DataError: a model is missing or damaged, or the two expect different mels.
    """

    def __init__(self, models: Path) -> None:
        self.single = load_model(models / "single.safetensors")
        self.layered = load_model(models / "layered.safetensors")
        self.audio, mel = self.single.description.audio, self.single.description.mel
        if (self.audio, mel) != (self.layered.description.audio, self.layered.description.mel):
            raise DataError(f"{models}: the two models expect different mels; train both again: dvc repro")
        self.transform = MelSpectrogram(self.audio.sample_rate, mel)

    @torch.inference_mode()
    def listen(self, path: Path | str) -> Answer:
        """Hear a file of any length, in windows; an answer is the mean over those that are not near silence.

        Raises:
            AudioError: the file cannot be read, is empty, silent or not finite.
        """
        peaks: list[float] = []
        heard: list[tuple[Tensor, Tensor]] = []
        windows = cut(stream(path, self.audio.sample_rate), self.audio.samples)
        while batch := list(islice(windows, BATCH)):
            waveforms = np.stack(batch)
            peak = np.abs(waveforms).max(axis=1)
            peaks += peak.tolist()
            waveforms /= np.maximum(peak, np.finfo(np.float32).tiny)[:, None]
            mels = reference_to_peak(power_to_db(self.transform(torch.from_numpy(waveforms))))
            heard.append((self.single.network(mels), self.layered.network(mels)))
        kept = torch.from_numpy(audible(peaks))
        single, layered = (torch.cat(logits)[kept].mean(dim=0, keepdim=True) for logits in zip(*heard, strict=True))
        return self._answer(_probabilities(self.single, single), _probabilities(self.layered, layered))

    def _answer(self, single: np.ndarray, layered: np.ndarray) -> Answer:
        present = answers_of(layered, self.layered.description.thresholds)[0]
        return Answer(
            instrument=INSTRUMENTS[single[0].argmax()],
            single=_named(single[0]),
            present=[instrument for instrument, plays in zip(INSTRUMENTS, present, strict=True) if plays],
            layered=_named(layered[0]),
        )


def _probabilities(trained: Trained, logits: Tensor) -> np.ndarray:
    return TASKS[trained.description.task].probabilities(logits).numpy()


def _named(probabilities: np.ndarray) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in zip(INSTRUMENTS, probabilities, strict=True)}
