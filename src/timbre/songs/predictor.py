"""Listening to a song: windows as a stream, log mels, both models; one answer, and what plays when."""

from collections.abc import Callable, Generator, Iterator
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
from timbre.core.params import Audio, Mel
from timbre.features.mel import MelSpectrogram, power_to_db, reference_to_peak
from timbre.model.checkpoint import RELEASED, TrainedModel, is_untrained, load_model
from timbre.model.network import TimbreNet
from timbre.model.tasks import TASKS, decide
from timbre.songs.prefetch import map_ordered, prefetch
from timbre.songs.song import Song
from timbre.songs.spectrogram import StreamingSpectrogram
from timbre.songs.timeline import FINE, at_steps, levels_of_steps, sections_of

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
        self.cell = self.layered.network.cell[1] * self.mel.hop_length / self.audio.sample_rate  # seconds

    @torch.inference_mode()
    def listen(self, source: Path | str, hop: float = HOP, told: Callable[[float], object] | None = None) -> Song:
        """Hear a song of any length, in windows of the models' length, those near silence left out.

        The single answer is the mean over windows, the layered one that of `over_windows`. Of a song of one window both
        are that window's answer.

        The timeline comes from the layered network's last maps, four times as dense as that answer's: each value is the
        answer to one of their cells (with 4 blocks 0.64 s, one every 0.16 s), and sections are found by these.

        Args:
            source: as for the function of this name.
            hop: likewise.
            told: is told how many seconds more have been heard, as it goes on.

        Raises:
            AudioError: the song cannot be read to its end, is empty, silent, too short or not finite.
            DataError: the hop is out of bounds.
        """
        if not HOPS[0] <= hop <= HOPS[1]:
            raise DataError(f"hop: must lie from {HOPS[0]:g} to {HOPS[1]:g} seconds, got {hop:g}")
        stream = _PaddedStream(decode(source, self.audio.sample_rate), self.audio.samples)
        windows = cut(prefetch(stream.blocks()), self.audio.samples)
        heard = _SongOutput(self.layered.network, self.audio, self.mel, self.cell)
        with _single_threaded():
            for batch in map_ordered(self._hear, _batches(windows), THREADS):
                heard.add(batch)
                if told:
                    told(len(batch.levels) * self.audio.window)
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
        logits, times = np.array(heard.dense, np.float32), np.array(heard.times)
        timeline = _probabilities(self.layered, torch.from_numpy(at_steps(logits, times, seconds, hop)))
        timeline[~self._sounds(by_piece, len(timeline), hop)] = 0
        thresholds = np.array(self.layered.description.thresholds)
        fine = at_steps(logits, times, seconds, FINE)
        with np.errstate(divide="ignore"):
            fine = fine - (np.log(thresholds) - np.log1p(-thresholds))
        sections = sections_of(fine, self._sounds(by_piece, len(fine), FINE), seconds, self.instruments)
        return Song(
            name=str(source),
            seconds=seconds,
            instrument=self.instruments[alone.argmax()] if self.single else "",
            single=self._named(alone) if self.single else {},
            present=[instrument for instrument, plays in zip(self.instruments, present, strict=True) if plays],
            layered=self._named(together[0]),
            hop=hop,
            timeline=timeline,
            sections=sections,
            thresholds=thresholds,
            spectrogram=decibels[:, : ceil(decibels.shape[1] * stream.samples / stream.padded)],
            mel=self.mel,
        )

    def _named(self, probabilities: np.ndarray) -> dict[str, float]:
        return {name: round(float(value), 4) for name, value in zip(self.instruments, probabilities, strict=True)}

    def _sounds(self, by_piece: np.ndarray, steps: int, hop: float) -> np.ndarray:
        """In which steps of `hop` there is more than near silence, bool `[steps]`."""
        piece = self.audio.window / by_piece.shape[1]
        return levels_of_steps(by_piece.ravel(), piece, steps, hop) >= QUIET * by_piece.max()

    @torch.inference_mode()
    def _hear(self, waveforms: np.ndarray) -> "_BatchOutput":
        waveforms = limited(waveforms, self.audio.sample_rate)
        peak = np.abs(waveforms).max(axis=1, keepdims=True)
        power = self.transform(torch.from_numpy(waveforms / np.maximum(peak, np.finfo(np.float32).tiny)))
        mels = reference_to_peak(power_to_db(power))
        maps = self.layered.network.dense_features(mels)
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
    """A batch of windows: single logits, dense layered maps, levels of their pieces, power mels in a row."""

    single: Tensor
    maps: Tensor
    levels: np.ndarray
    power: np.ndarray


class _SongOutput:
    """What is heard of a song, batch after batch.

    Lists: small arrays that live on among large ones would keep the memory of these from being given back.

    Attributes:
        single, layered: logits of each window.
        dense: layered logits of each cell of the dense maps.
        times: the middle of each, in seconds.
        levels: of each window's pieces.
        spectrogram: of the whole song.
    """

    def __init__(self, network: TimbreNet, audio: Audio, mel: Mel, cell: float) -> None:
        self.network, self.window = network, audio.window
        self.cell = cell
        self.single: list[list[float]] = []
        self.layered: list[list[float]] = []
        self.dense: list[list[float]] = []
        self.times: list[float] = []
        self.levels: list[list[float]] = []
        self.spectrogram = StreamingSpectrogram(mel.n_mels)

    def add(self, batch: "_BatchOutput") -> None:
        """Take in the next windows."""
        self.single += batch.single.tolist()
        starts = np.arange(batch.maps.shape[2]) * self.cell / self.network.dense
        middles = (starts + np.minimum(starts + self.cell, self.window)) / 2
        for window in range(len(batch.maps)):
            self.times += ((len(self.layered) + window) * self.window + middles).tolist()
        self.layered += self.network.classify(batch.maps[:, :, :: self.network.dense]).tolist()
        self.dense += self.network.classify_cells(batch.maps).transpose(1, 2).flatten(0, 1).tolist()
        self.levels += batch.levels.tolist()
        self.spectrogram.add(batch.power)


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
