"""Measure which answers of the models are sure, on labelled songs, and write models that say so."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from timbre.adapt.output import check_output, write_models
from timbre.adapt.sure import sure_bounds
from timbre.benchmark.labelled_folder import ScoredFolder, read_labelled_folder
from timbre.benchmark.run import predict_recordings
from timbre.core.errors import DataError
from timbre.core.partial_labels import partial_targets
from timbre.core.tables import DIGITS
from timbre.songs.predictor import Predictor, find_models
from timbre.songs.presence import Bounds, is_sure

LEAST_SOURCES = 2
NEVER: Bounds = (None, None)


class Share(NamedTuple):
    """How many answers are known, sure, and sure but wrong."""

    answers: int
    sure: int
    wrong: int

    @property
    def coverage(self) -> float:
        """The share of the answers that are sure; NaN without answers."""
        return self.sure / self.answers if self.answers else np.nan

    @property
    def error(self) -> float:
        """The share of the sure answers that are wrong; NaN without sure answers."""
        return self.wrong / self.sure if self.sure else np.nan

    def as_values(self) -> dict[str, float]:
        """Return the counts, and the shares that are known, as values that JSON has."""
        shares = {"coverage": self.coverage, "error": self.error}
        return {**self._asdict(), **{key: round(value, DIGITS) for key, value in shares.items() if value == value}}


@dataclass(frozen=True)
class SureAnswers(ScoredFolder):
    """Bounds of sure answers, and how often answers are sure and right for sources that the bounds were not chosen on.

    Attributes:
        level: The share of sure answers that should be right.
        bounds: For each instrument; see `timbre.songs.presence.Bounds`.
        shares: Of all answers, by instrument, and by source. Each source is left out once.
    """

    level: float
    bounds: dict[str, Bounds]
    shares: dict[str, dict[str, Share]]

    def as_markdown(self) -> str:
        """Return the measurement as Markdown."""
        lines = [*self.headline(), "", "Bounds of each source are chosen on the other sources."]
        for title, shares in self.shares.items():
            lines += ["", share_table(title, shares)]
        texts = [
            f"{name} {'never absent' if lower is None else f'absent below {lower:.3f}'}, "
            f"{'never present' if upper is None else f'present from {upper:.3f}'}"
            for name, (lower, upper) in self.bounds.items()
        ]
        return "\n".join([*lines, "", f"Sure bounds: {'; '.join(texts)}"])

    def as_values(self) -> dict[str, object]:
        """Return the measurement as values that JSON has."""
        shares = {
            title: {name: share.as_values() for name, share in each.items()} for title, each in self.shares.items()
        }
        return self.described() | {"level": self.level, "bounds": self.bounds, "shares": shares}


def share_table(title: str, shares: dict[str, Share]) -> str:
    """Return a Markdown table with a row for each share."""
    lines = [f"| {title} | answers | sure | wrong among them |", "|---|---|---|---|"]
    for name, share in shares.items():
        cells = ("" if value != value else f"{value:.3f}" for value in (share.coverage, share.error))
        lines.append(f"| {name} | {share.answers} | {' | '.join(cells)} |")
    return "\n".join(lines)


def measure_sure_answers(folder: Path, models: Path | None = None, level: float = 0.95) -> SureAnswers:
    """Choose the bounds of sure answers on the songs of a folder, and measure them by leaving out each source once.

    Instruments that the models call little tested are never sure.

    Args:
        folder: A labelled folder, see `read_labelled_folder`. Training must not have used its sources.
        models: Folder of the models. None: see `timbre.songs.predictor.find_models`.
        level: The share of sure answers that should be right.

    Raises:
        DataError: The folder has no labels or only one source, a model is missing, or no recording can be read.
    """
    predictor = Predictor(models)
    instruments = predictor.instruments
    readable, predictions, unreadable = predict_recordings(folder, read_labelled_folder(folder, instruments), predictor)
    targets = partial_targets([recording.label for recording in readable.recordings], instruments)
    targets[:, [name in predictor.engine.little_tested for name in instruments]] = np.nan
    sources = np.array([recording.group for recording in readable.recordings])
    if len({*sources}) < LEAST_SOURCES:
        raise DataError(f"{folder}: has songs of one source; add songs of others, and a column group to labels.csv")
    thresholds = predictor.engine.thresholds

    def bounds_of(rows: np.ndarray) -> list[Bounds]:
        return sure_bounds(predictions.probabilities[rows], targets[rows], sources[rows], thresholds, level)

    sure = np.zeros(targets.shape, bool)
    for source in {*sources}:
        left_out = sources == source
        sure[left_out] = _are_sure(
            predictions.probabilities[left_out], predictions.present[left_out], bounds_of(~left_out)
        )
    return SureAnswers(
        title=readable.title,
        models=predictor.source,
        instruments=instruments,
        recordings=len(sources),
        groups=len({*sources}),
        unreadable=unreadable,
        level=level,
        bounds={
            name: NEVER if name in predictor.engine.little_tested else bounds
            for name, bounds in zip(instruments, bounds_of(np.ones(len(sources), bool)), strict=True)
        },
        shares=_shares(targets, sure, predictions.present, sources, instruments),
    )


def _are_sure(probabilities: np.ndarray, present: np.ndarray, bounds: Sequence[Bounds]) -> np.ndarray:
    """Return which answers are sure, bool `[songs, instruments]`."""
    rows = (zip(values, plays, bounds, strict=True) for values, plays in zip(probabilities, present, strict=True))
    return np.array([[is_sure(float(value), bool(plays), each) for value, plays, each in row] for row in rows])


def _shares(
    targets: np.ndarray, sure: np.ndarray, present: np.ndarray, sources: np.ndarray, instruments: Sequence[str]
) -> dict[str, dict[str, Share]]:
    is_known, is_wrong = ~np.isnan(targets), present != (targets == 1)

    def share(part: np.ndarray) -> Share:
        known = is_known & part
        return Share(int(known.sum()), int((known & sure).sum()), int((known & sure & is_wrong).sum()))

    claims = {"present": share(present), "absent": share(~present), "all": share(np.ones_like(present))}
    by_instrument = {name: share(np.arange(len(instruments)) == label) for label, name in enumerate(instruments)}
    by_source = {str(source): share((sources == source)[:, None]) for source in sorted({*sources})}
    return {"answer": claims, "instrument": by_instrument, "source": by_source}


def write_sure_models(folder: Path, output: Path, models: Path | None = None, level: float = 0.95) -> SureAnswers:
    """Measure sure answers, and write copies of the models that know the bounds. A folder of this name is renamed.

    Args:
        folder: See `measure_sure_answers`, also for the models and the level.
        output: The folder to write.
        models: Folder of the models.
        level: The share of sure answers that should be right.

    Raises:
        DataError: The output cannot be written, or `measure_sure_answers` fails.
    """
    from timbre.model.checkpoint import load_model

    start = models or find_models()
    check_output(output, start)
    measured = measure_sure_answers(folder, start, level)
    layered = load_model(start / "layered.safetensors")
    description = layered.description.model_copy(update={"sure": measured.bounds})
    write_models(start, output, replace(layered, description=description))
    return measured
