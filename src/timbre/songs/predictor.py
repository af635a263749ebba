"""Predict the instruments and the timeline of a song of any length: windows as a stream, through all models."""

from array import array
from collections.abc import Callable, Generator, Iterator
from importlib.metadata import version
from itertools import islice, pairwise
from math import ceil
from pathlib import Path

import numpy as np

from timbre.audio.decode import decode
from timbre.audio.windows import QUIET, audible, cut, levels, limited
from timbre.core.errors import AudioError, DataError
from timbre.core.extras import install
from timbre.core.files import RELEASED
from timbre.songs.answer import joint_logits, song_activity, song_logits
from timbre.songs.engine import Engine, WindowOutput
from timbre.songs.prefetch import map_ordered, prefetch
from timbre.songs.presence import Section
from timbre.songs.song import Song
from timbre.songs.spectrogram import StreamingSpectrogram
from timbre.songs.timeline import FINE_HOP, at_steps, levels_of_steps, sections_of, song_bias

WINDOWS_PER_BATCH = 2  # per thread; more are no faster and take 10 MB each
THREADS = 2
BORDER = 0.125  # of a window; this close to the next window, the timeline also uses a short window across the border
DISTRIBUTION = "timbre-ear"  # name of the installed package
OWN_MODELS = Path("models")
HOP = 0.5  # seconds
MIN_HOP, MAX_HOP = 0.05, 60.0  # seconds
TOO_SHORT = 0.2  # seconds; a shorter song is refused


def listen(source: Path | str, hop: float = HOP, models: Path | str | None = None) -> Song:
    """Predict the instruments and the timeline of one song.

    For many songs, load the models once: `predictor = timbre.songs.predictor.Predictor(models)`, then
    `predictor.listen(song)`.

    Args:
        source: Audio or video file of any format that FFmpeg reads, or `-` for standard input.
        hop: Seconds per value of the timeline.
        models: Folder with single, layered and timeline.safetensors. None: see `find_models`.

    Raises:
        AudioError: The song cannot be read to its end, or is empty, silent, too short or not finite.
        DataError: A model is missing or damaged, or the hop is out of range.
    """
    return Predictor(None if models is None else Path(models)).listen(source, hop)


def find_models() -> Path:
    """Return `models/` if the pipeline has run in this folder, otherwise the folder with the released models."""
    if all((OWN_MODELS / f"{task}.safetensors").is_file() for task in ("single", "layered", "timeline")):
        return OWN_MODELS
    return RELEASED


def load_engine(models: Path) -> Engine:
    """Load the models of a folder with PyTorch, or with ONNX Runtime if PyTorch or safetensors cannot be imported.

    Raises:
        DataError: A model is missing, damaged or of the wrong task, or the models do not belong together.
    """
    try:
        import safetensors  # noqa: F401 (PyTorch takes seconds to import, so check first)

        from timbre.songs.torch_engine import TorchEngine
    except (ImportError, OSError) as error:  # OSError: a library of PyTorch's cannot be loaded
        from timbre.songs.onnx_engine import ONNX_FILE, OnnxEngine

        if not (models / ONNX_FILE).is_file():
            raise DataError(
                f"{models / ONNX_FILE}: no such model, and .safetensors files need PyTorch and safetensors ({error}); "
                f"{install('pipeline')}, or export the ONNX file where they are installed"
            ) from error
        return OnnxEngine(models)
    return TorchEngine(models)


