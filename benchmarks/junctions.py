"""Evaluate timelines on real music with labels that say what plays in an excerpt, but not when.

Each test song joins two excerpts from different sources. An instrument is certainly present in the first excerpt and
certainly absent from the second, so its sections should fill the first one and end at the junction.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import soundfile

from timbre.audio.decode import decode
from timbre.core.errors import AudioError, DataError
from timbre.core.partial_labels import partial_targets
from timbre.core.rng import generator
from timbre.core.stage import progress
from timbre.labels.labels_csv import LABELS, LabelRow, read_labels_csv
from timbre.songs.predictor import Predictor
from timbre.songs.presence import Section

PAIRS = 160
COLLAR = 0.5  # seconds
HOP = 0.1  # seconds


class Pair(NamedTuple):
    """Two excerpts to join: `instrument` plays in the first one and not in the second one."""

    instrument: str
    first: str
    second: str


class Junction(NamedTuple):
    """How well the timeline of a pair is predicted.

    Attributes:
        recall: Fraction of the first excerpt in which the instrument is predicted.
        false: Fraction of the second excerpt in which the instrument is predicted.
        found: Whether a section of the instrument ends within `COLLAR` of the junction.
    """

    recall: float
    false: float
    found: bool


def draw_pairs(rows: Sequence[LabelRow], instruments: Sequence[str], count: int, seed: int = 0) -> list[Pair]:
    """Draw pairs of excerpts, for each instrument in turn. Instruments without a possible pair are left out.

    Raises:
        DataError: No instrument has a possible pair.
    """
    targets = partial_targets([row.label for row in rows], instruments)
    sources = np.array([row.group or row.source or str(Path(row.path).parent) for row in rows])
    possible = {}
    for name, labels in zip(instruments, targets.T, strict=True):
        present, absent = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
        pairs = [(first, second) for first in present for second in absent if sources[first] != sources[second]]
        if pairs:
            possible[name] = pairs
    if not possible:
        raise DataError(
            "no instrument is present in one recording and absent from a recording of another source; add recordings"
        )
    names = list(possible)
    drawn = []
    for number in range(count):
        name = names[number % len(names)]
        first, second = generator(seed, "benchmark", "junctions", number).choice(possible[name])
        drawn.append(Pair(name, rows[first].path, rows[second].path))
    return drawn


def waveform(path: Path, rate: int) -> np.ndarray:
    """Decode a recording, float32 `[samples]`.

    Raises:
        DataError: The recording cannot be read.
    """
    try:
        return np.concatenate(list(decode(path, rate)))
    except AudioError as error:
        raise DataError(f"{path}: {error}") from error


def evaluate_junction(sections: Sequence[Section], instrument: str, junction: float, end: float) -> Junction:
    """Compare the sections of a pair with its labels.

    Args:
        sections: Predicted sections of all instruments.
        instrument: Instrument of the pair.
        junction: Length of the first excerpt in seconds.
        end: Length of both excerpts in seconds.
    """
    spans = [(start, stop) for start, stop, name in sections if name == instrument]
    before = sum(max(min(stop, junction) - start, 0) for start, stop in spans)
    after = sum(max(stop - max(start, junction), 0) for start, stop in spans)
    found = any(abs(stop - junction) <= COLLAR for _, stop in spans)
    return Junction(before / junction, after / (end - junction), found)


def junction_metrics(folder: Path, models: Path) -> dict[str, dict[str, float]]:
    """Return the means over all pairs, as `all`, and over the pairs of each instrument.

    Args:
        folder: Labelled recordings with a labels.csv.
        models: Folder with the models.

    Raises:
        DataError: The labels cannot be used, or have no possible pair.
    """
    predictor = Predictor(models)
    rate = predictor.audio.sample_rate
    pairs = draw_pairs(read_labels_csv(folder / LABELS, predictor.instruments), predictor.instruments, PAIRS)
    results: dict[str, list[Junction]] = {"all": []}
    with TemporaryDirectory() as temporary:
        path = Path(temporary) / "pair.wav"
        for pair in progress(pairs, "pairs", unit="pair"):
            first, second = (waveform(folder / name, rate) for name in (pair.first, pair.second))
            soundfile.write(path, np.concatenate([first, second]), rate, "FLOAT")
            song = predictor.listen(path, HOP)
            result = evaluate_junction(song.sections, pair.instrument, len(first) / rate, song.seconds)
            results["all"].append(result)
            results.setdefault(pair.instrument, []).append(result)
    return {name: _means(of_name) for name, of_name in results.items()}


def _means(results: Sequence[Junction]) -> dict[str, float]:
    """Return the number of pairs and the mean of each value."""
    recall, false, found = np.mean(results, axis=0)
    return {
        "pairs": len(results),
        "recall of seconds": round(float(recall), 3),
        "false seconds": round(float(false), 3),
        f"ends within {COLLAR:g} s": round(float(found), 3),
    }
