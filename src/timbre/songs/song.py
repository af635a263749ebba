"""The prediction for a song, and its picture: the mel spectrogram above one lane per instrument."""

import math
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from timbre.core.params import Mel
from timbre.core.printable import printable
from timbre.features.display import PLOT_RANGE_DB, clock, mel_ticks, palette, png_bytes, shortened
from timbre.songs import presence
from timbre.songs.presence import Bounds, Section

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT = "#222222", "#8A8A8A"
TIME_STEPS = (0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
MAX_TIME_TICKS = 11
MAX_LANE_COLUMNS = 2400  # more would not be visible
DPI = 130
LONGEST_NOTE = 180  # characters that fit below the lanes


@dataclass(frozen=True)
class Song:
    """The prediction for one song. A notebook shows it as a picture.

    Attributes:
        name: The path, as it was given.
        seconds: Length of the song.
        instrument: The most probable instrument if exactly one plays (single-label). Empty without that model, which
            training on music alone does not give.
        single: Single-label probability of each instrument; the sum is 1. Empty without that model.
        present: The instruments that play (multi-label).
        layered: Multi-label probability of each instrument.
        hop: Seconds per value of the timeline.
        timeline: Probability that each instrument plays, float32 `[ceil(seconds / hop), instruments]`. Row i covers
            `i * hop` to `(i + 1) * hop` seconds. Columns are in the order of `instruments`. 0 where it is nearly
            silent.
        sections: Where each instrument plays: start and end in seconds, and the instrument. In order of time, to a
            tenth of a second.
        thresholds: Probability from which each instrument counts as present, `[instruments]`.
        spectrogram: Log mel spectrogram, dB, float32 `[bands, columns]`. At most 3000 columns, evenly over the song.
        mel: The mel settings of the spectrogram.
        sure: For each instrument, the probability below which it is surely absent and the one from which it is surely
            present. None: never sure. Empty if the models do not say.
        little_tested: The instruments that the models recognise, but that have too few tests.
        known: All instruments of the models. Different from `instruments` only in a result of `only`.
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
    sure: dict[str, Bounds] = field(default_factory=dict, repr=False)
    little_tested: tuple[str, ...] = ()
    known: tuple[str, ...] = field(default=(), repr=False)

    def only(self, names: Collection[str]) -> "Song":
        """Return the prediction for some of the instruments, which stay in label order."""
        kept = [name for name in self.instruments if name in names]
        if len(kept) == len(self.instruments):
            return self
        columns = [self.instruments.index(name) for name in kept]
        single = {name: self.single[name] for name in kept if self.single}
        return replace(
            self,
            instrument=max(single, key=lambda name: single[name], default=""),
            single=single,
            present=[name for name in kept if name in self.present],
            layered={name: self.layered[name] for name in kept},
            timeline=self.timeline[:, columns],
            sections=[section for section in self.sections if section[2] in kept],
            thresholds=self.thresholds[columns],
            sure={name: bounds for name, bounds in self.sure.items() if name in kept},
            little_tested=tuple(name for name in kept if name in self.little_tested),
            known=self.known or self.instruments,
        )

    @property
    def instruments(self) -> tuple[str, ...]:
        """The instruments that the models know, in label order."""
        return tuple(self.layered)

    @property
    def probabilities(self) -> np.ndarray:
        """Multi-label probabilities, float64 `[instruments]`, rounded to 4 digits as printed."""
        return np.array(list(self.layered.values()))

    @cached_property
    def unsure(self) -> list[str]:
        """The instruments for which it is unsure whether they play; empty if the models do not say what is sure."""
        return [
            name
            for name, bounds in self.sure.items()
            if not presence.is_sure(self.layered[name], name in self.present, bounds)
        ]

    @property
    def sure_answers(self) -> dict[str, bool]:
        """Whether each instrument plays, without the instruments that are `unsure`."""
        return {name: name in self.present for name in self.instruments if name not in self.unsure}

    @property
    def sure_present(self) -> list[str]:
        """The instruments to write to a tag: present, not `unsure`, and not little tested."""
        return [name for name in self.present if name not in (*self.unsure, *self.little_tested)]

    @cached_property
    def listed(self) -> list[str]:
        """The instruments to show one by one: all if there are few, otherwise those that play or may play."""
        if len(self.instruments) <= presence.FEW:
            return list(self.instruments)
        return [name for name in self.instruments if name in self.present + self.unsure or self.shares[name]]

    @property
    def alone(self) -> str:
        """The only instrument that plays, if the single-label model names the same one; otherwise empty."""
        return self.instrument if self.present == [self.instrument] else ""

    @property
    def not_found(self) -> list[str]:
        """The instruments that are not `listed`."""
        return [name for name in self.instruments if name not in self.listed]

    @property
    def summary(self) -> str:
        """What plays in the song, such as `guitar + drums, perhaps violin`."""
        sure = " + ".join(name for name in self.present if name not in self.unsure)
        return ", ".join(filter(None, [sure, *(f"perhaps {name}" for name in self.unsure)])) or "none of these"

    @cached_property
    def shares(self) -> dict[str, float]:
        """The share of the song in which each instrument plays."""
        return presence.shares(self.sections, self.seconds, self.instruments)

    @cached_property
    def words(self) -> dict[str, str]:
        """A word for each share: absent, now and then, often (from a quarter) or throughout (from three quarters).

        It begins with perhaps if it contradicts the answer for the song.
        """
        return {name: presence.word(share, name in self.present) for name, share in self.shares.items()}

    @cached_property
    def first_heard(self) -> dict[str, float]:
        """When each instrument first plays, in seconds."""
        return presence.first_heard(self.sections)

    @cached_property
    def solos(self) -> list[Section]:
        """Where exactly one of the instruments plays for a second or more: start, end and instrument."""
        return presence.solos(self.sections)

    def _repr_png_(self) -> bytes:
        return as_png(self)


def as_png(song: Song) -> bytes:
    """Return the picture as PNG bytes. They are the same each time, because they have no date and no version."""
    return png_bytes(draw(song), DPI)


def draw(song: Song) -> "Figure":
    """Return the picture of a song of any length."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    colours, count = palette(song.known or song.instruments), len(song.listed)
    figure = Figure(figsize=(11, 3.4 + 0.45 * count), layout="constrained")
    figure.set_layout_engine("constrained", h_pad=0.03, hspace=0.02)
    all_axes = figure.subplots(1 + count, 1, sharex=True, height_ratios=[5, *[1] * count], squeeze=False).ravel()
    _draw_spectrogram(all_axes[0], song)
    for axes, name in zip(all_axes[1:], song.listed, strict=True):
        _draw_lane(axes, song, name, colours[name])
    if song.not_found:
        rest = shortened(f"not found: {', '.join(song.not_found)}", LONGEST_NOTE)
        figure.supxlabel(rest, x=0.01, ha="left", fontsize=8, color=FAINT, parse_math=False)
    step = next((step for step in TIME_STEPS if song.seconds / step <= MAX_TIME_TICKS), TIME_STEPS[-1])
    time = all_axes[-1].xaxis
    time.set_major_locator(MultipleLocator(step))
    time.set_major_formatter(FuncFormatter(lambda seconds, _: clock(seconds) if step >= 1 else f"{seconds:.1f} s"))
    all_axes[-1].tick_params(axis="x", bottom=True, labelbottom=True, labelsize=8, length=3, colors=INK)
    all_axes[-1].set_xlim(0, song.seconds)
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
    length = clock(song.seconds) if song.seconds >= 10 else f"{song.seconds:.1f} s"
    axes.set_title(f"{song.summary}   ·   {length}", loc="right", fontsize=10, color=INK)


def _draw_lane(axes: "Axes", song: Song, name: str, colour: str) -> None:
    """Draw the probability as shade, sections as a line below it, and the probability for the song at the right.

    If the answer is unsure, the line is dashed and the name has a question mark.
    """
    from matplotlib.colors import to_rgb

    is_unsure, present = name in song.unsure, name in song.present
    values = _lane_columns(song.timeline[:, song.instruments.index(name)])
    shade = np.empty((1, len(values), 4), np.float32)
    shade[..., :3], shade[..., 3] = to_rgb(colour), values
    end = max(len(song.timeline) * song.hop, song.seconds)
    axes.set_facecolor("#F4F4F4")
    axes.imshow(shade, aspect="auto", extent=(0, end, 0, 1), interpolation="antialiased")
    spans = [(start, stop) for start, stop, which in song.sections if which == name]
    starts_and_ends = zip(*spans, strict=True) if spans else ((), ())
    dashes = (0, (2, 1.5)) if is_unsure else "solid"
    axes.hlines([0.06] * len(spans), *starts_and_ends, color=INK, linewidth=2.5, linestyle=dashes)
    axes.set(ylim=(0, 1), yticks=())
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    weight, ink = "bold" if present and not is_unsure else "normal", INK if present or is_unsure else FAINT
    at_the_right: dict[str, Any] = {
        "xycoords": "axes fraction",
        "textcoords": "offset points",
        "annotation_clip": False,
    }
    label = f"{name} ?" if is_unsure else name
    axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=10, color=ink, fontweight=weight)
    axes.annotate(
        f"{song.layered[name]:.2f}",
        (1, 0.5),
        (6, 0),
        fontsize=9,
        color=ink,
        fontweight=weight,
        va="center",
        **at_the_right,
    )


def _lane_columns(values: np.ndarray) -> np.ndarray:
    """Return the values as at most `MAX_LANE_COLUMNS` means of neighbours."""
    count = math.ceil(len(values) / MAX_LANE_COLUMNS)
    padded = np.pad(values, (0, -len(values) % count), mode="edge")
    return padded.reshape(-1, count).mean(axis=1)
