"""Measure what `timbre adapt` gains: `python benchmarks/adapt.py FOLDER ... [--models MODELS] [--draws 20]`.

FOLDER is a labelled folder, as `timbre benchmark` reads it, such as labelled music or clips of an unseen sound font
(`benchmarks/unseen_font.py`). For each source with ten excerpts or more, it draws 5, 10 and 20 excerpts as corrected
songs. It adapts the models to them, and scores the models on the rest of the source and on all other sources.

Excerpts of one song are never both corrected and scored. Draws are seeded. Of a folder without sources, 150 recordings
are drawn, which are one source. A cell has two values of micro F1, means over the draws: on the rest of the source, and
on all other sources. The columns:

- as before: the models as they were.
- shifts, last layer: the candidates.
- timbre adapt: what the command chooses, which is one of these three.
- models written: how often it chooses a candidate.
"""

import argparse
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from timbre.adapt.choose import OLD, chosen, compare
from timbre.adapt.fit import CANDIDATES, Corrections
from timbre.adapt.run import LEAST
from timbre.adapt.songs import FeatureReader, LastLayer, SongFeatures, start_models
from timbre.benchmark.labelled_folder import LabelledRecording, predict_each, read_labelled_folder
from timbre.core.partial_labels import partial_targets
from timbre.core.rng import generator
from timbre.core.stage import one_line_errors, progress
from timbre.evaluation.bootstrap import micro_f1

SIZES = (5, 10, 20)
LEAST_EXCERPTS = 10  # of a source
LEAST_SCORED = 3  # excerpts; draws that leave fewer to score are skipped
WITHOUT_SOURCES = 150  # recordings of such a folder
PART_OF_SONG = re.compile(r"(_no[a-z]+)?_\d{3}$")  # the end of the name of an excerpt, such as `_nodrums_020`
SEED = 1


class Excerpts(NamedTuple):
    """Excerpts, and the source of each."""

    corrections: Corrections
    sources: np.ndarray


class Draw(NamedTuple):
    """Micro F1 by name of the layer, on the rest of the source and on other sources, and what `timbre adapt` chose."""

    own: dict[str, float]
    others: dict[str, float]
    choice: str


def read_excerpts(folders: Sequence[Path], reader: FeatureReader) -> Excerpts:
    """Return the features, targets, songs and sources of the excerpts of all folders."""
    songs, recordings, sources = [], [], []
    for folder in folders:
        labelled = read_labelled_folder(folder, reader.instruments)
        found: Sequence[LabelledRecording] = labelled.recordings
        if labelled.is_single_label:
            kept = generator(SEED, "excerpts").permutation(len(found))[:WITHOUT_SOURCES]
            found = [found[index]._replace(group=folder.name) for index in sorted(kept)]
        readable, features, _ = predict_each(folder, found, partial(_read, reader, folder))
        songs += features
        recordings += readable
        sources += [recording.group for recording in readable]
    names = [PART_OF_SONG.sub("", str(Path(recording.path).with_suffix(""))) for recording in recordings]
    targets = partial_targets([recording.label for recording in recordings], reader.instruments)
    return Excerpts(Corrections(songs, targets, names), np.array(sources))


def _read(reader: FeatureReader, folder: Path, recording: LabelledRecording) -> SongFeatures:
    return reader.read(folder / recording.path)


def draws(excerpts: Excerpts, source: str, size: int, number: int) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the rows to correct and the rows to score: `size` excerpts, and those of all other songs of the source."""
    rows = np.flatnonzero(excerpts.sources == source).tolist()
    groups = excerpts.corrections.groups
    songs = sorted({groups[row] for row in rows})
    for index in range(number):
        order = generator(SEED, "draw", source, size, index).permutation(len(songs)).tolist()
        rank = {songs[song]: position for position, song in enumerate(order)}
        corrected = sorted(rows, key=lambda row: (rank[groups[row]], row))[:size]
        used = {groups[row] for row in corrected}
        scored = [row for row in rows if groups[row] not in used]
        if len(corrected) == size and len(scored) >= LEAST_SCORED:
            yield corrected, scored


def measure(layer: LastLayer, excerpts: Excerpts, source: str, corrected: list[int], scored: list[int]) -> Draw:
    """Adapt to some excerpts and score the others."""
    corrections = excerpts.corrections.subset(corrected)
    layers = {OLD: layer, **{name: fit(layer, corrections) for name, fit in CANDIDATES.items()}}
    enough = len({*corrections.groups}) >= LEAST and (corrections.targets == 1).any()
    choice = chosen(compare(layer, corrections, CANDIDATES)) if enough else OLD
    layers["timbre adapt"] = layers[choice]
    others = np.flatnonzero(excerpts.sources != source).tolist()
    own, elsewhere = (
        {name: f1(excerpts.corrections.subset(rows), each) for name, each in layers.items()}
        for rows in (scored, others)
    )
    return Draw(own, elsewhere, choice)


def f1(corrections: Corrections, layer: LastLayer) -> float:
    """Return the micro F1 of a layer on songs."""
    if not corrections.songs:
        return float("nan")
    metric = micro_f1(corrections.targets, corrections.logits(layer) >= layer.thresholds)
    return float(metric(np.ones((1, len(corrections.songs)), np.float32))[0])


def as_table(found: dict[tuple[str, int], list[Draw]]) -> str:
    """Return the means over draws as a Markdown table."""
    names = [OLD, *CANDIDATES, "timbre adapt"]
    lines = [f"| source | corrected | {' | '.join(names)} | models written |", "|---" * (3 + len(names)) + "|"]
    for (source, size), measured in found.items():
        cells = []
        for name in names:
            own, others = (np.mean([f1s[name] for f1s in part]) for part in list(zip(*measured, strict=True))[:2])
            cells.append(f"{own:.3f} / {others:.3f}")
        written = sum(draw.choice != OLD for draw in measured)
        lines.append(f"| {source} | {size} | {' | '.join(cells)} | {written} of {len(measured)} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--models", type=Path, help="folder of the models; default: as timbre predict")
    parser.add_argument("--draws", type=int, default=20, help="draws of each size")
    options = parser.parse_args()
    reader = FeatureReader(start_models(options.models))
    excerpts = read_excerpts(options.folders, reader)
    names, counts = np.unique(excerpts.sources, return_counts=True)
    found: dict[tuple[str, int], list[Draw]] = {}
    for source in names[counts >= LEAST_EXCERPTS].tolist():
        for size in SIZES:
            pairs = list(draws(excerpts, source, size, options.draws))
            measured = [measure(reader.layer, excerpts, source, *pair) for pair in progress(pairs, f"{source} {size}")]
            if measured:
                found[source, size] = measured
    print(as_table(found))


if __name__ == "__main__":
    with one_line_errors("adapt"):
        main()
