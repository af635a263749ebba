"""Draw the data card: clips, groups, minutes, sources, sample rates, lengths and levels of a data set."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from timbre.core.instruments import OTHER
from timbre.core.partial_labels import MUSIC
from timbre.core.rng import generator
from timbre.core.tables import SPLITS, FileInfo
from timbre.features.display import palette, shortened

GREYS = {OTHER: "#888888", MUSIC: "#444444"}
ALPHAS = dict(zip(SPLITS, (1.0, 0.65, 0.35), strict=True))
MAX_SOURCES = 12  # sources with a row of their own; all others share one
TITLES = {
    "clips": "Clips in train, validation, test",
    "groups": "Groups in train, validation, test",
    "minutes": "Minutes in train, validation, test",
    "rates": "Clips by sample rate, Hz",
    "sources": "Clips by source",
    "seconds": "Length, seconds",
    "level": "Level, dB of full scale",
}
BAR_STEP = 0.27  # distance of the bars of two splits


def data_figure(files: Sequence[FileInfo], card: Mapping[str, Any], labels: Sequence[str]) -> Figure:
    """Return a figure of the data card.

    Args:
        files: The files, with their labels and sources.
        card: See `timbre.evaluation.data_report.data_card`.
        labels: The labels to show, in order.
    """
    figure = Figure(figsize=(14, 7), layout="constrained")
    panels = figure.subplot_mosaic(
        [["clips", "groups", "minutes", "rates"], ["sources", "sources", "seconds", "level"]]
    )
    colours = palette([label for label in labels if label not in GREYS]) | GREYS
    for key in ("clips", "groups", "minutes"):
        _draw_bars(panels[key], card[key], labels, colours)
    _draw_table(panels["rates"], _by_rate(files, labels))
    _draw_table(panels["sources"], _by_source(card["sources"], labels))
    for key in ("seconds", "level"):
        _draw_points(panels[key], key, files, labels, colours)
    panels["seconds"].set_yscale("log")
    panels["seconds"].set_yticks([0.1, 0.3, 1, 3, 10, 30, 100], minor=False)
    panels["seconds"].yaxis.set_major_formatter("{x:g}")
    panels["seconds"].yaxis.set_minor_formatter("")
    for key, title in TITLES.items():
        panels[key].set_title(title, fontsize=10)
        panels[key].set_xticks(range(len(labels)), labels, rotation=0 if len(labels) < 7 else 90)
        panels[key].tick_params(labelsize=8, length=2)
    dropped = sum(card["dropped"].values())
    figure.suptitle(
        f"{len(files)} clips, {sum(file.seconds for file in files) / 60:.0f} minutes. "
        f"The audit dropped {dropped} files or rows and found {card['near_duplicates']} pairs of near-duplicates.",
        fontsize=11,
    )
    return figure


def _draw_bars(
    axes: Axes, counts: Mapping[str, Mapping[str, float]], labels: Sequence[str], colours: Mapping[str, str]
) -> None:
    for column, split in enumerate(SPLITS):
        bars = axes.bar(
            np.arange(len(labels)) + (column - 1) * BAR_STEP,
            [counts[split][label] for label in labels],
            0.25,
            color=[colours[label] for label in labels],
            alpha=ALPHAS[split],
        )
        axes.bar_label(bars, fmt="{:.0f}", fontsize=6)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_table(axes: Axes, rows: Mapping[str, Sequence[int]]) -> None:
    """Draw one row of numbers per name; the more, the darker."""
    table = np.array(list(rows.values()))
    axes.imshow(np.sqrt(table), cmap="Greys", aspect="auto", vmin=0, vmax=2 * np.sqrt(table.max()))
    for row, column in np.argwhere(table):
        axes.text(column, row, table[row, column], ha="center", va="center", fontsize=7)
    axes.set_yticks(range(len(rows)), list(rows))


def _by_source(sources: Mapping[str, Mapping[str, Any]], labels: Sequence[str]) -> dict[str, list[int]]:
    """Return the clips of each label by source, the largest source first; small sources share the last row."""
    rows = {
        name: [sum(source.get(split, {}).get(label, 0) for split in SPLITS) for label in labels]
        for name, source in sources.items()
    }
    order = sorted(rows, key=lambda name: -sum(rows[name]))
    titles = {name: f"{shortened(name, 24)} ({shortened(sources[name]['licence'], 16)})" for name in order}
    shown = {titles[name]: rows[name] for name in order[:MAX_SOURCES]}
    if rest := order[MAX_SOURCES:]:
        shown[f"{len(rest)} more"] = np.sum([rows[name] for name in rest], axis=0).tolist()
    return shown


def _by_rate(files: Sequence[FileInfo], labels: Sequence[str]) -> dict[str, list[int]]:
    return {
        str(hertz): [sum((file.sample_rate, file.label) == (hertz, label) for file in files) for label in labels]
        for hertz in sorted({file.sample_rate for file in files})
    }


def _draw_points(
    axes: Axes, name: str, files: Sequence[FileInfo], labels: Sequence[str], colours: Mapping[str, str]
) -> None:
    """Draw one point per file: its `seconds` or its `level`."""
    for column, split in enumerate(SPLITS):
        jitter = generator(0, "figures", split)
        for position, label in enumerate(labels):
            values = [getattr(file, name) for file in files if (file.split, file.label) == (split, label)]
            across = position + (column - 1) * BAR_STEP + jitter.uniform(-0.09, 0.09, len(values))
            alpha = max(0.8 * ALPHAS[split], 0.3)
            axes.scatter(across, values, s=5, color=colours[label], alpha=alpha, linewidths=0)
    axes.spines[["top", "right"]].set_visible(False)
