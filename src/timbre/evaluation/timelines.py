"""Score instrument activity detection on synthetic songs, by the conventions of sound event detection.

Segment-based F1: an instrument is active in a segment if it plays anywhere in it. Event-based F1: an event is found if
the prediction has one of that instrument with its onset and its offset within a collar. Source: Mesaros, Heittola and
Virtanen, "Metrics for polyphonic sound event detection", Applied Sciences 6 (6), 2016.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from timbre.core.stage import progress
from timbre.core.tables import DIGITS, Event, SongPiece
from timbre.evaluation.metrics import layered_metrics
from timbre.features.display import palette
from timbre.features.synthetic_songs import song_waveform
from timbre.songs.predictor import Predictor
from timbre.songs.presence import Section
from timbre.songs.song import Song

HOP = 0.1  # seconds
SEGMENTS = (0.1, 0.5, 1.0)  # seconds
COLLARS = (0.2, 1.0)  # seconds
INK = "#444444"


class PredictedSong(NamedTuple):
    """A synthetic song: the sections in which its instruments play, and what was predicted."""

    ground_truth: list[Section]
    song: Song


def predict_songs(
    songs: Sequence[Sequence[SongPiece]], events: Sequence[Event], pack: np.ndarray, models: Path, seconds: float
) -> list[PredictedSong]:
    """Predict synthetic songs.

    Args:
        songs: The pieces of each song.
        events: The events of all songs, as ground truth.
        pack: All windows that prepare wrote, int16 `[rows, samples]`.
        models: Folder of the models.
        seconds: Length of each song.
    """
    import soundfile

    predictor = Predictor(models)
    rate = predictor.audio.sample_rate
    predicted = []
    with TemporaryDirectory() as folder:
        for pieces in progress(songs, "timelines", unit="song"):
            number = pieces[0].song
            path = Path(folder) / f"song {number}.wav"
            soundfile.write(path, song_waveform(pieces, pack, rate, seconds), rate, "PCM_16")
            song = predictor.listen(path, HOP)
            path.unlink()
            sections = [(event.start, event.end, event.instrument) for event in events if event.song == number]
            predicted.append(PredictedSong(sections, song))
    return predicted


def timeline_metrics(songs: Sequence[PredictedSong], instruments: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return segment F1, event F1 and the median boundary error, over all instruments and by instrument."""
    segments = {f"{seconds:g} s": segment_f1(songs, instruments, seconds) for seconds in SEGMENTS}
    events = {f"{collar:g} s": event_f1(songs, instruments, collar) for collar in COLLARS}
    errors = boundary_errors(songs, instruments)

    def metrics_of(name: str) -> dict[str, Any]:
        return {
            "segment_f1": {key: found[name] for key, found in segments.items() if name in found},
            "event_f1": {key: found[name] for key, found in events.items() if name in found},
            **({"median_boundary_error": errors[name]} if name in errors else {}),
        }

    return {name: metrics_of(name) for name in ("all", *instruments)}


def segment_f1(songs: Sequence[PredictedSong], instruments: Sequence[str], seconds: float) -> dict[str, float]:
    """Return the micro F1 over all segments, as `all`, and the F1 of each instrument that plays or is predicted."""
    targets = np.concatenate([_grid(each.ground_truth, instruments, each.song.seconds, seconds) for each in songs])
    present = np.concatenate([_grid(each.song.sections, instruments, each.song.seconds, seconds) for each in songs])
    metrics = layered_metrics(targets, present, instruments)
    found = {name: metrics[name]["f1"] for name in instruments if name in metrics}  # type: ignore[index]
    return {"all": metrics["micro_f1"], **found} if found else {}  # type: ignore[dict-item]


def _grid(sections: Iterable[Section], instruments: Sequence[str], length: float, seconds: float) -> np.ndarray:
    """Return which instruments are active in each segment, bool `[segments, instruments]`."""
    grid = np.zeros((int(np.ceil(length / seconds - 1e-9)), len(instruments)), bool)
    for start, end, name in sections:
        grid[int(start / seconds + 1e-9) : int(np.ceil(end / seconds - 1e-9)), instruments.index(name)] = True
    return grid


