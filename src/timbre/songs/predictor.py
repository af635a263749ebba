"""Predict the instruments and the timeline of a song of any length: windows as a stream, through all models."""

from collections.abc import Callable
from importlib.metadata import version
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
from timbre.songs.output import BORDER, SongOutput
from timbre.songs.prefetch import map_ordered, prefetch
from timbre.songs.presence import Section
from timbre.songs.song import Song
from timbre.songs.stream import PaddedStream, batches
from timbre.songs.timeline import FINE_HOP, at_steps, levels_of_steps, sections_of, song_bias

THREADS = 2
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
        load: Loads the models of a folder.

    Raises:
        DataError: A model is missing, damaged or of the wrong task, or the models do not belong together.
    """

    def __init__(self, models: Path | None = None, load: Callable[[Path], Engine] = load_engine) -> None:
        models = find_models() if models is None else models
        self.engine = load(models)
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

    def _predict_stream(
        self, source: Path | str, on_progress: Callable[[float], object] | None
    ) -> tuple[PaddedStream, SongOutput]:
        """Decode a song and predict its windows, while it is read.

        Raises:
            AudioError: The song cannot be read to its end, or is empty, too short or not finite.
        """
        stream = PaddedStream(decode(source, self.audio.sample_rate), self.audio.samples)
        output = SongOutput(self.engine)
        windows = cut(prefetch(stream.blocks()), self.audio.samples)
        border = round(BORDER * self.audio.samples)
        for batch, batch_levels, across in map_ordered(self._predict_windows, batches(windows, border), THREADS):
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

    def _scored(self, output: SongOutput, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
        self, output: SongOutput, bias: np.ndarray, seconds: float, hop: float
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


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))
