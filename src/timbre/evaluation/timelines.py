"""What plays when, against songs of known truth, by the conventions of sound event detection.

Segment F1: in each segment of some seconds an instrument plays if it is heard anywhere in it. Event F1: a section is
found if one of that instrument starts and ends within a collar of its start and end. Source: Mesaros, Heittola and
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


class Timed(NamedTuple):
    """A song, when its instruments are heard, and what was made of it."""

    truth: list[Section]
    song: Song


def time_songs(
    songs: Sequence[Sequence[SongPiece]], truth: Iterable[Event], pack: np.ndarray, models: Path, seconds: float
) -> list[Timed]:
    """Let models hear arranged songs.

    Args:
        songs: the pieces of each.
        truth: when instruments are heard in all of them.
        pack: int16 windows `[rows, samples]`.
        models: the folder of both models.
        seconds: how long each song is.
    """
    import soundfile

    predictor, truth = Predictor(models), list(truth)
    rate = predictor.audio.sample_rate
    timed = []
    with TemporaryDirectory() as folder:
        for pieces in progress(songs, "timelines", unit="song"):
            number = pieces[0].song
            path = Path(folder) / f"song {number}.wav"
            soundfile.write(path, song_waveform(pieces, pack, rate, seconds), rate, "PCM_16")
            heard = predictor.listen(path, HOP)
            path.unlink()
            timed.append(Timed([(one.start, one.end, one.instrument) for one in truth if one.song == number], heard))
    return timed


def timeline_metrics(timed: Sequence[Timed], instruments: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Segment F1, event F1 and the median error of starts and ends, of all instruments and of each."""
    segments = {f"{seconds:g} s": segment_f1(timed, instruments, seconds) for seconds in SEGMENTS}
    events = {f"{collar:g} s": event_f1(timed, instruments, collar) for collar in COLLARS}
    errors = boundary_errors(timed, instruments)

    def of(name: str) -> dict[str, Any]:
        return {
            "segment_f1": {key: found[name] for key, found in segments.items() if name in found},
            "event_f1": {key: found[name] for key, found in events.items() if name in found},
            **({"median_boundary_error": errors[name]} if name in errors else {}),
        }

    return {name: of(name) for name in ("all", *instruments)}


def segment_f1(timed: Sequence[Timed], instruments: Sequence[str], seconds: float) -> dict[str, float]:
    """Micro F1 of all segments, as `all`, and the F1 of each instrument that plays or is heard."""
    truth = np.concatenate([_grid(one.truth, instruments, one.song.seconds, seconds) for one in timed])
    heard = np.concatenate([_grid(one.song.sections, instruments, one.song.seconds, seconds) for one in timed])
    metrics = layered_metrics(truth, heard, instruments)
    found = {name: metrics[name]["f1"] for name in instruments if name in metrics}  # type: ignore[index]
    return {"all": metrics["micro_f1"], **found} if found else {}  # type: ignore[dict-item]


def _grid(sections: Iterable[Section], instruments: Sequence[str], length: float, seconds: float) -> np.ndarray:
    """Which instruments are heard in each segment, bool `[segments, instruments]`."""
    grid = np.zeros((int(np.ceil(length / seconds - 1e-9)), len(instruments)), bool)
    for start, end, name in sections:
        grid[int(start / seconds + 1e-9) : int(np.ceil(end / seconds - 1e-9)), instruments.index(name)] = True
    return grid


def event_f1(timed: Sequence[Timed], instruments: Sequence[str], collar: float) -> dict[str, float]:
    """F1 of sections, all together, as `all`, and of each instrument that has any."""
    from mir_eval.transcription import match_notes

    counts = np.zeros((len(instruments), 2), int)  # found, and true and heard ones together
    for one in timed:
        for label, name in enumerate(instruments):
            true, heard = (_of(sections, name) for sections in (one.truth, one.song.sections))
            counts[label, 1] += len(true) + len(heard)
            if len(true) and len(heard):
                ones = np.ones(len(true)), np.ones(len(heard))
                counts[label, 0] += len(
                    match_notes(
                        true,
                        ones[0],
                        heard,
                        ones[1],
                        onset_tolerance=collar,
                        offset_ratio=0.0,
                        offset_min_tolerance=collar,
                    )
                )
    named = {"all": counts.sum(axis=0), **dict(zip(instruments, counts, strict=True))}
    return {name: round(float(2 * found / both), DIGITS) for name, (found, both) in named.items() if both}


def boundary_errors(timed: Sequence[Timed], instruments: Sequence[str]) -> dict[str, float]:
    """Seconds from a true start or end to the nearest that was heard: the median of all, and of each instrument.

    None of an instrument of which half or more have nothing near.
    """
    errors: dict[str, list[float]] = {name: [] for name in instruments}
    for one in timed:
        for name in instruments:
            true, heard = (_of(sections, name) for sections in (one.truth, one.song.sections))
            for side in (0, 1):
                errors[name] += [float(np.abs(heard[:, side] - at).min(initial=np.inf)) for at in true[:, side]]
    every = [error for of_one in errors.values() for error in of_one]
    medians = {name: float(np.median(found)) for name, found in {"all": every, **errors}.items() if found}
    return {name: round(value, 3) for name, value in medians.items() if np.isfinite(value)}


def _of(sections: Iterable[Section], name: str) -> np.ndarray:
    """Start and end of an instrument's sections, `[sections, 2]`."""
    return np.array([(start, end) for start, end, which in sections if which == name and end > start]).reshape(-1, 2)


def worst_song(timed: Sequence[Timed], instruments: Sequence[str]) -> Timed:
    """The one of least segment F1 at half a second."""
    return min(timed, key=lambda one: segment_f1([one], instruments, 0.5).get("all", 1.0))


def timeline_figure(one: Timed, instruments: Sequence[str]) -> Figure:
    """A song against its truth: for each instrument the probability, what is heard, and when it plays."""
    figure = Figure(figsize=(11, 0.8 + 0.75 * len(instruments)), layout="constrained")
    lanes = figure.subplots(len(instruments), 1, sharex=True, squeeze=False)[:, 0]
    colours = palette(instruments)
    for axes, (name, colour), values in zip(lanes, colours.items(), one.song.timeline.T, strict=True):
        times = (np.arange(len(values)) + 0.5) * one.song.hop
        axes.plot(times, values, color=INK, linewidth=0.8)
        for sections, bottom, alpha in ((one.truth, -0.5, 1.0), (one.song.sections, -0.25, 0.45)):
            spans = [(start, end - start) for start, end, which in sections if which == name]
            axes.broken_barh(spans, (bottom, 0.2), color=colour, alpha=alpha, linewidth=0)
        axes.set(ylim=(-0.55, 1.05), yticks=(0, 1), xlim=(0, one.song.seconds))
        axes.set_ylabel(name, rotation=0, ha="right", va="center", color=colour, fontweight="bold")
        axes.tick_params(labelsize=7, length=2)
        axes.spines[["top", "right"]].set_visible(False)
    title = "the song whose timeline errs most: probability; below it what is heard, and at the bottom what plays"
    lanes[0].set_title(title, fontsize=10, loc="left")
    lanes[-1].set_xlabel("seconds", fontsize=9)
    return figure