def event_f1(songs: Sequence[PredictedSong], instruments: Sequence[str], collar: float) -> dict[str, float]:
    """Return the F1 of events over all instruments, as `all`, and of each instrument that has any."""
    counts = np.zeros((len(instruments), 2), int)  # events found; events of ground truth and prediction together
    for each in songs:
        for label, name in enumerate(instruments):
            expected, predicted = (_boundaries(sections, name) for sections in (each.ground_truth, each.song.sections))
            counts[label] += (_matches(expected, predicted, collar), len(expected) + len(predicted))
    by_name = {"all": counts.sum(axis=0), **dict(zip(instruments, counts, strict=True))}
    return {name: round(float(2 * found / total), DIGITS) for name, (found, total) in by_name.items() if total}


def _matches(expected: np.ndarray, predicted: np.ndarray, collar: float) -> int:
    """Return how many events match one to one, onset and offset within the collar."""
    from mir_eval.transcription import match_notes

    if not len(expected) or not len(predicted):
        return 0
    pitches = np.ones(len(expected)), np.ones(len(predicted))  # the same pitch for all: only times matter
    tolerances = {"onset_tolerance": collar, "offset_ratio": 0.0, "offset_min_tolerance": collar}
    return len(match_notes(expected, pitches[0], predicted, pitches[1], **tolerances))


def boundary_errors(songs: Sequence[PredictedSong], instruments: Sequence[str]) -> dict[str, float]:
    """Return the median distance from a true onset or offset to the nearest predicted one, in seconds.

    It is given over all instruments, as `all`, and by instrument. It is omitted if at least half of the boundaries have
    no detection.
    """
    errors: dict[str, list[float]] = {name: [] for name in instruments}
    for each in songs:
        for name in instruments:
            expected, predicted = (_boundaries(sections, name) for sections in (each.ground_truth, each.song.sections))
            for side in (0, 1):
                errors[name] += [float(np.abs(predicted[:, side] - at).min(initial=np.inf)) for at in expected[:, side]]
    everything = [error for values in errors.values() for error in values]
    medians = {name: float(np.median(values)) for name, values in {"all": everything, **errors}.items() if values}
    return {name: round(value, 3) for name, value in medians.items() if np.isfinite(value)}


def _boundaries(sections: Iterable[Section], name: str) -> np.ndarray:
    """Return onset and offset of the sections of an instrument, `[sections, 2]`."""
    times = [(start, end) for start, end, instrument in sections if instrument == name and end > start]
    return np.array(times).reshape(-1, 2)


def worst_song(songs: Sequence[PredictedSong], instruments: Sequence[str]) -> PredictedSong:
    """Return the song with the lowest segment F1 at half a second."""
    return min(songs, key=lambda each: segment_f1([each], instruments, 0.5).get("all", 1.0))


def timeline_figure(predicted: PredictedSong, instruments: Sequence[str]) -> Figure:
    """Return a figure of one song: for each instrument its probability, the predicted sections and the true ones."""
    song = predicted.song
    figure = Figure(figsize=(11, 0.8 + 0.75 * len(instruments)), layout="constrained")
    lanes = figure.subplots(len(instruments), 1, sharex=True, squeeze=False)[:, 0]
    colours = palette(instruments)
    for axes, (name, colour), values in zip(lanes, colours.items(), song.timeline.T, strict=True):
        times = (np.arange(len(values)) + 0.5) * song.hop
        axes.plot(times, values, color=INK, linewidth=0.8)
        for sections, bottom, alpha in ((predicted.ground_truth, -0.5, 1.0), (song.sections, -0.25, 0.45)):
            spans = [(start, end - start) for start, end, instrument in sections if instrument == name]
            axes.broken_barh(spans, (bottom, 0.2), color=colour, alpha=alpha, linewidth=0)
        axes.set(ylim=(-0.55, 1.05), yticks=(0, 1), xlim=(0, song.seconds))
        axes.set_ylabel(name, rotation=0, ha="right", va="center", color=colour, fontweight="bold")
        axes.tick_params(labelsize=7, length=2)
        axes.spines[["top", "right"]].set_visible(False)
    title = "Song with the lowest segment F1. Line: probability; pale bars: predicted; solid bars: ground truth"
    lanes[0].set_title(title, fontsize=10, loc="left")
    lanes[-1].set_xlabel("seconds", fontsize=9)
    return figure
