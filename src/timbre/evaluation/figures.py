"""Draw the pictures of the evaluation: mel spectrograms, the data, predictions against ground truth, and curves."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from timbre.evaluation.curves import LEVELS
from timbre.features.display import PLOT_RANGE_DB, mel_ticks, palette, png_bytes, shortened

if TYPE_CHECKING:
    from timbre.core.params import Audio, Mel
    from timbre.evaluation.predictions import Predictions
    from timbre.features.split import Split

CORRECT, WRONG = "#444444", "#D55E00"
DPI = 110


def save(figure: Figure, path: Path) -> None:
    """Write a PNG with no date and no version in its bytes."""
    path.write_bytes(png_bytes(figure, DPI))


def draw_mel(axes: Axes, decibels: np.ndarray, audio: "Audio", mel: "Mel") -> None:
    """Draw the top 70 dB of a log mel `[bands, frames]`, with Hz and seconds on its axes."""
    decibels = decibels.astype(np.float32)
    seconds = decibels.shape[1] * mel.hop_length / audio.sample_rate
    axes.imshow(
        decibels,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=decibels.max() - PLOT_RANGE_DB,
        vmax=decibels.max(),
        extent=(0, seconds, 0, mel.n_mels),
        interpolation="nearest",
    )
    ticks = mel_ticks(mel)
    axes.set_yticks(list(ticks.values()), [_hz(hz) for hz in ticks])
    axes.tick_params(labelsize=7, length=2)


def mels_of_each_instrument(split: "Split", audio: "Audio", mel: "Mel", rows: int = 3) -> Figure:
    """Return a grid of mels: one column per instrument, with clips in which it plays, spread evenly over the split.

    Args:
        split: The clips. The first window of each is drawn.
        audio: Gives the time axis.
        mel: Gives the frequency axis.
        rows: Clips per instrument.
    """
    instruments, first = split.instruments, split.first_windows
    figure = Figure(figsize=(max(11, 2.4 * len(instruments)), 1.9 * rows + 0.6), layout="constrained")
    colours = palette(instruments)
    grid = figure.subplots(rows, len(instruments), sharex=True, sharey=True, squeeze=False)
    for column, instrument in enumerate(instruments):
        clips = np.flatnonzero(split.targets[:, column] == 1)
        for row in range(rows):
            axes = grid[row, column]
            if row < len(clips):
                clip = clips[row * len(clips) // rows]
                draw_mel(axes, split.mels[first[clip]], audio, mel)
                axes.set_title(_file_name(split.names[clip], 30), fontsize=7, color="#555555", pad=2)
            else:
                axes.set_axis_off()
        grid[0, column].annotate(
            instrument,
            (0.5, 1.18),
            xycoords="axes fraction",
            ha="center",
            fontsize=12,
            fontweight="bold",
            color=colours[instrument],
        )
    figure.supxlabel("seconds", fontsize=9)
    figure.supylabel("Hz", fontsize=9)
    return figure


def expected_against_predicted(
    predictions: "Predictions", audio: "Audio", mel: "Mel", title: str, columns: int = 4, rows: int = 3
) -> Figure:
    """Return a grid of the clips that a model gets most wrong: a mel and one bar per probability.

    The file name above a mel is marked ✓ or ✗. Bold names and filled bars are instruments that play; a `?` marks those
    that may play. The dotted line across a bar is the threshold of the instrument.
    """
    figure = Figure(figsize=(11, 2.5 * rows + 0.5), layout="constrained")
    figure.suptitle(title, fontsize=11)
    grid = figure.subplots(rows, columns * 2, width_ratios=[2.2, 1] * columns, squeeze=False)
    first_windows = predictions.split.first_windows
    hardest = predictions.hardest_first[: rows * columns]
    for index, (picture, bars) in enumerate(grid.reshape(-1, 2)):
        if index >= len(hardest):
            picture.set_axis_off()
            bars.set_axis_off()
            continue
        clip = hardest[index]
        draw_mel(picture, predictions.split.mels[first_windows[clip]], audio, mel)
        mark, colour = ("✓", CORRECT) if predictions.correct[clip] else ("✗", WRONG)
        picture.set_title(
            f"{mark} {_file_name(predictions.split.names[clip], 28)}", fontsize=8, color=colour, loc="left", pad=3
        )
        _draw_probabilities(bars, predictions, clip)
    return figure


def curves_figure(
    precision_recall: dict[str, np.ndarray],
    layered: "Predictions",
    by_level: np.ndarray,
    reliabilities: dict[str, np.ndarray],
) -> Figure:
    """Return three panels: precision-recall curves, F1 by level, and the reliability of probabilities.

    Args:
        precision_recall: Recall, precision and threshold by instrument, `[points, 3]`.
        layered: Predictions of the layered model. They give the dot at the threshold of each instrument.
        by_level: See `timbre.evaluation.curves.f1_by_level`.
        reliabilities: Probability, fraction that plays and number by task, `[bins, 3]`.
    """
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    ranking, levels, calibration = figure.subplots(1, 3)
    scores, colours = layered.by_instrument, palette(layered.split.instruments)
    for instrument, curve in precision_recall.items():
        ranking.plot(curve[:, 0], curve[:, 1], color=colours[instrument], linewidth=1.5, label=instrument)
        if score := scores.get(instrument):
            ranking.plot(score["recall"], score["precision"], "o", color=colours[instrument])
    for values, (instrument, colour) in zip(by_level.T, colours.items(), strict=False):
        levels.plot(LEVELS, values, "o-", color=colour, linewidth=1.2, markersize=4, label=instrument)
    levels.plot(LEVELS, by_level[:, -1], "o-", color=CORRECT, linewidth=2.5, label="all")
    calibration.plot([0, 1], [0, 1], color="#BBBBBB", linewidth=1)
    styles = {"single": ("#56B4E9", "o-"), "layered": (CORRECT, "s-"), "music": ("#009E73", "^-")}
    for task, table in reliabilities.items():
        colour, style = styles[task]
        calibration.plot(table[:, 0], table[:, 1], style, color=colour, linewidth=1.5, markersize=4, label=task)
    ranking.set(title="Layered: precision and recall (● at the threshold)", xlabel="recall", ylabel="precision")
    levels.set(title="Layered: F1 by level", xlabel="dB below the loudest part, from", ylabel="F1")
    levels.set_xticks(LEVELS)
    calibration.set(title="Reliability", xlabel="predicted probability", ylabel="fraction that plays")
    for axes in (ranking, levels, calibration):
        axes.set_ylim(0, 1.02)
        axes.title.set_fontsize(10)
        axes.tick_params(labelsize=8)
        axes.grid(color="#EEEEEE")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=8, frameon=False, loc="lower right" if axes is calibration else "lower left")
    return figure


def _draw_probabilities(axes: Axes, predictions: "Predictions", clip: int) -> None:
    instruments, targets = predictions.split.instruments, predictions.split.targets[clip]
    probabilities, thresholds = predictions.probabilities[clip], predictions.thresholds
    rows = np.arange(len(instruments))[::-1]
    colours = list(palette(instruments).values())
    filled = [colour if target == 1 else "none" for colour, target in zip(colours, targets, strict=True)]
    axes.barh(rows, np.maximum(probabilities, 0.01), color=filled, edgecolor=colours, linewidth=1.2, height=0.7)
    for row, probability in zip(rows, probabilities, strict=True):
        inside = probability > 0.6
        axes.text(
            min(probability, 1) - 0.04 if inside else probability + 0.05,
            row,
            f"{probability:.2f}",
            va="center",
            ha="right" if inside else "left",
            fontsize=6.5,
            color="#222222",
        )
    for row, threshold in zip(rows, thresholds, strict=False):  # a single-label model has no thresholds
        axes.plot([threshold] * 2, [row - 0.42, row + 0.42], color="#222222", linewidth=0.8, linestyle=":")
    axes.set(xlim=(0, 1.05), ylim=(-0.6, len(instruments) - 0.4), xticks=(0, 1))
    names = [f"{name}?" if np.isnan(target) else name for name, target in zip(instruments, targets, strict=True)]
    axes.set_yticks(rows, names)
    axes.tick_params(labelsize=7, length=2)
    for label, colour, target in zip(axes.get_yticklabels(), colours, targets, strict=True):
        plays = target == 1
        label.set(color=colour if plays else "#999999", fontweight="bold" if plays else "normal")
    axes.spines[["top", "right"]].set_visible(False)


def _file_name(name: str, length: int) -> str:
    """Return the last part of a path, shortened to `length` characters."""
    return shortened(name.rsplit("/", 1)[-1], length)


def _hz(hz: int) -> str:
    return f"{hz // 1000}k" if hz >= 1000 else str(hz)
