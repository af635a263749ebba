"""Listening to a song: windows as a stream, log mels, both models; one answer, and what plays when."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from math import ceil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from timbre.audio.decode import decode
from timbre.audio.windows import QUIET, audible, cut, levels, limited
from timbre.core.errors import AudioError, DataError
from timbre.core.params import Mel
from timbre.features.mel import MelSpectrogram, power_to_db, reference_to_peak
from timbre.model.checkpoint import RELEASED, TrainedModel, is_untrained, load_model
from timbre.model.network import TimbreNet
from timbre.model.tasks import TASKS, decide
from timbre.songs.prefetch import map_ordered, prefetch
from timbre.songs.song import Song
from timbre.songs.spectrogram import StreamingSpectrogram
from timbre.songs.timeline import at_steps, levels_of_steps

BATCH = 2  # windows that one thread hears at once: more are no faster and take 10 MB each
THREADS = 2
OWN_MODELS = Path("models")
HOP = 0.5  # seconds
HOPS = (0.05, 60.0)
PART = 0.25  # of a song's windows
TOO_SHORT = 0.2  # seconds: nobody could tell


def listen(source: Path | str, hop: float = HOP, models: Path | str | None = None) -> Song:
    """Hear one song; for many, load the models once: `predictor = timbre.songs.predictor.Predictor(models)`, then
    `predictor.listen(song)`.

    Args:
        source: a file of sound or video of any format that FFmpeg's libraries read, or `-` for standard input.
        hop: seconds from one value of the timeline to the next.
        models: the folder with single.safetensors and layered.safetensors; none: as `find_models` finds them.

    Raises:
        AudioError: the song cannot be read to its end, is empty, silent, too short or not finite.
        DataError: a model is missing or damaged, or the hop is out of bounds.
    """
    return Predictor(None if models is None else Path(models)).listen(source, hop)


def find_models() -> Path:
    """Where the models lie: in `models/` where the pipeline has run here, else with the package, which carries some."""
    if all((OWN_MODELS / f"{task}.safetensors").is_file() for task in TASKS):
        return OWN_MODELS
    return RELEASED


class Predictor:
    """Both trained models and the way from a song to them. Of music alone there is no single one: see `is_untrained`.

    Args:
        models: the folder with single.safetensors and layered.safetensors; none: as `find_models` finds them.

    Raises:
        DataError: a model is missing, damaged or misplaced, or the two expect different mels or instruments.
    """

    def __init__(self, models: Path | None = None) -> None:
        models = find_models() if models is None else models
        self.source = f"released with timbre {version('timbre')}" if models == RELEASED else f"in {models}"
        self.single = None if is_untrained(models / "single.safetensors") else _load(models, "single")
        self.layered = _load(models, "layered")
        self.audio, self.mel = self.layered.description.audio, self.layered.description.mel
        self.instruments = self.layered.description.instruments
        other = (self.single or self.layered).description
        if (self.audio, self.mel) != (other.audio, other.mel):
            raise DataError(f"{models}: the two models expect different mels; train both again: dvc repro")
        if self.instruments != other.instruments:
            raise DataError(f"{models}: the two models know different instruments; train both again: dvc repro")
        self.transform = MelSpectrogram(self.mel, self.layered.filters)

    @torch.inference_mode()
    def listen(self, source: Path | str, hop: float = HOP) -> Song:
        """Hear a song of any length, in windows of the models' length, those near silence left out.

        The single answer is the mean over windows, the layered one that of `over_windows`. Of a song of one window both
        are that window's answer.

        The timeline slides over the networks' last maps, which are worked out once: each value is the answer to half a
        window around it.

        Raises:
            AudioError: the song cannot be read to its end, is empty, silent, too short or not finite.
            DataError: the hop is out of bounds.
        """
        if not HOPS[0] <= hop <= HOPS[1]:
            raise DataError(f"hop: must lie from {HOPS[0]:g} to {HOPS[1]:g} seconds, got {hop:g}")
        stream = _PaddedStream(decode(source, self.audio.sample_rate), self.audio.samples)
        windows = cut(prefetch(stream.blocks()), self.audio.samples)
        heard = _SongOutput(self.layered.network, self.mel)
        with _single_threaded():
            for batch in map_ordered(self._hear, _batches(windows), THREADS):
                heard.add(batch)
        seconds = stream.samples / self.audio.sample_rate
        if seconds < TOO_SHORT:
            raise AudioError(f"is too short to tell ({seconds:.2f} s)")
        by_piece = np.array(heard.levels, np.float32)
        kept = audible(by_piece[: stream.judged].max(axis=1).tolist())
        alone = np.empty(0)
        if self.single:
            alone = _probabilities(self.single, _kept(heard.single, kept).mean(dim=0, keepdim=True))[0]
        together = _probabilities(self.layered, over_windows(_kept(heard.layered, kept))[None])
        present = decide(together, self.layered.description.thresholds)[0]
        decibels = heard.spectrogram.decibels()
        return Song(
            name=str(source),
            seconds=seconds,
            instrument=self.instruments[alone.argmax()] if self.single else "",
            single=self._named(alone) if self.single else {},
            present=[instrument for instrument, plays in zip(self.instruments, present, strict=True) if plays],
            layered=self._named(together[0]),
            hop=hop,
            timeline=self._timeline(heard, by_piece, seconds, hop),
            thresholds=np.array(self.layered.description.thresholds),
            spectrogram=decibels[:, : ceil(decibels.shape[1] * stream.samples / stream.padded)],
            mel=self.mel,
        )

    def _named(self, probabilities: np.ndarray) -> dict[str, float]:
        return {name: round(float(value), 4) for name, value in zip(self.instruments, probabilities, strict=True)}

    def _timeline(self, heard: "_SongOutput", by_piece: np.ndarray, seconds: float, hop: float) -> np.ndarray:
        """Probabilities `[steps, instruments]`, 0 where there is near silence."""
        step = self.audio.window / by_piece.shape[1]
        logits = at_steps(np.array(heard.slid, np.float32), heard.half * step / 2, step, seconds, hop)
        timeline = _probabilities(self.layered, torch.from_numpy(logits))
        timeline[levels_of_steps(by_piece.ravel(), step, len(timeline), hop) < QUIET * by_piece.max()] = 0
        return timeline

    @torch.inference_mode()
    def _hear(self, waveforms: np.ndarray) -> "_BatchOutput":
        waveforms = limited(waveforms, self.audio.sample_rate)
        peak = np.abs(waveforms).max(axis=1, keepdims=True)
        power = self.transform(torch.from_numpy(waveforms / np.maximum(peak, np.finfo(np.float32).tiny)))
        mels = reference_to_peak(power_to_db(power))
        maps = self.layered.network.pooled_features(mels)
        # A window's last frame is centred on its end, and so is the next one's first.
        loud = power[:, :, : waveforms.shape[1] // self.mel.hop_length].numpy() * peak[:, :, None] ** 2
        return _BatchOutput(
            single=self.single.network(mels) if self.single else mels.new_empty(0),
            maps=maps,
            levels=levels(waveforms, self.audio.sample_rate, maps.shape[2]),
            power=np.concatenate(list(loud), axis=1),
        )


@dataclass(frozen=True)
class _BatchOutput:
    """A batch of windows: single logits, layered maps, levels of their pieces, power mels in a row."""

    single: Tensor
    maps: Tensor
    levels: np.ndarray
    power: np.ndarray


class _SongOutput:
    """What is heard of a song, batch after batch.

    Lists: small arrays that live on among large ones would keep the memory of these from being given back.

    Attributes:
        single, layered: logits of each window.
        slid: layered logits of half a window, one feature frame further each.
        half: feature frames in half a window.
        levels: of each window's pieces.
        spectrogram: of the whole song.
    """

    def __init__(self, network: TimbreNet, mel: Mel) -> None:
        self.network, self.half = network, 1
        self.single: list[list[float]] = []
        self.layered: list[list[float]] = []
        self.slid: list[list[float]] = []
        self.levels: list[list[float]] = []
        self.spectrogram = StreamingSpectrogram(mel.n_mels)
        self.carried: Tensor | None = None

    def add(self, batch: "_BatchOutput") -> None:
        """Take in the next windows."""
        self.single += batch.single.tolist()
        self.layered += self.network.classify(batch.maps).tolist()
        self.levels += batch.levels.tolist()
        self.spectrogram.add(batch.power)
        self.half = max(1, batch.maps.shape[2] // 2)
        frames = batch.maps.permute(1, 0, 2).flatten(1)
        frames = frames if self.carried is None else torch.cat([self.carried, frames], dim=1)
        self.slid += self.network.classify(frames.unfold(1, self.half, 1).permute(1, 0, 2)).tolist()
        self.carried = frames[:, frames.shape[1] - self.half + 1 :].clone()


def over_windows(logits: Tensor) -> Tensor:
    """One answer from those of a song's windows: logits `[windows, instruments]` to `[instruments]`.

    What a quarter of them reach: who plays in a third of a song is present.
    """
    return logits.quantile(1 - PART, dim=0)


def _batches(windows: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    while batch := list(islice(windows, BATCH)):
        yield np.stack(batch)


@contextmanager
def _single_threaded() -> Iterator[None]:
    """One thread for each operation of torch: batches side by side are faster than parts of one, and steadier."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _PaddedStream:
    """Blocks of a song, counted, with zeros after the last so that windows take in all of it."""

    def __init__(self, source: Iterator[np.ndarray], length: int) -> None:
        self.source, self.length, self.samples = source, length, 0

    def blocks(self) -> Generator[np.ndarray, None, None]:
        """Yield them."""
        for block in self.source:
            self.samples += len(block)
            yield block
        yield np.zeros(self.padded - self.samples, np.float32)

    @property
    def padded(self) -> int:
        """Samples with those zeros."""
        return -(-self.samples // self.length) * self.length

    @property
    def judged(self) -> int:
        """Windows that the overall answer follows: those that `timbre.audio.windows.cut` gives of the song alone."""
        full, rest = divmod(self.samples, self.length)
        return full + (rest > 0 and (full == 0 or 2 * rest >= self.length))


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


def _kept(logits: list[list[float]], kept: np.ndarray) -> Tensor:
    return torch.tensor(logits[: len(kept)])[torch.from_numpy(kept)]


def _probabilities(trained: TrainedModel, logits: Tensor) -> np.ndarray:
    return TASKS[trained.description.task].probabilities(logits).numpy()
