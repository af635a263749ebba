"""Listening to a song: windows as a stream, log mels, both models; one answer, and what plays when."""

from array import array
from collections.abc import Callable, Generator, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from itertools import islice
from math import ceil
from pathlib import Path

import numpy as np

from timbre.audio.decode import decode
from timbre.audio.windows import QUIET, audible, cut, levels, limited
from timbre.core.errors import AudioError, DataError
from timbre.core.files import RELEASED
from timbre.songs.engine import Engine, WindowOutput
from timbre.songs.prefetch import map_ordered, prefetch
from timbre.songs.song import Song
from timbre.songs.spectrogram import StreamingSpectrogram
from timbre.songs.timeline import FINE, at_steps, leaning, levels_of_steps, sections_of

BATCH = 2  # windows that one thread hears at once: more are no faster and take 10 MB each
THREADS = 2
DISTRIBUTION = "timbre-ear"  # what the package is called where it is installed from
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
        models: the folder with single, layered and timeline.safetensors; none: as `find_models` finds them.

    Raises:
        AudioError: the song cannot be read to its end, is empty, silent, too short or not finite.
        DataError: a model is missing or damaged, or the hop is out of bounds.
    """
    return Predictor(None if models is None else Path(models)).listen(source, hop)


def find_models() -> Path:
    """Where the models lie: in `models/` where the pipeline has run here, else with the package, which carries some."""
    if all((OWN_MODELS / f"{task}.safetensors").is_file() for task in ("single", "layered", "timeline")):
        return OWN_MODELS
    return RELEASED


def load_engine(models: Path) -> Engine:
    """The models of a folder.

    Raises:
        DataError: a model is missing, damaged or misplaced, or they do not go together.
    """
    if find_spec("torch"):
        from timbre.songs.torch_engine import TorchEngine

        return TorchEngine(models)
    from timbre.songs.onnx_engine import OnnxEngine

    return OnnxEngine(models)


class Predictor:
    """The trained models and the way from a song to them. Of music alone there is no single one.

    Args:
        models: the folder with single, layered and timeline.safetensors; none: as `find_models` finds them.

    Raises:
        DataError: a model is missing, damaged or misplaced, or they do not go together.
    """

    def __init__(self, models: Path | None = None) -> None:
        models = find_models() if models is None else models
        self.source = f"released with timbre {version(DISTRIBUTION)}" if models == RELEASED else f"in {models}"
        self.engine = load_engine(models)
        self.audio, self.mel, self.instruments = self.engine.audio, self.engine.mel, self.engine.instruments

    def listen(self, source: Path | str, hop: float = HOP, told: Callable[[float], object] | None = None) -> Song:
        """Hear a song of any length, in windows of the models' length, those near silence left out.

        The single answer is the mean over windows, the layered one that of `song_logits`. Of a song of one window both
        are that window's answer.

        The timeline comes from a network of its own, by the layered one's last maps, four times as dense as for that
        answer: with 4 blocks a value every 0.16 s, above 0.5 where an instrument plays. What the whole song says counts
        a little, too (`leaning`). Sections are found by these.

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
        heard = _SongOutput(self.engine)
        for batch, loud in map_ordered(self._hear, _batches(windows), THREADS):
            heard.add(batch, loud)
            if told:
                told(len(loud) * self.audio.window)
        seconds = stream.samples / self.audio.sample_rate
        if seconds < TOO_SHORT:
            raise AudioError(f"is too short to tell ({seconds:.2f} s)")
        by_piece = heard.levels.all()
        judged = slice(stream.judged)
        kept = audible(by_piece[judged].max(axis=1).tolist())
        alone = _softmax(heard.single.all()[judged][kept].mean(axis=0)) if self.engine.has_single else np.empty(0)
        sounds = by_piece[judged] >= QUIET * by_piece.max()
        answer = song_logits(heard.layered.all()[judged][kept], heard.frames.all()[judged][sounds])
        thresholds = np.array(self.engine.thresholds)
        together = _sigmoid(answer)
        decibels = heard.spectrogram.decibels()
        logits, times = np.concatenate(heard.activity.all()) + leaning(answer, thresholds), heard.times()
        timeline = _sigmoid(at_steps(logits, times, seconds, hop))
        timeline[~self._sounds(by_piece, len(timeline), hop)] = 0
        fine = at_steps(logits, times, seconds, FINE)
        sections = sections_of(fine, self._sounds(by_piece, len(fine), FINE), seconds, self.instruments)
        return Song(
            name=str(source),
            seconds=seconds,
            instrument=self.instruments[alone.argmax()] if len(alone) else "",
            single=self._named(alone) if len(alone) else {},
            present=[name for name, plays in zip(self.instruments, together >= thresholds, strict=True) if plays],
            layered=self._named(together),
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

    def _hear(self, waveforms: np.ndarray) -> tuple[WindowOutput, np.ndarray]:
        """What windows hold, and the levels of their pieces."""
        waveforms = limited(waveforms, self.audio.sample_rate)
        heard = self.engine.predict(waveforms)
        return heard, levels(waveforms, self.audio.sample_rate, heard.frames.shape[1])


class _SongOutput:
    """What is heard of a song, batch after batch.

    Attributes:
        single, layered, cells: as `WindowOutput` has them.
        moments: likewise, of the steps that begin before their window ends.
        levels: of each window's pieces.
        spectrogram: of the whole song.
    """

    def __init__(self, engine: Engine) -> None:
        self.window = engine.audio.window
        starts = np.arange(0, self.window - 1e-9, engine.step)
        self.middles = (starts + np.minimum(starts + engine.step, self.window)) / 2
        self.single, self.layered, self.frames, self.activity, self.levels = (_Rows() for _ in range(5))
        self.spectrogram = StreamingSpectrogram(engine.mel.n_mels)

    def add(self, heard: WindowOutput, levels: np.ndarray) -> None:
        """Take in the next windows."""
        self.single.add(heard.single)
        self.layered.add(heard.layered)
        self.frames.add(heard.frames)
        self.activity.add(heard.activity[:, : len(self.middles)])
        self.levels.add(levels)
        self.spectrogram.add(heard.power)

    def times(self) -> np.ndarray:
        """The middle of each step of all windows, in seconds."""
        return (self.window * np.arange(self.activity.count)[:, None] + self.middles).ravel()


class _Rows:
    """Rows of float32, more and more of them, in one block of memory.

    Small arrays that live on among large ones would keep the memory of these from being given back.
    """

    def __init__(self) -> None:
        self.values, self.count = array("f"), 0
        self.shape: tuple[int, ...] = ()

    def add(self, rows: np.ndarray) -> None:
        """Take in some, all of one shape."""
        self.values.frombytes(rows.astype(np.float32).tobytes())
        self.count, self.shape = self.count + len(rows), rows.shape[1:]

    def all(self) -> np.ndarray:
        """All of them, `[rows, …]`; none can be added any more."""
        return np.frombuffer(self.values, np.float32).reshape(self.count, *self.shape)


def song_logits(windows: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """One answer from those of a song's windows and cells, logits `[windows or cells, instruments]`: `[instruments]`.

    Halfway between what a quarter of the windows reach and what a quarter of the cells do: who plays in a third of a
    song is present. A single window answers for itself: thresholds were fitted to such.
    """
    by_window = np.quantile(windows, 1 - PART, axis=0).astype(np.float32)
    if len(windows) == 1:
        return by_window
    return (by_window + np.quantile(cells, 1 - PART, axis=0).astype(np.float32)) / 2


def _batches(windows: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    while batch := list(islice(windows, BATCH)):
        yield np.stack(batch)


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


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))
