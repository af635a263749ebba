"""Write and read the predictions of test clips as CSV, so that revisions can be compared."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from timbre.core.errors import DataError
from timbre.core.instruments import check_names
from timbre.evaluation.metrics import exact_matches
from timbre.evaluation.predictions import Predictions

UNKNOWN = "?"  # before a name in the column plays: unknown whether it plays
CLIP_COLUMNS = ("clip", "group", "plays", "heard")  # then one column of probabilities per instrument


@dataclass(frozen=True)
class PredictionTable:
    """The predictions of one model for the clips of a split.

    Attributes:
        instruments: Column names, in order.
        clips: A name for each clip that stays the same in every revision: its file, or the parts of a mixture.
        groups: Group of each clip, for the bootstrap.
        targets: 1 where an instrument plays, 0 where not, NaN where unknown, float `[clips, instruments]`.
        present: Predicted instruments, bool `[clips, instruments]`.
        probabilities: `[clips, instruments]`.
    """

    instruments: tuple[str, ...]
    clips: list[str]
    groups: list[str]
    targets: np.ndarray
    present: np.ndarray
    probabilities: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        """The clips where every known target is predicted right, bool `[clips]`."""
        return exact_matches(self.targets, self.present)

    def take(self, rows: Sequence[int]) -> "PredictionTable":
        """Return some of the clips, in the order of `rows`."""
        index = np.array(rows, int)
        return PredictionTable(
            self.instruments,
            [self.clips[row] for row in rows],
            [self.groups[row] for row in rows],
            self.targets[index],
            self.present[index],
            self.probabilities[index],
        )


def csv_header(instruments: Sequence[str]) -> str:
    """Return the header line of a prediction table."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([*CLIP_COLUMNS, *instruments])
    return text.getvalue()


def predictions_as_csv(predictions: Predictions, clips: Sequence[str], groups: Sequence[str]) -> str:
    """Return the predictions as CSV, one line per clip; for `clips` and `groups` see `PredictionTable`."""
    instruments = predictions.split.instruments
    text = io.StringIO()
    text.write(csv_header(instruments))
    writer = csv.writer(text, lineterminator="\n")
    for clip, group, targets, present, probabilities in zip(
        clips, groups, predictions.split.targets, predictions.present, predictions.probabilities, strict=True
    ):
        names = [_joined_names(values, instruments) for values in (targets, present)]
        writer.writerow([clip, group, *names, *map("{:.4f}".format, probabilities)])
    return text.getvalue()


def read_predictions(text: str, origin: str) -> PredictionTable:
    """Read what `predictions_as_csv` wrote.

    Args:
        text: The CSV.
        origin: Name of the CSV in error messages.

    Raises:
        DataError: It is not a prediction table, it names an unknown instrument, or it lists a clip twice.
    """
    reader = csv.DictReader(io.StringIO(text))
    rows, header = list(reader), tuple(reader.fieldnames or ())
    try:
        if header[: len(CLIP_COLUMNS)] != CLIP_COLUMNS:
            raise ValueError(f"its first columns are not {', '.join(CLIP_COLUMNS)}")
        names = check_names(header[len(CLIP_COLUMNS) :])
        table = PredictionTable(
            names,
            [row["clip"] for row in rows],
            [row["group"] for row in rows],
            np.array([_targets(row["plays"], names) for row in rows]).reshape(-1, len(names)),
            np.array([_targets(row["heard"], names) for row in rows]).reshape(-1, len(names)) == 1,
            np.array([[float(row[name]) for name in names] for row in rows]).reshape(-1, len(names)),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{origin}: not a table of predictions ({error}); run dvc repro there") from error
    if len(set(table.clips)) < len(table.clips):
        raise DataError(f"{origin}: lists a clip twice; run dvc repro there")
    return table


def _joined_names(targets: np.ndarray, instruments: Sequence[str]) -> str:
    """Return the names of the instruments that play, joined with `+`; unknown ones are marked with `?`."""
    pairs = zip(instruments, targets.astype(float), strict=True)
    return "+".join(f"{UNKNOWN}{name}" if np.isnan(target) else name for name, target in pairs if target)


def _targets(names: str, instruments: Sequence[str]) -> list[float]:
    listed = names.split("+") if names else []
    if strange := sorted({name.removeprefix(UNKNOWN) for name in listed} - set(instruments)):
        raise ValueError(f"{strange[0]!r} is not an instrument")
    return [np.nan if f"{UNKNOWN}{name}" in listed else float(name in listed) for name in instruments]