class Predictor:
    """The trained models, loaded once for any number of songs.

    Args:
        models: Folder with single, layered and timeline.safetensors. None: see `find_models`.

    Raises:
        DataError: A model is missing, damaged or of the wrong task, or the models do not belong together.
    """

    def __init__(self, models: Path | None = None) -> None:
        models = find_models() if models is None else models
        self.engine = load_engine(models)
        self.source = f"released with timbre {version(DISTRIBUTION)}" if models == RELEASED else f"in {models}"
        if self.engine.adapted:
            self.source += f", adapted to {self.engine.adapted}"
        self.audio, self.mel, self.instruments = self.engine.audio, self.engine.mel, self.engine.instruments

    def listen(
        self, source: Path | str, hop: float = HOP, on_progress: Callable[[float], object] | None = None
    ) -> Song:
        """Predict a song of any length, in windows as long as those of training; near silence is left out.

        The single-label prediction is the mean over windows. The multi-label prediction is `joint_logits`: it uses all
        three models.

        The timeline comes from a separate network, from the last features of the multi-label network, computed at four
        times as many frames (with 4 blocks, every 0.16 s). It is blended over the borders of windows, so that it does
        not jump there. An instrument plays where it is above 0.5. The prediction for the whole song is added with a
        small weight (`song_bias`). Sections are found in the timeline.

        Args:
            source: See the function `listen`.
            hop: See the function `listen`.
            on_progress: Is called with the number of seconds that were just processed.

        Raises:
            AudioError: The song cannot be read to its end, or is empty, silent, too short or not finite.
            DataError: The hop is out of range.
        """
        if not MIN_HOP <= hop <= MAX_HOP:
            raise DataError(f"hop: must be from {MIN_HOP:g} to {MAX_HOP:g} seconds, got {hop:g}")
        stream, output = self._predict_stream(source, on_progress)
        seconds = stream.samples / self.audio.sample_rate
        windows, *rows = self._scored(output, stream.scored_windows)
        single = _softmax(windows.mean(axis=0)) if self.engine.has_single else np.empty(0)
        layered = song_logits(*rows)
        thresholds = np.array(self.engine.thresholds)
        timeline, sections, activity = self._timeline(output, song_bias(layered, thresholds), seconds, hop)
        decibels = output.spectrogram.decibels()
        probabilities = _sigmoid(joint_logits(layered, thresholds, activity, single))
        present = probabilities >= thresholds
        return Song(
            name=str(source),
            seconds=seconds,
            instrument=self.instruments[single.argmax()] if len(single) else "",
            single=self._named(single) if len(single) else {},
            present=[name for name, is_present in zip(self.instruments, present, strict=True) if is_present],
            layered=self._named(probabilities),
            hop=hop,
            timeline=timeline,
            sections=sections,
            thresholds=thresholds,
            spectrogram=decibels[:, : ceil(decibels.shape[1] * stream.samples / stream.padded)],
            mel=self.mel,
            sure=self.engine.sure,
            little_tested=self.engine.little_tested,
        )

    def scored_logits(self, source: Path | str) -> tuple[np.ndarray, np.ndarray]:
        """Return the multi-label logits that count for a whole song, which `song_logits` takes.

        Raises:
            AudioError: The song cannot be read to its end, or is empty, silent, too short or not finite.
        """
        stream, output = self._predict_stream(source, None)
        _, windows, frames = self._scored(output, stream.scored_windows)
        return windows, frames

    def _predict_stream(
        self, source: Path | str, on_progress: Callable[[float], object] | None
    ) -> tuple["_PaddedStream", "_SongOutput"]:
        """Decode a song and predict its windows, while it is read.

        Raises:
            AudioError: The song cannot be read to its end, or is empty, too short or not finite.
        """
        stream = _PaddedStream(decode(source, self.audio.sample_rate), self.audio.samples)
        output = _SongOutput(self.engine)
        windows = cut(prefetch(stream.blocks()), self.audio.samples)
        border = round(BORDER * self.audio.samples)
        for batch, batch_levels, across in map_ordered(self._predict_windows, _batches(windows, border), THREADS):
            output.add(batch, batch_levels, across)
            if on_progress:
                on_progress(len(batch_levels) * self.audio.window)
        if (seconds := stream.samples / self.audio.sample_rate) < TOO_SHORT:
            raise AudioError(f"is too short to tell ({seconds:.2f} s)")
        return stream, output

    def _predict_windows(self, batch: tuple[np.ndarray, np.ndarray]) -> tuple[WindowOutput, np.ndarray, np.ndarray]:
        """Return the output of the models for some windows, the level of each frame, and the activity at borders.

        Args:
            batch: The windows, and shorter windows across the border before each, except before the song's first one.
        """
        waveforms, across = (limited(windows, self.audio.sample_rate) for windows in batch)
        output = self.engine.predict(waveforms)
        activity = self.engine.predict_activity(across) if len(across) else output.activity[:0]
        return output, levels(waveforms, self.audio.sample_rate, output.frames.shape[1]), activity

    def _scored(self, output: "_SongOutput", count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the logits that count for a whole song: of audible windows (single, layered), and of audible frames.

        Args:
            output: The output for a song.
            count: How many of its first windows count.

        Raises:
            AudioError: All of the windows are silent.
        """
        frame_levels = output.levels.all()
        scored = slice(count)
        kept = audible(frame_levels[scored].max(axis=1).tolist())
        audible_frames = frame_levels[scored] >= QUIET * frame_levels.max()
        single, layered = (rows.all()[scored][kept] for rows in (output.single, output.layered))
        return single, layered, output.frames.all()[scored][audible_frames]

    def _timeline(
        self, output: "_SongOutput", bias: np.ndarray, seconds: float, hop: float
    ) -> tuple[np.ndarray, list[Section], np.ndarray]:
        """Return the timeline, probabilities `[steps, instruments]`, the sections of a song, and `song_activity`."""
        frame_levels = output.levels.all()

        def audible_steps(steps: int, hop: float) -> np.ndarray:
            frame = self.audio.window / frame_levels.shape[1]
            return levels_of_steps(frame_levels.ravel(), frame, steps, hop) >= QUIET * frame_levels.max()

        logits, times = np.concatenate(output.activity_logits()) + bias, output.times()
        timeline = _sigmoid(at_steps(logits, times, seconds, hop))
        timeline[~audible_steps(len(timeline), hop)] = 0
        fine = at_steps(logits, times, seconds, FINE_HOP)
        is_audible = audible_steps(len(fine), FINE_HOP)
        sections = sections_of(fine, is_audible, seconds, self.instruments)
        return timeline, sections, song_activity(fine[is_audible])

    def _named(self, probabilities: np.ndarray) -> dict[str, float]:
        return {name: round(float(value), 4) for name, value in zip(self.instruments, probabilities, strict=True)}


class _SongOutput:
    """The output of the models for all windows of a song so far.

    Attributes:
        single, layered, frames: See `WindowOutput`.
        activity: See `WindowOutput`; without the frames that start after the end of their window.
        across: The same for a window across each border, `[windows - 1, frames, instruments]`.
        levels: The level of each frame, `[windows, frames]`.
        spectrogram: The mel spectrogram of the song.
    """

    def __init__(self, engine: Engine) -> None:
        self.window, self.border = engine.audio.window, BORDER * engine.audio.window
        starts = np.arange(0, self.window - 1e-9, engine.step)
        self.middles = (starts + np.minimum(starts + engine.step, self.window)) / 2
        self.single, self.layered, self.frames, self.activity, self.levels, self.across = (_Rows() for _ in range(6))
        self.spectrogram = StreamingSpectrogram(engine.mel.n_mels)

    def add(self, output: WindowOutput, levels: np.ndarray, across: np.ndarray) -> None:
        """Add the output for the next windows, the levels of their frames, and the activity at borders before them."""
        self.single.add(output.single)
        self.layered.add(output.layered)
        self.frames.add(output.frames)
        self.activity.add(output.activity[:, : len(self.middles)])
        self.levels.add(levels)
        if len(across):
            self.across.add(across[:, : np.searchsorted(self.middles, 2 * self.border - 1e-9)])
        self.spectrogram.add(output.power)

    def activity_logits(self) -> np.ndarray:
        """Return the logits of activity, `[windows, frames, instruments]`, blended over the borders of windows.

        At a border, only the window across it counts; further away, more and more the window itself.
        """
        if self.activity.count == 1:
            return self.activity.all()
        logits, across = self.activity.all().copy(), self.across.all()
        for windows, times in ((logits[1:], self.middles), (logits[:-1], self.middles - self.window)):
            weight = np.clip(1 - np.abs(times) / self.border, 0, 1)[:, None]
            known = self.middles[: across.shape[1]] - self.border
            matrix = np.stack([np.interp(times, known, unit) for unit in np.eye(len(known))], axis=1)
            windows += weight * (matrix @ across - windows)
        return logits

    def times(self) -> np.ndarray:
        """Return the middle of each frame of all windows, in seconds."""
        return (self.window * np.arange(self.activity.count)[:, None] + self.middles).ravel()


class _Rows:
    """A growing array of float32 rows in one block of memory.

    Many small arrays between large temporary ones would prevent memory from being returned to the system.
    """

    def __init__(self) -> None:
        self.values, self.count = array("f"), 0
        self.shape: tuple[int, ...] = ()

    def add(self, rows: np.ndarray) -> None:
        """Add rows; all must have the same shape."""
        self.values.frombytes(rows.astype(np.float32).tobytes())
        self.count, self.shape = self.count + len(rows), rows.shape[1:]

    def all(self) -> np.ndarray:
        """Return all rows, `[rows, …]`. No more can be added after that."""
        return np.frombuffer(self.values, np.float32).reshape(self.count, *self.shape)


def _batches(windows: Iterator[np.ndarray], border: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield some windows at once, and windows across the border before each, with `border` samples on each side."""
    before: list[np.ndarray] = []
    while batch := list(islice(windows, WINDOWS_PER_BATCH)):
        pairs = pairwise([*before, *batch])
        across = [np.concatenate([left[-border:], right[:border]]) for left, right in pairs]
        yield np.stack(batch), np.array(across, np.float32).reshape(-1, 2 * border)
        before = batch[-1:]


class _PaddedStream:
    """The blocks of a song, counted, and followed by zeros that complete the last window."""

    def __init__(self, source: Iterator[np.ndarray], length: int) -> None:
        self.source, self.length, self.samples = source, length, 0

    def blocks(self) -> Generator[np.ndarray, None, None]:
        """Yield the blocks, then the zeros."""
        for block in self.source:
            self.samples += len(block)
            yield block
        yield np.zeros(self.padded - self.samples, np.float32)

    @property
    def padded(self) -> int:
        """Number of samples with the zeros."""
        return ceil(self.samples / self.length) * self.length

    @property
    def scored_windows(self) -> int:
        """Number of windows that count for the whole song: those that `timbre.audio.windows.cut` makes of it."""
        full, rest = divmod(self.samples, self.length)
        return full + (rest > 0 and (full == 0 or 2 * rest >= self.length))


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))
