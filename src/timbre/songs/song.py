"""What is heard in a song, and its picture: the mel spectrogram above one lane per instrument."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from timbre.core.params import Mel
from timbre.core.printable import printable
from timbre.features.display import PLOT_RANGE_DB, clock, mel_ticks, palette, png_bytes, shortened
from timbre.songs import presence
from timbre.songs.presence import Section

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT = "#222222", "#8A8A8A"
TIME_STEPS = (0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
TIME_TICKS = 11  # at most
COLUMNS = 2400  # of a lane, at most: more would not show
DPI = 130


@dataclass(frozen=True)
class Song:
    """What is heard in one song; a notebook shows it as a picture.

    Attributes:
        name: the song as it was asked for.
        seconds: its length.
        instrument: the likeliest, if one plays alone; empty where the models were taught by music alone.
        single: probability that each is the one that plays alone; they add up to 1. Empty likewise.
        present: those that play, if several may.
        layered: probability that each plays.
        hop: seconds from one value of the timeline to the next.
        timeline: probability that each plays, float32 `[ceil(seconds / hop), instruments]`: row i from `i * hop`
            to `(i + 1) * hop` seconds, in the order of `instruments`; 0 where there is near silence.
        sections: where each plays: start and end in seconds, and its name; in order of time, to a tenth of a second.
        thresholds: probabilities from which each counts as present, `[instruments]`.
        spectrogram: log mels, dB, float32 `[bands, columns]`: evenly over the song, 3000 columns at most.
        mel: what its bands are.
    """

    name: str
    seconds: float
    instrument: str
    single: dict[str, float]
    present: list[str]
    layered: dict[str, float]
    hop: float
    timeline: np.ndarray = field(repr=False)
    sections: list[Section] = field(repr=False)
    thresholds: np.ndarray = field(repr=False)
    spectrogram: np.ndarray = field(repr=False)
    mel: Mel = field(repr=False)

    @property
    def instruments(self) -> tuple[str, ...]:
        """What the models know, in label order."""
        return tuple(self.layered)

    @property
    def probabilities(self) -> np.ndarray:
        """Probability that each instrument plays, float64 `[instruments]`, rounded to 4 digits as printed."""
        return np.array(list(self.layered.values()))

    @cached_property
    def shares(self) -> dict[str, float]:
        """The share of the song in which each instrument plays."""
        return presence.shares(self.sections, self.seconds, self.instruments)

    @cached_property
    def words(self) -> dict[str, str]:
        """The same as absent, now and then, often (a quarter or more) or throughout (three quarters or more)."""
        return {name: presence.word(share) for name, share in self.shares.items()}

    @cached_property
    def first_heard(self) -> dict[str, float]:
        """When each instrument that plays is first heard, in seconds."""
        return presence.first_heard(self.sections)

    @cached_property
    def solos(self) -> list[Section]:
        """Where one instrument plays and no other that is known, for a second or more: start, end and its name."""
        return presence.solos(self.sections)

    def _repr_png_(self) -> bytes:
        return as_png(self)


def as_png(song: Song) -> bytes:
    """The picture as a PNG file, whose bytes hold no date and no version."""
    return png_bytes(draw(song), DPI)


def draw(song: Song) -> "Figure":
    """Draw a song of any length."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    colours = palette(song.instruments)
    figure = Figure(figsize=(11, 3.4 + 0.45 * len(colours)), layout="constrained")
    figure.set_layout_engine("constrained", h_pad=0.03, hspace=0.02)
    top, *lanes = figure.subplots(
        1 + len(colours), 1, sharex=True, height_ratios=[5, *[1] * len(colours)], squeeze=False
    ).ravel()
    _draw_spectrogram(top, song)
    for axes, (name, colour) in zip(lanes, colours.items(), strict=True):
        _draw_lane(axes, song, name, colour)
    step = next((step for step in TIME_STEPS if song.seconds / step <= TIME_TICKS), TIME_STEPS[-1])
    time = lanes[-1].xaxis
    time.set_major_locator(MultipleLocator(step))
    time.set_major_formatter(FuncFormatter(lambda seconds, _: clock(seconds) if step >= 1 else f"{seconds:.1f} s"))
    lanes[-1].tick_params(axis="x", bottom=True, labelbottom=True, labelsize=8, length=3, colors=INK)
    lanes[-1].set_xlim(0, song.seconds)
    return figure


def _draw_spectrogram(axes: "Axes", song: Song) -> None:
    loudest = song.spectrogram.max()
    axes.imshow(
        song.spectrogram,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=loudest - PLOT_RANGE_DB,
        vmax=loudest,
        extent=(0, song.seconds, 0, song.mel.n_mels),
        interpolation="antialiased",
    )
    ticks = mel_ticks(song.mel)
    axes.set_yticks(list(ticks.values()), [f"{hz // 1000} kHz" if hz >= 1000 else f"{hz} Hz" for hz in ticks])
    axes.tick_params(axis="y", labelsize=8, length=3, colors=INK)
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    name = shortened(printable(song.name.replace("\\", "/").rsplit("/", 1)[-1]), 60)
    axes.set_title(name, loc="left", fontsize=12, fontweight="bold", color=INK, parse_math=False)
    plays = " + ".join(song.present) or "none of these"
    length = clock(song.seconds) if song.seconds >= 10 else f"{song.seconds:.1f} s"
    axes.set_title(f"{plays}   ·   {length}", loc="right", fontsize=10, color=INK)


def _draw_lane(axes: "Axes", song: Song, name: str, colour: str) -> None:
    """Probability as shade; where the instrument plays, a line below; its overall probability at the right."""
    from matplotlib.colors import to_rgb

    present = name in song.present
    values = _fewer(song.timeline[:, song.instruments.index(name)])
    shade = np.empty((1, len(values), 4), np.float32)
    shade[..., :3], shade[..., 3] = to_rgb(colour), values
    end = max(len(song.timeline) * song.hop, song.seconds)
    axes.set_facecolor("#F4F4F4")
    axes.imshow(shade, aspect="auto", extent=(0, end, 0, 1), interpolation="antialiased")
    spans = [(start, stop) for start, stop, which in song.sections if which == name]
    axes.hlines([0.06] * len(spans), *zip(*spans, strict=True) if spans else ((), ()), color=INK, linewidth=2.5)
    axes.set(ylim=(0, 1), yticks=())
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    weight, ink = ("bold", colour) if present else ("normal", FAINT)
    beside: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "annotation_clip": False}
    axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10, color=ink, fontweight=weight)
    axes.annotate(
        f"{song.layered[name]:.2f}", (1, 0.5), (6, 0), fontsize=9, color=ink, fontweight=weight, va="center", **beside
    )


def _fewer(values: np.ndarray) -> np.ndarray:
    """Means of neighbours, so that there are `COLUMNS` at most."""
    count = -(-len(values) // COLUMNS)
    padded = np.pad(values, (0, -len(values) % count), mode="edge")
    return padded.reshape(-1, count).mean(axis=1)
